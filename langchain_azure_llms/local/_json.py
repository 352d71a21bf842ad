"""JSON in and out, safe for whatever text a client may send."""

import json
import re
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def loads(raw: bytes | str) -> Any:
    r"""Decode JSON, with U+FFFD for each lone surrogate.

    JSON may spell half of a surrogate pair (`"\ud800"`): such a string exists in Python, but
    neither the model nor UTF-8 can take it.

    Raises:
        ValueError: When `raw` is not JSON, or nested too deeply to be read.
    """
    try:
        return _without_lone_surrogates(json.loads(raw))
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def dumps(value: Any) -> str:
    """Encode as compact JSON with plain (unescaped) Unicode, as Azure does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {
            _without_lone_surrogates(key): _without_lone_surrogates(item)
            for key, item in value.items()
        }
    return value
