"""A bound on the time until a reply begins, for threads.

A server may send its headers byte by byte, or interim replies (1xx) for ever: each read is within
its timeout, and their sum is not. In asyncio a timeout around it all ends that; a thread that reads
cannot be interrupted, so each of its reads is given no more than what is left.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import Any

import httpcore2
import httpx2

from langchain_azure_llms._during import During

_BYTES_PER_TIMEOUT = 1024 * 1024
"""A body is to go out at this many bytes per write timeout."""
_deadline: ContextVar[float | None] = ContextVar("_deadline", default=None)


def longest(request: httpx2.Request) -> float | None:
    """Return the seconds until a reply must have begun, or None for no limit."""
    timeout = request.extensions.get("timeout", {})
    steps = [timeout.get(step) for step in ("pool", "connect", "read", "write")]
    if any(step is None for step in steps):
        return None
    pool, connect, read, write = steps
    return float(pool + connect + read + write * (1 + len(request.content) / _BYTES_PER_TIMEOUT))


def until_it_begins(request: httpx2.Request) -> During[float | None]:
    """Bound the reads of this thread, within a `with` block, until the reply has begun."""
    seconds = longest(request)
    return During(_deadline, None if seconds is None else time.monotonic() + seconds)


def bounded(transport: httpx2.BaseTransport) -> None:
    """Make a transport's reads keep to the bound."""
    pool = getattr(transport, "_pool", None)  # httpx2 has no argument for the backend
    if isinstance(pool, httpcore2.ConnectionPool):
        pool._network_backend = _Backend(pool._network_backend)  # noqa: SLF001 - as above


class _Backend(httpcore2.NetworkBackend):
    def __init__(self, backend: httpcore2.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        return _Stream(self._backend.connect_tcp(*args, **kwargs))


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream
        # Methods of its own would be one more call for each of these, and do nothing.
        self.write = stream.write  # type: ignore[method-assign]
        self.close = stream.close  # type: ignore[method-assign]
        self.get_extra_info = stream.get_extra_info  # type: ignore[method-assign]

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        end = _deadline.get()
        if end is not None:
            left = end - time.monotonic()
            if left <= 0:
                raise httpcore2.ReadTimeout("the reply did not begin in time")
            timeout = left if timeout is None else min(timeout, left)
        return self._stream.read(max_bytes, timeout)

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(*args, **kwargs))
