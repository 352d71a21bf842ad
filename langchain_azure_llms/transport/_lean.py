"""httpx2's clients without what is never used of those that LLM objects share.

A client merges defaults, cookies and parameters into each request, runs auth flows, hooks and
redirects, and logs. Nobody can set any of that on a shared client, and it costs a quarter of what
sending costs: these send through the client's transports. Nor is a cookie kept: what a gateway
remembers of one caller by it must not travel with another's requests.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import httpx2

from langchain_azure_llms.transport._deadline import bounded, longest, until_it_begins


class _LeanRequests(httpx2._client.BaseClient):  # noqa: SLF001 - the base of both clients
    """Builds requests of what it is given, and of the client's default headers."""

    _defaults: Sequence[tuple[str, str]] | None = None

    def build_request(  # type: ignore[override] # what a client's user may give beside has no place
        self,
        method: str,
        url: httpx2.URL,
        *,
        content: bytes,
        headers: Mapping[str, str],
        timeout: Any,
        params: httpx2.QueryParams | None = None,
    ) -> httpx2.Request:
        """Return a request whose headers are put together in one step.

        httpx2 looks them through, and copies them, once for each that it may have to add.
        """
        if self._defaults is None:
            named = ("accept-encoding", "connection")
            self._defaults = [(name.title(), self.headers[name]) for name in named]
        if not isinstance(timeout, httpx2.Timeout):
            timeout = self.timeout
        given = headers.items()
        names = {name.lower() for name, _ in given}
        sent = [
            ("Host", url.netloc.decode("ascii")),
            *(default for default in self._defaults if default[0].lower() not in names),
            *given,
            ("Content-Length", str(len(content))),
        ]
        request = httpx2.Request(
            method,
            url,
            params=params,
            headers=httpx2.Headers(sent, encoding="ascii"),
            stream=httpx2.ByteStream(content),
            extensions={"timeout": timeout.as_dict()},
        )
        request.read()
        return request


class _Under(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A response's stream that tells, once, when it is closed."""

    def __init__(self, stream: Any, ended: Callable[[], Any]) -> None:
        self._stream = stream
        self._ended: Callable[[], Any] | None = ended

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            ended, self._ended = self._ended, None
            if ended is not None:
                ended()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            ended, self._ended = self._ended, None
            if ended is not None:
                await ended()


class LeanClient(_LeanRequests, httpx2.Client):
    """For threads."""

    _under_way = 0
    _leaving = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for transport in (self._transport, *self._mounts.values()):
            if transport is not None:
                bounded(transport)

    def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        """Send a request; the response is unread."""
        with _counting:
            self._under_way += 1
        try:
            with until_it_begins(request):
                response = self._transport_for_url(request.url).handle_request(request)
        except BaseException:
            self._end()
            raise
        response.request = request
        response.stream = _Under(response.stream, self._end)
        return response

    def leave(self) -> None:
        """Close the client as soon as no request is under way."""
        with _counting:
            self._leaving = True
            is_idle = self._under_way == 0
        if is_idle:
            self._shut()

    def _end(self) -> None:
        with _counting:
            self._under_way -= 1
            is_last = self._leaving and self._under_way == 0
        if is_last:
            self._shut()

    def _shut(self) -> None:
        """Close the connections; one who got hold of the client before may have opened new ones."""
        self.close()
        for transport in (self._transport, *self._mounts.values()):
            if transport is not None:
                transport.close()


class LeanAsyncClient(_LeanRequests, httpx2.AsyncClient):
    """For asyncio."""

    bounds_itself: ClassVar[bool] = False
    """Whether the engine bounds the time until a reply begins."""
    _under_way = 0
    _finish: Callable[[], Awaitable[None]] | None = None

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        """Send a request; the response is unread."""
        self._under_way += 1
        try:
            async with asyncio.timeout(None if self.bounds_itself else longest(request)):
                response = await self._transport_for_url(request.url).handle_async_request(request)
        except TimeoutError:
            await self._end()
            raise httpx2.ReadTimeout("the reply did not begin in time") from None
        except BaseException:
            await self._end()
            raise
        response.request = request
        response.stream = _Under(response.stream, self._end)
        return response

    async def leave(self, finish: Callable[[], Awaitable[None]]) -> None:
        """Close the client, by this function, as soon as no request is under way."""
        self._finish = finish
        if not self._under_way:
            await finish()

    async def _end(self) -> None:
        self._under_way -= 1
        if self._finish is not None and not self._under_way:
            await self._finish()


_counting = threading.Lock()
