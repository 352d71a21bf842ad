"""Shared clients count what is under way, and close when the last of it has ended."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from langchain_azure_llms.transport._lean import LeanAsyncClient, LeanClient

_URL = httpx2.URL("https://host.example/p")


class _Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A reply's body that counts how often it is closed, and may break while closing."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.closed, self._breaks = 0, breaks

    def __iter__(self) -> Iterator[bytes]:
        yield b"body"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"body"

    def close(self) -> None:
        self.closed += 1
        if self._breaks:
            raise httpx2.ReadError("reset")

    async def aclose(self) -> None:
        self.close()


class _Network(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Answers with these bodies in turn."""

    def __init__(self, *bodies: _Body) -> None:
        self._bodies, self.closed = list(bodies), 0

    def handle_request(self, _request: httpx2.Request) -> httpx2.Response:
        if not self._bodies:
            raise httpx2.ConnectError("refused")
        return httpx2.Response(200, stream=self._bodies.pop(0))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return self.handle_request(request)

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


class _Used:
    """A client in use."""

    client: LeanClient | LeanAsyncClient

    def is_closed(self) -> bool:
        return self.client.is_closed


class _Threads(_Used):
    """The client for threads, called as the asyncio one is."""

    client: LeanClient

    def __init__(self, network: _Network) -> None:
        mounts: dict[str, httpx2.BaseTransport | None] = {"https://no-proxy.example": None}
        self.client = LeanClient(transport=network, mounts=mounts)

    async def send(self) -> httpx2.Response:
        return self.client.send(_request(self.client))

    async def close(self, response: httpx2.Response) -> None:
        response.stream.close()  # type: ignore[union-attr]

    async def leave(self) -> None:
        self.client.leave()


class _Asyncio(_Used):
    """The client for asyncio."""

    client: LeanAsyncClient

    def __init__(self, network: _Network) -> None:
        mounts: dict[str, httpx2.AsyncBaseTransport | None] = {"https://no-proxy.example": None}
        self.client = LeanAsyncClient(transport=network, mounts=mounts)

    async def send(self) -> httpx2.Response:
        return await self.client.send(_request(self.client))

    async def close(self, response: httpx2.Response) -> None:
        await response.stream.aclose()  # type: ignore[union-attr]

    async def leave(self) -> None:
        await self.client.leave(self.client.aclose)


def _request(client: LeanClient | LeanAsyncClient) -> httpx2.Request:
    return client.build_request("POST", _URL, content=b"{}", headers={}, timeout=None)


Way = type[_Threads] | type[_Asyncio]
both = pytest.mark.parametrize("way", [_Threads, _Asyncio])


@both
def test_leaving_waits_for_the_last_request(way: Way) -> None:
    """One that is closed twice is one: another's reply is not cut off for it."""

    async def main() -> None:
        network = _Network(_Body(), _Body())
        used = way(network)
        first, second = await used.send(), await used.send()
        await used.leave()
        await used.close(first)
        await used.close(first)
        assert not used.is_closed()
        await used.close(second)
        assert used.is_closed()
        assert network.closed > 0

    asyncio.run(main())


@both
def test_what_fails_is_under_way_no_more(way: Way) -> None:
    """In sending, or in closing the reply."""

    async def main() -> None:
        used = way(_Network(_Body(breaks=True)))
        response = await used.send()
        await used.leave()
        with pytest.raises(httpx2.ConnectError):
            await used.send()
        assert not used.is_closed()
        with pytest.raises(httpx2.ReadError):
            await used.close(response)
        assert used.is_closed()

    asyncio.run(main())


@both
def test_an_idle_client_closes_at_once(way: Way) -> None:
    """The transport that reaches a host without a proxy is the client's own."""

    async def main() -> None:
        network = _Network()
        used = way(network)
        await used.leave()
        assert used.is_closed()
        assert network.closed > 0

    asyncio.run(main())
