"""Formatters are checked before they are called, and their results after."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.outputs import Generation, GenerationChunk

from langchain_azure_llms import (
    AzureMLEndpointApiType,
    ContentFormatterBase,
    CustomOpenAIContentFormatter,
    GPT2ContentFormatter,
)
from langchain_azure_llms._completion import CompletionResponse, StreamDelta
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    ResponseFormatError,
    UnsupportedApiTypeError,
)
from langchain_azure_llms.formatters.adapter import (
    build_payload,
    check_api_type,
    checked_formatter,
    parse_event,
    parse_response,
)

_DEDICATED, _SERVERLESS = AzureMLEndpointApiType.dedicated, AzureMLEndpointApiType.serverless


class _Requesting:
    """A formatter whose request method is any callable."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.format_request_payload = method


class _Returning(ContentFormatterBase):
    """A formatter that returns, or raises, the same whatever it is given."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def format_response_payload(self, output: bytes) -> Any:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def format_stream_event(self, data: str) -> Any:
        return self.format_response_payload(data.encode())


def _payload(method: Callable[..., Any]) -> bytes:
    return build_payload(_Requesting(method), "p", {"t": 1}, _SERVERLESS)


class _NoSignature:
    """A callable object whose signature cannot be read."""

    __signature__ = "none"

    def __call__(self, prompt: str, model_kwargs: dict[str, Any]) -> str:
        return f"{prompt} {model_kwargs} none"


class _Unhashable:
    """A callable object that cannot be cached."""

    __hash__ = None  # type: ignore[assignment] # the point of it

    def __call__(self, prompt: str, model_kwargs: dict[str, Any]) -> str:
        return f"{prompt} {model_kwargs} none"

    def __eq__(self, other: object) -> bool:
        return self is other


@pytest.mark.parametrize(
    ("method", "api_type"),
    [
        (lambda prompt, params: f"{prompt} {params} none", "none"),
        (lambda prompt, params, kind: f"{prompt} {params} {kind}", "serverless"),
        (lambda prompt, params, *rest: f"{prompt} {params} {rest[0]}", "serverless"),
        (lambda prompt, params, *, api_type: f"{prompt} {params} {api_type}", "serverless"),
        (lambda prompt, params, **rest: f"{prompt} {params} {rest['api_type']}", "serverless"),
        (_NoSignature(), "none"),
        (_Unhashable(), "none"),
    ],
)
def test_the_api_type_is_passed_where_a_method_takes_it(
    method: Callable[..., Any], api_type: str
) -> None:
    """Formatters of the oldest interface take two arguments."""
    assert f"p {{'t': 1}} {api_type}".encode() == _payload(method)


def test_a_bound_methods_self_is_counted() -> None:
    """For methods with and without the api type."""

    class Old(ContentFormatterBase):
        def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
            return prompt.encode()

    assert b"p" == build_payload(Old(), "p", {}, _DEDICATED)
    new = CustomOpenAIContentFormatter()
    assert {"prompt": "p"} == json.loads(build_payload(new, "p", {}, _SERVERLESS))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"a", b"a"),
        (bytearray(b"a"), b"a"),
        ("\u00e9\ud83d", b"\xc3\xa9\xed\xa0\xbd"),
        (io.BytesIO(b"a"), b"a"),
        (io.StringIO("a"), b"a"),
    ],
)
def test_a_payload_may_be_bytes_or_text_or_a_file(payload: Any, expected: bytes) -> None:
    """Text is sent as UTF-8, lone surrogates included."""
    assert expected == _payload(lambda *_: payload)


@pytest.mark.parametrize("payload", [None, {"a": 1}, 7])
def test_any_other_payload_is_refused(payload: Any) -> None:
    """The error names the method."""
    with pytest.raises(ConfigurationError, match=r"_Requesting.format_request_payload returned a"):
        _payload(lambda *_: payload)


def test_an_exception_of_a_request_method_is_not_changed() -> None:
    """It is the caller's own."""
    with pytest.raises(KeyError):
        _payload(lambda _prompt, params: params["x"])


@pytest.mark.parametrize(
    ("result", "texts"),
    [
        ("a", ["a"]),
        (Generation(text="a"), ["a"]),
        ([Generation(text="a"), "b"], ["a", "b"]),
    ],
)
def test_a_result_may_be_text_or_generations(result: Any, texts: list[str]) -> None:
    """Formatters of the oldest interface return text."""
    response = parse_response(_Returning(result), b"", _DEDICATED)
    assert [[Generation(text=text) for text in texts]] == response.generations
    assert {} == response.llm_output


def test_usage_and_model_of_the_first_generation_become_llm_output() -> None:
    """The formatter's own object stays as it is."""
    info = {
        "finish_reason": "stop",
        "token_usage": {"total_tokens": 3},
        "model_name": "m",
        "system_fingerprint": "f",
    }
    generation = Generation(text="a", generation_info=dict(info))
    response = parse_response(_Returning(generation), b"", _DEDICATED)
    assert response == CompletionResponse(
        [[Generation(text="a", generation_info={"finish_reason": info.pop("finish_reason")})]],
        info,
    )
    assert "token_usage" in (generation.generation_info or {})


@pytest.mark.parametrize("result", [None, 7, [], [None], b"a", ["a", 7]])
def test_any_other_result_is_refused(result: Any) -> None:
    """The error names the method and shows the result."""
    with pytest.raises(ResponseFormatError) as caught:
        parse_response(_Returning(result), b"body", _DEDICATED)
    message = f"_Returning.format_response_payload returned {result!r}, expected text, a"
    assert str(caught.value).startswith(message)
    assert ("_Returning", "body") == (caught.value.formatter, caught.value.body)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, None),
        ("a", StreamDelta("a", {})),
        (GenerationChunk(text="a"), GenerationChunk(text="a")),
    ],
)
def test_an_event_may_become_text_or_a_chunk_or_nothing(result: Any, expected: Any) -> None:
    """Text needs no chunk object."""
    assert expected == parse_event(_Returning(result), "data", _SERVERLESS)


def test_any_other_result_for_an_event_is_refused() -> None:
    """The error names the method."""
    with pytest.raises(ResponseFormatError, match="format_stream_event returned 7") as caught:
        parse_event(_Returning(7), "data", _SERVERLESS)
    assert "data" == caught.value.body


def test_an_exception_of_a_formatter_is_a_format_error() -> None:
    """It shows the beginning of the body, and keeps the exception as its cause."""
    cause = KeyError("choices")
    with pytest.raises(ResponseFormatError, match="_Returning could not read") as caught:
        parse_response(_Returning(cause), b"\xff" + b"a" * 600, _DEDICATED)
    assert cause is caught.value.__cause__
    assert "KeyError: 'choices'" in str(caught.value)
    assert ("\ufffdaaa", 500) == (caught.value.body[:4], len(caught.value.body))


def test_an_error_of_this_package_is_not_changed() -> None:
    """It says more than a format error about it would."""
    error = ConfigurationError("mine")
    with pytest.raises(ConfigurationError) as caught:
        parse_event(_Returning(error), "data", _SERVERLESS)
    assert error is caught.value


class _TwoMethods:
    """Not derived from the base class, and complete all the same."""

    def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> str:
        return prompt

    def format_response_payload(self, output: bytes) -> str:
        return output.decode()


def test_an_object_with_both_methods_is_a_formatter_for_dedicated_endpoints() -> None:
    """It need not be derived from the base class."""
    formatter = checked_formatter(_TwoMethods())
    check_api_type(formatter, _DEDICATED)
    with pytest.raises(UnsupportedApiTypeError, match="supports endpoints of type dedicated, and"):
        check_api_type(formatter, _SERVERLESS)


@pytest.mark.parametrize(
    ("formatter", "message"),
    [
        (GPT2ContentFormatter, r"is the class GPT2ContentFormatter: pass an object"),
        (object(), "is a object without format_request_payload"),
        (_Requesting(print), "is a _Requesting without format_response_payload"),
    ],
)
def test_anything_but_a_formatter_is_refused(formatter: Any, message: str) -> None:
    """A class in an object's place is the likeliest mistake."""
    with pytest.raises(ConfigurationError, match=message):
        checked_formatter(formatter)


def test_the_supported_api_types_must_be_a_list() -> None:
    """A single one is a likely mistake."""

    class Single(GPT2ContentFormatter):
        supported_api_types = 7  # type: ignore[assignment] # the mistake

    with pytest.raises(ConfigurationError, match="supported_api_types is a int, expected a list"):
        check_api_type(Single(), _DEDICATED)
