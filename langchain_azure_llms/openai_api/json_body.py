"""JSON bodies: encoding requests, decoding responses, and the errors of both."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from pydantic_core import from_json

from langchain_azure_llms._redaction import shortened
from langchain_azure_llms.exceptions import ConfigurationError, ResponseFormatError

# ASCII only: a lone surrogate is then sent as its escape instead of failing to encode.
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def encode_json(payload: dict[str, Any]) -> bytes:
    """Return a request payload as bytes.

    Raises:
        ConfigurationError: If a parameter cannot be written as JSON, NaN and infinity included.
    """
    try:
        return _encode(payload).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        message = f"A model parameter cannot be sent as JSON: {error}."
        raise ConfigurationError(message) from None


def decode_json(body: bytes | str, reader: str) -> Any:
    """Return the value of a response body.

    Args:
        body: The body, or the data of one event.
        reader: The format or formatter that reads it, for the error.

    Raises:
        ResponseFormatError: If the body is not JSON.
    """
    try:
        return from_json(body)
    except (ValueError, TypeError):  # stricter than json on byte-order marks and lone surrogates
        pass
    try:
        return json.loads(body)  # bytes as UTF-8, UTF-16 or UTF-32, and nothing replaced
    except UnicodeDecodeError as error:
        unexpected(body, reader, f"JSON in UTF-8 ({error.reason})")
    except (ValueError, RecursionError):
        unexpected(body, reader, "JSON")


def body_text(body: bytes | str) -> str:
    """Return a body as text; bytes that are not UTF-8 become replacement characters."""
    return body if isinstance(body, str) else body.decode("utf-8-sig", "replace")


def refuse_reserved(name: str, params: dict[str, Any]) -> None:
    """Refuse a model parameter that has the name under which the prompt is sent.

    Raises:
        ConfigurationError: If it is among the parameters.
    """
    if name in params:
        raise ConfigurationError(
            f"{name!r} is no model parameter: the prompt is sent under this name."
        )


def unexpected(body: bytes | str, reader: str, expected: str) -> NoReturn:
    """Raise the error for a response that does not have the expected form.

    Args:
        body: The body, or the part of it that is wrong.
        reader: The format ("The completions format") or the formatter's class name.
        expected: What was expected.

    Raises:
        ResponseFormatError: Always.
    """
    shown = shortened(body_text(body))
    if shown.startswith("<"):
        advice = "That is a page: check the endpoint's URL, and gateways or proxies in between."
    elif reader.startswith("The "):
        advice = "Check the endpoint's URL, and gateways in between."
    else:
        advice = "Does this formatter belong to the deployed model?"
    raise ResponseFormatError(
        f"{reader} expected {expected}, and the endpoint answered {shown or '(nothing)'!r}. "
        f"{advice}",
        formatter=reader,
        body=shown,
    )
