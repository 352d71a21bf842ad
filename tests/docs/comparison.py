"""The README's comparison with the peers, from what the conformance run and `make bench` found.

`make tables` writes it; a test holds the README to it.
"""

import re
from pathlib import Path

from tests.benchmarks import results
from tests.benchmarks.results import Measured, Results

_ROOT = Path(__file__).parents[2]
README = _ROOT / "README.md"
CONFORMANCE = _ROOT / "docs" / "reference" / "conformance.md"
_BEGIN, _END = "<!-- comparison: written by `make tables` -->", "<!-- end of comparison -->"
_HEAD = (
    "| | `AzureOpenAI` here | of langchain-openai | `AzureMLOnlineEndpoint` here "
    "| of langchain-community |\n|---|--:|--:|--:|--:|"
)
_PEERS = ("langchain-openai", "langchain-community")
_OF_AZURE_ML = (None, "connections-batch")
_FIGURES: tuple[tuple[str, str, tuple[str | None, str]], ...] = (
    ("CPU of a call", "cpu", ("openai-invoke", "azureml-invoke")),
    ("CPU of a call, 32 at once in asyncio", "cpu", ("openai-ainvoke-32", "azureml-ainvoke-32")),
    (
        "time of 200 prompts at an endpoint that takes 50 ms, `max_concurrency=64`",
        "wall",
        ("openai-batch-slow", "azureml-batch-slow"),
    ),
    (
        "connections opened for 2,000 prompts, 64 at once",
        "connections",
        (None, "connections-batch"),
    ),
)


def kept(page: str) -> list[tuple[int, int]]:
    """Return, for each class of the conformance page, how many claims it keeps, and of how many."""
    rows = re.findall(r"^\| [^|]+ \|(.*)\|$", page, re.M)
    cells = [[cell.strip() for cell in row.split(" | ")] for row in rows]
    found = [row for row in cells if re.match(r"(yes|no\b|-)", row[0])]
    columns = list(zip(*found, strict=True))
    return [
        (sum(cell == "yes" for cell in column), sum(cell != "-" for cell in column))
        for column in columns
    ]


def table(page: str, found: Results) -> str:
    """Return the table in Markdown."""
    promises = [f"{count} of {total}" for count, total in kept(page)]
    lines = [_HEAD, f"| LangChain's promises kept, sync and async | {' | '.join(promises)} |"]
    for what, figure, rows in _FIGURES:
        cells = [
            cell
            for row, peer in zip(rows, _PEERS, strict=True)
            for cell in _pair(found, row, peer, figure)
        ]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _pair(found: Results, row: str | None, peer: str, figure: str) -> tuple[str, str]:
    if row is None:
        return "", ""
    ours, theirs = (Measured(row, who, figure).found_in(found) for who in ("ours", peer))
    assert ours is not None
    assert theirs is not None
    return _shown(ours, figure), _shown(theirs, figure)


def _shown(value: float, figure: str) -> str:
    if figure == "connections":
        return f"{value:,.0f}"
    return f"{value * 1e3:.2f} ms" if figure == "cpu" else f"{value:.2f} s"


def with_table(readme: str, made: str) -> str:
    """Return the README with the table in its place."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{made}\n\n{_END}{after}"


def current() -> str:
    """Return the table of what was found last."""
    return table(CONFORMANCE.read_text(encoding="utf-8"), results.read())


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8"), current()), encoding="utf-8")
