"""`make bench-check`: compares the figures of the last run with their targets."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from tests.benchmarks import results
from tests.benchmarks.results import Measured, Results
from tests.benchmarks.rounds import FLOOR, OURS

_PEER = "langchain-openai"
_IDEAL_BATCH = ceil(200 / 64) * 0.05
_MOST_GROWTH = 2.0 * 1024 * 1024
_HANDLERS = (("no handler", ""), ("one handler", "-handler"))


@dataclass(frozen=True)
class Target:
    """What a figure of ours is meant to be, as a share of something.

    Attributes:
        what: What is measured.
        ours: Our figure.
        than: What it is compared with.
        theirs: The figure that it is compared with, or a number.
        most: The largest share that meets the target.
    """

    what: str
    ours: Measured
    than: str
    theirs: Measured | float
    most: float

    def share_in(self, found: Results) -> float | None:
        """Return our share; None when a figure is missing."""
        ours = self.ours.found_in(found)
        theirs = self.theirs if isinstance(self.theirs, float) else self.theirs.found_in(found)
        return None if ours is None or theirs is None else ours / theirs


@dataclass(frozen=True)
class Verdict:
    """Whether a target is met; without a share, nothing was measured, and it counts as missed."""

    target: Target
    share: float | None

    @property
    def is_met(self) -> bool:
        """Whether the target is met."""
        return self.share is not None and self.share <= self.target.most

    def __str__(self) -> str:
        found = "was not measured" if self.share is None else f"is {self.share:.3f}"
        verdict = "ok  " if self.is_met else "MISS"
        target = self.target
        return f"{verdict} {target.what}, against {target.than}: {found}, at most {target.most:.3f}"


def against(what: str, row: str, than: str, most: float, figure: str = "cpu") -> Target:
    """Return the target of ours against another contender of the same row."""
    ours, theirs = Measured(row, OURS, figure), Measured(row, than, figure)
    return Target(f"{what}, {figure}", ours, than, theirs, most)


def _handlers(what: str, row: str, than: str, mosts: tuple[float, float]) -> list[Target]:
    """Return the targets without a callback handler, and with one."""
    return [
        against(f"{what}, {which}", f"{row}{suffix}", than, most)
        for (which, suffix), most in zip(_HANDLERS, mosts, strict=True)
    ]


def _number(what: str, row: str, figure: str, than: str, number: float, most: float) -> Target:
    return Target(what, Measured(row, OURS, figure), than, number, most)


TARGETS = (
    *_handlers("AzureMLOnlineEndpoint.invoke", "azureml-invoke", FLOOR, (1.12, 1.12)),
    *_handlers("AzureMLOnlineEndpoint.ainvoke x 32", "azureml-ainvoke-32", FLOOR, (1.10, 1.12)),
    *_handlers("AzureOpenAI.invoke", "openai-invoke", _PEER, (0.48, 0.48)),
    *_handlers("AzureOpenAI.ainvoke x 32", "openai-ainvoke-32", _PEER, (0.28, 0.32)),
    against("AzureOpenAI.stream", "openai-stream", _PEER, 0.16),
    against("AzureOpenAI.astream", "openai-astream", _PEER, 0.16),
    *(
        _number(
            f"AzureMLOnlineEndpoint.{call}, 200 prompts at 50 ms, wall",
            f"azureml-{call}-slow",
            "wall",
            "4 x 50 ms",
            _IDEAL_BATCH,
            1.40,
        )
        for call in ("batch", "abatch")
    ),
    *_handlers("AzureMLOnlineEndpoint.abatch at 64", "azureml-abatch-64", FLOOR, (1.25, 1.25)),
    *_handlers("AzureMLOnlineEndpoint.batch at 64", "azureml-batch-64", FLOOR, (1.35, 1.35)),
    against("construct one more AzureOpenAI", "construct", _PEER, 0.02),
    against("import AzureOpenAI", "import-openai", "langchain_core", 1.08, "wall"),
    against("import AzureMLOnlineEndpoint", "import-azureml", "langchain_core", 1.08, "wall"),
    *(
        _number(
            f"connections for 2,000 prompts by {call} at 64",
            f"connections-{call}",
            "connections",
            "64",
            64.0,
            1.0,
        )
        for call in ("batch", "abatch")
    ),
    *(
        _number(
            f"{cls}.abatch_as_completed, memory of 20,000 prompts over 1,000",
            f"memory-{name}",
            "memory",
            "2 MiB",
            _MOST_GROWTH,
            1.0,
        )
        for name, cls in (("openai", "AzureOpenAI"), ("azureml", "AzureMLOnlineEndpoint"))
    ),
)


def judge(found: Results, targets: Iterable[Target] = TARGETS) -> list[Verdict]:
    """Compare figures with targets."""
    return [Verdict(target, target.share_in(found)) for target in targets]


def main(file: Path = results.FILE) -> int:
    """Print what became of each target; return 1 when one is missed."""
    if not file.exists():
        sys.stderr.write(f"There is no {file.name}: run `make bench` first.\n")
        return 1
    verdicts = judge(results.read(file))
    sys.stdout.write("\n".join(map(str, verdicts)) + "\n")
    missed = [verdict for verdict in verdicts if not verdict.is_met]
    sys.stdout.write(f"{len(verdicts) - len(missed)} of {len(verdicts)} targets are met.\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
