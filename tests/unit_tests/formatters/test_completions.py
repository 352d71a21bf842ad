"""OpenAI's completions as Azure really sends them."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.outputs import GenerationChunk

from langchain_azure_llms.exceptions import ResponseFormatError
from langchain_azure_llms.formatters import chat_completions, completions
from langchain_azure_llms.formatters._stream import StreamReader

_SAFE = {"hate": {"filtered": False, "severity": "safe"}}
_BLOCKED = {"hate": {"filtered": True, "severity": "high"}}


def _body(**value: Any) -> bytes:
    return json.dumps(value).encode()


@given(st.integers(1, 4), st.integers(1, 3), st.randoms(use_true_random=False))
def test_choices_are_placed_by_index_whatever_their_order(
    prompts: int, n: int, shuffle: random.Random
) -> None:
    """Choice `prompt x n + k` is the prompt's k-th."""
    choices = [{"text": f"{i // n}.{i % n}", "index": i} for i in range(prompts * n)]
    shuffle.shuffle(choices)
    answer = completions.read_answer(_body(choices=choices), prompts, n)
    texts = [[generation.text for generation in group] for group in answer.generations]
    assert texts == [[f"{p}.{k}" for k in range(n)] for p in range(prompts)]


def test_choices_without_an_index_stand_where_they_came() -> None:
    """Some gateways drop it."""
    answer = completions.read_answer(_body(choices=[{"text": "a"}, {"text": "b"}]), prompts=2)
    assert [group[0].text for group in answer.generations] == ["a", "b"]


@pytest.mark.parametrize(("first", "second"), [("1", "0"), (1.0, 0.0), (1, 0)])
def test_indexes_that_were_written_anew_count(first: Any, second: Any) -> None:
    """A gateway may have made a float or a text of them; the answers must not be swapped."""
    choices = [{"text": "b", "index": first}, {"text": "a", "index": second}]
    answer = completions.read_answer(_body(choices=choices), prompts=2)
    assert [group[0].text for group in answer.generations] == ["a", "b"]


@pytest.mark.parametrize("index", ["one", 0.5, -1, [], {}])
def test_an_index_that_is_none_is_refused_where_it_matters(index: Any) -> None:
    """Whose answer it is would be a guess; a single one needs no index."""
    choices = [{"text": "a", "index": index}, {"text": "b", "index": 1}]
    with pytest.raises(ResponseFormatError, match="whole numbers as index"):
        completions.read_answer(_body(choices=choices), prompts=2)
    answer = completions.read_answer(_body(choices=choices[:1]))
    assert answer.generations[0][0].text == "a"


def test_fewer_completions_than_asked_are_taken() -> None:
    """A filter may swallow some of `n`."""
    choices = [{"text": "a", "index": 0}, {"text": "b", "index": 2}]
    answer = completions.read_answer(_body(choices=choices), 1, 3)
    assert [generation.text for generation in answer.generations[0]] == ["a", "b"]


def test_a_prompt_without_any_completion_is_an_error() -> None:
    """Its answer would be another prompt's, or nothing."""
    with pytest.raises(ResponseFormatError, match=r"expected 2 completion"):
        completions.read_answer(_body(choices=[{"text": "a", "index": 0}]), prompts=2)


@pytest.mark.parametrize(
    "choice",
    [
        {"text": None, "finish_reason": "content_filter", "content_filter_results": _BLOCKED},
        {"finish_reason": "content_filter", "content_filter_results": _BLOCKED},
        {"text": "", "finish_reason": "content_filter", "content_filter_result": _BLOCKED},
    ],
)
def test_a_filtered_completion_is_empty_with_its_annotations(choice: dict[str, Any]) -> None:
    """Not a crash."""
    (generation,) = completions.read_answer(_body(choices=[choice])).generations[0]
    assert generation.text == ""
    assert generation.generation_info == {
        "finish_reason": "content_filter",
        "logprobs": None,
        "content_filter_results": _BLOCKED,
    }


@pytest.mark.parametrize("choice", [{"message": {"content": "a"}}, {"text": 17}, {"text": ["a"]}])
def test_a_choice_of_another_schema_is_an_error(choice: dict[str, Any]) -> None:
    """Its text would be lost in silence."""
    with pytest.raises(ResponseFormatError, match="a text in each choice"):
        completions.read_answer(_body(choices=[choice]))


@pytest.mark.parametrize("key", ["prompt_filter_results", "prompt_annotations"])
def test_each_prompt_gets_its_own_annotations_under_todays_name(key: str) -> None:
    """The 2023 gateways used another one."""
    found = [
        {"prompt_index": 1, "content_filter_results": _BLOCKED},
        {"prompt_index": 0, "content_filter_results": _SAFE},
    ]
    body = _body(choices=[{"text": "a", "index": 0}, {"text": "b", "index": 1}], **{key: found})
    answer = completions.read_answer(body, prompts=2)
    told = [group[0].generation_info or {} for group in answer.generations]
    assert [info["prompt_filter_results"] for info in told] == [[found[1]], [found[0]]]


def test_an_error_of_the_filter_itself_is_kept_as_annotation() -> None:
    """The completion is there; only its filtering failed."""
    choice = {"text": "a", "content_filter_results": {"error": {"code": "x", "message": "y"}}}
    (generation,) = completions.read_answer(_body(choices=[choice])).generations[0]
    assert generation.text == "a"
    assert "error" in (generation.generation_info or {})["content_filter_results"]


def test_usage_model_and_fingerprint_are_told_when_they_are_there() -> None:
    """And unknown keys are ignored."""
    usage = {"prompt_tokens": 2, "total_tokens": 5, "completion_tokens_details": {}, "odd": True}
    body = _body(choices=[{"text": "a"}], usage=usage, model="m", system_fingerprint="f", x=1)
    answer = completions.read_answer(body)
    assert answer.token_usage == {"prompt_tokens": 2, "total_tokens": 5}
    assert (answer.model_name, answer.system_fingerprint) == ("m", "f")


@pytest.mark.parametrize("extra", [{}, {"usage": None, "model": "", "prompt_filter_results": {}}])
def test_everything_but_the_text_may_be_missing(extra: dict[str, Any]) -> None:
    """Microsoft's own samples leave it out."""
    answer = completions.read_answer(_body(choices=[{"text": "a"}], **extra))
    assert (answer.token_usage, answer.model_name) == ({}, None)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "a"}, "a"),
        ({"content": None, "refusal": "No."}, "No."),
        ({"content": None}, ""),
    ],
)
def test_a_chat_answer_is_its_content_or_its_refusal(message: dict[str, Any], text: str) -> None:
    """A refusal is what the model said."""
    answer = chat_completions.read_answer(_body(choices=[{"message": message}]))
    assert answer.generations[0][0].text == text


def test_a_filtered_chat_answer_may_have_no_message() -> None:
    """Seen with HTTP 200."""
    answer = chat_completions.read_answer(_body(choices=[{"finish_reason": "content_filter"}]))
    assert answer.generations[0][0].text == ""


def _read(*events: Any) -> tuple[str, GenerationChunk, StreamReader]:
    reader = StreamReader(completions.read_event)
    chunks = [reader.feed(e if isinstance(e, str) else json.dumps(e)) for e in events]
    return "".join(chunk.text for chunk in chunks if chunk), reader.last(), reader


def _event(text: str | None, finish: str | None = None, **extra: Any) -> dict[str, Any]:
    choice = {"text": text, "index": 0, "finish_reason": finish, **extra}
    return {"id": "x", "model": "m", "choices": [choice]}


def test_what_a_stream_tells_beside_its_text_comes_once_at_the_end() -> None:
    """LangChain adds chunks up; annotations of every event would add up to "safesafe"."""
    prompt = [{"prompt_index": 0, "content_filter_results": _SAFE}]
    text, last, reader = _read(
        {"id": "", "model": "", "choices": [], "prompt_filter_results": prompt},
        _event("\n\na", content_filter_results=_SAFE),
        _event("b ", content_filter_results={"violence": {"filtered": False}}),
        _event("", "stop", content_filter_results={}),
        {"choices": [], "usage": {"total_tokens": 3}},
        "[DONE]",
    )
    assert (text, reader.ended) == ("\n\nab ", True)
    assert last.generation_info == {
        "finish_reason": "stop",
        "model_name": "m",
        "prompt_filter_results": prompt,
        "content_filter_results": {**_SAFE, "violence": {"filtered": False}},
        "token_usage": {"total_tokens": 3},
    }


def test_text_after_the_finish_counts_and_a_late_block_wins() -> None:
    """Filters run in blocks, behind the text."""
    text, last, _ = _read(
        _event("a", "stop"),
        _event("b"),
        {"choices": [{"index": 0, "content_filter_offsets": {}, "finish_reason": None}]},
        {"choices": [{"index": 0, "finish_reason": "content_filter"}]},
    )
    assert text == "ab"
    assert (last.generation_info or {})["finish_reason"] == "content_filter"


@pytest.mark.parametrize(
    ("events", "complete"),
    [
        ([_event("a")], False),
        ([], False),
        ([_event("a", "stop")], True),
        ([_event("a"), "[DONE]"], True),
        ([_event("a"), " [DONE] "], True),
    ],
)
def test_a_stream_is_complete_when_it_said_so(
    events: list[Any],
    complete: bool,  # noqa: FBT001
) -> None:
    """By its end marker, or at least by a finish reason."""
    assert _read(*events)[2].is_complete is complete


def test_log_probabilities_stay_with_their_chunk() -> None:
    """Lists add up as they should."""
    reader = StreamReader(completions.read_event)
    chunk = reader.feed(json.dumps(_event("a", logprobs={"tokens": ["a"]})))
    assert chunk is not None
    assert chunk.generation_info == {"finish_reason": None, "logprobs": {"tokens": ["a"]}}


def test_a_formatter_may_return_text_or_nothing_for_an_event() -> None:
    """Own formatters need no chunk object."""
    reader = StreamReader(lambda data: data if data != "skip" else None)
    fed = [reader.feed(data) for data in ("a", "skip", "b")]
    assert [chunk.text if chunk else None for chunk in fed] == ["a", None, "b"]
    assert reader.text == "ab"


@given(st.text())
def test_any_event_is_read_or_refused(data: str) -> None:
    """Nothing but our own error."""
    try:
        completions.read_event(data)
        chat_completions.read_event(data)
    except ResponseFormatError:
        return
