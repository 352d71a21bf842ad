"""The async client on aiohttp's engine, for the extra of that name."""

from __future__ import annotations

from typing import Any

import aiohttp
import httpx2
from httpx_aiohttp.httpx2 import AiohttpTransport, Httpx2AiohttpClient


class AiohttpClient(Httpx2AiohttpClient):
    """An httpx2 client whose connections are aiohttp's, and which keeps no cookies there either."""

    def _init_transport(self, *args: Any, **settings: Any) -> httpx2.AsyncBaseTransport:
        return _without_cookies(super()._init_transport(*args, **settings))

    def _init_proxy_transport(self, *args: Any, **settings: Any) -> httpx2.AsyncBaseTransport:
        return _without_cookies(super()._init_proxy_transport(*args, **settings))


def _without_cookies(transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
    if not isinstance(transport, AiohttpTransport):
        return transport

    def session() -> aiohttp.ClientSession:
        limits = transport.limits
        connector = aiohttp.TCPConnector(
            limit=limits.max_connections or 0,
            keepalive_timeout=limits.keepalive_expiry,
            ssl=transport.ssl_context,
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    transport.client = session
    return transport
