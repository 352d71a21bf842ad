"""What a run found, as it stands in the JSON file; and how its figures are looked up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "docs" / "benchmarks" / "results.json"

Results = Mapping[str, Any]
"""`environment`, and `rows`: each with a title and contenders, each of those with its figures."""


@dataclass(frozen=True)
class Measured:
    """A figure's place in the results.

    Attributes:
        row: The row's name.
        contender: The contender's name.
        figure: What is looked up: `cpu`, `wall`, `connections`, `memory`.
    """

    row: str
    contender: str
    figure: str = "cpu"

    def found_in(self, results: Results) -> float | None:
        """Return the figure; None when this run did not measure it."""
        contenders = results["rows"].get(self.row, {}).get("contenders", {})
        value = contenders.get(self.contender, {}).get(self.figure)
        return None if value is None else float(value)


def read(file: Path = FILE) -> Results:
    """Return the results in a file."""
    results: Results = json.loads(file.read_text(encoding="utf-8"))
    return results


def write(results: Results, file: Path = FILE) -> None:
    """Write results to a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
