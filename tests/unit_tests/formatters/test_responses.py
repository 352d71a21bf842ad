"""OpenAI's Responses in the words of text completions."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.exceptions import ConfigurationError, ResponseFormatError
from langchain_azure_llms.formatters import chat_completions, responses
from langchain_azure_llms.formatters._stream import StreamReader

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


def test_the_payload_keeps_nothing_at_the_service() -> None:
    """Text completions were never stored; a user may say otherwise."""
    assert {"input": "hi", "store": False} == json.loads(responses.payload("hi", {}))
    assert {"input": "hi", "store": True} == json.loads(responses.payload("hi", {"store": True}))
    with pytest.raises(ConfigurationError, match="'input' is no model parameter"):
        responses.payload("hi", {"input": "other"})


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
def test_parameters_get_this_forms_words(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """What asks for nothing is left out."""
    before = json.dumps(given)
    assert expected == responses.parameters(given)
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
    """Rather than left out in silence."""
    (name,) = given
    with pytest.raises(ConfigurationError, match=f"no counterpart of {name}"):
        responses.parameters(given)


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
def test_parameters_get_the_words_of_chats(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """They have more counterparts."""
    assert expected == chat_completions.parameters(given)


def test_parameters_that_chats_lack_are_all_named() -> None:
    """In one error."""
    with pytest.raises(ConfigurationError, match="no counterpart of best_of, echo, suffix"):
        chat_completions.parameters({"suffix": "s", "best_of": 2, "echo": True})


def test_old_versions_of_chats_keep_the_old_limit() -> None:
    """They do not know the new one."""
    assert {"max_tokens": 5} == chat_completions.parameters({"max_tokens": 5}, limit="max_tokens")


def test_an_answer_is_its_messages_text() -> None:
    """Reasoning and tools have items of their own."""
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
    answer = responses.read_answer(_body(value))
    ((generation,),) = answer.generations
    assert "\n Hello, you " == generation.text
    assert {
        "finish_reason": "stop",
        "logprobs": None,
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}],
        "content_filter_results": _SAFE,
    } == generation.generation_info
    assert {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7} == answer.token_usage
    assert "a-model" == answer.model_name


def test_log_probabilities_have_the_shape_of_completions() -> None:
    """Callers do not notice the form, neither here nor in a chat."""
    entries = [{"token": "a", "logprob": -1.0, "top_logprobs": [{"token": "b", "logprob": -2.0}]}]
    expected = {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": [{"b": -2.0}]}
    whole = responses.read_answer(_body(_response(_message(_text("a", logprobs=entries)))))
    choice = {"message": {"content": "a"}, "index": 0, "logprobs": {"content": entries}}
    chat = chat_completions.read_answer(_body({"choices": [choice]}))
    for answer in (whole, chat):
        assert expected == (answer.generations[0][0].generation_info or {})["logprobs"]


@pytest.mark.parametrize(
    ("more", "finish"),
    [
        ({"incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"incomplete_details": None}, "None"),
    ],
)
def test_an_incomplete_answer_says_why(more: dict[str, Any], finish: str) -> None:
    """Also one without any text: reasoning may have used up the limit."""
    for output in ([_message(_text("par"))], [{"type": "reasoning"}]):
        body = _body(_response(*output, status="incomplete", **more))
        generation = responses.read_answer(body).generations[0][0]
        assert finish == (generation.generation_info or {})["finish_reason"]
        assert ("par" if len(output[0]) > 1 else "") == generation.text


def test_a_refusal_stands_in_the_texts_place() -> None:
    """As in a chat."""
    body = _body(_response(_message({"type": "refusal", "refusal": "No."})))
    assert "No." == responses.read_answer(body).generations[0][0].text


def test_an_answer_ends_where_the_caller_wants() -> None:
    """The service has no parameter for it."""
    body = _body(_response(_message(_text("one\nHuman: two"))))
    generation = responses.read_answer(body, ["\nHuman:", "x"]).generations[0][0]
    assert "one" == generation.text


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"output": None},
        {"output": {}},
        _response(),
        _response({"type": "function_call"}),
        _response(_message(_text("a")), status="queued"),
        _response(_message(_text("a")), status="in_progress"),
    ],
)
def test_what_is_no_finished_response_is_refused(value: Any) -> None:
    """With the beginning of what came."""
    with pytest.raises(ResponseFormatError, match="The Responses format expected"):
        responses.read_answer(_body(value))


def _chunks(*events: Any, stop: tuple[str, ...] = ()) -> tuple[StreamReader, list[Any]]:
    reader = StreamReader(responses.read_event, stop)
    chunks = [reader.feed(json.dumps(event)) for event in events]
    return reader, [chunk for chunk in chunks if chunk is not None]


def _delta(text: str, kind: str = "output_text") -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "delta": text, "logprobs": []}


def test_a_stream_is_its_deltas_and_what_its_end_tells() -> None:
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
    """It was cut."""
    reader, _ = _chunks(_delta("Hel"))
    assert not reader.is_complete


def test_an_incomplete_stream_is_complete_all_the_same() -> None:
    """The service says that it ended, and why."""
    details = {"reason": "max_output_tokens"}
    end = _response(status="incomplete", incomplete_details=details)
    reader, _ = _chunks(_delta("a"), {"type": "response.incomplete", "response": end})
    assert reader.is_complete
    assert "length" == (reader.last().generation_info or {})["finish_reason"]


def test_a_stream_ends_where_the_caller_wants() -> None:
    """What may begin the text to end at is held back until it is clear."""
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
    ["message", "output_text", "refusal", "incomplete", "response.completed", *responses._DELTAS]
)
_any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | _words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_names), inner, max_size=5)
    ),
    max_leaves=15,
)


@pytest.mark.parametrize(
    "read",
    [
        lambda text: responses.read_answer(text.encode()),
        responses.read_event,
        lambda text: chat_completions.read_answer(text.encode()),
        chat_completions.read_event,
    ],
)
@given(value=_any_json)
def test_any_json_is_read_or_refused(read: Any, value: Any) -> None:
    """No other error comes out."""
    with contextlib.suppress(ResponseFormatError):
        read(json.dumps(value))
