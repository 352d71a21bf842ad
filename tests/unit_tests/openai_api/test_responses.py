"""OpenAI's Responses, and the parameters of text completions under other names."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.exceptions import ConfigurationError, ResponseFormatError
from langchain_azure_llms.openai_api import chat_completions, responses
from langchain_azure_llms.openai_api.stream import StreamReader

_SAFE = {"hate": {"filtered": False, "severity": "safe"}}


def _message(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(parts)}


def _text(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], **more}


def _response(*output: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "a-model",
        "output": list(output),
        "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        **more,
    }


def _body(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_the_service_does_not_store_the_response() -> None:
    """Text completions were never stored; a user may set `store`."""
    assert {"input": "hi", "store": False} == json.loads(responses.build_payload("hi", {}))
    assert {"input": "hi", "store": True} == json.loads(
        responses.build_payload("hi", {"store": True})
    )
    with pytest.raises(ConfigurationError, match="'input' is no model parameter"):
        responses.build_payload("hi", {"input": "other"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
        ({"max_tokens": 20}, {"max_output_tokens": 20}),
        ({"max_completion_tokens": 20}, {"max_output_tokens": 20}),
        ({"max_output_tokens": 30, "max_tokens": 20}, {"max_output_tokens": 30}),
        ({"logprobs": 3}, {"include": ["message.output_text.logprobs"], "top_logprobs": 3}),
        ({"logprobs": 0}, {"include": ["message.output_text.logprobs"]}),
        ({"logprobs": None, "seed": None}, {}),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ({"stream_options": {"include_usage": True}}, {}),
        ({"n": 1, "best_of": 1, "echo": False, "suffix": "", "logit_bias": {}}, {}),
        ({"frequency_penalty": 0, "presence_penalty": 0.0}, {}),
        ({"user": "u", "instructions": "i"}, {"user": "u", "instructions": "i"}),
    ],
)
def test_parameters_get_the_names_of_responses(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """What has no effect is left out."""
    before = json.dumps(given)
    assert expected == responses.translate_parameters(given)
    assert before == json.dumps(given)


@pytest.mark.parametrize(
    "given",
    [
        {"best_of": 2},
        {"echo": True},
        {"frequency_penalty": 0.5},
        {"logit_bias": {"1": 2}},
        {"n": 2},
        {"presence_penalty": -1},
        {"seed": 1},
        {"suffix": "s"},
    ],
)
def test_a_parameter_without_a_counterpart_is_named(given: dict[str, Any]) -> None:
    """It is not left out unnoticed."""
    (name,) = given
    with pytest.raises(ConfigurationError, match=f"no counterpart of {name}"):
        responses.translate_parameters(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"max_tokens": 20}, {"max_completion_tokens": 20}),
        ({"n": 2, "seed": 1, "logit_bias": {"1": 2}}, {"n": 2, "seed": 1, "logit_bias": {"1": 2}}),
        ({"logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"logprobs": 0}, {"logprobs": True}),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"best_of": 1, "suffix": None, "echo": False}, {}),
    ],
)
def test_parameters_get_the_names_of_chat_completions(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """These have more of them."""
    assert expected == chat_completions.translate_parameters(given)


def test_all_parameters_that_chat_completions_lack_are_named() -> None:
    """In one error."""
    with pytest.raises(ConfigurationError, match="no counterpart of best_of, echo, suffix"):
        chat_completions.translate_parameters({"suffix": "s", "best_of": 2, "echo": True})


def test_old_api_versions_keep_the_old_limit() -> None:
    """They know `max_tokens` only."""
    assert {"max_tokens": 5} == chat_completions.translate_parameters(
        {"max_tokens": 5}, limit="max_tokens"
    )


def test_a_responses_text_is_that_of_its_messages() -> None:
    """Reasoning and tool calls are other items."""
    value = _response(
        {"type": "reasoning", "summary": []},
        _message(_text("\n Hello,"), _text(" you ")),
        content_filters=[
            {"source_type": "prompt", "blocked": False, "content_filter_results": _SAFE},
            {"source_type": "completion", "blocked": False, "content_filter_results": _SAFE},
            {"source_type": "other"},
            None,
        ],
    )
    response = responses.parse_response(_body(value))
    ((generation,),) = response.generations
    assert "\n Hello, you " == generation.text
    assert {
        "finish_reason": "stop",
        "logprobs": None,
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}],
        "content_filter_results": _SAFE,
    } == generation.generation_info
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    output = {"token_usage": usage, "model_name": "a-model", "id": "resp_1"}
    assert output == response.llm_output


@pytest.mark.parametrize("alternatives", [None, [], ["odd"]])
def test_log_probabilities_may_have_no_alternatives(alternatives: Any) -> None:
    """The token's own is kept."""
    entries = [{"token": "a", "logprob": -1.0, "top_logprobs": alternatives}]
    response = responses.parse_response(_body(_response(_message(_text("a", logprobs=entries)))))
    expected = {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": [{}]}
    assert expected == (response.generations[0][0].generation_info or {})["logprobs"]


def test_log_probabilities_have_the_shape_of_completions() -> None:
    """Also those of a chat completion: callers need not know the API."""
    entries = [{"token": "a", "logprob": -1.0, "top_logprobs": [{"token": "b", "logprob": -2.0}]}]
    expected = {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": [{"b": -2.0}]}
    whole = responses.parse_response(_body(_response(_message(_text("a", logprobs=entries)))))
    choice = {"message": {"content": "a"}, "index": 0, "logprobs": {"content": entries}}
    chat = chat_completions.parse_response(_body({"choices": [choice]}))
    for response in (whole, chat):
        assert expected == (response.generations[0][0].generation_info or {})["logprobs"]


@pytest.mark.parametrize(
    ("more", "finish"),
    [
        ({"incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"incomplete_details": None}, "None"),
    ],
)
def test_an_incomplete_response_has_its_reason_as_finish_reason(
    more: dict[str, Any], finish: str
) -> None:
    """Also without any text: reasoning may have used up the limit."""
    for output in ([_message(_text("par"))], [{"type": "reasoning"}]):
        body = _body(_response(*output, status="incomplete", **more))
        generation = responses.parse_response(body).generations[0][0]
        assert finish == (generation.generation_info or {})["finish_reason"]
        assert ("par" if len(output[0]) > 1 else "") == generation.text


def test_a_refusal_is_the_text() -> None:
    """As in a chat completion."""
    body = _body(_response(_message({"type": "refusal", "refusal": "No."})))
    assert "No." == responses.parse_response(body).generations[0][0].text


def test_a_response_is_cut_at_a_stop_sequence() -> None:
    """The API has no parameter for it."""
    body = _body(_response(_message(_text("one\nHuman: two"))))
    generation = responses.parse_response(body, ["\nHuman:", "x"]).generations[0][0]
    assert "one" == generation.text


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"output": None},
        {"output": {}},
        _response(),
        _response(_message(_text("a")), status="queued"),
        _response(_message(_text("a")), status="in_progress"),
    ],
)
def test_a_body_that_is_not_a_finished_response_is_refused(value: Any) -> None:
    """It has no text that could be returned."""
    with pytest.raises(ResponseFormatError, match="The Responses format expected"):
        responses.parse_response(_body(value))


def _chunks(*events: Any, stop: tuple[str, ...] = ()) -> tuple[StreamReader, list[Any]]:
    reader = StreamReader(responses.parse_event, stop)
    chunks = [reader.feed(json.dumps(event)) for event in events]
    return reader, [chunk for chunk in chunks if chunk is not None]


def _delta(text: str, kind: str = "output_text") -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "delta": text, "logprobs": []}


def test_a_stream_consists_of_its_deltas_and_its_last_event() -> None:
    """Other events add nothing."""
    reader, chunks = _chunks(
        {"type": "response.created", "response": _response(status="in_progress")},
        _delta("Hel"),
        {"type": "response.something.new", "delta": {"x": 1}},
        _delta("lo"),
        {"type": "response.output_text.done", "text": "Hello"},
        {"type": "response.completed", "response": _response(_message(_text("Hello")))},
    )
    assert ["Hel", "lo"] == [chunk.text for chunk in chunks]
    assert reader.is_complete
    last = reader.last()
    assert ("", "stop") == (last.text, (last.generation_info or {})["finish_reason"])
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert usage == (last.generation_info or {})["token_usage"]


def test_a_stream_without_its_last_event_is_not_complete() -> None:
    """The connection broke."""
    reader, _ = _chunks(_delta("Hel"))
    assert not reader.is_complete


def test_a_stream_of_an_incomplete_response_is_complete() -> None:
    """Its last event says why the response ended."""
    details = {"reason": "max_output_tokens"}
    end = _response(status="incomplete", incomplete_details=details)
    reader, _ = _chunks(_delta("a"), {"type": "response.incomplete", "response": end})
    assert reader.is_complete
    assert "length" == (reader.last().generation_info or {})["finish_reason"]


def test_a_stream_is_cut_at_a_stop_sequence() -> None:
    """What may be its beginning is held back until the next event."""
    reader, chunks = _chunks(_delta("a\nHu"), _delta("man: b"), stop=("\nHuman:",))
    assert (["a"], True) == ([chunk.text for chunk in chunks], reader.stopped)
    assert "stop" == (reader.last().generation_info or {})["finish_reason"]
    reader, chunks = _chunks(_delta("a\nHu"), stop=("\nHuman:",))
    assert ["a", "\nHu"] == [*(chunk.text for chunk in chunks), reader.last().text]
    assert "a\nHu" == reader.text


_names = [
    "choices",
    "content",
    "content_filter_results",
    "content_filters",
    "delta",
    "incomplete_details",
    "index",
    "logprobs",
    "message",
    "output",
    "response",
    "status",
    "text",
    "token",
    "top_logprobs",
    "type",
    "usage",
]
_words = st.sampled_from(
    [
        "message",
        "output_text",
        "refusal",
        "incomplete",
        "response.completed",
        "response.output_text.delta",
    ]
)
_any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | _words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_names), inner, max_size=5)
    ),
    max_leaves=15,
)


@pytest.mark.parametrize(
    "parse",
    [
        lambda text: responses.parse_response(text.encode()),
        responses.parse_event,
        lambda text: chat_completions.parse_response(text.encode()),
        chat_completions.parse_event,
    ],
)
@given(value=_any_json)
def test_any_json_is_parsed_or_refused(parse: Any, value: Any) -> None:
    """With a `ResponseFormatError`, and no other error."""
    with contextlib.suppress(ResponseFormatError):
        parse(json.dumps(value))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("[1]", "a JSON object"),
        ('{"type": "response.output_text.delta", "delta": 5}', "a text as delta"),
    ],
)
def test_an_event_in_another_format_is_refused(data: str, expected: str) -> None:
    """Its text would be lost unnoticed."""
    with pytest.raises(ResponseFormatError, match=expected):
        responses.parse_event(data)
