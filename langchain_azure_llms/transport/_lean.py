"""httpx2's clients without what is never used of those that LLM objects share.

A client merges defaults, cookies and parameters into each request, runs auth flows, hooks and
redirects, and logs. Nobody can set any of that on a shared client, and it costs a quarter of what
sending costs: these send through the client's transports.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2


class _LeanRequests(httpx2._client.BaseClient):  # noqa: SLF001 - the base of both clients
    """Builds requests of what it is given, and of the client's default headers."""

    _defaults: Mapping[str, str] | None = None

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
        if self._defaults is None:
            named = ("accept-encoding", "connection")
            self._defaults = {name.title(): self.headers[name] for name in named}
        if not isinstance(timeout, httpx2.Timeout):
            timeout = self.timeout
        return httpx2.Request(
            method,
            url,
            params=params,
            content=content,
            headers={**self._defaults, **headers},
            extensions={"timeout": timeout.as_dict()},
        )

    def _check_open(self) -> None:
        if self.is_closed:
            raise RuntimeError("the client has been closed")


class LeanClient(_LeanRequests, httpx2.Client):
    """For threads."""

    def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        """Send a request; the response is unread."""
        self._check_open()
        response = self._transport_for_url(request.url).handle_request(request)
        response.request = request
        return response


class LeanAsyncClient(_LeanRequests, httpx2.AsyncClient):
    """For asyncio."""

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        """Send a request; the response is unread."""
        self._check_open()
        response = await self._transport_for_url(request.url).handle_async_request(request)
        response.request = request
        return response
