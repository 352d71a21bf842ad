"""Prompts, from what the caller passes and from the rows of a file: columns and templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, NamedTuple

from langchain_azure_llms.bulk.record import RECORD_KEYS
from langchain_azure_llms.bulk.rows import Row
from langchain_azure_llms.exceptions import ConfigurationError

PROMPT, ID = "prompt", "id"
_BATCH_KEYS = ("custom_id", "body")
"""The columns that a line of the Batch API has."""
_NOT_PARAMETERS = ("model", "prompt", "messages", "input", "stream", "stream_options")
"""Keys of a Batch API body that say what, and to whom; the others are parameters."""


class Prompt(NamedTuple):
    """One prompt of a job.

    Attributes:
        id: What its record is found by.
        text: The prompt.
        params: Parameters of its own.
        columns: Columns of its row that its record keeps.
        problem: Why it cannot be sent.
    """

    id: str | int
    text: str
    params: Mapping[str, Any] = {}
    columns: Mapping[str, Any] = {}
    problem: str | None = None


def prompt_of(given: Any, number: int) -> Prompt:
    """Return what a caller passed as a prompt: a text, or a mapping.

    Args:
        given: A text; or `prompt`, perhaps `id`, and parameters of its own.
        number: How many prompts came before it.
    """
    if isinstance(given, str):
        return Prompt(number, given)
    if isinstance(given, Mapping) and isinstance(given.get(PROMPT), str):
        others = {str(name): value for name, value in given.items() if name not in (PROMPT, ID)}
        return Prompt(_id_of(given.get(ID), number), given[PROMPT], others)
    what = type(given).__name__
    own_id: str | int = number
    if isinstance(given, Mapping):
        what += f" whose {PROMPT!r} is a {type(given.get(PROMPT)).__name__}"
        own_id = _id_of(given.get(ID), number)
    problem = f"Prompt {number} is a {what}, expected a text, or a mapping with a text as 'prompt'."
    return Prompt(own_id, "", problem=problem)


def _id_of(value: Any, otherwise: str | int) -> str | int:
    """Return a value as an id: a text or a whole number."""
    if isinstance(value, str):
        return value or otherwise
    if value is None or value != value:  # noqa: PLR0124 - not a number
        return otherwise
    if isinstance(value, float) and value.is_integer():  # as data frames make of whole numbers
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Columns:
    """How a row becomes a prompt.

    Attributes:
        prompt: The column that holds the prompt; None for `prompt`.
        id: The column that holds the id; None for `id` where there is one, else the row's number.
        template: A text with names of columns in braces, in place of a column that is the prompt.
    """

    prompt: str | None = None
    id: str | None = None
    template: str | None = None
    _parts: Sequence[tuple[str, str | None, str]] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        if self.template is None:
            return
        if self.prompt is not None:
            raise ConfigurationError("Pass a prompt column or a template, not both.")
        try:
            parsed = list(Formatter().parse(self.template))
        except ValueError as error:
            raise ConfigurationError(f"The template cannot be read: {error}.") from None
        parts = [(text, name, spec or "") for text, name, spec, _ in parsed]
        if not any(name for _, name, _ in parts):
            raise ConfigurationError("The template names no column, such as {text}.")
        object.__setattr__(self, "_parts", parts)

    def check(self, known: Sequence[str], where: str) -> None:
        """Refuse columns that are not there, before anything is sent.

        Raises:
            ConfigurationError: If one is not there.
        """
        if not known:  # no row of it could be read, or there is none
            return
        wanted = [name for _, name, _ in self._parts if name is not None]
        if self.template is None and not set(_BATCH_KEYS) <= set(known):
            wanted.append(self.prompt or PROMPT)
        wanted += [self.id] if self.id is not None else []
        missing = next((name for name in wanted if name not in known), None)
        if missing is None:
            return
        advice = ""
        if self.template is None and self.prompt is None and missing == PROMPT:
            advice = " Name another column as the prompt column, or pass a template."
        listed = ", ".join(map(str, known))
        raise ConfigurationError(f"{where} has no column {missing!r}; it has {listed}.{advice}")

    def id_of(self, row: Row, *, has_ids: bool) -> str | int:
        """Return the id of a row's prompt; see `prompt_of`."""
        name = "custom_id" if self._is_batch_line(row) else self.id or ID
        return _id_of(row.values.get(name), row.place if has_ids else row.number)

    def _is_batch_line(self, row: Row) -> bool:
        return "body" in row.values and self.template is None and self.prompt is None

    def prompt_of(self, row: Row, *, has_ids: bool) -> Prompt:
        """Return the prompt of a row.

        Args:
            row: The row.
            has_ids: Whether the rows have ids of their own, so that a number may be one of them.
        """
        own_id = self.id_of(row, has_ids=has_ids)
        if row.problem is not None:
            return Prompt(own_id, "", problem=f"{row.place}: {row.problem}.")
        if self._is_batch_line(row):
            return _of_batch_line(row, own_id)
        id_column = self.id or ID
        columns = {name: value for name, value in row.values.items() if name != id_column}
        try:
            text = self._text_of(row.values)
        except ConfigurationError as error:
            return Prompt(own_id, "", columns=columns, problem=f"{row.place}: {error}.")
        if self.template is None:  # the text itself need not be kept beside its answer
            del columns[self.prompt or PROMPT]
        return Prompt(own_id, text, columns=columns)

    def _text_of(self, values: Mapping[str, Any]) -> str:
        if self.template is None:
            name = self.prompt or PROMPT
            value = values.get(name)
            if not isinstance(value, str):
                kind = "missing" if value is None else f"a {type(value).__name__}"
                raise ConfigurationError(f"{name!r} is {kind}, expected a text")
            if not value.strip():
                raise ConfigurationError(f"{name!r} is empty")
            return value
        parts = []
        for text, column, spec in self._parts:
            parts.append(text)
            if column is not None:
                if values.get(column) is None:
                    raise ConfigurationError(f"{column!r} is missing")
                try:
                    parts.append(format(values[column], spec))
                except (ValueError, TypeError) as error:
                    message = f"{column!r} does not fit the template: {error}"
                    raise ConfigurationError(message) from None
        return "".join(parts)


def _of_batch_line(row: Row, own_id: str | int) -> Prompt:
    """Return the prompt of a line in the format of the Batch API."""
    body = row.values["body"]
    columns = {
        name: value
        for name, value in row.values.items()
        if name not in ("custom_id", "body", "method", "url")
    }
    text = _text_of(body) if isinstance(body, Mapping) else None
    if text is None:
        wanted = "a text as 'prompt' or 'input', or one user message with a text"
        problem = f"{row.place}: the body has no prompt that can be sent, expected {wanted}."
        return Prompt(own_id, "", columns=columns, problem=problem)
    params = {name: value for name, value in body.items() if name not in _NOT_PARAMETERS}
    return Prompt(own_id, text, params, columns)


def _text_of(body: Mapping[str, Any]) -> str | None:
    """Return the text of a body; None for conversations: the LLMs send one user message."""
    found = next((body[name] for name in ("prompt", "messages", "input") if name in body), None)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
        if isinstance(found, Mapping):
            found = found.get("content") if found.get("role", "user") == "user" else None
    return found if isinstance(found, str) else None


def kept_columns(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's columns by the names they have in the output.

    One that is named as a key of the record has `input_` before its name, so that neither is lost.
    """
    taken = (*RECORD_KEYS, "fingerprint")
    return {f"input_{n}" if n in taken else n: value for n, value in columns.items()}
