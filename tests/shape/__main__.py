"""`make shape`: prints the size of the package and the length of its paths; fails above limits."""

import sys
from itertools import product
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.shape.calls import LLMS, PACKAGE, calls_of_invoke

MOST_CALLS, MOST_FILES = 85, 14
_LONGEST_FILE = 400
# The aims are 5,500 lines, 2,150 lines and a median of 120. A little more is allowed.
_MOST_LINES, _MOST_LOCAL_LINES, _MOST_MEDIAN = 5800, 2300, 130
_MOST_BULK_LINES = 2500


class Figure(NamedTuple):
    """A figure, and the largest that is allowed."""

    what: str
    found: float
    most: float

    def __str__(self) -> str:
        verdict = "ok  " if self.found <= self.most else "MISS"
        return f"{verdict} {self.what}: {self.found:,.10g}, at most {self.most:,}"


def sizes(package: Path) -> list[Figure]:
    """Return the figures of a package's files."""
    lines = {
        file.relative_to(package): len(file.read_text(encoding="utf-8").splitlines())
        for file in package.rglob("*.py")
    }
    local = [count for file, count in lines.items() if file.parts[0] == "local"]
    bulk = [count for file, count in lines.items() if file.parts[0] == "bulk"]
    rest = [
        count for file, count in lines.items() if file.parts[0] not in {"local", "bulk", "migrate"}
    ]
    long = sum(count > _LONGEST_FILE for count in lines.values())
    return [
        Figure("lines without local/, bulk/ and migrate/", sum(rest), _MOST_LINES),
        Figure("lines of local/", sum(local), _MOST_LOCAL_LINES),
        Figure("lines of bulk/", sum(bulk), _MOST_BULK_LINES),
        Figure(f"files over {_LONGEST_FILE} lines", long, 0),
        Figure("median lines of another file", median(rest), _MOST_MEDIAN),
    ]


def paths() -> list[Figure]:
    """Return how much of the package one warm `invoke` of each class passes through."""
    figures = []
    for cls, has_handler in product(LLMS, (False, True)):
        calls, files = calls_of_invoke(cls, has_handler=has_handler)
        what = f"{cls.__name__}.invoke, {'one' if has_handler else 'no'} handler"
        figures.append(Figure(f"{what}: calls of our functions", calls, MOST_CALLS))
        figures.append(Figure(f"{what}: files passed through", files, MOST_FILES))
    return figures


def main() -> int:
    """Print all figures; return 1 when one is too large."""
    figures = [*sizes(PACKAGE), *paths()]
    sys.stdout.write("\n".join(map(str, figures)) + "\n")
    return int(any(figure.found > figure.most for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
