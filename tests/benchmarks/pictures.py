"""Pictures of a run, drawn from its figures alone: `python -m tests.benchmarks.pictures`.

They are SVG with a ground of their own, which follows the reader's light or dark scheme.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from tests.benchmarks import results
from tests.benchmarks.results import Results

FOLDER = results.FILE.parent
_MICRO = 1e6
_INK, _GROUND, _FAINT = "#1f2328", "#ffffff", "#8b949e"
_DARK_INK, _DARK_GROUND = "#e6edf3", "#0d1117"
_COLOURS = {"ours": "#2f81f7", "peer": "#d9730d", "floor": _FAINT}
_MARKERS = {"ours": "o", "peer": "s", "floor": "|"}
_ROLES = {"ours": "langchain-azure-llms", "peer": "peer", "floor": "what lies beneath"}
_DASHES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)))
_WIDTH = 9.0

_SCHEME = f"""<style>@media (prefers-color-scheme: dark) {{
 #patch_1 path {{ fill: {_DARK_GROUND} !important }}
 text[style*="fill: {_INK}"] {{ fill: {_DARK_INK} !important }}
}}</style>
"""
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "benchmarks",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _FAINT,
    "axes.facecolor": "none",
    "figure.facecolor": _GROUND,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "grid.color": _FAINT,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(found: Results, folder: Path = FOLDER) -> list[Path]:
    """Draw all pictures that the figures suffice for; return their files."""
    rows: Mapping[str, Any] = found["rows"]
    with mpl.rc_context(_SETTINGS):
        pictures = {
            "cpu": _dots(rows, "cpu", "CPU per call, chunk or prompt (µs, logarithmic)"),
            "wall": _dots(rows, "wall", "Time (ms, logarithmic)"),
            "ratios": _shares(rows),
            "growth-concurrency": _curves(rows, "growth-concurrency", "prompts at once"),
            "growth-prompts": _curves(rows, "growth-prompts", "prompts in one call, 64 at once"),
        }
        return [
            _save(picture, folder / f"{name}.svg")
            for name, picture in pictures.items()
            if picture is not None
        ]


def _dots(rows: Mapping[str, Any], figure: str, label: str) -> Figure | None:
    """One line per row, one mark per contender."""
    shown = [row for row in rows.values() if row.get("figure") == figure]
    if not shown:
        return None
    factor = _MICRO if figure == "cpu" else 1000
    picture, axes = _panel(_WIDTH, 1.3 + 0.34 * len(shown))
    for height, row in enumerate(shown):
        for one in row["contenders"].values():
            role = one["role"]
            axes.plot(
                one[figure] * factor,
                height,
                marker=_MARKERS[role],
                color=_COLOURS[role],
                markersize=11 if role == "floor" else 8,
                markeredgewidth=2 if role == "floor" else 0,
                zorder=3 if role == "ours" else 2,
            )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda number, _: f"{number:,.10g}")
    axes.set_xlabel(label)
    _name_lines(axes, [row["title"] for row in shown])
    marks = [
        Line2D([], [], color=_COLOURS[role], marker=_MARKERS[role], linestyle="", label=name)
        for role, name in _ROLES.items()
    ]
    picture.legend(handles=marks, loc="outside upper right", ncols=len(marks), frameon=False)
    return picture


def _shares(rows: Mapping[str, Any]) -> Figure | None:
    """Ours as a share of the peer's, one bar per row."""
    shares = []
    for row in rows.values():
        figure = row.get("figure")
        ours = row["contenders"].get("ours", {}).get(figure)
        peers = [
            (name, one.get(figure))
            for name, one in row["contenders"].items()
            if one["role"] == "peer"
        ]
        if ours is not None and peers and peers[0][1]:
            told = {"cpu": "CPU", "wall": "time"}.get(figure, "")
            title = f"{row['title']}{', ' if told else ''}{told}"
            shares.append((title, peers[0][0], ours / peers[0][1]))
    if not shares:
        return None
    picture, axes = _panel(_WIDTH + 2, 1.3 + 0.3 * len(shares))
    axes.barh(
        range(len(shares)),
        [max(share, 0) for _, _, share in shares],
        height=0.55,
        color=_COLOURS["ours"],
    )
    axes.axvline(1, color=_COLOURS["peer"], linewidth=2)
    axes.xaxis.set_major_formatter(lambda number, _: f"{number:.0%}")
    axes.set_xlabel("our share of the peer's figure; less is better")
    right = axes.twinx()
    right.spines["right"].set_visible(False)
    _name_lines(right, [f"{_percent(share)} of {peer}" for _, peer, share in shares])
    _name_lines(axes, [title for title, _, _ in shares])
    return picture


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"


def _curves(rows: Mapping[str, Any], name: str, label: str) -> Figure | None:
    """CPU and wall per prompt, side by side."""
    if name not in rows:
        return None
    picture = _empty(_WIDTH, 4.6)
    left, right = picture.subplots(1, 2, sharey=True)
    lines = []
    seen = dict.fromkeys(_COLOURS, 0)
    for title, one in rows[name]["contenders"].items():
        role, points = one["role"], one["points"]
        dashes = _DASHES[seen[role] % len(_DASHES)]
        seen[role] += 1
        style: dict[str, Any] = {
            "color": _COLOURS[role],
            "linestyle": dashes,
            "marker": "o",
            "markersize": 4,
        }
        numbers = [point["at"] for point in points]
        for axes, figure in ((left, "cpu"), (right, "wall")):
            axes.plot(numbers, [point[figure] * _MICRO for point in points], **style)
        lines.append(Line2D([], [], label=title, **style))
    ticks = sorted({p["at"] for one in rows[name]["contenders"].values() for p in one["points"]})
    for axes, what in ((left, "CPU"), (right, "Time")):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel(label)
        axes.set_title(f"{what} per prompt (µs, logarithmic)", fontsize=10, loc="left")
        axes.yaxis.set_major_formatter(lambda number, _: f"{number:,.10g}")
        axes.grid(visible=True)
        axes.tick_params(length=0)
    low, high = left.get_ylim()
    left.set_yticks([tick for tick in _NICE if low <= tick <= high])
    picture.legend(handles=lines, loc="outside lower center", ncols=2, frameon=False)
    return picture


_NICE = [step * 10**power for power in range(6) for step in (1, 2, 5)]


def _empty(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))


def _panel(width: float, height: float) -> tuple[Figure, Axes]:
    picture = _empty(width, height)
    axes: Axes = picture.subplots()
    return picture, axes


def _name_lines(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(length=0)
    axes.minorticks_off()
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)


def _save(picture: Figure, file: Path) -> Path:
    drawn = io.StringIO()
    picture.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    head, mark, rest = drawn.getvalue().partition(" <defs>")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(head + _SCHEME + mark + rest, encoding="utf-8")
    return file


if __name__ == "__main__":
    draw(results.read())
