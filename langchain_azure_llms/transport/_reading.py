"""Reading replies within bounds, the same for both drivers."""

from __future__ import annotations

from functools import lru_cache

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
    kind: str = response.headers.get("content-type", "")
    return request.stream and response.is_success and kind.lower().startswith("text/event-stream")


def reply_of(response: httpx2.Response, parts: list[bytes]) -> Reply:
    """Return the reply that a response and its body make."""
    return Reply(response.status_code, response.headers, b"".join(parts))


def too_large() -> Failure:
    """Return the failure of a reply that is over the limit."""
    return Failure(FailureKind.TOO_LARGE, f"it is larger than {MAX_BYTES} bytes")


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
