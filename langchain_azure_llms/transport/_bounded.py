"""The reads of httpx2's engine, each given no more time than is left.

Imported with the first client, as httpx2 imports its engine: it takes as long to import as all the
rest of this package.
"""

from __future__ import annotations

import time
from typing import Any

import httpcore2

from langchain_azure_llms.transport._deadline import deadline


def bounded_pool(pool: Any) -> None:
    """Make what a transport reads through keep to the bound."""
    if isinstance(pool, httpcore2.ConnectionPool):
        pool._network_backend = _Backend(pool._network_backend)  # noqa: SLF001 - it has no public name


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
        end = deadline.get()
        if end is not None:
            left = end - time.monotonic()
            if left <= 0:
                raise httpcore2.ReadTimeout("the reply did not begin in time")
            timeout = left if timeout is None else min(timeout, left)
        return self._stream.read(max_bytes, timeout)

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(*args, **kwargs))
