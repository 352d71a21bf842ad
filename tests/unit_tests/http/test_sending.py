"""What an LLM makes of each response, and of each exception, of its HTTP client.

Sync and async calls must not differ.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from langchain_azure_llms.exceptions import (
    AzureLLMError,
    ConfigurationError,
    EndpointConnectionError,
    EndpointTimeoutError,
    ResponseFormatError,
    ServerError,
    StreamInterruptedError,
)
from tests.support.engines import limit_bodies
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, azure_ml, completion

Calls = SyncCalls | AsyncCalls
each_call = pytest.mark.parametrize("calls", [SyncCalls(), AsyncCalls()], ids=["sync", "async"])


class Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that comes in these parts, and may then fail."""

    def __init__(self, *parts: bytes, error: Exception | None = None) -> None:
        self.parts, self.error, self.is_closed = parts, error, False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.parts
        if self.error:
            raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True

    def service(self, status: int = 200, **headers: str) -> Service:
        """Return a service that answers with this body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Service([lambda _: httpx2.Response(status, headers=named, stream=self)])


def _error_of(calls: Calls, service: Service) -> AzureLLMError:
    with pytest.raises(AzureLLMError) as raised:
        calls.invoke(azure_ml(service), "x")
    return raised.value


# --- exceptions of the HTTP client ---------------------------------------------------------------


@each_call
@pytest.mark.parametrize(
    "raised",
    [
        httpx2.ConnectError("refused"),
        httpx2.ConnectTimeout("slow"),
        httpx2.PoolTimeout("full"),
        httpx2.ProxyError("407"),
    ],
)
def test_a_request_that_was_not_sent_is_retryable(calls: Calls, raised: Exception) -> None:
    """It cannot have been billed."""
    error = _error_of(calls, Service([raised]))
    assert isinstance(error, EndpointConnectionError)
    assert (error.sent, error.is_retryable) == (False, True)


@each_call
@pytest.mark.parametrize(
    "raised",
    [
        httpx2.ReadError("reset"),
        httpx2.WriteError("reset"),
        httpx2.RemoteProtocolError("not HTTP"),
    ],
)
def test_a_connection_that_broke_may_have_been_billed(calls: Calls, raised: Exception) -> None:
    """The error says so; retrying is the caller's choice, and ours by default."""
    error = _error_of(calls, Service([raised]))
    assert isinstance(error, EndpointConnectionError)
    assert (error.sent, error.is_retryable) == (True, True)


@each_call
@pytest.mark.parametrize(
    ("raised", "expected", "is_retryable"),
    [
        (httpx2.ReadTimeout("slow"), EndpointTimeoutError, True),
        (httpx2.WriteTimeout("slow"), EndpointTimeoutError, True),
        (httpx2.LocalProtocolError("bad header"), ConfigurationError, False),
        (httpx2.UnsupportedProtocol("ftp"), ConfigurationError, False),
        (RuntimeError("the client has been closed"), ConfigurationError, False),
        (httpx2.DecodingError("gzip"), ResponseFormatError, False),
        (httpx2.HTTPError("of a kind that nobody knows"), ResponseFormatError, False),
    ],
)
def test_other_exceptions_have_their_error(
    calls: Calls, raised: Exception, expected: type[AzureLLMError], *, is_retryable: bool
) -> None:
    """What cannot pass by itself is not retried."""
    error = _error_of(calls, Service([raised]))
    assert (type(error), error.is_retryable) == (expected, is_retryable)


@each_call
def test_an_untrusted_certificate_is_not_retryable(calls: Calls) -> None:
    """The cause tells it from a refused connection."""
    refused = httpx2.ConnectError("certificate verify failed")
    refused.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    error = _error_of(calls, Service([refused]))
    assert isinstance(error, EndpointConnectionError)
    assert (error.sent, error.is_retryable) == (False, False)


@each_call
def test_a_url_in_an_exception_is_not_shown(calls: Calls) -> None:
    """Its query may hold a key."""
    error = _error_of(calls, Service([httpx2.ReadError("https://h.example/?key=s3cret")]))
    assert "s3cret" not in f"{error} {error.__cause__!r} {error.__context__!r}"


# --- bodies --------------------------------------------------------------------------------------


@each_call
def test_a_body_over_the_limit_is_refused_and_closed(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading stops at the limit, not at the end."""
    limit_bodies(monkeypatch, size=10)
    body = Body(b"12345678", b"90123", b"never read", error=AssertionError("read too far"))
    assert isinstance(_error_of(calls, body.service()), ResponseFormatError)
    assert body.is_closed


@each_call
def test_a_body_that_breaks_is_a_connection_error(calls: Calls) -> None:
    """Half an answer is none."""
    body = Body(b'{"half', error=httpx2.RemoteProtocolError("peer closed"))
    error = _error_of(calls, body.service())
    assert isinstance(error, EndpointConnectionError)
    assert (error.sent, body.is_closed) == (True, True)


@each_call
def test_a_broken_compression_cannot_be_read(calls: Calls) -> None:
    """A gateway that names gzip and sends something else."""
    error = _error_of(calls, Body(b"not gzip").service(content_encoding="gzip"))
    assert isinstance(error, ResponseFormatError)


# --- streams -------------------------------------------------------------------------------------

_TEXTS = ("día ☀", "two\nlines")
_EVENTS = [
    json.dumps({"choices": [{"text": text, "index": 0, "finish_reason": None}]}, ensure_ascii=False)
    for text in _TEXTS
]
_WIRE = (
    f"\ufeff: a comment\ndata: {_EVENTS[0]}\r\n\r\n"
    f"event: message\nid: 7\ndata:{_EVENTS[1]}\n\n"
    "data: [DONE]\n\n"
).encode()


def _streamed(calls: Calls, body: Body, content_type: str = "text/event-stream") -> list[str]:
    llm = azure_ml(body.service(content_type=content_type))
    return [text for text in calls.stream(llm, "x") if text]


@each_call
def test_events_are_whole_wherever_the_bytes_are_split(calls: Calls) -> None:
    """With a byte-order mark, comments, CRLF, other fields, and UTF-8."""
    for at in range(len(_WIRE) + 1):
        assert _streamed(calls, Body(_WIRE[:at], _WIRE[at:])) == list(_TEXTS)


@each_call
def test_events_are_whole_byte_by_byte(calls: Calls) -> None:
    """As the slowest server sends them."""
    assert _streamed(calls, Body(*(bytes([byte]) for byte in _WIRE))) == list(_TEXTS)


@each_call
def test_several_data_lines_are_one_event(calls: Calls) -> None:
    """As the standard of server-sent events says; the type may have parameters."""
    body = Body(b'data: {"choices":\ndata: [{"text": "a", "index": 0}]}\n\ndata: [DONE]\n\n')
    assert _streamed(calls, body, "text/event-stream; charset=utf-8") == ["a"]


@each_call
def test_a_stream_that_is_cut_is_interrupted_and_closed(calls: Calls) -> None:
    """The text that had arrived is in the error."""
    event = f"data: {_EVENTS[0]}\n\n".encode()
    body = Body(event, error=httpx2.RemoteProtocolError("peer closed"))
    with pytest.raises(StreamInterruptedError, match="was cut: peer closed") as raised:
        _streamed(calls, body)
    assert (raised.value.text_so_far, body.is_closed) == (_TEXTS[0], True)


@each_call
def test_an_endless_event_is_refused(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end does not fill the memory."""
    limit_bodies(monkeypatch, size=100)
    with pytest.raises(ResponseFormatError, match="cannot be read"):
        _streamed(calls, Body(b"data: ", *([b"x" * 50] * 10)))


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_leaving_a_stream_closes_it(*, is_async: bool) -> None:
    """And with it the connection: the service stops working."""
    body = Body(*(f"data: {event}\n\n".encode() for event in _EVENTS))
    llm = azure_ml(body.service(content_type="text/event-stream"))

    async def first() -> str:
        chunks: Any = llm.astream("x")
        async for text in chunks:
            await chunks.aclose()
            return str(text)
        return "nothing"

    if is_async:
        found = asyncio.run(first())
    else:
        chunks: Any = llm.stream("x")
        found = next(chunks)
        chunks.close()
    assert (found, body.is_closed) == (_TEXTS[0], True)


@each_call
def test_a_service_that_does_not_stream_is_read_whole(calls: Calls) -> None:
    """Its JSON is the answer, in one chunk."""
    llm = azure_ml(Service([completion("a whole answer")]))
    assert "".join(calls.stream(llm, "x")) == "a whole answer"


@each_call
def test_an_error_before_a_stream_is_read_whole(calls: Calls) -> None:
    """Even if its type is that of an event stream."""
    body = Body(b'{"error": {"message": "br', b'oken"}}')
    llm = azure_ml(body.service(500, content_type="text/event-stream"))
    with pytest.raises(ServerError, match="broken"):
        calls.stream(llm, "x")
