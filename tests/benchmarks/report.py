"""The table of a run, in Markdown: each contender's figures, and what ours are of them."""

from typing import Any

from tests.benchmarks.results import Results
from tests.benchmarks.rounds import OURS

_FIGURES = {"cpu": ("cpu", "wall"), "wall": ("wall", "cpu")}
_HEAD = ("row", "figure", "contender", "value", "ours / it")


def table(found: Results) -> str:
    """Return the table; best of alternating rounds, a ratio below 1 means that ours takes less."""
    lines = [_HEAD, *(line for row in found["rows"].values() for line in _lines(row))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * (width - (at > 2)) + ":" * (at > 2) for at, width in enumerate(widths)]
    shown = [
        [cell.rjust(width) if at > 2 else cell.ljust(width) for at, (cell, width) in pairs]
        for pairs in (enumerate(zip(line, widths, strict=True)) for line in (lines[0], *lines[1:]))
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (shown[0], rule, *shown[1:]))


def ratio(ours: float | None, other: float | None) -> str:
    """Return our share of another's figure; nothing when there is none."""
    return "" if ours is None or not other else f"{ours / other:.3f}"


def value(figure: str, number: float) -> str:
    """Return a figure in its unit."""
    if figure == "memory":
        return f"{number / 1024 / 1024:.1f} MiB"
    if figure == "connections":
        return f"{number:.0f}"
    return f"{number * 1e6:,.1f} µs"


def _lines(row: dict[str, Any]) -> list[tuple[str, ...]]:
    ours = row["contenders"][OURS]
    lines: list[tuple[str, ...]] = []
    for figure in _FIGURES.get(row["figure"], (row["figure"],)):
        name = f"{figure} per {row['per']}" if figure in _FIGURES else figure
        for contender, figures in row["contenders"].items():
            share = "" if contender == OURS else ratio(ours.get(figure), figures[figure])
            lines.append((row["title"], name, contender, value(figure, figures[figure]), share))
    return lines
