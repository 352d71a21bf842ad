"""Content formatters as the LLM calls them: checked before, and their results checked after.

Formatters written against the oldest interface take no api type and return plain text; both work.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any

from langchain_core.outputs import Generation, GenerationChunk

from langchain_azure_llms._redact import shortened
from langchain_azure_llms.exceptions import (
    AzureLLMError,
    ConfigurationError,
    ResponseFormatError,
    UnsupportedApiTypeError,
)
from langchain_azure_llms.formatters.base import Answer, AzureMLEndpointApiType
from langchain_azure_llms.llms._calls import answer_of
from langchain_azure_llms.transport._problems import decoded


def check_formatter(formatter: Any, api_type: AzureMLEndpointApiType) -> None:
    """Refuse what is not a formatter, or not one for this api type.

    Raises:
        ConfigurationError: If it is a class, or lacks a method.
        UnsupportedApiTypeError: If it does not support the api type.
    """
    name = formatter.__name__ if isinstance(formatter, type) else type(formatter).__name__
    if isinstance(formatter, type):
        raise ConfigurationError(
            f"content_formatter is the class {name}: pass an object, {name}()."
        )
    for method in ("format_request_payload", "format_response_payload"):
        if not callable(getattr(formatter, method, None)):
            raise ConfigurationError(
                f"content_formatter is a {name} without {method}: derive it from "
                "ContentFormatterBase."
            )
    supported = getattr(formatter, "supported_api_types", [AzureMLEndpointApiType.dedicated])
    if not isinstance(supported, Collection):
        raise ConfigurationError(
            f"{name}.supported_api_types is a {type(supported).__name__}, expected a list."
        )
    if api_type not in supported:
        listed = ", ".join(str(getattr(known, "value", known)) for known in supported)
        raise UnsupportedApiTypeError(
            f"{name} supports endpoints of type {listed}, and this one is {api_type}. Pass another "
            "content_formatter, or the right endpoint_api_type."
        )


def request_payload(
    formatter: Any, prompt: str, params: dict[str, Any], api_type: AzureMLEndpointApiType
) -> bytes:
    """Return the bytes that a formatter makes of a prompt.

    Raises:
        ConfigurationError: If it returns something else.
    """
    payload = _called(formatter.format_request_payload, (prompt, params), api_type)
    if callable(getattr(payload, "read", None)):
        payload = payload.read()
    if isinstance(payload, str):
        return payload.encode("utf-8", "surrogatepass")
    if isinstance(payload, bytes | bytearray):
        return bytes(payload)
    raise ConfigurationError(
        f"{type(formatter).__name__}.format_request_payload returned a {type(payload).__name__}, "
        "expected bytes."
    )


def read_response(formatter: Any, body: bytes, api_type: AzureMLEndpointApiType) -> Answer:
    """Return what a formatter makes of a response body.

    Raises:
        ResponseFormatError: If it cannot read it, or returns something else than completions.
    """
    name = type(formatter).__name__
    read = _reading(formatter.format_response_payload, body, api_type, name)
    generations = read if isinstance(read, list) else [read]
    generations = [Generation(text=g) if isinstance(g, str) else g for g in generations]
    if not generations or not all(isinstance(g, Generation) for g in generations):
        raise ResponseFormatError(
            f"{name}.format_response_payload returned {shortened(repr(read), 100)}, expected text, "
            "a Generation or a list of Generations.",
            formatter=name,
            body=_shown(body),
        )
    return answer_of(generations)


def read_event(
    formatter: Any, data: str, api_type: AzureMLEndpointApiType
) -> GenerationChunk | None:
    """Return what a formatter makes of an event of a stream.

    Raises:
        ResponseFormatError: If it cannot read it, or returns something else than text or a chunk.
    """
    name = type(formatter).__name__
    read = _reading(formatter.format_stream_event, data, api_type, name)
    if read is None or isinstance(read, GenerationChunk):
        return read
    if isinstance(read, str):
        return GenerationChunk(text=read)
    raise ResponseFormatError(
        f"{name}.format_stream_event returned {shortened(repr(read), 100)}, expected text, a "
        "GenerationChunk or None.",
        formatter=name,
        body=shortened(data),
    )


def _reading(
    method: Callable[..., Any], given: bytes | str, api_type: AzureMLEndpointApiType, name: str
) -> Any:
    """Let a formatter read; whatever it raises is an answer that it cannot read."""
    try:
        return _called(method, (given,), api_type)
    except AzureLLMError:
        raise
    except Exception as error:
        text = _shown(given)
        raise ResponseFormatError(
            f"{name} could not read the answer {text!r}: {type(error).__name__}: {error}",
            formatter=name,
            body=text,
        ) from error


def _shown(given: bytes | str) -> str:
    return shortened(given if isinstance(given, str) else decoded(given))


def _called(
    method: Callable[..., Any], arguments: tuple[Any, ...], api_type: AzureMLEndpointApiType
) -> Any:
    """Call a formatter's method, with the api type if it takes one: old formatters do not."""
    function = getattr(method, "__func__", method)
    try:
        takes = _takes(function, len(arguments) + (function is not method))
    except TypeError:  # one that cannot be remembered
        takes = _takes.__wrapped__(function, len(arguments) + (function is not method))
    match takes:
        case "in its place":
            return method(*arguments, api_type)
        case "by name":
            return method(*arguments, api_type=api_type)
        case _:
            return method(*arguments)


@lru_cache(maxsize=128)
def _takes(function: Callable[..., Any], count: int) -> str:
    """Return how a function takes the api type after so many arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # one that has none
        return "not"
    for takes, more, named in (
        ("in its place", (None,), {}),
        ("by name", (), {"api_type": None}),
    ):
        try:
            signature.bind(*[None] * count, *more, **named)
        except TypeError:
            continue
        return takes
    return "not"
