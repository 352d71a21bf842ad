"""The page of troubleshooting speaks of every error that there is, and of no other."""

import re
from pathlib import Path

from langchain_azure_llms import exceptions

_PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting" / "errors.md"


def test_every_error_has_its_line() -> None:
    """In one of the tables; the base is what the page begins with."""
    rows = [line for line in _PAGE.read_text().splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"^\| `(\w+)`", row)}
    assert {*exceptions.__all__} - {"AzureLLMError"} == named
