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
    type: str | None = None
    param: str | None = None

    @property
    def codes(self) -> tuple[str | None, ...]:
        """All that may say what kind of error it is, the most specific one last."""
        inner = self.inner.get("code")
        return self.type, self.code, inner if isinstance(inner, str) else None


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
            case str() if value.lstrip().startswith("{") and depth:
                return _of_text(value, depth)
            case dict():
                return _details_of_mapping(value, depth)
    return ErrorDetails(_plain(value) if isinstance(value, str) else "")


def _of_text(text: str, depth: int) -> ErrorDetails:
    """Read an engine's JSON that was put as text into the server's JSON."""
    try:
        nested = _details_of(json.loads(text), depth + 1)
    except (ValueError, RecursionError):
        return ErrorDetails(_plain(text))
    return nested if nested.message else ErrorDetails(_plain(text))


def _details_of_mapping(value: dict[str, Any], depth: int) -> ErrorDetails:
    message = next((value[k] for k in ("message", "detail", "Message", "body") if value.get(k)), "")
    found = _validation_errors(value)
    if isinstance(message, str) and message.lstrip().startswith("{"):
        nested = _of_text(message, depth)
        if nested.message != _plain(message):
            return nested
    if not isinstance(message, str):
        message = "" if found else json.dumps(message)
    code = value.get("code", value.get("error_code"))
    inner = value.get("innererror") or value.get("inner_error")
    kind = value.get("type")
    return ErrorDetails(
        ": ".join(part for part in (" ".join(message.split()), found) if part),
        str(code) if isinstance(code, str | int) and not isinstance(code, bool) else None,
        {**(inner if isinstance(inner, dict) else {}), **_filter_keys(value)},
        kind if isinstance(kind, str) else None,
        _parameter_of(value),
    )


_NAMED_PARAMETER = (
    r"(?i)(?:unsupported|unknown|unrecognized|unexpected) (?:request )?"
    r"(?:parameter|value|argument|keyword argument)s?(?: supplied)?:? ['\"`]?(\w+)"
)


def _parameter_of(value: dict[str, Any]) -> str | None:
    """Return the parameter that an error is about, if it names one."""
    if isinstance(param := value.get("param"), str) and param:
        return param
    entries = value.get("details") or value.get("detail")
    for entry in entries if isinstance(entries, list) else [entries]:
        loc = entry.get("loc") if isinstance(entry, dict) else None
        if isinstance(loc, list) and loc and isinstance(loc[-1], str):
            return loc[-1]
    message = value.get("message")
    found = re.search(_NAMED_PARAMETER, message) if isinstance(message, str) else None
    return found[1] if found else None


_UNSUPPORTED_CODES = frozenset(
    {
        "extra_forbidden",
        "parameter_not_supported",
        "unknown_parameter",
        "unrecognized_argument",
        "unsupported_parameter",
        "unsupported_value",
    }
)


def is_unsupported_parameter(details: ErrorDetails, text: str) -> bool:
    """Return whether a parameter itself was refused, whatever its value."""
    known = details.code in _UNSUPPORTED_CODES or "extra_forbidden" in text
    return known or re.search(_NAMED_PARAMETER, details.message) is not None


def _validation_errors(value: dict[str, Any]) -> str:
    """Return what a refusal says of single fields: where each is, and what is wrong with it.

    FastAPI and pydantic list them as `{"loc": [...], "msg": ...}` under `detail` (vLLM, TGI);
    serverless endpoints under `details`.
    """
    entries = value.get("details") or value.get("detail")
    shown, named = [], isinstance(value.get("message"), str)
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, dict) and (entry.get("msg") or (entry.get("loc") and named)):
            loc = entry.get("loc") or []
            place = ".".join(map(str, loc)) if isinstance(loc, list) else str(loc)
            problem = entry.get("msg") or entry.get("message") or entry.get("type") or ""
            shown.append(": ".join(part for part in (place, str(problem)) if part))
    return "; ".join(shown)


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
