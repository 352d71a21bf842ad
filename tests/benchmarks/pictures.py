"""Two pictures of a run, drawn from its figures alone: `python -m tests.benchmarks.pictures`.

They are SVG as wide as a phone, with a ground of their own that follows the reader's light or dark
scheme.
"""

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.benchmarks import results
from tests.benchmarks.results import Measured, Results
from tests.benchmarks.rounds import OURS

_FOLDER = results.FILE.parent
_PEER = "langchain-openai"
_INK, _GROUND, _FAINT = "#1f2328", "#ffffff", "#8b949e"
_DARK_INK, _DARK_GROUND = "#e6edf3", "#0d1117"
_BLUE, _LIGHT_BLUE, _ORANGE = "#2f81f7", "#88b9fa", "#d9730d"
_CALLS = (
    ("invoke", "openai-invoke"),
    ("ainvoke\n32 at once", "openai-ainvoke-32"),
    ("stream\na chunk", "openai-stream"),
    ("astream\na chunk", "openai-astream"),
)
_BATCHES = (
    ("AzureMLOnlineEndpoint", "azureml-batch-slow", "langchain-\ncommunity"),
    ("AzureOpenAI", "openai-batch-slow", "langchain-\nopenai"),
)

_SCHEME = f"""<style>@media (prefers-color-scheme: dark) {{
 #patch_1 path {{ fill: {_DARK_GROUND} !important }}
 text[style*="fill: {_INK}"] {{ fill: {_DARK_INK} !important }}
}}</style>
"""
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "benchmarks",
    "font.family": "sans-serif",
    "font.size": 13,
    "text.color": _INK,
    "axes.titlesize": 13,
    "axes.edgecolor": _FAINT,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "figure.facecolor": _GROUND,
    "figure.constrained_layout.use": True,
    "xtick.color": _FAINT,
    "xtick.labelcolor": _INK,
}


def draw(found: Results, folder: Path = _FOLDER) -> list[Path]:
    """Draw the pictures that the figures suffice for; return their files."""
    with mpl.rc_context(_SETTINGS):
        pictures = {"cpu-share": _cpu_share(found), "batch-time": _batch_time(found)}
        return [
            _save(picture, folder / f"{name}.svg")
            for name, picture in pictures.items()
            if picture is not None
        ]


def _cpu_share(found: Results) -> Figure | None:
    """Return one group of bars per kind of call: without a callback handler, and with one."""
    picture = Figure(figsize=(5, 4.4))
    axes = picture.subplots()
    for suffix, name, colour, offset in (
        ("", "no callback handler", _BLUE, -0.2),
        ("-handler", "one callback handler", _LIGHT_BLUE, 0.2),
    ):
        shares = [_share(found, f"{row}{suffix}") for _, row in _CALLS]
        heights = [share for share in shares if share is not None]
        if len(heights) < len(_CALLS):
            return None
        places = [place + offset for place in range(len(heights))]
        bars = axes.bar(places, heights, 0.38, color=colour, label=name)
        axes.bar_label(bars, [f"{height:.0%}" for height in heights], padding=2)
    axes.axhline(1, color=_ORANGE, linewidth=2)
    axes.annotate(f"{_PEER} = 100%", (-0.4, 1), (0, 4), textcoords="offset points")
    axes.set_title("CPU of a call: our share of the peer's", loc="left")
    axes.set_ylim(0, 1.12)
    _name_bars(axes, [name for name, _ in _CALLS])
    picture.legend(loc="outside lower center", frameon=False, ncols=1)
    return picture


def _share(found: Results, row: str) -> float | None:
    ours, theirs = (Measured(row, name).found_in(found) for name in (OURS, _PEER))
    return None if ours is None or theirs is None else ours / theirs


def _batch_time(found: Results) -> Figure | None:
    """Return one panel per class: our time, and the peer's."""
    picture = Figure(figsize=(5, 4))
    for axes, (cls, row, peer) in zip(picture.subplots(1, 2), _BATCHES, strict=True):
        names = (OURS, peer.replace("\n", ""))
        times = [Measured(row, name, "wall").found_in(found) for name in names]
        heights = [time for time in times if time is not None]
        if len(heights) < len(names):
            return None
        bars = axes.bar(range(len(heights)), heights, 0.6, color=[_BLUE, _ORANGE])
        axes.bar_label(bars, [f"{height:.2f} s" for height in heights], padding=2)
        axes.set_title(cls, fontsize=12)
        axes.margins(y=0.12)
        _name_bars(axes, ["this\npackage", peer])
    picture.suptitle("Time of 200 prompts at 50 ms, 64 at once", fontsize=13)
    return picture


def _name_bars(axes: Axes, names: list[str]) -> None:
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks([])
    axes.tick_params(length=0)


def _save(picture: Figure, file: Path) -> Path:
    svg = io.StringIO()
    picture.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    head, mark, rest = svg.getvalue().partition(" <defs>")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(head + _SCHEME + mark + rest, encoding="utf-8")
    return file


if __name__ == "__main__":
    draw(results.read())
