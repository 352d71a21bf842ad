"""`make bench-check`: compares the figures of the last run with what they are meant to be."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from tests.benchmarks import results
from tests.benchmarks.results import Measured, Results

MIB = 1024 * 1024
_IDEAL_BATCH = ceil(200 / 64) * 0.05
_GROWING = (
    "AzureMLOnlineEndpoint.abatch",
    "AzureMLOnlineEndpoint.batch",
    "AzureMLOnlineEndpoint.abatch_as_completed",
)


@dataclass(frozen=True)
class Target:
    """What a figure of ours is meant to be, as a share of something.

    Attributes:
        what: What is measured.
        than: What it is compared with.
        ours: Our figure.
        theirs: The figures whose sum it is compared with, or a number.
        most: The largest share that is well.
    """

    what: str
    than: str
    ours: Measured
    theirs: tuple[Measured, ...] | float
    most: float

    def share_in(self, found: Results) -> float | None:
        """Return our share; None when a figure is missing."""
        ours, theirs = self.ours.found_in(found), self._theirs_in(found)
        return None if ours is None or theirs is None else ours / theirs

    def _theirs_in(self, found: Results) -> float | None:
        if isinstance(self.theirs, float):
            return self.theirs
        figures = [one.found_in(found) for one in self.theirs]
        known = [figure for figure in figures if figure is not None]
        return sum(known) if known and len(known) == len(figures) else None


@dataclass(frozen=True)
class Verdict:
    """What became of a target; without a share, nothing was measured, and it counts as missed."""

    target: Target
    share: float | None

    @property
    def is_met(self) -> bool:
        """Whether the target is met."""
        return self.share is not None and self.share <= self.target.most

    def __str__(self) -> str:
        told = "was not measured" if self.share is None else f"is {self.share:.3f}"
        verdict = "ok  " if self.is_met else "MISS"
        target = self.target
        return f"{verdict} {target.what}, against {target.than}: {told}, at most {target.most:.3f}"


def against(what: str, row: str, than: str, most: float, figure: str = "cpu") -> Target:
    """Return the target of ours against another contender of the same row."""
    ours, theirs = Measured(row, "ours", figure), Measured(row, than, figure)
    return Target(f"{what}, {figure}", than, ours, (theirs,), most)


def against_floors(what: str, row: str, floors: tuple[str, ...], most: float) -> Target:
    """Return the target of ours against the sum of what lies beneath."""
    beneath = tuple(Measured(row, floor) for floor in floors)
    return Target(f"{what}, cpu", " + ".join(floors), Measured(row, "ours"), beneath, most)


TARGETS = (
    against("AzureOpenAI.invoke", "openai-invoke", "langchain-openai", 0.48),
    against("AzureMLOnlineEndpoint.invoke", "azureml-invoke", "langchain-community", 0.36),
    against_floors("AzureMLOnlineEndpoint.invoke", "azureml-invoke", ("no-op LLM", "httpx2"), 1.20),
    against("AzureOpenAI.ainvoke, 32 at once", "openai-ainvoke-32", "langchain-openai", 0.30),
    against_floors(
        "AzureMLOnlineEndpoint.ainvoke, 32 at once",
        "azureml-ainvoke-32",
        ("no-op LLM", "httpx2 on aiohttp"),
        1.25,
    ),
    *(
        against(f"AzureOpenAI.{way}, {how}", f"openai-{way}-{row}", "langchain-openai", most)
        for way, row, how, most in (
            ("stream", "many", "many events a write", 0.16),
            ("astream", "many", "many events a write", 0.16),
            ("stream", "single", "one event a record", 0.40),
            ("astream", "single", "one event a record", 0.15),
        )
    ),
    *(
        against(
            f"AzureMLOnlineEndpoint.{way}, 200 prompts at 50 ms",
            f"azureml-{way}-slow",
            "langchain-community",
            0.028,
            "wall",
        )
        for way in ("batch", "abatch")
    ),
    *(
        Target(
            f"AzureMLOnlineEndpoint.{way}, 200 prompts at 50 ms, wall",
            "the ideal",
            Measured(f"azureml-{way}-slow", "ours", "wall"),
            _IDEAL_BATCH,
            1.40,
        )
        for way in ("batch", "abatch")
    ),
    *(
        against(
            f"AzureOpenAI.{way}, 200 prompts at 50 ms",
            f"openai-{way}-slow",
            "langchain-openai",
            0.17,
            "wall",
        )
        for way in ("batch", "abatch")
    ),
    against(
        "AzureMLOnlineEndpoint.batch, 64 at once", "azureml-batch-64", "langchain-community", 0.26
    ),
    against("construct one more AzureOpenAI", "construct", "langchain-openai", 0.02),
    against("import AzureOpenAI", "import-openai", "langchain_core", 1.05, "wall"),
    against("import AzureMLOnlineEndpoint", "import-azureml", "langchain_core", 1.05, "wall"),
    *(
        Target(
            f"connections opened for 2,000 prompts by {way}, 64 at once",
            "64",
            Measured(f"connections-{way}", "ours", "connections"),
            64.0,
            1.0,
        )
        for way in ("batch", "abatch")
    ),
    *(
        Target(
            f"{title}, growth of peak memory from 1,000 to 20,000 prompts",
            "1 MiB",
            Measured(row, "ours", "memory"),
            float(MIB),
            2.0,
        )
        for title, row in (("AzureOpenAI", "memory-openai"), ("AzureML", "memory-azureml"))
    ),
    *(
        Target(
            f"{series}, CPU per prompt with 100,000 prompts",
            "that with 1,000",
            Measured("growth-prompts", series, "cpu", 100_000),
            (Measured("growth-prompts", series, "cpu", 1000),),
            1.20,
        )
        for series in _GROWING
    ),
)


def judged(found: Results, targets: Iterable[Target] = TARGETS) -> list[Verdict]:
    """Return what became of each target."""
    return [Verdict(target, target.share_in(found)) for target in targets]


def main(file: Path = results.FILE) -> int:
    """Say what became of each target; return 1 when one is missed."""
    if not file.exists():
        sys.stderr.write(f"There is no {file.name}: run `make bench` first.\n")
        return 1
    verdicts = judged(results.read(file))
    sys.stdout.write("\n".join(map(str, verdicts)) + "\n")
    missed = [verdict for verdict in verdicts if not verdict.is_met]
    sys.stdout.write(f"{len(verdicts) - len(missed)} of {len(verdicts)} targets are met.\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
