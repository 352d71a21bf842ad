"""What users reported of Azure's answers, each kind in several forms. The texts are our own."""

import json
import logging
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from langchain_azure_llms import (
    AzureMLEndpointApiType,
    ContentFormatterBase,
    CustomOpenAIContentFormatter,
    DollyContentFormatter,
    GPT2ContentFormatter,
    HFContentFormatter,
    OpenAIChatContentFormatter,
)
from langchain_azure_llms.exceptions import (
    AzureLLMError,
    BadRequestError,
    ConfigurationError,
    ContentFilterError,
    ContextLengthError,
    RateLimitError,
    ResponseFormatError,
    ServerError,
    StatusError,
)
from tests.unit_tests.llms.scripted import Service, stream
from tests.unit_tests.wire.endpoints import Calls, azure, framed, in_parts, scoring
from tests.unit_tests.wire.parts import Parts

_EVENTS = {"content-type": "text/event-stream"}


def _events(*events: Any, **headers: str) -> httpx2.Response:
    return httpx2.Response(200, headers={**_EVENTS, **headers}, content=framed(*events))


def _chat(message: dict[str, Any], finish: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    return {"id": "chat-1", "model": "harbour", "choices": [choice], **more}


def _delta(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, "delta": delta}
    return {"id": "chat-1", "model": "harbour", "choices": [choice]}


# --- errors are what they say --------------------------------------------------------------------

_FAILED = {"type": "response.failed", "response": {"status": "failed", "error": None, "output": []}}


def test_the_reason_of_a_failed_stream_may_come_after_the_failure(
    calls: Calls, service: Service
) -> None:
    """The event of the failure has no reason; the one after it has."""
    late = {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "Too fast."}}
    service.answers = [_events(_FAILED, late, **{"retry-after": "7"})]
    with pytest.raises(RateLimitError, match=r"Too fast\.") as raised:
        calls.stream(azure(service, api="responses"), "x")
    assert (429, 7.0, True) == (
        raised.value.status_code,
        raised.value.retry_after,
        raised.value.is_retryable,
    )


def test_a_failed_stream_without_any_reason_is_a_server_error(
    calls: Calls, service: Service
) -> None:
    """Its text so far is kept."""
    begun = {"type": "response.output_text.delta", "delta": "Half a"}
    service.answers = [_events(begun, _FAILED)]
    with pytest.raises(ServerError) as raised:
        calls.stream(azure(service, api="responses"), "x")
    assert "Half a" == raised.value.text_so_far


def test_a_failure_that_names_the_filter_is_the_filters(calls: Calls, service: Service) -> None:
    """Whole, and as an event."""
    failed: dict[str, Any] = {"status": "failed", "error": None, "output": []}
    failed |= {"incomplete_details": {"reason": "content_filter"}}
    llm = azure(service, api="responses", max_retries=2)
    service.answers = [httpx2.Response(200, json=failed)]
    with pytest.raises(ContentFilterError):
        calls.invoke(llm, "x")
    service.answers = [_events({"type": "response.failed", "response": failed})]
    with pytest.raises(ContentFilterError):
        calls.stream(llm, "x")
    assert 2 == len(service.requests)


_CODES: list[tuple[dict[str, Any], type[StatusError], bool]] = [
    ({"code": "content_filter"}, ContentFilterError, False),
    ({"code": "content_policy_violation"}, ContentFilterError, False),
    ({"code": "ResponsibleAIPolicyViolation"}, ContentFilterError, False),
    (
        {"code": "BadRequest", "innererror": {"code": "ResponsibleAIPolicyViolation"}},
        ContentFilterError,
        False,
    ),
    ({"code": "too_many_requests"}, RateLimitError, True),
    ({"code": "rate_limit_exceeded", "type": "tokens"}, RateLimitError, True),
    ({"type": "too_many_requests"}, RateLimitError, True),
    ({"code": "429"}, RateLimitError, True),
    ({"code": 429}, RateLimitError, True),
    ({"code": "insufficient_quota", "type": "insufficient_quota"}, RateLimitError, False),
    ({"code": "context_length_exceeded"}, ContextLengthError, False),
    ({"code": "string_above_max_length"}, ContextLengthError, False),
    ({"type": "invalid_request_error", "code": None}, BadRequestError, False),
]


@pytest.mark.parametrize(("error", "expected", "is_retryable"), _CODES)
@pytest.mark.parametrize("way", ["status", "whole", "event", "named event"])
def test_a_code_means_the_same_wherever_it_stands(
    calls: Calls,
    service: Service,
    error: dict[str, Any],
    expected: type[StatusError],
    is_retryable: bool,  # noqa: FBT001
    way: str,
) -> None:
    """In the body of a status, under a 200, in an event, and in an event that is named error."""
    body, headers = {"error": {"message": "No.", **error}}, {"retry-after": "3"}
    named = f"event: error\ndata: {json.dumps(body['error'])}\n\n".encode()
    status = 429 if issubclass(expected, RateLimitError) else 400
    service.answers = [
        {
            "status": httpx2.Response(status, json=body, headers=headers),
            "whole": httpx2.Response(200, json=body, headers=headers),
            "event": _events(body, **headers),
            "named event": httpx2.Response(200, headers={**_EVENTS, **headers}, content=named),
        }[way]
    ]
    call = calls.stream if "event" in way else calls.invoke
    with pytest.raises(expected, match=r"No\.") as raised:
        call(azure(service), "x")
    found = raised.value
    assert (expected, status, 3.0) == (type(found), found.status_code, found.retry_after)
    assert is_retryable is found.is_retryable


@pytest.mark.parametrize(
    "formatter",
    [
        GPT2ContentFormatter(),
        DollyContentFormatter(),
        HFContentFormatter(),
        CustomOpenAIContentFormatter(),
    ],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"error": "The cable broke."}),
        {"error": "The cable broke."},
        {"error": {"message": "The cable broke."}},
        [{"error": "The cable broke."}],
        {"output": {"error": "The cable broke."}},
        {"output": json.dumps({"error": "The cable broke.", "code": 500})},
        {"output": None, "error": {"message": "The cable broke.", "code": 500}},
        {"predictions": [{"error": "The cable broke."}]},
        [json.dumps({"error": "The cable broke."})],
    ],
    ids=str,
)
def test_an_error_of_a_score_script_is_never_a_completion(
    calls: Calls, service: Service, formatter: ContentFormatterBase, body: Any
) -> None:
    """Wherever the script puts it, and however often it encodes it."""
    service.answers = [httpx2.Response(200, json=body)]
    with pytest.raises(ServerError, match=r"The cable broke\."):
        calls.invoke(scoring(service, content_formatter=formatter), "x")


@pytest.mark.parametrize(
    "text", ['{"error": "E42", "answer": 1}', '{"a": "error"}', 'say "error"', "{error"]
)
def test_a_completion_that_mentions_an_error_is_a_completion(
    calls: Calls, service: Service, text: str
) -> None:
    """A model may write JSON."""
    service.answers = [httpx2.Response(200, json={"output": text})]
    assert text == calls.invoke(scoring(service), "x")


class _OutputFormatter(ContentFormatterBase):
    """A user's own, which knows what `error` means in its service."""

    def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
        return json.dumps({"q": prompt, **model_kwargs}).encode()

    def format_response_payload(self, output: bytes) -> str:
        return str(json.loads(output)["output"])


_PAID = {"output": "a paid answer", "error": "input was truncated"}


def test_a_formatter_of_ones_own_sees_every_body(calls: Calls, service: Service) -> None:
    """What `error` means is its business."""
    service.answers = [httpx2.Response(200, json=_PAID)]
    llm = scoring(service, content_formatter=_OutputFormatter(), max_retries=2)
    assert "a paid answer" == calls.invoke(llm, "x")
    assert 1 == len(service.requests)


def test_a_built_in_formatter_refuses_an_error_beside_a_text_once(
    calls: Calls, service: Service
) -> None:
    """Another attempt would be billed again; the body is in the error."""
    service.answers = [httpx2.Response(200, json=_PAID)]
    with pytest.raises(ResponseFormatError, match="input was truncated") as raised:
        calls.invoke(scoring(service, max_retries=2), "x")
    assert "a paid answer" in raised.value.body
    assert 1 == len(service.requests)


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (
            {"message": "Invalid.", "details": [{"loc": ["body", "top_q"], "msg": "Not known"}]},
            ["Invalid", "body.top_q: Not known"],
        ),
        (
            {"detail": [{"loc": ["body", "n"], "msg": "Too large"}, {"loc": ["b"], "msg": "No"}]},
            ["body.n: Too large; b: No"],
        ),
        ({"message": "Refused.", "detail": {"loc": ["body", "seed"], "input": 3}}, ["body.seed"]),
    ],
)
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_errors_of_validation_name_the_field(
    calls: Calls,
    service: Service,
    problem: dict[str, Any],
    expected: list[str],
    is_wrapped: bool,  # noqa: FBT001
) -> None:
    """Where it is, and what is wrong with it."""
    service.answers = [httpx2.Response(422, json={"error": problem} if is_wrapped else problem)]
    with pytest.raises(BadRequestError) as raised:
        calls.invoke(scoring(service), "x")
    assert [] == [part for part in expected if part not in str(raised.value)]


# --- everything is kept --------------------------------------------------------------------------

_HEADERS = {
    "x-ms-served-model": "harbour-2026",
    "x-ms-deployment-name": "overflow",
    "x-ms-spillover-from-deployment": "reserved",
    "x-ms-region": "Sea North",
    "apim-request-id": "a-1",
    "x-request-id": "x-1",
    "x-ratelimit-remaining-requests": "9",
    "x-ratelimit-remaining-tokens": "900",
}
_COUNTS = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
_METADATA = {
    "input_tokens": 11,
    "output_tokens": 7,
    "total_tokens": 18,
    "input_token_details": {"cache_read": 4},
    "output_token_details": {"reasoning": 3},
}
_TOLD = {
    "token_usage": _COUNTS,
    "model_name": "harbour-2026",
    "system_fingerprint": "fp",
    "service_tier": "default",
    "id": "chat-1",
    "headers": _HEADERS,
}
_MORE: dict[str, Any] = {"usage": _COUNTS, "service_tier": "default", "system_fingerprint": "fp"}
_RESPONSE = {
    "id": "chat-1",
    "status": "completed",
    "model": "harbour",
    "service_tier": "default",
    "system_fingerprint": "fp",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "Fine."}]}],
    "usage": {
        "input_tokens": 11,
        "output_tokens": 7,
        "total_tokens": 18,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 3},
    },
}
_TEXT = {"id": "chat-1", "model": "harbour", **_MORE}
_WHOLE = {
    "completions": {**_TEXT, "choices": [{"index": 0, "text": "Fine.", "finish_reason": "stop"}]},
    "chat_completions": _chat({"content": "Fine."}, **_MORE),
    "responses": _RESPONSE,
}


@pytest.mark.parametrize("api", _WHOLE)
def test_all_that_a_response_tells_is_kept(calls: Calls, service: Service, api: str) -> None:
    """Counts with their details, tier, id, fingerprint, the model that served it, headers."""
    service.answers = [httpx2.Response(200, json=_WHOLE[api], headers=_HEADERS)]
    assert _TOLD == calls.generate(azure(service, api=api), ["x"]).llm_output


_STREAMS: dict[str, list[Any]] = {
    "completions": [
        {"id": "chat-1", "model": "harbour", "choices": [{"index": 0, "text": "Fine."}]},
        {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}], **_MORE},
        "[DONE]",
    ],
    "chat_completions": [
        _delta({"content": "Fine."}),
        {**_delta({}, "stop"), **_MORE},
        "[DONE]",
    ],
    "responses": [
        {"type": "response.output_text.delta", "delta": "Fine."},
        {"type": "response.completed", "response": _RESPONSE},
    ],
}


@pytest.mark.parametrize("api", _STREAMS)
def test_all_that_a_stream_tells_is_in_its_last_chunk(
    calls: Calls, service: Service, api: str
) -> None:
    """Its counts also in LangChain's own shape, which tracers read."""
    service.answers = [_events(*_STREAMS[api], **_HEADERS)]
    chunks = calls.chunks(azure(service, api=api), "x")
    assert "Fine." == "".join(chunk.text for chunk in chunks)
    info = {**_TOLD, "usage_metadata": _METADATA, "finish_reason": "stop"}
    assert info == chunks[-1].generation_info


def test_the_counts_of_several_prompts_are_added_with_their_details(
    calls: Calls, service: Service
) -> None:
    """One request each."""
    answer = httpx2.Response(200, json=_WHOLE["chat_completions"])
    service.answers = [answer, answer]
    output = calls.generate(azure(service, api="chat_completions"), ["x", "y"]).llm_output or {}
    doubled = {name: 2 * value for name, value in _COUNTS.items() if isinstance(value, int)}
    details = {
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 6},
    }
    assert {**doubled, **details} == output["token_usage"]


def test_no_empty_text_follows_a_text_that_came_with_its_finish_reason(
    calls: Calls, service: Service
) -> None:
    """The last text has all that the stream tells."""
    last = {**_delta({"content": " tide"}, "stop"), **_MORE}
    service.answers = [_events(_delta({"content": "Low"}), last, "[DONE]")] * 2
    llm = azure(service, api="chat_completions")
    assert ["Low", " tide"] == calls.stream(llm, "x")
    info = calls.chunks(llm, "x")[-1].generation_info or {}
    assert ("stop", "fp") == (info["finish_reason"], info["system_fingerprint"])


_CITED = {"citations": [{"title": "Almanac", "content": "Low tide at six."}]}


def test_citations_and_thoughts_are_kept_in_chat(calls: Calls, service: Service) -> None:
    """Whole and streamed."""
    llm = azure(service, api="chat_completions")
    message = {"content": "Six.", "context": _CITED, "reasoning_content": "The almanac says so."}
    told = {"context": _CITED, "reasoning_content": "The almanac says so."}
    service.answers = [httpx2.Response(200, json=_chat(message))]
    info = calls.generate(llm, ["x"]).generations[0][0].generation_info or {}
    assert told == {name: info.get(name) for name in told}
    service.answers = [
        _events(
            _delta({"context": _CITED}),
            _delta({"reasoning_content": "The almanac "}),
            _delta({"reasoning_content": "says so."}),
            _delta({"content": "Six."}, "stop"),
            "[DONE]",
        )
    ]
    info = calls.chunks(llm, "x")[-1].generation_info or {}
    assert told == {name: info.get(name) for name in told}


def test_summaries_and_annotations_are_kept_in_responses(calls: Calls, service: Service) -> None:
    """Whole and streamed."""
    summary = [{"type": "summary_text", "text": text} for text in ("The almanac", "says so.")]
    cited = [{"type": "url_citation", "url": "https://almanac.example"}]
    text = {"type": "output_text", "text": "Six.", "annotations": cited}
    output = [{"type": "reasoning", "summary": summary}, {"type": "message", "content": [text]}]
    response = {**_RESPONSE, "output": output}
    told = {"reasoning_summary": "The almanac\n\nsays so.", "annotations": cited}
    llm = azure(service, api="responses")
    service.answers = [httpx2.Response(200, json=response)]
    info = calls.generate(llm, ["x"]).generations[0][0].generation_info or {}
    assert told == {name: info.get(name) for name in told}
    delta = {"type": "response.output_text.delta", "delta": "Six."}
    service.answers = [_events(delta, {"type": "response.completed", "response": response})]
    info = calls.chunks(llm, "x")[-1].generation_info or {}
    assert told == {name: info.get(name) for name in told}


# --- nothing is lost in silence ------------------------------------------------------------------

_CALL = {"id": "t", "type": "function", "function": {"name": "tide_table", "arguments": "{}"}}
_RESPONSES_CALL = {
    "status": "completed",
    "output": [{"type": "function_call", "name": "tide_table", "arguments": "{}"}],
}


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("chat_completions", _chat({"content": None, "tool_calls": [_CALL]}, "tool_calls")),
        ("chat_completions", _chat({"content": "", "tool_calls": [_CALL]}, "tool_calls")),
        ("chat_completions", _chat({"function_call": _CALL["function"]}, "function_call")),
        ("responses", _RESPONSES_CALL),
    ],
)
def test_a_call_of_a_tool_without_a_text_is_an_error(
    calls: Calls, service: Service, api: str, body: dict[str, Any]
) -> None:
    """It names the tool, and what to use."""
    service.answers = [httpx2.Response(200, json=body)]
    with pytest.raises(ResponseFormatError, match=r"'tide_table'.*AzureChatOpenAI"):
        calls.invoke(azure(service, api=api), "x")


@pytest.mark.parametrize(
    ("api", "events"),
    [
        ("chat_completions", [_delta({"tool_calls": [_CALL]}), _delta({}, "tool_calls"), "[DONE]"]),
        (
            "chat_completions",
            [_delta({"function_call": _CALL["function"]}), _delta({}, "function_call"), "[DONE]"],
        ),
        ("responses", [{"type": "response.completed", "response": _RESPONSES_CALL}]),
    ],
)
def test_a_stream_that_only_calls_a_tool_is_an_error(
    calls: Calls, service: Service, api: str, events: list[Any]
) -> None:
    """It would be an empty text."""
    service.answers = [_events(*events)]
    with pytest.raises(ResponseFormatError, match=r"'tide_table'.*AzureChatOpenAI"):
        calls.stream(azure(service, api=api), "x")


_USED_UP = {"completion_tokens": 64, "completion_tokens_details": {"reasoning_tokens": 64}}


@pytest.mark.parametrize(
    ("api", "body", "limit"),
    [
        (
            "chat_completions",
            _chat({"content": ""}, "length", usage=_USED_UP),
            "max_completion_tokens=64",
        ),
        (
            "responses",
            {
                "status": "incomplete",
                "incomplete_details": {"reason": "max_output_tokens"},
                "output": [{"type": "reasoning", "summary": []}],
                "usage": {
                    "output_tokens": 64,
                    "output_tokens_details": {"reasoning_tokens": 64},
                },
            },
            "max_output_tokens=64",
        ),
    ],
)
def test_a_text_that_reasoning_left_no_room_for_is_empty_with_a_warning(
    calls: Calls,
    service: Service,
    caplog: pytest.LogCaptureFixture,
    api: str,
    body: dict[str, Any],
    limit: str,
) -> None:
    """One, which names the limit and the reasoning tokens."""
    service.answers = [httpx2.Response(200, json=body)]
    with caplog.at_level(logging.WARNING, "langchain_azure_llms"):
        assert "" == calls.invoke(azure(service, api=api, max_tokens=64), "x")
    (warning,) = [record.getMessage() for record in caplog.records]
    assert limit in warning
    assert "64 of 64 tokens went into reasoning" in warning


def test_an_empty_stream_at_its_limit_warns_too(
    calls: Calls, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, at its end."""
    service.answers = [_events({**_delta({}, "length"), "usage": _USED_UP}, "[DONE]")]
    with caplog.at_level(logging.WARNING, "langchain_azure_llms"):
        calls.stream(azure(service, api="chat_completions", max_tokens=64), "x")
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "max_completion_tokens=64" in warning


_PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
    {"type": "text", "text": "Low "},
    {"type": "text", "text": "tide"},
]


def test_content_in_parts_is_its_texts(calls: Calls, service: Service) -> None:
    """Whole and streamed; thoughts are none."""
    llm = azure(service, api="chat_completions")
    service.answers = [httpx2.Response(200, json=_chat({"content": _PARTS}))]
    assert "Low tide" == calls.invoke(llm, "x")
    service.answers = [
        _events(_delta({"content": _PARTS[:2]}), _delta({"content": _PARTS[2:]}, "stop"), "[DONE]")
    ]
    assert "Low tide" == "".join(calls.stream(llm, "x"))


def test_an_answer_in_the_background_is_refused_before_it_is_asked_for(
    calls: Calls, service: Service
) -> None:
    """As a parameter, and as a part of the body."""
    for settings in ({"model_kwargs": {"background": True}}, {"extra_body": {"background": True}}):
        llm = azure(service, api="responses", **settings)
        with pytest.raises(ConfigurationError, match="background"):
            calls.invoke(llm, "x")
    assert [] == service.requests


# --- bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("iso-8859-1", "latin-1"),
        ("ISO-8859-15", "iso-8859-15"),
        ('"windows-1252"', "cp1252"),
        ("utf-16", "utf-16"),
        ("UTF-8", "utf-8"),
    ],
)
def test_the_encoding_of_a_reply_is_honoured(
    calls: Calls, service: Service, charset: str, encoding: str
) -> None:
    """The name in Content-Type counts."""
    body = json.dumps([{"0": "caf\u00e9 \u2013 na\u00efve"[:4]}], ensure_ascii=False)
    headers = {"content-type": f"application/json; charset={charset}"}
    service.answers = [httpx2.Response(200, headers=headers, content=body.encode(encoding))]
    assert "caf\u00e9" == calls.invoke(scoring(service), "x")


def test_a_formatter_of_ones_own_gets_utf_8(calls: Calls, service: Service) -> None:
    """So that `json.loads` reads it."""
    headers = {"content-type": "application/json; charset=iso-8859-1"}
    service.answers = [httpx2.Response(200, headers=headers, content=b'{"output": "caf\xe9"}')]
    llm = scoring(service, content_formatter=_OutputFormatter())
    assert "caf\u00e9" == calls.invoke(llm, "x")


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=utf-16"])
def test_a_reply_that_is_not_in_its_encoding_is_an_error(
    calls: Calls, service: Service, charset: str
) -> None:
    """A replacement character would look like the model's."""
    headers = {"content-type": f"application/json{charset}"}
    service.answers = [httpx2.Response(200, headers=headers, content=b'[{"0": "caf\xe9"}]')]
    with pytest.raises(ResponseFormatError, match=r"(?i)utf-(8|16)"):
        calls.invoke(scoring(service), "x")


def test_the_encoding_of_a_stream_is_honoured_and_checked(calls: Calls, service: Service) -> None:
    """Even where a character is cut in two by the network."""
    events = framed({"choices": [{"index": 0, "text": "caf\u00e9"}]}, "[DONE]")
    raw = events.decode().encode().replace(b"\\u00e9", b"\xc3\xa9")
    cut = raw.index(b"\xa9")
    llm = azure(service)
    service.answers = [in_parts(Parts(raw[:cut], raw[cut:]))]
    assert "caf\u00e9" == "".join(calls.stream(llm, "x"))
    latin = raw.replace(b"\xc3\xa9", b"\xe9")
    service.answers = [in_parts(Parts(latin), "text/event-stream; charset=iso-8859-1")]
    assert "caf\u00e9" == "".join(calls.stream(llm, "x"))
    service.answers = [in_parts(Parts(latin))]
    with pytest.raises(ResponseFormatError, match="encoding, utf-8"):
        calls.stream(llm, "x")


# --- streams of score scripts --------------------------------------------------------------------


class _PieceFormatter(_OutputFormatter):
    """Reads pieces as they are."""

    @property
    def streaming_api_types(self) -> Sequence[AzureMLEndpointApiType]:
        return [AzureMLEndpointApiType.dedicated]

    def format_stream_event(self, data: str) -> str:
        return data


class _TextFormatter(_PieceFormatter):
    stream_format = "text"


class _LineFormatter(_PieceFormatter):
    stream_format = "lines"

    def format_stream_event(self, data: str) -> str:
        return str(json.loads(data)["response"])


@pytest.mark.parametrize("content_type", ["text/plain", "text/event-stream", "text/plain; x=y"])
def test_bare_text_arrives_piece_by_piece_for_a_formatter_that_says_so(
    calls: Calls, service: Service, content_type: str
) -> None:
    """As the network brings it."""
    llm = scoring(service, content_formatter=_TextFormatter())
    service.answers = [in_parts(Parts(b"Hello \n", b"big ", "w\u00f6rld".encode()), content_type)]
    assert ["Hello \n", "big ", "w\u00f6rld"] == [t for t in calls.stream(llm, "x") if t]


def test_lines_of_json_arrive_one_by_one(calls: Calls, service: Service) -> None:
    """Wherever the network cuts them, and with or without a last line end."""
    lines = b'{"response": "Low "}\r\n\n{"response": "tide"}'
    llm = scoring(service, content_formatter=_LineFormatter())
    for cut in range(0, len(lines), 7):
        service.answers = [in_parts(Parts(lines[:cut], lines[cut:]), "application/x-ndjson")]
        assert ["Low ", "tide"] == [text for text in calls.stream(llm, "x") if text]


def test_a_service_that_does_not_stream_is_read_whole(calls: Calls, service: Service) -> None:
    """Its JSON is the formatter's."""
    llm = scoring(service, content_formatter=_TextFormatter())
    service.answers = [httpx2.Response(200, json={"output": "Fine."})]
    assert ["Fine."] == calls.stream(llm, "x")


def test_a_body_without_any_event_is_an_error_that_shows_it(calls: Calls, service: Service) -> None:
    """Its text would be lost; the error says how to read it."""
    llm = scoring(service, content_formatter=_PieceFormatter())
    service.answers = [in_parts(Parts(b"Hello \n", b"big \nworld \n"))]
    with pytest.raises(ResponseFormatError, match=r"Hello .*stream_format = 'text'") as raised:
        calls.stream(llm, "x")
    assert isinstance(raised.value, AzureLLMError)


def test_an_empty_body_and_comments_are_an_empty_stream(calls: Calls, service: Service) -> None:
    """Nothing is lost there."""
    llm = scoring(service, content_formatter=_PieceFormatter())
    for body in (b"", b"\n\n", b": keep-alive\n\n"):
        service.answers = [in_parts(Parts(body))]
        assert "" == "".join(calls.stream(llm, "x"))


def test_a_chat_formatter_refuses_tools_and_reads_parts(calls: Calls, service: Service) -> None:
    """Serverless endpoints answer as Azure OpenAI does."""
    formatter = OpenAIChatContentFormatter()
    llm = scoring(service, "/v1/chat/completions", content_formatter=formatter)
    service.answers = [httpx2.Response(200, json=_chat({"content": _PARTS}))]
    assert "Low tide" == calls.invoke(llm, "x")
    service.answers = [httpx2.Response(200, json=_chat({"tool_calls": [_CALL]}, "tool_calls"))]
    with pytest.raises(ResponseFormatError, match="tide_table"):
        calls.invoke(llm, "x")
    service.answers = [stream(_delta({"tool_calls": [_CALL]}), _delta({}, "tool_calls"))]
    with pytest.raises(ResponseFormatError, match="tide_table"):
        calls.stream(llm, "x")


# --- stop sequences of score scripts -------------------------------------------------------------


def test_a_score_script_that_ignores_stop_sequences_is_cut_here(
    calls: Calls, service: Service
) -> None:
    """Whole and streamed; they are sent all the same."""
    text = "Thought: tide\nObservation: made up"
    service.answers = [httpx2.Response(200, json=[{"0": text}])]
    assert "Thought: tide" == calls.invoke(scoring(service), "x", stop=["\nObservation:"])
    sent = service.bodies[-1]["input_data"]["parameters"]
    assert ["\nObservation:"] == sent["stop"]
    llm = scoring(service, content_formatter=_TextFormatter())
    service.answers = [in_parts(Parts(b"Thought: tide\nObs", b"ervation: made up"), "text/plain")]
    assert "Thought: tide" == "".join(calls.stream(llm, "x", stop=["\nObservation:"]))


def test_a_prompt_that_is_repeated_stops_nothing(calls: Calls, service: Service) -> None:
    """Some servers answer with the prompt and the completion."""
    prompt = "Question\nObservation: low\n"
    service.answers = [httpx2.Response(200, json=[{"0": f"{prompt}Thought\nObservation: x"}])]
    found = calls.invoke(scoring(service), prompt, stop=["\nObservation:"])
    assert f"{prompt}Thought" == found
