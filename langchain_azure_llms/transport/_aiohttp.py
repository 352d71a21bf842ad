"""The async client on aiohttp's engine, for the extra of that name.

The adapter between the two libraries leaves some things open that httpx2's own engine does: header
lines over 8 KB, a peer that stops reading, replies that are no HTTP. They are made alike here.
"""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any, ClassVar, cast

import aiohttp
import httpx2
from httpx_aiohttp.httpx2 import AiohttpTransport, Httpx2AiohttpClient

from langchain_azure_llms.transport._deadline import longest
from langchain_azure_llms.transport._lean import LeanAsyncClient

_LONGEST_HEADER = 100 * 1024
"""What httpx2's own engine accepts, in bytes."""
_LARGE = 256 * 1024


class AiohttpClient(Httpx2AiohttpClient):
    """An httpx2 client whose connections are aiohttp's."""

    def _init_transport(self, **settings: Any) -> httpx2.AsyncBaseTransport:  # type: ignore[override]
        given = settings.pop("transport", None)
        return given or _Transport(**settings)

    def _init_proxy_transport(  # type: ignore[override]
        self, proxy: httpx2.Proxy, **settings: Any
    ) -> httpx2.AsyncBaseTransport:
        return self.proxied_transport(proxy=proxy, **settings)

    @staticmethod
    def proxied_transport(**settings: Any) -> httpx2.AsyncBaseTransport:
        """Return the transport that reaches the world through an HTTP proxy."""
        return _Transport(**settings)


class LeanAiohttpClient(LeanAsyncClient, AiohttpClient):
    """The one that LLM objects share."""

    bounds_itself: ClassVar[bool] = True


class _Connector(aiohttp.TCPConnector):
    """Names what a proxy did, as httpx2's engine does; the texts of aiohttp's errors hold URLs."""

    async def _create_proxy_connection(
        self,
        req: Any,
        traces: Any,
        timeout: Any,  # noqa: ASYNC109 - aiohttp's
    ) -> Any:
        try:
            async with asyncio.timeout(timeout.sock_connect):
                return await super()._create_proxy_connection(req, traces, timeout)
        except TimeoutError:
            problem: httpx2.TransportError = httpx2.ConnectTimeout(
                "the proxy did not answer in time"
            )
        except aiohttp.ClientHttpProxyError as error:
            problem = httpx2.ProxyError(f"{error.status} {error.message}")
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientError, ConnectionError):
            problem = httpx2.ProxyError("the proxy hung up or spoke no HTTP")
        raise problem


class _Transport(AiohttpTransport):
    def __init__(self, *, proxy: httpx2.Proxy | None = None, **settings: Any) -> None:
        self._password: dict[str, str] = {}
        if proxy is not None and proxy.auth is not None:  # aiohttp's own argument is deprecated
            pair = ":".join(proxy.auth).encode()
            self._password = {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}
            proxy = httpx2.Proxy(proxy.url, headers={**proxy.headers, **self._password})
        super().__init__(proxy=proxy, **settings)

    def get_client(self) -> aiohttp.ClientSession:
        connector = _Connector(
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
        if request.url.scheme == "http":  # no tunnel: this request goes to the proxy
            request.headers.update(self._password)
        try:
            async with asyncio.timeout(longest(request)):
                return await super().handle_async_request(_in_pieces(request))
        except TimeoutError:
            problem = httpx2.WriteTimeout("the request could not be sent in time")
        except httpx2.TimeoutException as error:
            if not isinstance(error.__cause__, aiohttp.ConnectionTimeoutError):
                raise
            problem = httpx2.ConnectTimeout("no connection in time")
        except aiohttp.ClientError as error:  # its text and its attributes hold URL and headers
            problem = httpx2.RemoteProtocolError(type(error).__name__)
        except ValueError as error:
            problem = httpx2.LocalProtocolError(type(error).__name__)
        raise problem


class _BodyInPieces:
    """A request whose body aiohttp reads in pieces: a large one as a whole holds up its loop."""

    def __init__(self, request: httpx2.Request) -> None:
        self._request = request
        self.content = io.BytesIO(request.content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


def _in_pieces(request: httpx2.Request) -> httpx2.Request:
    large = len(request.content) > _LARGE
    return cast("httpx2.Request", _BodyInPieces(request)) if large else request
