"""Reading replies within bounds, the same for both drivers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import lru_cache
from typing import Any

import httpx2

from langchain_azure_llms._redact import public_url, shortened
from langchain_azure_llms.exceptions import (
    AzureLLMError,
    ResponseFormatError,
    StreamInterruptedError,
)
from langchain_azure_llms.transport._exchange import Failure, FailureKind, HttpRequest, Reply
from langchain_azure_llms.transport._sse import as_error

MAX_BYTES = 64 * 1024 * 1024
"""The largest reply, and the largest single event of a stream, that is accepted."""

BODY_SECONDS = 60.0
"""How long the body of a whole reply may take, where the read timeout is shorter: each of its parts
has that much time, and a server that drips them would hold the call for days."""

DRAIN_SECONDS = 1.0
"""How long the end of a stream's connection is waited for, after the stream's own end marker."""

HTTP_ERRORS = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.StreamError,
    OverflowError,  # a port that is none
    UnicodeError,  # a host that cannot be looked up
    RuntimeError,  # a client that was closed, or belongs to another event loop
    ExceptionGroup,  # a proxy's port that is none, on httpx2's async engine
)


def is_event_stream(request: HttpRequest, response: httpx2.Response) -> bool:
    """Return whether the response is to be handed over unread.

    A service that cannot stream answers a streaming request in one piece; that is read as usual.
    """
    if not request.stream or not response.is_success:
        return False
    kind: str = response.headers.get("content-type", "")
    return kind.lower().startswith("text/event-stream")


def is_plain(response: httpx2.Response) -> bool:
    """Return whether the body's bytes may be taken from the connection as they come.

    That spares what httpx2 does for each part. Not for a body that is compressed, nor for one that
    a hook of a user's client has read.
    """
    return "content-encoding" not in response.headers and not response.is_stream_consumed


def bounded(response: httpx2.Response, body: Body) -> httpx2.Response:
    """Return a response with its stream bounded in time, unless it was read already."""
    if not response.is_stream_consumed:
        response.stream = Timed(response.stream, body)
    return response


class Body:
    """A reply's body, put together within bounds of size and time.

    Args:
        request: What was sent; its read timeout bounds the whole body, too.
        clock: Tells the time in seconds.
    """

    def __init__(
        self, request: httpx2.Request, clock: Callable[[], float] = time.monotonic
    ) -> None:
        longest = request.extensions.get("timeout", {}).get("read")
        self._clock, self._seconds = clock, None if longest is None else max(longest, BODY_SECONDS)
        self._begun = clock()
        self._parts: list[bytes] = []
        self._size = 0

    def take(self, part: bytes) -> Failure | None:
        """Add a part; return what is wrong once the body is too large.

        Raises:
            ReadTimeout: When it takes too long.
        """
        self.check_time()
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_BYTES:
            return Failure(FailureKind.TOO_LARGE, f"it is larger than {MAX_BYTES} bytes")
        return None

    def check_time(self) -> None:
        """Raise if the body takes too long.

        Raises:
            ReadTimeout: If it does.
        """
        if self._seconds is not None and self._clock() - self._begun > self._seconds:
            raise httpx2.ReadTimeout(f"the body did not end within {self._seconds:g} s")

    def reply(self, response: httpx2.Response) -> Reply:
        """Return the reply that a response and this body make."""
        return Reply(response.status_code, response.headers, b"".join(self._parts))


class Timed(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body's parts as they come, bounded in time.

    A compressed body may come in parts that decode to nothing, which nobody would see.
    """

    def __init__(self, parts: Any, body: Body) -> None:
        self._parts, self._body = parts, body

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self._body.check_time()
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._parts:
            self._body.check_time()
            yield part

    def close(self) -> None:
        """Close the connection's own stream."""
        self._parts.close()

    async def aclose(self) -> None:
        """Close the connection's own stream."""
        await self._parts.aclose()


def event_source(response: httpx2.Response) -> httpx2.EventSource:
    """Return the response's events. They are UTF-8 by their standard, a byte-order mark allowed."""
    response.encoding = "utf-8-sig"
    return httpx2.EventSource(response, max_event_size=MAX_BYTES)


def data_of(event: httpx2.ServerSentEvent) -> str:
    """Return an event's data; that of an event named `error` as an error."""
    return as_error(event.data) if event.event == "error" else event.data


def ends_by_itself(response: httpx2.Response) -> bool:
    """Return whether the response's end is marked, so that its connection can serve again."""
    headers = response.headers
    return "transfer-encoding" in headers or "content-length" in headers


parsed = lru_cache(maxsize=256)(httpx2.URL)
"""A URL as the client takes it; parsing the same few again and again costs more than sending."""


def query_for(client_params: httpx2.QueryParams, url: httpx2.URL) -> httpx2.QueryParams | None:
    """Return the URL's own query where a user's client has parameters: they would replace it."""
    return url.params if client_params else None


def interrupted(reply: Reply, error: Exception) -> AzureLLMError:
    """Return the error of a stream that could not be read to its end."""
    place = public_url(str(reply.source.request.url))
    detail = shortened(str(error) or type(error).__name__)
    if isinstance(error, httpx2.SSEError):
        return ResponseFormatError(f"The stream of {place} cannot be read: {detail}")
    return StreamInterruptedError(f"The stream of {place} was cut: {detail}", url=place)
