"""What the body of an error says, whatever its shape.

Azure's services answer errors in at least seven shapes: `{"error": {...}}`, the same with a list or
a string inside, flat `{"statusCode", "message"}`, vLLM's `{"object": "error", "message"}`, JSON in
the message of JSON, plain text, HTML, and nothing at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class ErrorDetails(NamedTuple):
    """What an error body says, whatever its shape."""

    message: str
    code: str | None = None
    inner: Mapping[str, Any] = MappingProxyType({})


def read_error(text: str) -> ErrorDetails:
    """Return what an error body says."""
    try:
        return _details_of(json.loads(text))
    except (ValueError, RecursionError):
        return ErrorDetails(_plain(text))


def _details_of(value: Any, depth: int = 0) -> ErrorDetails:
    """Walk into the shapes that wrap each other; five levels are more than any service nests."""
    if depth < 5:
        match value:
            case {"error": (dict() | list() | str()) as inner} if inner:
                return _details_of(inner, depth + 1)
            case {"body": dict() as inner} if inner and "message" not in value:
                return _details_of(inner, depth + 1)
            case [first, *_]:
                return _details_of(first, depth + 1)
            case dict():
                return _details_of_mapping(value, depth)
    return ErrorDetails(_plain(value) if isinstance(value, str) else "")


def _details_of_mapping(value: dict[str, Any], depth: int) -> ErrorDetails:
    message = next((value[k] for k in ("message", "detail", "Message", "body") if value.get(k)), "")
    if isinstance(message, str) and message.lstrip().startswith("{"):
        try:  # an engine's JSON, put as text into the server's JSON
            nested = _details_of(json.loads(message), depth + 1)
        except (ValueError, RecursionError):
            nested = ErrorDetails("")
        if nested.message:
            return nested
    if not isinstance(message, str):
        message = json.dumps(message)
    code = value.get("code", value.get("error_code"))
    inner = value.get("innererror") or value.get("inner_error")
    return ErrorDetails(
        " ".join(message.split()),
        str(code) if isinstance(code, str | int) and not isinstance(code, bool) else None,
        {**(inner if isinstance(inner, dict) else {}), **_filter_keys(value)},
    )


def _filter_keys(value: dict[str, Any]) -> dict[str, Any]:
    names = ("content_filter_result", "content_filter_results")
    return {name: value[name] for name in names if isinstance(value.get(name), dict)}


def filter_result(details: ErrorDetails) -> dict[str, Any]:
    """Return the filter's findings: errors spell the key in the singular, answers in the plural."""
    found = details.inner.get("content_filter_result", details.inner.get("content_filter_results"))
    return found if isinstance(found, dict) else {}


_TAG = r"(?is)<(script|style|head)\b.*?</\1>|<[^>]*>"


def _plain(text: str) -> str:
    """Return text without markup, on one line: gateways answer with HTML pages."""
    shown = text[:10_000]
    if shown.lstrip().startswith("<"):
        shown = re.sub(_TAG, " ", shown)
    return " ".join(shown.split())


def decoded(body: bytes) -> str:
    """Return a body as text; bytes that are not UTF-8 become replacement characters."""
    return body.decode("utf-8-sig", "replace")
