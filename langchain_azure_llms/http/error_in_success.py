"""Errors that arrive under a successful status."""

from __future__ import annotations

import json
from typing import NamedTuple


class ErrorInside(NamedTuple):
    """The status and the body that the response should have had."""

    status: int
    body: bytes


def error_inside(text: str) -> ErrorInside | None:
    """Return the error that a 200's body, or an event of its stream, carries; None if it has none.

    A stream may fail after its 200 (Azure OpenAI
    then sends `{"error": {...}}` in place of choices, Responses an event of the type `error` or
    `response.failed`); Azure ML's model server answers
    `{"output": null, "error": {...}}` when the engine behind it failed.
    """
    if '"error"' not in text:  # almost always: do not parse twice
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    details = value.get("error")
    if value.get("object") == "error" or (value.get("type") == "error" and "message" in value):
        details = value
    elif value.get("type") == "response.failed" and isinstance(value.get("response"), dict):
        details = value["response"].get("error") or "(no message)"
    if not details or not isinstance(details, dict | list | str):
        return None
    body = text if details is value or "error" in value else json.dumps({"error": details})
    return ErrorInside(inner_status(details), body.encode("utf-8", "replace"))


def inner_status(details: object, otherwise: int = 500) -> int:
    """Return the HTTP status that an error object names in itself."""
    if not isinstance(details, dict):
        return otherwise
    for name in ("status", "status_code", "statusCode", "code"):
        value = str(details.get(name))
        if len(value) == 3 and value.isdecimal() and value[0] in "45":
            return int(value)
    by_word = {
        "content_filter": 400,
        "context_length_exceeded": 400,
        "invalid_prompt": 400,
        "OperationNotSupported": 400,
        "Timeout": 408,
        "rate_limit_exceeded": 429,
    }
    return by_word.get(str(details.get("code")), otherwise)


def as_error(data: str) -> str:
    """Return the data of an event that is named `error` in the form that `error_inside` finds."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = data
    found = isinstance(value, dict) and (value.get("error") or value.get("object") == "error")
    return data if found else json.dumps({"error": value or "(no message)"})
