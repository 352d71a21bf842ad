"""The table in the cassettes' README: which test's traffic came from where.

`python -m tests.cassettes.table` writes it from the cassettes.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent / "recorded"
README = FOLDER.parent / "README.md"
HEADING = "## What was recorded from what\n"


def table(folder: Path) -> str:
    """Return the table of a folder's cassettes."""
    counted = Counter(
        (path.parent.name, path.name.partition("[")[0], _source(path))
        for path in sorted(folder.glob("*/*.yaml"))
    )
    rows = [
        f"| `{module}` | `{test}` | {source} | {number} |"
        for (module, test, source), number in sorted(counted.items())
    ]
    head = ["| module | test | recorded from | cassettes |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _source(path: Path) -> str:
    """Return where a cassette came from: its first line, which is all that is read."""
    with path.open(encoding="utf-8") as lines:
        return str(yaml.safe_load(lines.readline())["recorded_from"])


def written(readme: str, folder: Path) -> str:
    """Return a README's text with the table of now."""
    before, heading, _ = readme.partition(HEADING)
    return f"{before}{heading}\n{table(folder)}"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8"), FOLDER), encoding="utf-8")
