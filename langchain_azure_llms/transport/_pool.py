"""HTTP clients, shared by all LLM objects that use the network in the same way.

A client holds a connection pool and a TLS context; making one costs tens of milliseconds and a TLS
handshake per connection. So there is one for each way of using the network, whatever the number of
LLM objects. Async clients belong to the event loop that made them: one per running loop, closed
with it.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakSet, ref

import httpx2

from langchain_azure_llms.transport import _network
from langchain_azure_llms.transport._lean import LeanAsyncClient, LeanClient
from langchain_azure_llms.transport._network import NetworkSettings

ClientT = TypeVar("ClientT", bound=LeanClient | LeanAsyncClient)


class _Last(NamedTuple, Generic[ClientT]):
    """The client of a call, and for whom it was: a fork, or another event loop, needs another.

    A client refers to its loop; so neither is held here.
    """

    client: ref[ClientT]
    pool: object
    settings: NetworkSettings
    loop: ref[asyncio.AbstractEventLoop] | None = None

    def of(
        self, pool: object, settings: NetworkSettings, loop: asyncio.AbstractEventLoop | None = None
    ) -> ClientT | None:
        """Return the client if it is theirs, and open."""
        of_loop = self.loop() if self.loop is not None else None
        if self.pool is not pool or self.settings is not settings or of_loop is not loop:
            return None
        client = self.client()
        return client if client is not None and not client.is_closed else None


class Lease:
    """One LLM object's use of shared clients. A client closes when its last user closes.

    It remembers the client of the last call, and for whom that was, since looking it up takes
    longer than all else that is done here.
    """

    __slots__ = ("__weakref__", "last", "last_async")

    def __init__(self) -> None:
        self.last: _Last[LeanClient] | None = None
        self.last_async: _Last[LeanAsyncClient] | None = None

    def __deepcopy__(self, memo: object) -> Lease:
        return Lease()


class SyncPool:
    """The sync clients of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[NetworkSettings, tuple[LeanClient, WeakSet[Lease]]] = {}

    def client(self, settings: NetworkSettings, lease: Lease) -> httpx2.Client:
        """Return the shared client for these settings."""
        known = lease.last
        if known is not None and (last := known.of(self, settings)) is not None:
            return last
        with self._lock:  # in one step: another object may be closing the client just now
            shared = self._clients.get(settings)
            if shared is None:
                shared = (_network.sync_client(settings), WeakSet())
                self._clients[settings] = shared
            client, users = shared
            users.add(lease)
            lease.last = _Last(ref(client), self, settings)
        return client

    def close(self, settings: NetworkSettings, lease: Lease) -> None:
        """Close the client if no other LLM object uses it, once no request of it is under way."""
        with self._lock:
            client, users = self._clients.get(settings, (None, WeakSet[Lease]()))
            users.discard(lease)
            lease.last = None
            if client is None or users:
                return
            del self._clients[settings]
        client.leave()

    def close_all(self) -> None:
        """Close every client: the process ends."""
        with self._lock:
            clients = [client for client, _ in self._clients.values()]
            self._clients.clear()
        for client in clients:
            client.leave()


class _LoopClient(NamedTuple):
    client: LeanAsyncClient
    users: WeakSet[Lease]
    closer: AsyncGenerator[None]


class AsyncPool:
    """The async clients of this process, one per event loop and settings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # A plain dict: a client refers to its loop, so a weak one would never let go of either.
        self._loops: dict[asyncio.AbstractEventLoop, dict[NetworkSettings, _LoopClient]] = {}

    def client(self, settings: NetworkSettings, lease: Lease) -> httpx2.AsyncClient:
        """Return the running loop's shared client for these settings."""
        loop = asyncio.get_running_loop()
        known = lease.last_async
        if known is not None and (last := known.of(self, settings, loop)) is not None:
            return last
        clients = self._loops.get(loop)
        if clients is None:
            clients = self._welcome(loop)
        shared = clients.get(settings)
        if shared is None:
            client = _network.async_client(settings)
            shared = _LoopClient(client, WeakSet(), _closing_with_its_loop(client))
            clients[settings] = shared
        shared.users.add(lease)
        lease.last_async = _Last(ref(shared.client), self, settings, ref(loop))
        return shared.client

    async def close(self, settings: NetworkSettings, lease: Lease) -> None:
        """Close the running loop's client if no other LLM object uses it, once it is idle."""
        clients = self._loops.get(asyncio.get_running_loop(), {})
        shared = clients.get(settings)
        if shared is None:
            return
        shared.users.discard(lease)
        lease.last_async = None
        if not shared.users:
            del clients[settings]
            await shared.client.leave(shared.closer.aclose)

    def _welcome(self, loop: asyncio.AbstractEventLoop) -> dict[NetworkSettings, _LoopClient]:
        """Make room for a new loop, and drop the clients of loops that have ended."""
        with self._lock:
            for ended in [known for known in self._loops if known.is_closed()]:
                del self._loops[ended]
            return self._loops.setdefault(loop, {})


def _closing_with_its_loop(client: httpx2.AsyncClient) -> AsyncGenerator[None]:
    """Return a generator that closes the client when the loop shuts its generators down.

    `asyncio.run` finishes every async generator that was started in its loop: the one moment at
    which a client can still be closed there, without the caller doing anything.
    """

    async def closer() -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await client.aclose()

    started = closer()
    try:
        started.asend(None).send(None)  # runs to the yield, which awaits nothing
    except StopIteration:
        return started
    raise AssertionError("unreachable: the generator yields at once")


sync_pool = SyncPool()
async_pool = AsyncPool()
_inherited: list[object] = []


def _after_fork() -> None:
    """Set the parent's clients aside: using them, or closing them, would break the parent's."""
    global sync_pool, async_pool
    _inherited.extend((sync_pool, async_pool))
    sync_pool, async_pool = SyncPool(), AsyncPool()


@atexit.register
def _close_at_exit() -> None:
    """Close the pool of that moment: a fork replaces it."""
    sync_pool.close_all()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
