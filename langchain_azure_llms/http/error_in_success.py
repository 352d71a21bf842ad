"""Errors that arrive under a successful status."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from langchain_azure_llms.http import error_codes


class ErrorInside(NamedTuple):
    """The status and the body that the response should have had.

    Attributes:
        status: The status.
        body: The body.
        has_reason: Whether it says why. Without, a later event of the stream may.
    """

    status: int
    body: bytes
    has_reason: bool = True


def error_inside(text: str) -> ErrorInside | None:
    """Return the error that a 200's body, or an event of its stream, carries; None if it has none.

    A stream may fail after its 200 (Azure OpenAI
    then sends `{"error": {...}}` in place of choices, Responses an event of the type `error` or
    `response.failed`); Azure ML's model server answers
    `{"output": null, "error": {...}}` when the engine behind it failed.
    """
    if '"error"' not in text:  # almost always: do not parse twice
        return None
    value = _parsed(text)
    return _error_of(value, text) if isinstance(value, dict) else None


def error_inside_score(text: str) -> ErrorInside | None:
    """Return the error that the 200 of a score script carries; None if it has none.

    Scripts return their errors as they return completions: within `output`, in a list, or as JSON
    that was encoded twice.
    """
    if '"error' not in text:
        return None
    value = _parsed(text)
    for _ in range(_MAX_DEPTH):
        match value:
            case {"error": _} | {"object": "error"} if not _has_text(value):
                return _error_of(value, json.dumps(value))
            case str() if value.lstrip().startswith("{"):
                value = _parsed(value)
                if not isinstance(value, dict) or not value.keys() <= _ERROR_KEYS:
                    return None  # a completion that is JSON
            case [first, *_]:
                value = first
            case dict():
                value = next((value[key] for key in _WRAPPERS if key in value), None)
            case _:
                return None
    return None


_MAX_DEPTH = 6
"""No known server nests deeper."""
_WRAPPERS = ("output", "predictions", "outputs")
"""Where scripts put whatever they return. What stands under other names is a model's own text, and
a model may be asked to write an error."""
_ANSWERS = (*_WRAPPERS, "0", "generated_text", "text", "response", "choices")
_ERROR_KEYS = frozenset(
    {"code", "detail", "details", "error", "message", "status", "statusCode", "status_code"}
    | {"success", "trace", "traceback", "type"}
)
"""What an object consists of that is an error and nothing else."""


def _has_text(value: dict[str, Any]) -> bool:
    """Return whether there is a completion beside the error: its formatter decides then."""
    return any(value.get(key) for key in _ANSWERS)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _error_of(value: dict[str, Any], text: str) -> ErrorInside | None:
    details = value.get("error")
    response = value.get("response")
    if value.get("object") == "error" or (value.get("type") == "error" and "message" in value):
        details = value
    elif value.get("type") == "response.failed" and isinstance(response, dict):
        details = _reason_of(response)
    elif value.get("status") == "failed" and "output" in value:
        details = _reason_of(value)
    if not details or not isinstance(details, dict | list | str):
        return None
    body = text if details in (value, value.get("error")) else json.dumps({"error": details})
    status, has_reason = inner_status(details), details != _NO_REASON
    return ErrorInside(status, body.encode("utf-8", "replace"), has_reason)


_NO_REASON = "(no message)"


def _reason_of(response: dict[str, Any]) -> Any:
    """Return why a response of the Responses API failed."""
    if response.get("error"):
        return response["error"]
    incomplete = response.get("incomplete_details")
    reason = incomplete.get("reason") if isinstance(incomplete, dict) else None
    return {"code": reason, "message": f"The response failed: {reason}"} if reason else _NO_REASON


def inner_status(details: object, otherwise: int = 500) -> int:
    """Return the HTTP status that an error object names in itself, or that its code goes with."""
    if not isinstance(details, dict):
        return otherwise
    for name in ("status", "status_code", "statusCode", "code"):
        value = str(details.get(name))
        if len(value) == 3 and value.isdecimal() and value[0] in "45":
            return int(value)
    inner = details.get("innererror")
    codes = [details.get("code"), *([inner.get("code")] if isinstance(inner, dict) else [])]
    for code in (*codes, details.get("type")):
        if isinstance(code, str) and (status := error_codes.status_of(code)) is not None:
            return status
    return otherwise


def as_error(data: str) -> str:
    """Return the data of an event that is named `error` in the form that `error_inside` finds."""
    value = _parsed(data)
    value = data if value is None else value
    found = isinstance(value, dict) and (value.get("error") or value.get("object") == "error")
    return data if found else json.dumps({"error": value or _NO_REASON})
