"""The table of a run: ours, the peer and the floors, with what we take of each."""

from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.results import Results

_MICRO = 1e6
_MIB = 1024 * 1024
_FIGURES = {
    "cpu": ("cpu", "wall"),
    "wall": ("cpu", "wall"),
    "memory": ("memory", "resident"),
    "connections": ("connections",),
}


def show(found: Results, console: Console) -> None:
    """Print the table, and the curves' points."""
    table = Table(title="Best of interleaved rounds; a ratio below 1 means that ours takes less")
    for heading in ("row", "figure", "contender", "value", "ours / it", "new connections"):
        is_number = heading in {"value", "ours / it", "new connections"}
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=True)
    for row in found["rows"].values():
        if not _is_curve(row):
            _add(table, row)
    console.print(table)
    for row in found["rows"].values():
        if _is_curve(row):
            console.print(_curves(row))


def ratio(ours: float | None, other: float | None) -> str:
    """Return our share of another's figure; nothing when there is none."""
    return "" if ours is None or not other else f"{ours / other:.3f}"


def value(figure: str, number: float | None) -> str:
    """Return a figure in its unit."""
    if number is None:
        return ""
    if figure in {"memory", "resident"}:
        return f"{number / _MIB:.1f} MiB"
    if figure == "connections":
        return f"{number:.0f}"
    return f"{number * _MICRO:,.1f} µs"


def _is_curve(row: dict[str, Any]) -> bool:
    return any("points" in figures for figures in row["contenders"].values())


def _add(table: Table, row: dict[str, Any]) -> None:
    figures = _FIGURES[row["figure"]]
    ours = row["contenders"].get("ours", {})
    title = row["title"]
    for figure in figures:
        told = f"{figure} per {row['per']}" if figure in {"cpu", "wall"} else figure
        for name, one in row["contenders"].items():
            share = ratio(ours.get(figure), one.get(figure)) if name != "ours" else ""
            opened = one.get("connections")
            calls = one.get("calls")
            per_call = f"{opened}/{calls}" if calls else ""
            table.add_row(title, told, name, value(figure, one.get(figure)), share, per_call)
            title = told = ""
    table.add_section()


def _curves(row: dict[str, Any]) -> Table:
    table = Table(title=f"{row['title']}: CPU and wall in µs per {row['per']}")
    table.add_column("series", no_wrap=True)
    points = [one["points"] for one in row["contenders"].values()]
    numbers = sorted({point["at"] for found in points for point in found})
    for number in numbers:
        table.add_column(f"{number:,}", justify="right", no_wrap=True)
    for name, one in row["contenders"].items():
        known = {point["at"]: point for point in one["points"]}
        cells = [
            f"{known[at]['cpu'] * _MICRO:,.0f} / {known[at]['wall'] * _MICRO:,.0f}"
            if at in known
            else ""
            for at in numbers
        ]
        table.add_row(name, *cells)
    return table
