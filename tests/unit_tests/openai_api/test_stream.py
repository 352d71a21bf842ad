"""Streams: events become chunks, and chunks become one response."""

import json
from typing import Any

import pytest
from langchain_core.outputs import GenerationChunk

from langchain_azure_llms._completion import StreamDelta
from langchain_azure_llms.openai_api import completions
from langchain_azure_llms.openai_api.stream import Ending, StreamReader, join_chunks

_SAFE = {"hate": {"filtered": False, "severity": "safe"}}


def _read(*events: Any) -> tuple[str, GenerationChunk, StreamReader]:
    reader = StreamReader(completions.parse_event)
    chunks = [reader.feed(e if isinstance(e, str) else json.dumps(e)) for e in events]
    return "".join(chunk.text for chunk in chunks if chunk), reader.last(), reader


def _event(text: str, finish: str | None = None, **extra: Any) -> dict[str, Any]:
    choice = {"text": text, "index": 0, "finish_reason": finish, **extra}
    return {"id": "x", "model": "m", "choices": [choice]}


def test_what_events_have_beside_their_text_is_in_the_last_chunk() -> None:
    """LangChain adds chunks up: the annotations of each event would become "safesafe"."""
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
        "id": "x",
        "prompt_filter_results": prompt,
        "content_filter_results": {**_SAFE, "violence": {"filtered": False}},
        "token_usage": {"total_tokens": 3},
    }


def test_text_after_the_finish_reason_counts_and_the_last_reason_is_kept() -> None:
    """Filters run in blocks, later than the text."""
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
def test_a_stream_is_complete_after_its_end_marker_or_a_finish_reason(
    events: list[Any],
    complete: bool,  # noqa: FBT001
) -> None:
    """Some gateways drop the end marker."""
    assert _read(*events)[2].is_complete is complete


def test_log_probabilities_stay_with_their_chunk() -> None:
    """LangChain adds up their lists."""
    reader = StreamReader(completions.parse_event)
    chunk = reader.feed(json.dumps(_event("a", logprobs={"tokens": ["a"]})))
    assert chunk is not None
    assert {"logprobs": {"tokens": ["a"]}} == chunk.generation_info


def test_a_chunk_that_only_adds_text_has_no_generation_info() -> None:
    """The model's name and the finish reason are kept for the last chunk."""
    reader = StreamReader(completions.parse_event)
    assert GenerationChunk(text="a") == reader.feed(json.dumps(_event("a")))
    assert reader.feed(json.dumps(_event("", "stop"))) is None
    info = {"finish_reason": "stop", "model_name": "m", "id": "x"}
    assert GenerationChunk(text="", generation_info=info) == reader.last()


def test_a_text_that_comes_with_its_finish_reason_is_the_last_chunk() -> None:
    """No empty text follows it."""
    reader = StreamReader(completions.parse_event)
    assert reader.feed(json.dumps(_event("a", "stop", logprobs={"tokens": ["a"]}))) is None
    assert "a" == reader.text
    last = reader.last()
    assert ("a", {"tokens": ["a"]}) == (last.text, (last.generation_info or {})["logprobs"])


def test_events_may_be_parsed_to_chunks_or_to_nothing() -> None:
    """As content formatters do."""
    first = GenerationChunk(text="a", generation_info={"finish_reason": "stop"})
    unknown = {"finish_reason": None, "model_name": None}
    parsed: dict[str, StreamDelta | GenerationChunk | None] = {
        "first": first,
        "unknown": GenerationChunk(text="b", generation_info=unknown),
        "delta": StreamDelta("c", {"token_usage": {"total_tokens": 1}}),
        "nothing": None,
    }
    reader = StreamReader(lambda data: parsed[data])
    fed = [reader.feed(data) for data in parsed]
    assert [None, "ab", "c", None] == [chunk and chunk.text for chunk in fed]
    assert "abc" == reader.text
    info = {"finish_reason": "stop", "token_usage": {"total_tokens": 1}}
    assert info == reader.last().generation_info
    assert {"finish_reason": "stop"} == first.generation_info  # the formatter's object is as it was


@pytest.mark.parametrize("marker", ["[END]", "[DONE]"])
def test_a_stream_ends_with_its_own_marker_or_with_that_of_openai(marker: str) -> None:
    """Neither is parsed."""
    reader = StreamReader(lambda data: StreamDelta(data, {}), ending=Ending("[END]"))
    assert (None, True, True) == (reader.feed(marker), reader.ended, reader.is_over)
    assert "" == reader.text


def test_a_stream_without_a_marker_ends_with_its_connection() -> None:
    """It is complete at any time, and over at none."""
    reader = StreamReader(lambda data: StreamDelta(data, {}), ending=Ending())
    reader.feed("a")
    assert (True, False) == (reader.is_complete, reader.is_over)


def test_chunks_join_to_one_response() -> None:
    """Texts and log probabilities are added up; usage and model are in `llm_output`."""
    reader = StreamReader(completions.parse_event)
    events = [
        _event("a", logprobs={"tokens": ["a"]}),
        _event("b", logprobs={"tokens": ["b"]}),
        _event("", "length"),
        {"choices": [], "usage": {"total_tokens": 3}},
    ]
    chunks = [reader.feed(json.dumps(event)) for event in events]
    ((generation,),), llm_output = join_chunks([*filter(None, chunks), reader.last()])
    assert "ab" == generation.text
    assert {
        "finish_reason": "length",
        "logprobs": {"tokens": ["a", "b"]},
    } == generation.generation_info
    assert {"token_usage": {"total_tokens": 3}, "model_name": "m", "id": "x"} == llm_output


def test_chunks_without_information_join_to_a_response_without_it() -> None:
    """`finish_reason` and `logprobs` are there all the same, as in any other response."""
    ((generation,),), llm_output = join_chunks(
        [GenerationChunk(text="a"), GenerationChunk(text="")]
    )
    assert ("a", {}) == (generation.text, llm_output)
    assert {"finish_reason": None, "logprobs": None} == generation.generation_info
