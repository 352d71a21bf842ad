"""Calls content formatters, and checks what they return.

Formatters written for the oldest interface take no api type and return plain text; both work.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from copy import copy
from functools import lru_cache
from typing import Annotated, Any, Literal

from langchain_core.outputs import Generation, GenerationChunk
from pydantic import BeforeValidator

from langchain_azure_llms._completion import CompletionResponse, StreamDelta
from langchain_azure_llms._redaction import shortened
from langchain_azure_llms.exceptions import (
    AzureLLMError,
    ConfigurationError,
    ResponseFormatError,
    UnsupportedApiTypeError,
)
from langchain_azure_llms.formatters.base import AzureMLEndpointApiType, ContentFormatterBase
from langchain_azure_llms.openai_api.json_body import body_text
from langchain_azure_llms.openai_api.llm_output import response_of


def checked_formatter(value: Any) -> Any:
    """Return a formatter; one that is described as saved files do is made.

    Raises:
        ConfigurationError: If it is a class, or lacks a method.
    """
    if isinstance(value, Mapping):
        from langchain_azure_llms.formatters.registry import (  # noqa: PLC0415 - all formatters
            formatter_from_config,
        )

        return formatter_from_config(value)
    if value is None:
        return None
    if isinstance(value, type):
        name = value.__name__
        raise ConfigurationError(
            f"content_formatter is the class {name}: pass an object, {name}()."
        )
    name = type(value).__name__
    if type(value).__module__.startswith("langchain_community.chat_models"):
        raise ConfigurationError(
            f"{name} of langchain-community formats lists of messages, and an LLM sends a prompt: "
            "use OpenAIChatContentFormatter (`/v1/chat/completions`) or "
            "DedicatedChatContentFormatter (`/score`) of this package."
        )
    for method in ("format_request_payload", "format_response_payload"):
        if not callable(getattr(value, method, None)):
            raise ConfigurationError(
                f"content_formatter is a {name} without {method}: derive it from "
                "ContentFormatterBase."
            )
    own = getattr(type(value), "format_response_payload", None)
    if own is ContentFormatterBase.format_response_payload:
        raise ConfigurationError(
            f"content_formatter is a {name}, which must define format_response_payload."
        )
    return value


Formatter = Annotated[Any, BeforeValidator(checked_formatter)]


def check_api_type(formatter: Any, api_type: AzureMLEndpointApiType) -> None:
    """Refuse a formatter that is not one for this api type.

    Raises:
        UnsupportedApiTypeError: If it does not support the api type.
        ConfigurationError: If it says so wrongly.
    """
    name, supported = type(formatter).__name__, _supported(formatter)
    if not isinstance(supported, Collection):
        raise ConfigurationError(
            f"{name}.supported_api_types is a {type(supported).__name__}, expected a list."
        )
    if api_type_for(formatter, api_type) in supported:
        return
    listed = ", ".join(str(getattr(known, "value", known)) for known in supported)
    base = ContentFormatterBase.supported_api_types
    says_nothing = getattr(type(formatter), "supported_api_types", base) is base
    hint = (
        f" If {name} speaks this one too, say so in the class: "
        "`from langchain_azure_llms import AzureMLEndpointApiType` and "
        "`supported_api_types = [AzureMLEndpointApiType.dedicated, "
        "AzureMLEndpointApiType.serverless]`."
        if says_nothing
        else ""
    )
    raise UnsupportedApiTypeError(
        f"{name} supports endpoints of type {listed}, and this one is {api_type}. Pass another "
        f"content_formatter, or the right endpoint_api_type.{hint}"
    )


def _supported(formatter: Any) -> Any:
    return getattr(formatter, "supported_api_types", [AzureMLEndpointApiType.dedicated])


def api_type_for(formatter: Any, api_type: AzureMLEndpointApiType) -> AzureMLEndpointApiType:
    """Return an api type by the name that a formatter knows it by: `realtime` is the old one."""
    supported, dedicated = _supported(formatter), AzureMLEndpointApiType.dedicated
    is_old = (
        api_type == dedicated
        and isinstance(supported, Collection)
        and dedicated not in supported
        and AzureMLEndpointApiType.realtime in supported
    )
    return AzureMLEndpointApiType.realtime if is_old else api_type


def copy_of(formatter: Any) -> Any:
    """Return a shallow copy of a formatter, for one request.

    Formatters may keep state between their two methods, and requests run at the same time.
    """
    try:
        return copy(formatter)
    except Exception:  # noqa: BLE001 - an object may refuse to be copied in any way
        return formatter


def has_built_in_parser(formatter: Any) -> bool:
    """Return whether this package parses a formatter's responses: a user's own decides itself."""
    method = getattr(type(formatter), "format_response_payload", None)
    return str(getattr(method, "__module__", "")).startswith("langchain_azure_llms.")


def build_payload(
    formatter: Any, prompt: str, params: dict[str, Any], api_type: AzureMLEndpointApiType
) -> bytes:
    """Return the request body that a formatter builds for a prompt.

    Raises:
        ConfigurationError: If it returns something that cannot be sent.
    """
    payload = _call(formatter.format_request_payload, (prompt, params), api_type)
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


def parse_response(
    formatter: Any, body: bytes, api_type: AzureMLEndpointApiType
) -> CompletionResponse:
    """Return the response that a formatter makes of a body.

    Raises:
        ResponseFormatError: If it cannot parse it, or returns something else than completions.
    """
    result = _parse(formatter.format_response_payload, body, api_type, formatter)
    generations = [
        Generation(text=found) if isinstance(found, str) else found
        for found in (result if isinstance(result, list) else [result])
    ]
    if not generations or not all(isinstance(found, Generation) for found in generations):
        raise _wrong_result(
            formatter,
            "format_response_payload",
            result,
            "text, a Generation or a list of Generations",
            body,
        )
    return response_of(generations)


def parse_event(
    formatter: Any, data: str, api_type: AzureMLEndpointApiType
) -> StreamDelta | GenerationChunk | None:
    """Return what a formatter makes of an event of a stream.

    Raises:
        ResponseFormatError: If it cannot parse it, or returns something else than text or a chunk.
    """
    result = _parse(formatter.format_stream_event, data, api_type, formatter)
    if result is None or isinstance(result, GenerationChunk):
        return result
    if isinstance(result, str):
        return StreamDelta(result, {})
    raise _wrong_result(
        formatter, "format_stream_event", result, "text, a GenerationChunk or None", data
    )


def _parse(
    method: Callable[..., Any],
    body: bytes | str,
    api_type: AzureMLEndpointApiType,
    formatter: Any,
) -> Any:
    """Call a formatter's method; whatever it raises means that it cannot parse the body."""
    try:
        return _call(method, (body,), api_type)
    except AzureLLMError:
        raise
    except Exception as error:
        name, text = type(formatter).__name__, shortened(body_text(body))
        raise ResponseFormatError(
            f"{name} could not read the answer {text!r}: {type(error).__name__}: {error}",
            formatter=name,
            body=text,
        ) from error


def _wrong_result(
    formatter: Any, method: str, result: Any, expected: str, body: bytes | str
) -> ResponseFormatError:
    name = type(formatter).__name__
    return ResponseFormatError(
        f"{name}.{method} returned {shortened(repr(result), 100)}, expected {expected}.",
        formatter=name,
        body=shortened(body_text(body)),
    )


def _call(
    method: Callable[..., Any], arguments: tuple[Any, ...], api_type: AzureMLEndpointApiType
) -> Any:
    """Call a formatter's method, with the api type if it takes one: old formatters do not."""
    function = getattr(method, "__func__", method)
    count = len(arguments) + (function is not method)  # with `self`
    try:
        takes = _takes_api_type(function, count)
    except TypeError:  # not hashable, so not cacheable
        takes = _takes_api_type.__wrapped__(function, count)
    if takes == "by position":
        return method(*arguments, api_type)
    if takes == "by name":
        return method(*arguments, api_type=api_type)
    return method(*arguments)


@lru_cache(maxsize=128)
def _takes_api_type(
    function: Callable[..., Any], count: int
) -> Literal["by position", "by name", "not"]:
    """Return how a function takes the api type after `count` positional arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # it has none
        return "not"
    given = [None] * count
    if _binds(signature, *given, None):
        return "by position"
    return "by name" if _binds(signature, *given, api_type=None) else "not"


def _binds(signature: inspect.Signature, *args: None, **kwargs: None) -> bool:
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True
