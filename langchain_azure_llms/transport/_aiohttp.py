"""The async client on aiohttp's engine, for the extra of that name.

The adapter between the two libraries leaves some things open that httpx2's own engine does: header
lines over 8 KB, a peer that stops reading, replies that are no HTTP. They are made alike here.
"""

from __future__ import annotations

import asyncio
import io
from typing import Any, cast

import aiohttp
import httpx2
from httpx_aiohttp.httpx2 import AiohttpTransport, Httpx2AiohttpClient

_LONGEST_HEADER = 100 * 1024
"""What httpx2's own engine accepts, in bytes."""
_BYTES_PER_TIMEOUT = 1024 * 1024
"""A body is to go out at this many bytes per write timeout; aiohttp has no timeout of its own."""

_LARGE = 256 * 1024


class AiohttpClient(Httpx2AiohttpClient):
    """An httpx2 client whose connections are aiohttp's."""

    def _init_transport(self, **settings: Any) -> httpx2.AsyncBaseTransport:  # type: ignore[override]
        given = settings.pop("transport", None)
        return given or _Transport(**settings)

    def _init_proxy_transport(self, proxy: httpx2.Proxy, **settings: Any) -> _Transport:  # type: ignore[override]
        return _Transport(proxy=proxy, **settings)


class _Transport(AiohttpTransport):
    def get_client(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self.limits.max_connections or 0,
            keepalive_timeout=self.limits.keepalive_expiry,
            ssl=self.ssl_context,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),  # httpx2 keeps cookies, or not
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        problem: httpx2.HTTPError
        try:
            async with asyncio.timeout(_longest(request)):
                return await super().handle_async_request(_in_pieces(request))
        except TimeoutError:
            problem = httpx2.WriteTimeout("the request could not be sent in time")
        except aiohttp.ClientError as error:  # its text and its attributes hold URL and headers
            problem = httpx2.RemoteProtocolError(type(error).__name__)
        except ValueError as error:
            problem = httpx2.LocalProtocolError(type(error).__name__)
        raise problem


def _longest(request: httpx2.Request) -> float | None:
    """Return the seconds until a reply must have begun, or None for no limit."""
    timeout = request.extensions.get("timeout", {})
    steps = [timeout.get(step) for step in ("pool", "connect", "read", "write")]
    if any(step is None for step in steps):
        return None
    pool, connect, read, write = steps
    size = int(request.headers.get("content-length", 0))
    return float(pool + connect + read + write * (1 + size / _BYTES_PER_TIMEOUT))


class _BodyInPieces:
    """A request whose body aiohttp reads in pieces: a large one as a whole holds up its loop."""

    def __init__(self, request: httpx2.Request) -> None:
        self._request = request
        self.content = io.BytesIO(request.content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


def _in_pieces(request: httpx2.Request) -> httpx2.Request:
    large = int(request.headers.get("content-length", 0)) > _LARGE
    return cast("httpx2.Request", _BodyInPieces(request)) if large else request
