"""Each content formatter: what it sends, what it parses, what it refuses."""

import json
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.outputs import Generation

from langchain_azure_llms import (
    AzureMLEndpointApiType,
    ContentFormatterBase,
    CustomOpenAIContentFormatter,
    DollyContentFormatter,
    GPT2ContentFormatter,
    HFContentFormatter,
    LlamaContentFormatter,
    MLflowContentFormatter,
    OpenAIChatContentFormatter,
    OSSContentFormatter,
)
from langchain_azure_llms.exceptions import ConfigurationError, ResponseFormatError
from langchain_azure_llms.formatters.score import ScoreContentFormatter

_DEDICATED, _SERVERLESS = AzureMLEndpointApiType.dedicated, AzureMLEndpointApiType.serverless
_P: dict[str, Any] = {"temperature": 0.5}
_CASES: list[tuple[ContentFormatterBase, AzureMLEndpointApiType, dict[str, Any], Any]] = [
    (
        GPT2ContentFormatter(),
        _DEDICATED,
        {"inputs": {"input_string": ["hi"]}, "parameters": _P},
        [{"0": "yes"}],
    ),
    (
        HFContentFormatter(),
        _DEDICATED,
        {"inputs": ["hi"], "parameters": _P},
        [{"0": {"generated_text": "yes"}}],
    ),
    (
        DollyContentFormatter(),
        _DEDICATED,
        {"input_data": {"input_string": ["hi"]}, "parameters": _P},
        ["yes"],
    ),
    (
        CustomOpenAIContentFormatter(),
        _DEDICATED,
        {"input_data": {"input_string": ["hi"], "parameters": _P}},
        [{"0": "yes"}],
    ),
    (
        CustomOpenAIContentFormatter(),
        _SERVERLESS,
        {"prompt": "hi", **_P},
        {"choices": [{"text": "yes", "index": 0, "finish_reason": "stop"}]},
    ),
    (
        OpenAIChatContentFormatter(),
        _SERVERLESS,
        {"messages": [{"role": "user", "content": "hi"}], **_P},
        {
            "choices": [
                {"message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
            ]
        },
    ),
    (
        OpenAIChatContentFormatter(),
        _DEDICATED,
        {"messages": [{"role": "user", "content": "hi"}], **_P},
        {"choices": [{"message": {"role": "assistant", "content": "yes"}}]},
    ),
    (MLflowContentFormatter(), _DEDICATED, {"input_data": ["hi"], "params": _P}, ["yes"]),
]
each_case = pytest.mark.parametrize(
    ("formatter", "api_type", "payload", "response"),
    _CASES,
    ids=[f"{type(case[0]).__name__}-{case[1]}" for case in _CASES],
)


def _text(found: Any) -> str:
    first = found[0] if isinstance(found, list) else found
    assert isinstance(first, Generation)
    return first.text


@each_case
def test_the_request_has_the_models_schema(
    formatter: ContentFormatterBase, api_type: AzureMLEndpointApiType, payload: Any, response: Any
) -> None:
    """Parameters are where the schema has them."""
    assert json.loads(formatter.format_request_payload("hi", _P, api_type)) == payload


@each_case
def test_the_response_is_parsed(
    formatter: ContentFormatterBase, api_type: AzureMLEndpointApiType, payload: Any, response: Any
) -> None:
    """In the form that the schema documents."""
    body = json.dumps(response).encode()
    assert _text(formatter.format_response_payload(body, api_type)) == "yes"


@each_case
@given(prompt=st.text(st.characters()))
def test_prompts_are_sent_verbatim(
    formatter: ContentFormatterBase,
    api_type: AzureMLEndpointApiType,
    payload: Any,
    response: Any,
    prompt: str,
) -> None:
    """Quotes, backslashes, controls, lone surrogates: the server decodes what was passed."""
    sent = json.loads(formatter.format_request_payload(prompt, {}, api_type))
    assert prompt in _texts_of(sent)


@each_case
def test_each_formatter_supports_the_api_types_of_its_schemas(
    formatter: ContentFormatterBase,
    api_type: AzureMLEndpointApiType,
    payload: Any,
    response: Any,
) -> None:
    """`AzureMLOnlineEndpoint` refuses a formatter for other ones."""
    assert api_type in formatter.supported_api_types


@pytest.mark.parametrize(
    ("formatter", "api_types"),
    [
        (GPT2ContentFormatter(), []),
        (MLflowContentFormatter(), []),
        (CustomOpenAIContentFormatter(), [_SERVERLESS]),
        (OpenAIChatContentFormatter(), [_DEDICATED, _SERVERLESS]),
    ],
)
def test_schemas_of_openai_stream(
    formatter: ContentFormatterBase, api_types: list[AzureMLEndpointApiType]
) -> None:
    """`/score` does not."""
    assert api_types == formatter.streaming_api_types
    assert ("[DONE]" if api_types else None) == formatter.stream_end_marker


def _texts_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for inner in value for text in _texts_of(inner)]
    return [value] if isinstance(value, str) else []


@each_case
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"17",
        b"[[[[[[[[[[]]]]]]]]]]",
        b"<html>502</html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"choices": "none"}',
        b'{"choices": []}',
        b'{"choices": [17]}',
        b'{"output": null}',
        b'[{"0": 17}]',
    ],
)
def test_any_other_response_is_a_format_error_that_names_the_formatter(
    formatter: ContentFormatterBase,
    api_type: AzureMLEndpointApiType,
    payload: Any,
    response: Any,
    body: bytes,
) -> None:
    """Never a KeyError or a JSONDecodeError."""
    with pytest.raises(ResponseFormatError) as raised:
        formatter.format_response_payload(body, api_type)
    assert raised.value.formatter == type(formatter).__name__


@each_case
@given(body=st.binary(max_size=200))
def test_any_bytes_are_a_response_or_a_format_error(
    formatter: ContentFormatterBase,
    api_type: AzureMLEndpointApiType,
    payload: Any,
    response: Any,
    body: bytes,
) -> None:
    """No other error is raised."""
    try:
        _text(formatter.format_response_payload(body, api_type))
    except ResponseFormatError:
        return


@each_case
@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_a_parameter_that_is_not_json_is_refused_before_sending(
    formatter: ContentFormatterBase,
    api_type: AzureMLEndpointApiType,
    payload: Any,
    response: Any,
    value: object,
) -> None:
    """`NaN` would be sent as something that is not JSON."""
    with pytest.raises(ConfigurationError, match="cannot be sent as JSON"):
        formatter.format_request_payload("hi", {"temperature": value}, api_type)


@pytest.mark.parametrize(
    "response",
    [
        ["yes"],
        [{"0": "yes"}],
        {"0": "yes"},
        {"output": ["yes"], "finish_reason": "stop", "model": "m", "usage": {"total_tokens": 3}},
        {"output": "yes"},
        {"predictions": [{"0": "yes"}]},
        [{"generated_text": "yes"}],
        [{"0": {"generated_text": "yes"}}],
        [{"summary_text": "yes"}],
        "yes",
    ],
)
@pytest.mark.parametrize(
    "formatter",
    [
        GPT2ContentFormatter(),
        HFContentFormatter(),
        DollyContentFormatter(),
        CustomOpenAIContentFormatter(),
        MLflowContentFormatter(),
    ],
)
def test_scoring_responses_of_all_servers_are_parsed(
    formatter: ContentFormatterBase, response: Any
) -> None:
    """Their form depends on when the model was deployed."""
    assert _text(formatter.format_response_payload(json.dumps(response).encode())) == "yes"


def test_a_scoring_response_has_usage_and_model() -> None:
    """Today's model servers send them beside the text."""
    body = b'{"output":["t"],"finish_reason":"length","usage":{"total_tokens":3},"model":"m"}'
    found = CustomOpenAIContentFormatter().format_response_payload(body)
    assert isinstance(found, Generation)
    assert found.generation_info == {
        "finish_reason": "length",
        "model_name": "m",
        "token_usage": {"total_tokens": 3},
    }


def test_white_space_of_a_completion_is_kept() -> None:
    """Models begin with line breaks; code may count on them."""
    body = b'{"choices": [{"text": "\\n\\n  a \\n"}]}'
    found = CustomOpenAIContentFormatter().format_response_payload(body, _SERVERLESS)
    assert _text(found) == "\n\n  a \n"


def test_several_completions_are_all_returned_in_order() -> None:
    """By index, not by position."""
    choices = [{"text": text, "index": index} for index, text in ((2, "c"), (0, "a"), (1, "b"))]
    body = json.dumps({"choices": choices}).encode()
    found = CustomOpenAIContentFormatter().format_response_payload(body, _SERVERLESS)
    assert isinstance(found, list)
    assert [generation.text for generation in found] == ["a", "b", "c"]


def test_usage_and_model_of_a_completion_are_in_the_first_generations_info() -> None:
    """A formatter returns nothing but generations."""
    value = {"choices": [{"text": "a"}], "model": "m", "usage": {"total_tokens": 3}}
    body = json.dumps(value).encode()
    found = CustomOpenAIContentFormatter().format_response_payload(body, _SERVERLESS)
    assert isinstance(found, list)
    assert [
        {
            "finish_reason": None,
            "logprobs": None,
            "token_usage": {"total_tokens": 3},
            "model_name": "m",
        }
    ] == [generation.generation_info for generation in found]


@pytest.mark.parametrize(
    ("formatter", "data", "text"),
    [
        (CustomOpenAIContentFormatter(), '{"choices": [{"text": "a", "index": 0}]}', "a"),
        (CustomOpenAIContentFormatter(), '{"choices": [], "usage": {"total_tokens": 1}}', ""),
        (OpenAIChatContentFormatter(), '{"choices": [{"delta": {"content": "a"}}]}', "a"),
        (OpenAIChatContentFormatter(), '{"choices": [{"delta": {"role": "assistant"}}]}', ""),
        (OpenAIChatContentFormatter(), '{"choices": [{"delta": {"refusal": "No."}}]}', "No."),
        (OpenAIChatContentFormatter(), '{"choices": [{"finish_reason": "stop"}]}', ""),
    ],
)
def test_events_of_a_stream_are_parsed(
    formatter: ContentFormatterBase, data: str, text: str
) -> None:
    """Also those without choices."""
    chunk = formatter.format_stream_event(data)
    assert getattr(chunk, "text", chunk) == text


@pytest.mark.parametrize(
    ("formatter", "data"),
    [
        (CustomOpenAIContentFormatter(), '{"choices": [{"delta": {"content": "a"}}]}'),
        (OpenAIChatContentFormatter(), '{"choices": [{"text": "a"}]}'),
        (CustomOpenAIContentFormatter(), "{broken"),
        (
            CustomOpenAIContentFormatter(),
            '{"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}',
        ),
        (OpenAIChatContentFormatter(), '{"choices": [{"text": "a", "finish_reason": "stop"}]}'),
        (OpenAIChatContentFormatter(), "17"),
    ],
)
def test_events_in_another_schema_are_refused(formatter: ContentFormatterBase, data: str) -> None:
    """Their text would be lost unnoticed."""
    with pytest.raises(ResponseFormatError):
        formatter.format_stream_event(data)


@pytest.mark.parametrize(
    ("deprecated", "today"),
    [
        (OSSContentFormatter, GPT2ContentFormatter),
        (LlamaContentFormatter, CustomOpenAIContentFormatter),
    ],
)
def test_a_deprecated_name_warns_once_and_does_the_same(deprecated: Any, today: Any) -> None:
    """One DeprecationWarning, at the caller's line, that names the class to use."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        formatter = deprecated()
    (warning,) = caught
    assert (warning.category, warning.filename) == (DeprecationWarning, __file__)
    assert today.__name__ in str(warning.message)
    for api_type in today().supported_api_types:
        old, new = (f.format_request_payload("hi", _P, api_type) for f in (formatter, today()))
        assert old == new


def test_subclasses_set_content_types_without_annotations() -> None:
    """As the documented custom formatters do."""

    class Custom(ContentFormatterBase):
        content_type = "text/plain"
        accepts = "text/csv"

    assert (Custom().content_type, Custom().accepts) == ("text/plain", "text/csv")
    assert Custom().supported_api_types == [_DEDICATED]


def test_a_subclass_without_a_method_raises_when_it_is_called() -> None:
    """The error names class and method."""

    class Custom(ContentFormatterBase):
        pass

    with pytest.raises(NotImplementedError, match="Custom must define format_request_payload"):
        Custom().format_request_payload("hi", {})
    with pytest.raises(NotImplementedError, match="Custom must define format_response_payload"):
        Custom().format_response_payload(b"")
    with pytest.raises(NotImplementedError, match="Custom must define format_stream_event"):
        Custom().format_stream_event("")


def test_a_score_formatter_without_a_payload_says_so() -> None:
    """The error names the class."""

    class Custom(ScoreContentFormatter):
        pass

    with pytest.raises(NotImplementedError, match="Custom must define payload"):
        Custom().format_request_payload("hi", {})


def test_formatters_are_equal_by_class_and_state() -> None:
    """Attributes in slots are part of the state."""

    class Slotted(ContentFormatterBase):
        __slots__ = ("prefix",)

        def __init__(self, prefix: str) -> None:
            self.prefix = prefix

    assert GPT2ContentFormatter() == GPT2ContentFormatter()
    assert GPT2ContentFormatter() != HFContentFormatter()
    assert GPT2ContentFormatter() != "gpt2"
    assert Slotted("a") == Slotted("a")
    assert Slotted("a") != Slotted("b")
    assert hash(Slotted("a")) == hash(Slotted("a"))


def test_special_characters_are_escaped_for_old_subclasses() -> None:
    """For those that build JSON by hand."""
    escaped = ContentFormatterBase.escape_special_characters('a"b\\c\n\t')
    assert escaped == 'a\\"b\\\\c\\n\\t'
    assert json.loads(f'"{escaped}"') == 'a"b\\c\n\t'


def test_the_old_error_message_takes_the_api_type() -> None:
    """Old subclasses raise with it."""
    assert "serverless" in ContentFormatterBase.format_error_msg.format(api_type="serverless")
