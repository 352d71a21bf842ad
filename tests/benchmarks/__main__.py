"""`make bench`: measures everything side by side, and writes a table, a file and pictures."""

import argparse
import asyncio
import os
import platform
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.benchmarks import results
from tests.benchmarks.fresh import FRESH_ROWS
from tests.benchmarks.report import show
from tests.benchmarks.rounds import interleaved
from tests.benchmarks.surroundings import Endpoint, surroundings

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
_QUICK_ROUNDS = 3
_WIDTH = 180


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        epilog="A row of no such name lists all names. The figures of the docs are written where "
        "nothing is chosen, and with --again.",
    )
    parser.add_argument("--quick", action="store_true", help="everything small, for trying")
    parser.add_argument("--only", metavar="NAME", help="one row")
    parser.add_argument(
        "--again", metavar="NAME", nargs="+", help="these rows anew, beside the others' figures"
    )
    parser.add_argument("--profile", metavar="NAME", help="where our time goes in one row")
    parser.add_argument("--output", type=Path, help="where the figures go")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    with surroundings() as endpoint:
        run = _Run(endpoint, is_quick=options.quick, console=console)
        if options.profile:
            return run.profile(options.profile)
        names = run.names
        chosen = options.again or ([options.only] if options.only else names)
        if unknown := [name for name in chosen if name not in names]:
            parser.error(f"There is no row {unknown[0]!r}; there are: {', '.join(names)}")
        found = run.measured(chosen)
    show(found, console)
    if options.again:
        known = results.read(options.output or results.FILE)
        found = {**found, "rows": {**known["rows"], **found["rows"]}}
    is_whole = not options.quick and not options.only
    file = options.output or (results.FILE if is_whole else None)
    if file is not None:
        results.write(found, file)
    if is_whole and options.output is None:
        from tests.benchmarks.pictures import draw  # noqa: PLC0415 - trying needs no matplotlib

        draw(found)
    return 0


class _Run:
    """A run; what it measures is imported when the environment is ready for it."""

    def __init__(self, endpoint: Endpoint, *, is_quick: bool, console: Console) -> None:
        from tests.benchmarks import growth, line_ups, rows  # noqa: PLC0415 - clients read the environment

        self._endpoint, self._is_quick, self._console = endpoint, is_quick, console
        self._setting, self._rows, self._curves = line_ups.Setting, rows.ROWS, growth.CURVES

    @property
    def names(self) -> list[str]:
        """The names of all rows."""
        turns = [row.name for row in self._rows]
        return [*turns, *(row.name for row in FRESH_ROWS), *self._curves]

    def measured(self, names: list[str]) -> results.Results:
        """Measure rows."""
        found = {}
        for name in names:
            began = time.monotonic()
            found[name] = self._row(name)
            self._console.print(f"{name}: {time.monotonic() - began:.0f} s", style="dim")
        return {"environment": _environment(), "rows": found}

    def profile(self, name: str) -> int:
        """Print where our time goes in a row."""
        from tests.benchmarks.profiling import show_profile  # noqa: PLC0415 - see the class

        row = next((one for one in self._rows if one.name == name), None)
        if row is None:
            known = ", ".join(one.name for one in self._rows)
            self._console.print(f"There is no row {name!r} to profile; there are: {known}")
            return 2
        with asyncio.Runner() as runner, ExitStack() as exits:
            setting = self._setting(self._endpoint, runner, exits)
            show_profile(row.contenders(setting))
        return 0

    def _row(self, name: str) -> dict[str, Any]:
        for fresh in FRESH_ROWS:
            if fresh.name == name:
                figures = fresh.measured(self._endpoint, self._is_quick)
                return _told(fresh, figures)
        with asyncio.Runner() as runner, ExitStack() as exits:
            setting = self._setting(self._endpoint, runner, exits, self._is_quick)
            if name in self._curves:
                title, measure = self._curves[name]
                return {"title": title, "per": "prompt", "contenders": measure(setting)}
            row = next(one for one in self._rows if one.name == name)
            rounds = min(_QUICK_ROUNDS, row.rounds) if self._is_quick else row.rounds
            best = interleaved(row.contenders(setting), rounds, self._endpoint.connections)
            return _told(row, {name: asdict(one) for name, one in best.items()})


def _told(row: Any, contenders: dict[str, Any]) -> dict[str, Any]:
    return {"title": row.title, "per": row.per, "figure": row.figure, "contenders": contenders}


def _environment() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


if __name__ == "__main__":
    sys.exit(main())
