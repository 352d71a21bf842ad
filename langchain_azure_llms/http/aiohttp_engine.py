"""The async transport on aiohttp's engine, for the extra `aiohttp`: about half the CPU.

The adapter of httpx-aiohttp reports some failures under other names than httpx2's own engine does:
`ConnectTimeout` also for a server that hung up *after* the request was sent. Trusting it would
send a request again that was processed, so aiohttp's own exception decides here.
"""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx2
from httpx_aiohttp.httpx2 import AiohttpTransport

from langchain_azure_llms.http.transports import (
    KEEPALIVE_OPTIONS,
    KEEPALIVE_SECONDS,
    MAX_CONNECTIONS,
)

_MAX_HEADER_BYTES = 100 * 1024
"""What httpx2's own engine accepts for a header line."""
_LARGE_BODY_BYTES = 256 * 1024
_PIECE_BYTES = 64 * 1024
_BY_ENGINE_ERROR: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = (
    (aiohttp.ClientProxyConnectionError, httpx2.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx2.ProxyError),
    (aiohttp.ConnectionTimeoutError, httpx2.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx2.ReadTimeout),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),
    (aiohttp.ClientError, httpx2.RemoteProtocolError),
)
"""aiohttp's exceptions, the most particular first; its texts hold URLs, so names are enough."""


def _kept_alive(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket for an address that keeps its connection alive."""
    family, kind, protocol, *_ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)  # noqa: FBT003 - the standard library's
    for option in KEEPALIVE_OPTIONS:
        made.setsockopt(*option)
    return made


class AiohttpEngine(httpx2.AsyncBaseTransport):
    """Sends requests through one aiohttp session.

    Args:
        ssl_context: The TLS settings.
        proxy: The HTTP proxy to use, if any.
    """

    def __init__(self, ssl_context: ssl.SSLContext, proxy: httpx2.Proxy | None) -> None:
        self._ssl_context = ssl_context
        self._proxy_headers: dict[str, str] = {}
        if proxy is not None and proxy.auth is not None:  # aiohttp's own argument is deprecated
            pair = base64.b64encode(":".join(proxy.auth).encode()).decode()
            self._proxy_headers = {"Proxy-Authorization": f"Basic {pair}"}
            proxy = httpx2.Proxy(proxy.url, headers={**proxy.headers, **self._proxy_headers})
        self._transport = AiohttpTransport(client=self._session, verify=ssl_context, proxy=proxy)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=MAX_CONNECTIONS,
                keepalive_timeout=KEEPALIVE_SECONDS,
                ssl=self._ssl_context,
                socket_factory=_kept_alive,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; its response is unread."""
        if self._proxy_headers and request.url.scheme == "http":  # goes to the proxy itself
            request.headers.update(self._proxy_headers)
        problem: httpx2.TransportError
        try:
            return await self._transport.handle_async_request(_in_pieces(request))
        except (httpx2.TransportError, aiohttp.ClientError) as error:
            problem = as_transport_error(error)
        except ValueError as error:  # a header that aiohttp refuses
            problem = httpx2.LocalProtocolError(type(error).__name__)
        raise problem  # here, without the other as its context: its text holds the whole URL

    async def aclose(self) -> None:
        """Close the session with its connections."""
        await self._transport.aclose()


def as_transport_error(error: Exception) -> httpx2.TransportError:
    """Return the error as httpx2's own engine would name it.

    Its cause is the operating system's error, or OpenSSL's.
    """
    engine_error = error if isinstance(error, aiohttp.ClientError) else error.__cause__
    for known, transport_error in _BY_ENGINE_ERROR:
        if isinstance(engine_error, known):
            found = transport_error(_described(engine_error))
            if isinstance(engine_error, aiohttp.ClientConnectorCertificateError):
                found.__cause__ = engine_error.certificate_error
            elif isinstance(engine_error, aiohttp.ClientConnectorError):
                found.__cause__ = engine_error.os_error
            return found
    return httpx2.ReadError(type(error).__name__)


def _described(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"{error.status} {error.message}"
    return type(error).__name__


class _Pieces(httpx2.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), _PIECE_BYTES):
            yield bytes(self._body[start : start + _PIECE_BYTES])


def _in_pieces(request: httpx2.Request) -> httpx2.Request:
    """Return the request with a large body in pieces: in one piece it holds up the event loop."""
    if len(request.content) <= _LARGE_BODY_BYTES:
        return request
    return httpx2.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=_Pieces(request.content),
        extensions=request.extensions,
    )
