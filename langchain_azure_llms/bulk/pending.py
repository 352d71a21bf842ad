"""Which prompts of a bulk job's input are still to be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_azure_llms.bulk.ids import SeenIds
from langchain_azure_llms.bulk.output import Output
from langchain_azure_llms.bulk.prompts import ID, Columns, Prompt
from langchain_azure_llms.bulk.rows import STDIN, Rows
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.llms.cache_key import digest

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM


def open_rows(source: str | Path, output: Path, columns: Columns) -> Rows:
    """Return the rows of an input whose records can go to an output.

    Raises:
        ConfigurationError: If the input cannot be read, a column is not there, or the output is the
            input or no file.
    """
    rows = Rows(source)
    columns.check(rows.columns, rows.name)
    if str(source) != STDIN and output.exists() and output.samefile(source):
        raise ConfigurationError(f"{output} is the input: name another output.")
    if output.exists() and not output.is_file():
        raise ConfigurationError(f"{output} cannot be written: it is not a file.")
    return rows


def check_count(value: int | None, name: str) -> None:
    """Refuse a number that is not a count.

    Raises:
        ConfigurationError: If it is less than one, or a bool.
    """
    if value is not None and (isinstance(value, bool) or value < 1):
        raise ConfigurationError(f"{name} is {value!r}, expected at least 1.")


def fingerprint(llm: AzureLLM, params: Mapping[str, Any], columns: Columns) -> str:
    """Return the mark of a job's LLM, parameters and columns that its records carry.

    Raises:
        ConfigurationError: If a parameter is nested too deeply.
    """
    parts = (type(llm).__name__, llm.settings_digest, dict(params))
    return digest((*parts, columns.template, columns.prompt, columns.id))


def have_ids(rows: Rows, columns: Columns) -> bool:
    """Return whether the rows have ids of their own, so that a number may be one of them."""
    return any(name in rows.columns for name in (columns.id or ID, "custom_id"))


def pending(
    rows: Rows, columns: Columns, output: Output, limit: int | None
) -> Iterator[tuple[int, Prompt | None]]:
    """Yield each row's number with its prompt, or with None where that has a record.

    Args:
        rows: The rows; they can be read once.
        columns: How a row becomes a prompt.
        output: The output, opened or read.
        limit: How many rows are looked at; None for all.

    Raises:
        ConfigurationError: If a record in the output comes from another prompt.
    """
    has_ids = have_ids(rows, columns)
    seen = SeenIds(rows.total) if has_ids else None
    for row in islice(rows, limit):
        own_id = columns.id_of(row, has_ids=has_ids)
        if output.is_done(own_id) and not output.is_doubled(own_id):
            if output.compares:
                output.check(columns.prompt_of(row, has_ids=has_ids))
            yield row.number, None
            continue
        prompt = columns.prompt_of(row, has_ids=has_ids)
        if output.is_done(own_id) or (seen is not None and not seen.add(own_id)):
            problem = f"{row.place}: another row has the id {own_id!r}, too."
            prompt = Prompt(row.place, "", columns=prompt.columns, problem=problem)
        yield row.number, prompt
