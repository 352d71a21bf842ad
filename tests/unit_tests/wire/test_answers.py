"""Whole answers, as Azure's services of every age give them."""

import gzip
import json
from typing import Any

import httpx2
import pytest

from langchain_azure_llms import OpenAIChatContentFormatter
from tests.unit_tests.llms.scripted import Service, completion, stream, text_event
from tests.unit_tests.wire.endpoints import Calls, azure, framed, scoring

_SAFE = {"violence": {"filtered": False, "severity": "safe"}}
_BLOCKED = {"violence": {"filtered": True, "severity": "high"}}
_FILTER_FAILED = {"error": {"code": "content_filter_error", "message": "It did not run."}}


def _choice(index: int, text: str | None, finish: str, **extra: Any) -> dict[str, Any]:
    return {"text": text, "index": index, "finish_reason": finish, "logprobs": None, **extra}


def test_each_completion_keeps_what_was_told_of_it(calls: Calls, service: Service) -> None:
    """Two prompts, two of each asked for, one swallowed by the filter, the rest in any order."""
    answer = {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "lighthouse-instruct",
        "latency_checkpoint": {"seen": True},
        "prompt_filter_results": [
            {"prompt_index": 1, "content_filter_results": {}},
            {"prompt_index": 0, "content_filter_results": _SAFE},
        ],
        "choices": [
            _choice(3, "half a t", "content_filter", content_filter_results=_BLOCKED),
            _choice(1, None, "content_filter", content_filter_result=_BLOCKED),
            _choice(0, "\n\nWhole. ", "stop", content_filter_results=_FILTER_FAILED, spare=1),
        ],
        "usage": {"prompt_tokens": 4, "completion_tokens": 9, "total_tokens": 13},
    }
    service.answers = [httpx2.Response(200, content=json.dumps(answer).encode() + b"\n")]
    result = calls.generate(azure(service, n=2), ["first", "second"])
    told = [[(g.text, g.generation_info) for g in group] for group in result.generations]
    own = [{"prompt_filter_results": [found]} for found in answer["prompt_filter_results"]]  # type: ignore[attr-defined]
    filtered = {"finish_reason": "content_filter", "logprobs": None}
    assert [
        [
            (
                "\n\nWhole. ",
                {
                    "finish_reason": "stop",
                    "logprobs": None,
                    "content_filter_results": _FILTER_FAILED,
                    **own[1],
                },
            ),
            ("", {**filtered, "content_filter_results": _BLOCKED, **own[1]}),
        ],
        [("half a t", {**filtered, "content_filter_results": _BLOCKED, **own[0]})],
    ] == told
    output = {"token_usage": answer["usage"], "model_name": "lighthouse-instruct", "id": "cmpl-1"}
    assert output == result.llm_output


def test_log_probabilities_and_usage_come_as_they_were_sent(calls: Calls, service: Service) -> None:
    """Exponents, offsets that begin anywhere, and tokens of candidates that were not returned."""
    told = (
        b'{"tokens": ["\\n", "Dune"], "token_logprobs": [-2.5e-6, null], "text_offset": [61, 62],'
        b' "top_logprobs": [{"\\n": -2.5e-6}, null]}'
    )
    usage = {"prompt_tokens": 5, "completion_tokens": 90, "total_tokens": 95}
    body = (
        b'{"choices": [{"text": "\\nDune", "index": 0, "finish_reason": "stop", "logprobs": '
        + told
        + b'}], "usage": '
        + json.dumps(usage).encode()
        + b"}"
    )
    service.answers = [httpx2.Response(200, content=body)]
    result = calls.generate(azure(service, best_of=3, logprobs=1), ["sand?"])
    info = result.generations[0][0].generation_info or {}
    assert json.loads(told) == info["logprobs"]
    assert -0.0000025 == info["logprobs"]["token_logprobs"][0]
    assert usage == (result.llm_output or {})["token_usage"]


def test_log_probabilities_that_are_a_word_are_none(calls: Calls, service: Service) -> None:
    """Servers in containers of one's own write Python's None as a text."""
    choice = {"text": "ok", "index": 0, "logprobs": "None", "stop_reason": "None"}
    service.answers = [httpx2.Response(200, json={"choices": [choice]})]
    result = calls.generate(scoring(service, "/v1/completions"), ["x"])
    assert {"finish_reason": None, "logprobs": None} == result.generations[0][0].generation_info


_SPACED = "\n\n  Say:\t\u00a0yes \n"
_PIECES = ["\n", "\n", "  Say", ":\t", "\u00a0yes", " ", "\n"]


def _whole_and_streamed(form: str) -> tuple[httpx2.Response, httpx2.Response]:
    if form == "completions":
        return completion(_SPACED), stream(*map(text_event, _PIECES))
    if form == "chat_completions":
        whole = {"choices": [{"index": 0, "message": {"content": _SPACED}}]}
        pieces = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in _PIECES]
        return httpx2.Response(200, json=whole), stream(*pieces)
    part = {"type": "output_text", "text": _SPACED}
    whole = {"output": [{"type": "message", "content": [part]}]}
    deltas = [{"type": "response.output_text.delta", "delta": piece} for piece in _PIECES]
    end = {"type": "response.completed", "response": {"status": "completed"}}
    return httpx2.Response(200, json=whole), stream(*deltas, end, done=False)


@pytest.mark.parametrize("form", ["completions", "chat_completions", "responses"])
def test_white_space_belongs_to_the_text(calls: Calls, service: Service, form: str) -> None:
    """At its beginning and its end, however it is asked for and however it is cut."""
    whole, streamed = _whole_and_streamed(form)
    llm = azure(service, api=form, batch_size=1)
    service.answers = [whole]
    assert _SPACED == calls.invoke(llm, "x")
    assert [_SPACED, _SPACED] == calls.batch(llm, ["x", "y"])
    service.answers = [streamed]
    assert _PIECES == [text for text in calls.stream(llm, "x") if text]
    assert _SPACED == calls.invoke(azure(service, api=form, streaming=True), "x")


def test_compressed_answers_are_read(calls: Calls, service: Service) -> None:
    """Whole ones and streams: clients say that they take gzip."""
    headers = {"content-encoding": "gzip"}
    body = gzip.compress(completion("packed").content)
    service.answers = [lambda _request: httpx2.Response(200, headers=headers, content=body)]
    assert "packed" == calls.invoke(azure(service), "x")
    events = gzip.compress(framed(text_event("pac"), text_event("ked", "stop"), "[DONE]"))
    headers["content-type"] = "text/event-stream"
    service.answers = [lambda _request: httpx2.Response(200, headers=headers, content=events)]
    assert "packed" == "".join(calls.stream(azure(service), "x"))


@pytest.mark.parametrize(
    ("choice", "prompt_filters", "text"),
    [
        (
            {"finish_reason": "content_filter", "content_filter_results": _BLOCKED},
            _SAFE,
            "",
        ),
        (
            {
                "finish_reason": "stop",
                "content_filter_results": {
                    **_SAFE,
                    "protected_material_text": {"detected": False, "filtered": False},
                },
                "message": {"role": "assistant", "content": "Fine.", "annotations": []},
            },
            {**_SAFE, "jailbreak": {"detected": True, "filtered": False}},
            "Fine.",
        ),
        (
            {
                "finish_reason": "stop",
                "content_filter_results": {},
                "message": {"content": "Fine.", "refusal": None, "tool_calls": None},
            },
            {},
            "Fine.",
        ),
    ],
    ids=["filtered, without a message", "detections", "no filter set"],
)
def test_a_chats_answer_keeps_its_annotations(
    calls: Calls,
    service: Service,
    choice: dict[str, Any],
    prompt_filters: dict[str, Any],
    text: str,
) -> None:
    """Severities, detections, and empty ones; the details of usage are not counted."""
    found = [{"prompt_index": 0, "content_filter_results": prompt_filters}]
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    details = {"completion_tokens_details": {"reasoning_tokens": 1}}
    answer = {
        "choices": [{"index": 0, "logprobs": None, **choice}],
        "model": "lighthouse-chat",
        "prompt_filter_results": found,
        "system_fingerprint": "fp_1",
        "usage": {**usage, **details},
    }
    service.answers = [httpx2.Response(200, json=answer)]
    result = calls.generate(azure(service, api="chat_completions"), ["x"])
    ((generation,),) = result.generations
    assert text == generation.text
    assert generation.generation_info == {
        "finish_reason": choice["finish_reason"],
        "logprobs": None,
        "content_filter_results": choice["content_filter_results"],
        "prompt_filter_results": found,
    }
    assert result.llm_output == {
        "token_usage": usage,
        "model_name": "lighthouse-chat",
        "system_fingerprint": "fp_1",
    }


_LIKE_AN_ERROR = '{"error": {"code": "429", "message": "Not meant."}}'


def test_a_text_that_reads_like_an_error_is_a_text(calls: Calls, service: Service) -> None:
    """A model may be asked to write one."""
    service.answers = [completion(_LIKE_AN_ERROR)]
    assert _LIKE_AN_ERROR == calls.invoke(azure(service), "x")
    service.answers = [httpx2.Response(200, json=[{"0": _LIKE_AN_ERROR}])]
    assert _LIKE_AN_ERROR == calls.invoke(scoring(service), "x")
    service.answers = [stream(text_event(_LIKE_AN_ERROR), text_event("", "stop"))]
    assert _LIKE_AN_ERROR == "".join(calls.stream(azure(service), "x"))


def test_an_answer_without_model_or_usage_tells_none(calls: Calls, service: Service) -> None:
    """Serverless endpoints, too, leave them out."""
    chat = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Hm."}}]}
    for answer, llm in (
        (completion("Hm."), scoring(service, "/v1/completions")),
        (
            httpx2.Response(200, json=chat),
            scoring(
                service, "/v1/chat/completions", content_formatter=OpenAIChatContentFormatter()
            ),
        ),
    ):
        service.answers = [answer]
        result = calls.generate(llm, ["x"])
        assert ("Hm.", {"token_usage": {}}) == (result.generations[0][0].text, result.llm_output)
