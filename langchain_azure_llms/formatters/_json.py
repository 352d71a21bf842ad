"""JSON as it travels, and what is wrong with it otherwise."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from pydantic_core import from_json

from langchain_azure_llms._redact import shortened
from langchain_azure_llms.exceptions import ConfigurationError, ResponseFormatError

# ASCII only: a lone surrogate then travels as its escape instead of failing to encode.
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


def dump(payload: dict[str, Any]) -> bytes:
    """Return a request payload as bytes.

    Raises:
        ConfigurationError: If a parameter is not JSON, or is a number that JSON cannot hold.
    """
    try:
        return _encode(payload).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        message = f"A model parameter cannot be sent as JSON: {error}."
        raise ConfigurationError(message) from None


def refuse_own(name: str, params: dict[str, Any]) -> None:
    """Refuse a parameter in whose place the prompt itself travels.

    Raises:
        ConfigurationError: If it is among the parameters.
    """
    if name in params:
        raise ConfigurationError(f"{name!r} is no model parameter: the prompt travels there.")


def load(body: bytes | str, formatter: str) -> Any:
    """Return the value of a response body.

    Raises:
        ResponseFormatError: If the body is not JSON.
    """
    try:
        return from_json(body)
    except (ValueError, TypeError):  # perhaps only stricter: on byte-order marks, half characters
        text = _text(body)
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        unexpected(text, formatter, "JSON")


def _text(body: bytes | str) -> str:
    return body if isinstance(body, str) else body.decode("utf-8-sig", "replace")


def unexpected(body: bytes | str, formatter: str, expected: str) -> NoReturn:
    """Raise the error of an answer that does not have the expected form.

    Raises:
        ResponseFormatError: Always.
    """
    text = _text(body)
    shown = shortened(text) or "(nothing)"
    advice = "Does this formatter belong to the deployed model?"
    if shown.startswith("<"):
        advice = "That is a page: check the endpoint's URL, and gateways or proxies in between."
    elif formatter.startswith("The "):
        advice = "Check the endpoint's URL, and gateways in between."
    message = f"{formatter} expected {expected}, and the endpoint answered {shown!r}. {advice}"
    raise ResponseFormatError(message, formatter=formatter, body=shortened(text))
