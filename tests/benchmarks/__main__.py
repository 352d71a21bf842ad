"""`make bench`: measures everything side by side, and writes a table, a file and pictures."""

import argparse
import asyncio
import cProfile
import os
import platform
import pstats
import sys
import time
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks import report, results
from tests.benchmarks.environment import Endpoint, benchmark_environment
from tests.benchmarks.processes import PROCESS_ROWS
from tests.benchmarks.rounds import alternate

_PACKAGES = (
    "langchain-azure-llms",
    "langchain-core",
    "langchain-openai",
    "langchain-community",
    "openai",
    "httpx2",
    "httpx-aiohttp",
    "aiohttp",
)
_PROFILED_TURNS = 10
_PROFILED_LINES = 40


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Without --only, all rows are measured."
    )
    parser.add_argument(
        "--only", metavar="NAME", nargs="+", help="these rows; an unknown name lists all names"
    )
    parser.add_argument("--rounds", type=int, default=1000, help="at most so many, for trying")
    parser.add_argument("--profile", action="store_true", help="show where our time goes instead")
    parser.add_argument(
        "--save", action="store_true", help="with --only: put the figures beside the saved ones"
    )
    parser.add_argument("--output", type=Path, help="save to this file, and draw no pictures")
    options = parser.parse_args()
    with benchmark_environment() as endpoint:
        run = _Run(endpoint, options.rounds)
        names = options.only or list(run.rows)
        if unknown := [name for name in names if name not in run.rows]:
            parser.error(f"there is no row {unknown[0]!r}; there are: {', '.join(run.rows)}")
        if options.profile:
            for name in names:
                run.profile(name)
            return 0
        found = run.measure(names)
    sys.stdout.write(report.table(found))
    if options.save or options.output or not options.only:
        _save(found, options.output, is_part=bool(options.only))
    return 0


class _Run:
    """A run. Its rows are imported here, where the environment is ready for their clients."""

    def __init__(self, endpoint: Endpoint, most_rounds: int) -> None:
        from tests.benchmarks.rows import ROWS, Setting  # noqa: PLC0415

        self._endpoint, self._most_rounds, self._setting = endpoint, most_rounds, Setting
        self._call_rows = {row.name: row for row in ROWS}
        self._process_rows = {row.name: row for row in PROCESS_ROWS}
        self.rows = [*self._call_rows, *self._process_rows]

    def measure(self, names: list[str]) -> results.Results:
        """Measure rows."""
        rows = {}
        for name in names:
            start = time.monotonic()
            rows[name] = self._measure(name)
            sys.stderr.write(f"{name}: {time.monotonic() - start:.0f} s\n")
        packages = {name: version(name) for name in _PACKAGES}
        environment = {"python": platform.python_version(), "cores": os.cpu_count()}
        return {"environment": {**environment, "packages": packages}, "rows": rows}

    def profile(self, name: str) -> None:
        """Print the functions in which our turns of a row spend most.

        The profiler makes calls dearer than they are: look at what is called, not for how long.
        """
        profile = cProfile.Profile()
        with asyncio.Runner() as runner, ExitStack() as exits:
            setting = self._setting(self._endpoint, runner, exits)
            ours = self._call_rows[name].contenders(setting)[0]
            ours.warm()
            for _ in range(_PROFILED_TURNS):
                profile.runcall(ours.work)
        stats = pstats.Stats(profile, stream=sys.stdout).strip_dirs()
        for order in ("cumulative", "tottime"):
            stats.sort_stats(order).print_stats(_PROFILED_LINES)

    def _measure(self, name: str) -> dict[str, Any]:
        if name in self._process_rows:
            row: Any = self._process_rows[name]
            found = row.measure(self._endpoint, self._most_rounds)
        else:
            row = self._call_rows[name]
            with asyncio.Runner() as runner, ExitStack() as exits:
                setting = self._setting(self._endpoint, runner, exits)
                best = alternate(row.contenders(setting), min(row.rounds, self._most_rounds))
            found = {contender: figures._asdict() for contender, figures in best.items()}
        return {"title": row.title, "per": row.per, "figure": row.figure, "contenders": found}


def _save(found: results.Results, output: Path | None, *, is_part: bool) -> None:
    file = output or results.FILE
    if is_part and file.exists():
        found = {**found, "rows": {**results.read(file)["rows"], **found["rows"]}}
    results.write(found, file)
    if output is None:
        from tests.benchmarks.pictures import draw  # noqa: PLC0415 - single rows need no matplotlib

        draw(found)


if __name__ == "__main__":
    sys.exit(main())
