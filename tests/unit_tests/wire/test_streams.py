"""Streams, as Azure's services of every age send them, and as they break."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from langchain_azure_llms import (
    AzureMLEndpointApiType,
    ContentFormatterBase,
    OpenAIChatContentFormatter,
)
from langchain_azure_llms.exceptions import (
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    RateLimitError,
    ServerError,
    StatusError,
    StreamInterruptedError,
)
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import Service, stream, text_event
from tests.unit_tests.wire.endpoints import Calls, azure, framed, in_parts, scoring
from tests.unit_tests.wire.parts import Parts

_SAFE = {"hate": {"filtered": False, "severity": "safe"}}
_BLOCKED = {"hate": {"filtered": True, "severity": "medium"}}
_PROMPT = [{"prompt_index": 0, "content_filter_results": _SAFE}]
_EMPTY = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
_FIRST = {**_EMPTY, "prompt_filter_results": _PROMPT}
_USAGE = {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


def _event(text: str, finish: str | None = None, *, more: Any = None, **extra: Any) -> Any:
    choice = {"text": text, "index": 0, "finish_reason": finish, "logprobs": None, **extra}
    return {"id": "cmpl-2", "model": "buoy", "choices": [choice], **(more or {})}


_AGES = {
    "2023": (
        [
            {**_EMPTY, "usage": None, "prompt_annotations": _PROMPT},
            _event("Low ", more={"usage": None}, content_filter_results=_SAFE),
            _event("tide", "length", more={"usage": None}, content_filter_results=_SAFE),
        ],
        {},
        {"finish_reason": "length"},
    ),
    "2024": (
        [
            _FIRST,
            _event("Low ", content_filter_results=_SAFE),
            _event("tide", content_filter_results=_SAFE),
            _event("", "stop", content_filter_results={}),
        ],
        {},
        {"finish_reason": "stop"},
    ),
    "2025": (
        [
            _FIRST,
            _event("Low ", content_filter_results=_SAFE),
            _event("tide", content_filter_results={}),
            _event("", "stop", content_filter_results={}),
            {"id": "cmpl-2", "model": "buoy", "choices": [], "usage": _USAGE},
        ],
        _USAGE,
        {"finish_reason": "stop"},
    ),
    "2026": (
        [
            {**_FIRST, "obfuscation": "x8"},
            _event("Low ", more={"obfuscation": "q", "service_tier": "default"}),
            _event("tide", more={"latency_checkpoint": {"a": [1]}}, content_filter_results=_SAFE),
            _event("", "stop", content_filter_results={}, more={"usage": None}),
            {
                "choices": [],
                "model": "buoy",
                "usage": {**_USAGE, "completion_tokens_details": {"reasoning_tokens": 0}},
            },
        ],
        _USAGE,
        {"finish_reason": "stop"},
    ),
}


@pytest.mark.parametrize("age", _AGES)
def test_streams_of_every_age_tell_what_they_have(calls: Calls, service: Service, age: str) -> None:
    """Text as it comes; filters, finish, model and usage once, whatever their place."""
    events, usage, told = _AGES[age]
    newest = age == "2026"
    details = {"completion_tokens_details": {"reasoning_tokens": 0}} if newest else {}
    tier = {"service_tier": "default"} if newest else {}
    service.answers = [stream(*events)]
    llm = azure(service)
    assert ["Low ", "tide"] == [text for text in calls.stream(llm, "x") if text]
    result = calls.generate(azure(service, streaming=True), ["x", "y"])
    info = {
        "logprobs": None,
        "content_filter_results": _SAFE,
        "prompt_filter_results": _PROMPT,
        **told,
    }
    assert [("Low tide", info)] * 2 == [(g.text, g.generation_info) for (g,) in result.generations]
    assert result.llm_output == {
        "token_usage": {name: 2 * count for name, count in usage.items()} | details,
        "model_name": "buoy",
        "id": "cmpl-2",
        **tier,
    }


def test_a_late_block_of_the_filter_is_told(calls: Calls, service: Service) -> None:
    """It comes after the finish, without text or id; the text before it stays."""
    annotation = {
        "id": "",
        "choices": [
            {
                "index": 0,
                "finish_reason": None,
                "content_filter_results": _SAFE,
                "content_filter_offsets": {"start_offset": 0, "end_offset": 8},
            }
        ],
    }
    block = {
        "id": "",
        "choices": [
            {"index": 0, "finish_reason": "content_filter", "content_filter_results": _BLOCKED}
        ],
    }
    service.answers = [stream(_event("Low ", "stop"), _event("tide"), annotation, block)]
    result = calls.generate(azure(service, streaming=True), ["x"])
    assert ("Low tide", "content_filter", _BLOCKED) == (
        result.generations[0][0].text,
        (result.generations[0][0].generation_info or {})["finish_reason"],
        (result.generations[0][0].generation_info or {})["content_filter_results"],
    )


def test_an_event_of_a_chat_may_have_no_delta(calls: Calls, service: Service) -> None:
    """It only annotates."""
    silent: dict[str, Any] = {"index": 0, "finish_reason": None, "content_filter_results": {}}
    said = {"index": 0, "delta": {"content": "Ahoy"}, "finish_reason": None}
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    events = [_FIRST, *({"model": "buoy", "choices": [choice]} for choice in (silent, said, end))]
    service.answers = [stream(*events)]
    assert "Ahoy" == "".join(calls.stream(azure(service, api="chat_completions"), "x"))


_ODDLY_FRAMED = (
    b"\xef\xbb\xbf\n: keep-alive\r\n\r\n"
    b"event: message\r\nid: 1\r\nretry: 5\r\n"
    b'data: {"choices": [{"index": 0,\r\ndata: "text": "\xe2\x9a\x93 \xc3\xa5"}]}\r\n\r\n'
    b":\n\n"
    b'data:{"choices": [{"index": 0, "text": "!", "finish_reason": "stop"}]} \n\n'
    b"data: [DONE] \n\n"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("content_type", ["text/event-stream", "Text/Event-Stream; charset=utf-8"])
def test_framing_and_cuts_do_not_matter(
    calls: Calls, service: Service, size: int, content_type: str
) -> None:
    """A mark, comments, CRLF, several data lines, white space, and characters cut in two."""
    starts = range(0, len(_ODDLY_FRAMED), size)
    pieces = [_ODDLY_FRAMED[start : start + size] for start in starts]
    service.answers = [in_parts(Parts(*pieces), content_type)]
    assert "⚓ å!" == "".join(calls.stream(azure(service), "x"))


_CUT = httpx2.RemoteProtocolError("peer closed")


@pytest.mark.parametrize("error", [_CUT, httpx2.ReadTimeout("silent"), None])
@pytest.mark.parametrize("events", [[], [_FIRST], [_FIRST, _event("Low "), _event("ti")]])
def test_a_stream_that_is_cut_is_never_a_whole_answer(
    calls: Calls, service: Service, error: Exception | None, events: list[Any]
) -> None:
    """Broken, silent or ended: the text so far is in the error, and nothing is asked again."""
    service.answers = [in_parts(Parts(framed(*events), error=error))]
    text = "".join(_text_of(event) for event in events)
    with pytest.raises(StreamInterruptedError) as raised:
        calls.stream(azure(service, max_retries=2), "x")
    assert (text, True, 1) == (
        raised.value.text_so_far,
        raised.value.is_retryable,
        len(service.requests),
    )
    with pytest.raises(StreamInterruptedError) as raised:
        calls.invoke(azure(service, streaming=True, max_retries=2), "x")
    assert (text, 2) == (raised.value.text_so_far, len(service.requests))


def _text_of(event: dict[str, Any]) -> str:
    return "".join(choice["text"] for choice in event["choices"])


def test_a_stream_that_breaks_after_the_finish_is_cut_too(calls: Calls, service: Service) -> None:
    """A late block of the filter, or usage, may have been lost."""
    service.answers = [in_parts(Parts(framed(_event("Low"), _event("", "stop")), error=_CUT))]
    with pytest.raises(StreamInterruptedError) as raised:
        calls.stream(azure(service), "x")
    assert "Low" == raised.value.text_so_far


def test_one_cut_stream_of_several_loses_one_answer(calls: Calls, service: Service) -> None:
    """Each prompt has a stream of its own."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        prompt = json.loads(request.content)["prompt"]
        return stream(text_event(f"{prompt}-"), done=prompt != "b")

    service.answers = [answer]
    llm = azure(service, streaming=True)
    found: list[Any] = list(calls.batch(llm, ["a", "b", "c"], return_exceptions=True))
    first, second, third = found
    assert ("a-", "c-") == (first, third)
    assert isinstance(second, StreamInterruptedError)
    assert "b-" == second.text_so_far


_FINDINGS = {"violence": {"filtered": True, "severity": "high"}}


@pytest.mark.parametrize(
    ("error", "expected", "status", "retryable"),
    [
        ({"message": "Busy.", "type": "server_error", "code": None}, ServerError, 500, True),
        ({"message": "Slow.", "code": "429"}, RateLimitError, 429, True),
        ({"message": "Slow.", "code": "rate_limit_exceeded"}, RateLimitError, 429, True),
        ({"message": "Away.", "code": 503}, ServerError, 503, True),
        ({"message": "Long.", "code": "context_length_exceeded"}, ContextLengthError, 400, False),
        (
            {
                "message": "No.",
                "code": "content_filter",
                "status": 400,
                "innererror": {"content_filter_result": _FINDINGS},
            },
            ContentFilterError,
            400,
            False,
        ),
    ],
)
@pytest.mark.parametrize("form", ["completions", "chat_completions"])
def test_an_error_in_a_stream_is_of_the_class_that_its_code_says(
    calls: Calls,
    service: Service,
    form: str,
    error: dict[str, Any],
    expected: type[StatusError],
    status: int,
    retryable: bool,  # noqa: FBT001
) -> None:
    """With the text so far; what was begun is not asked for again."""
    begun = {"choices": [{"index": 0, "text": "Low", "delta": {"content": "Low"}}]}
    service.answers = [stream(_FIRST, begun, {"error": error}, done=False)]
    with pytest.raises(StatusError, match=error["message"]) as raised:
        calls.stream(azure(service, api=form, max_retries=2), "x")
    found = raised.value
    assert (expected, status, retryable, "Low") == (
        type(found),
        found.status_code,
        found.is_retryable,
        found.text_so_far,
    )
    assert 1 == len(service.requests)
    assert _FINDINGS == getattr(found, "content_filter_result", _FINDINGS)


def test_an_engines_own_error_in_a_stream_is_an_error(calls: Calls, service: Service) -> None:
    """Behind an online endpoint; it has no `error` around it."""
    begun = {"choices": [{"index": 0, "delta": {"content": "Low"}}]}
    failed = {"object": "error", "message": "Too hot.", "type": "BadRequestError", "code": 400}
    service.answers = [stream(begun, failed)]
    llm = scoring(service, "/v1/chat/completions", content_formatter=OpenAIChatContentFormatter())
    with pytest.raises(BadRequestError, match=r"Too hot\.") as raised:
        calls.stream(llm, "x")
    assert ("Low", "400") == (raised.value.text_so_far, raised.value.code)


def test_an_error_in_a_stream_has_the_replys_request_id(calls: Calls, service: Service) -> None:
    """It is what Azure's support asks for."""

    def answer(_request: httpx2.Request) -> httpx2.Response:
        reply = stream(text_event("Low"), {"error": {"message": "Busy."}})
        reply.headers["apim-request-id"] = "r-17"
        return reply

    service.answers = [answer]
    with pytest.raises(ServerError, match="Busy") as raised:
        calls.stream(azure(service), "x")
    assert "r-17" == raised.value.request_id


class _Flow(ContentFormatterBase):
    """A flow or score script of one's own that streams."""

    @property
    def streaming_api_types(self) -> list[AzureMLEndpointApiType]:
        return [AzureMLEndpointApiType.dedicated]

    def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
        return json.dumps({"question": prompt, **model_kwargs}).encode()

    def format_response_payload(self, output: bytes) -> str:
        return str(json.loads(output)["reply"])

    def format_stream_event(self, data: str) -> str:
        return str(json.loads(data)["reply"])


def test_a_stream_of_a_format_without_an_end_marker_ends_with_its_connection(
    calls: Calls, service: Service
) -> None:
    """Score scripts and flows send none, and their formatter cannot tell the last event."""
    service.answers = [stream({"reply": "Low "}, {"reply": "tide"}, done=False)]
    llm = scoring(service, content_formatter=_Flow())
    assert "Low tide" == "".join(calls.stream(llm, "x"))


class _Tide(_Flow):
    """A flow whose last event says so."""

    stream_end_marker = "slack water"


@pytest.mark.parametrize("ends", [True, False])
def test_a_format_may_have_an_end_marker_of_its_own(
    calls: Calls, service: Service, *, ends: bool
) -> None:
    """Without it, the stream was cut."""
    last = ["slack water"] if ends else []
    service.answers = [stream({"reply": "Low "}, {"reply": "tide"}, *last, done=False)]
    llm = scoring(service, content_formatter=_Tide())
    if ends:
        assert "Low tide" == "".join(calls.stream(llm, "x"))
        return
    with pytest.raises(StreamInterruptedError) as raised:
        calls.stream(llm, "x")
    assert "Low tide" == raised.value.text_so_far


def test_an_event_that_keeps_a_chat_alive_adds_nothing(calls: Calls, service: Service) -> None:
    """There is no text in it to lose."""
    service.answers = [
        stream(
            {"choices": [{"index": 0}]},
            {"choices": [{"index": 0, "delta": {"content": "Low tide"}}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        )
    ]
    llm = azure(service, api="chat_completions")
    assert "Low tide" == "".join(calls.stream(llm, "x"))


def test_a_stream_of_a_format_without_an_end_marker_that_breaks_is_cut(
    calls: Calls, service: Service
) -> None:
    """A connection that breaks is not one that ends."""
    service.answers = [in_parts(Parts(framed({"reply": "Low "}), error=_CUT))]
    with pytest.raises(StreamInterruptedError) as raised:
        calls.stream(scoring(service, content_formatter=_Flow()), "x")
    assert "Low " == raised.value.text_so_far


def _take_one(llm: AzureLLM, parts: Parts) -> tuple[str, bool]:
    texts = llm.stream("x")
    first = next(iter(texts))
    texts.close()  # type: ignore[attr-defined]
    return first, parts.closed


def _take_one_async(llm: AzureLLM, parts: Parts) -> tuple[str, bool]:
    async def take() -> tuple[str, bool]:
        texts = llm.astream("x")
        first = await anext(texts)
        await texts.aclose()  # type: ignore[attr-defined]
        return first, parts.closed

    return asyncio.run(take())


@pytest.mark.parametrize("take", [_take_one, _take_one_async])
@pytest.mark.parametrize("make", [azure, lambda service: scoring(service, "/v1/completions")])
def test_an_abandoned_stream_closes_its_connection(take: Any, make: Any, service: Service) -> None:
    """Else the service goes on, and bills, and the connection is lost to the pool."""
    parts = Parts(*[framed(text_event("Low"))] * 9)
    service.answers = [in_parts(parts)]
    assert ("Low", True) == take(make(service), parts)


def test_a_date_in_a_streams_error_is_no_wait(calls: Calls, service: Service) -> None:
    """What the calendar said when the stream began is not known, and decades would be wrong."""
    headers = {"content-type": "text/event-stream", "retry-after": "Sat, 21 Nov 2026 12:00:00 GMT"}
    event = {"error": {"code": "429", "message": "The pier is full."}}
    body = f"data: {json.dumps(event)}\n\n".encode()
    service.answers = [httpx2.Response(200, headers=headers, content=body)]
    with pytest.raises(RateLimitError) as raised:
        calls.stream(azure(service), "x")
    assert (None, True) == (raised.value.retry_after, raised.value.is_retryable)
