"""A bound on the time until a reply begins, for threads.

A server may send its headers byte by byte, or interim replies (1xx) for ever: each read is within
its timeout, and their sum is not. In asyncio a timeout around it all ends that; a thread that reads
cannot be interrupted, so each of its reads is given no more than what is left.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

import httpx2

from langchain_azure_llms._during import During

_BYTES_PER_TIMEOUT = 1024 * 1024
"""A body is to go out at this many bytes per write timeout."""
deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
"""When the reply that this thread waits for must have begun, by `time.monotonic`."""


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
    return During(deadline, None if seconds is None else time.monotonic() + seconds)


def bounded(transport: httpx2.BaseTransport) -> None:
    """Make a transport's reads keep to the bound."""
    from langchain_azure_llms.transport._bounded import bounded_pool  # noqa: PLC0415 - see there

    bounded_pool(getattr(transport, "_pool", None))  # httpx2 has no argument for the backend
