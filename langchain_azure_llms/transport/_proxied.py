"""Requests through a proxy: what it does is told from what the endpoint does."""

from __future__ import annotations

from typing import Any

import httpx2


class _Tunnel:
    """Watches a request on its way, to tell what a proxy did from what the endpoint did.

    While the proxy is asked for a tunnel, the time to connect counts, not the time that an answer
    may take; and whatever fails then, the request itself was not sent.
    """

    def __init__(self) -> None:
        self._asking = False

    def see(self, event: str, told: dict[str, Any]) -> None:
        """Look at an event of the engine's `trace` extension."""
        if event.endswith(".send_request_headers.started"):
            message = told["request"]
            self._asking = message.method == b"CONNECT"
            if self._asking:
                longest = message.extensions.get("timeout", {}).get("connect")
                steps = dict.fromkeys(("read", "write"), longest)
                message.extensions = {**message.extensions, "timeout": steps}
        elif event.endswith(".start_tls.started"):
            self._asking = False

    async def asee(self, event: str, told: dict[str, Any]) -> None:
        """Do the same for asyncio."""
        self.see(event, told)

    def named(self, error: httpx2.TransportError) -> httpx2.TransportError:
        """Return the error, by its right name."""
        right = error
        if self._asking and isinstance(error, httpx2.TimeoutException):
            right = httpx2.ConnectTimeout("the proxy did not answer in time")
        elif self._asking and isinstance(error, httpx2.ReadError | httpx2.RemoteProtocolError):
            right = httpx2.ProxyError("the proxy hung up or spoke no HTTP")
        return right


class ProxiedTransport(httpx2.HTTPTransport):
    """Reaches the world through a proxy, for threads."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request."""
        tunnel = _Tunnel()
        request.extensions = {**request.extensions, "trace": tunnel.see}
        try:
            return super().handle_request(request)
        except httpx2.TransportError as error:
            raise tunnel.named(error) from error.__cause__


class AsyncProxiedTransport(httpx2.AsyncHTTPTransport):
    """Reaches the world through a proxy, for asyncio."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request."""
        tunnel = _Tunnel()
        request.extensions = {**request.extensions, "trace": tunnel.asee}
        try:
            return await super().handle_async_request(request)
        except httpx2.TransportError as error:
            raise tunnel.named(error) from error.__cause__
