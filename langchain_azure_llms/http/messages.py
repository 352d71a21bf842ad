"""What both drivers need of a request and its response, without any I/O."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import lru_cache

import httpx2

from langchain_azure_llms._redaction import BODY_SHOWN, public_url, shortened
from langchain_azure_llms.exceptions import (
    AzureLLMError,
    ResponseFormatError,
    StreamInterruptedError,
)
from langchain_azure_llms.http.charset import (
    UTF_16_MARKS,
    StreamDecoder,
    UndecodableBodyError,
    as_utf8,
)
from langchain_azure_llms.http.error_in_success import as_error
from langchain_azure_llms.http.failures import BodyTooLargeError
from langchain_azure_llms.http.request import HttpRequest, HttpResponse, Send
from langchain_azure_llms.http.transports import TIMEOUT

MAX_BYTES = 64 * 1024 * 1024
"""The largest response, and the largest single event of a stream, that is accepted."""
BODY_SECONDS = 60.0
"""How long the body of a response may take, where the read timeout is shorter: that bounds each
read only, and a server that sends a byte now and then would hold the call for days."""
DRAIN_SECONDS = 1.0
"""How long a connection is read on after a stream's end marker."""
_BYTES_PER_TIMEOUT = 1024 * 1024
"""A body is to be sent at this many bytes per write timeout."""

_parsed_url = lru_cache(maxsize=256)(httpx2.URL)


def built_for_transport(step: Send) -> httpx2.Request:
    """Return the request as a shared transport takes it."""
    request = step.request
    return httpx2.Request(
        request.method,
        _parsed_url(request.url),
        headers=step.headers,
        content=request.body,
        extensions={"timeout": request.timeout or TIMEOUT},
    )


def built_for_client(step: Send, client: httpx2.Client | httpx2.AsyncClient) -> httpx2.Request:
    """Return the request as a user's own client makes it, with that client's defaults."""
    request, url = step.request, _parsed_url(step.request.url)
    timeout = httpx2.USE_CLIENT_DEFAULT if request.timeout is None else httpx2_timeout(request)
    return client.build_request(
        request.method,
        url,
        params=url.params if client.params else None,  # the client's would replace the URL's own
        content=request.body,
        headers=step.headers,
        timeout=timeout,
    )


def httpx2_timeout(request: HttpRequest) -> httpx2.Timeout:
    """Return a request's timeout as httpx2's clients take it."""
    return httpx2.Timeout(**dict(request.timeout or TIMEOUT))


def seconds_until_response(request: httpx2.Request) -> float | None:
    """Return the seconds within which a response must have begun, or None for no limit."""
    timeout: Mapping[str, float | None] = request.extensions.get("timeout", {})
    pool, connect, read, write = (timeout.get(s) for s in ("pool", "connect", "read", "write"))
    if pool is None or connect is None or read is None or write is None:
        return None
    return pool + connect + read + write * (1 + len(request.content) / _BYTES_PER_TIMEOUT)


def is_streamed(request: HttpRequest, response: httpx2.Response) -> bool:
    """Return whether the response is to be handed over unread.

    A service that cannot stream answers a streaming request in one piece; that is read as usual.
    """
    if request.stream is None or not response.is_success:
        return False
    if request.method == "GET":  # of a file, which may be large whatever its type
        return True
    content_type: str = response.headers.get("content-type", "").lower()
    if request.stream == "events":
        return content_type.startswith("text/event-stream")
    return not content_type.startswith("application/json")


class BodyReader:
    """Collects a response's body within bounds of size and time.

    Args:
        request: What was sent; its read timeout also bounds the whole body.
        clock: Tells the time in seconds.
    """

    def __init__(
        self, request: httpx2.Request, clock: Callable[[], float] = time.monotonic
    ) -> None:
        longest = request.extensions.get("timeout", {}).get("read")
        self.seconds = None if longest is None else max(longest, BODY_SECONDS)
        self._clock, self._began = clock, clock()
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        """Add a part.

        Raises:
            BodyTooLargeError: If the body is larger than `MAX_BYTES`.
            ReadTimeout: If it takes too long.
        """
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_BYTES:
            raise BodyTooLargeError(f"it is larger than {MAX_BYTES} bytes")
        if self.seconds is not None and self._clock() - self._began > self.seconds:
            raise httpx2.ReadTimeout(f"the body did not end within {self.seconds:g} s")

    def response(self, response: httpx2.Response) -> HttpResponse:
        """Return the response with the body that was collected, in UTF-8.

        Raises:
            UndecodableBodyError: If a successful response is not in the encoding that it names.
        """
        body = b"".join(self._parts)
        is_named = "charset" in response.headers.get("content-type", "")
        if is_named or body.startswith(UTF_16_MARKS):
            try:
                body = as_utf8(body, response.headers)
            except UndecodableBodyError:
                if response.is_success:
                    raise
        return HttpResponse(response.status_code, response.headers, body)


class PieceReader:
    """Cuts the body of a streamed response into the pieces that its parser gets.

    Args:
        request: What was sent; it says in which form the body is streamed.
        response: The response, unread.
    """

    def __init__(self, request: HttpRequest, response: httpx2.Response) -> None:
        self._decoder = StreamDecoder(response.headers)
        self._url, self._format = request.url, request.stream
        self._response = response
        self._line = ""
        self._beginning = ""
        self.has_events = False

    def decoded(self, data: bytes) -> bytes:
        """Return bytes of the body as UTF-8; remember the beginning, in case it has no events."""
        text = self._decoder.feed(data)
        if not self.has_events and len(self._beginning) < BODY_SHOWN:
            self._beginning += text
        return text.encode("utf-8", "surrogatepass")

    def events(self, content: Iterator[bytes] | AsyncIterator[bytes]) -> httpx2.EventSource:
        """Return the events in a body that was decoded."""
        headers = {"content-type": "text/event-stream; charset=utf-8"}
        source = httpx2.Response(
            200, headers=headers, content=content, request=self._response.request
        )
        return httpx2.EventSource(source, max_event_size=MAX_BYTES)

    def data_of(self, event: httpx2.ServerSentEvent) -> str:
        """Return an event's data; that of an event named `error` as an error."""
        self.has_events = True
        return as_error(event.data) if event.event == "error" else event.data

    def refuse_other_than_events(self) -> None:
        """Refuse a body that ended without an event, and is not empty: its text would be lost.

        Raises:
            ResponseFormatError: If it has text.
        """
        lines = [one for one in self._beginning.splitlines() if one and not one.startswith(":")]
        if not self.has_events and lines:
            shown = shortened(self._beginning)
            raise ResponseFormatError(
                f"The stream of {public_url(self._url)} has no server-sent events, expected lines "
                f"that begin with 'data:'. It began with {shown!r}. A formatter for such a stream "
                "has stream_format = 'text', or 'lines'.",
                body=shown,
            )

    def pieces(self, data: bytes, *, is_last: bool = False) -> list[str]:
        """Return the text of some more bytes: as it came, or the lines that are complete by now."""
        text = self._decoder.feed(data, is_last=is_last)
        if self._format == "text":
            return [text] if text else []
        *lines, self._line = (self._line + text).split("\n")
        if is_last:
            lines.append(self._line)
        return [line for line in lines if line.strip()]


def end_is_marked(response: httpx2.Response) -> bool:
    """Return whether the response's end is marked, so that its connection can be used again."""
    return "transfer-encoding" in response.headers or "content-length" in response.headers


def interrupted(url: str, error: Exception) -> AzureLLMError:
    """Return the error of a stream that could not be read to its end."""
    place, detail = public_url(url), shortened(str(error) or type(error).__name__)
    if isinstance(error, httpx2.SSEError | UndecodableBodyError):
        return ResponseFormatError(f"The stream of {place} cannot be read: {detail}")
    return StreamInterruptedError(f"The stream of {place} was cut: {detail}", url=place)
