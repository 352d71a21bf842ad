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
import ssl
import threading
from collections.abc import AsyncGenerator
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

import httpx2

from langchain_azure_llms.exceptions import ConfigurationError

ClientT = TypeVar("ClientT", httpx2.Client, httpx2.AsyncClient)

# One request in flight takes one connection, and LLM calls bound what is in flight. Azure's load
# balancers drop idle connections after four minutes (Microsoft: "Load Balancer TCP Reset and Idle
# Timeout"); leaving earlier avoids most requests on a connection that is just being dropped.
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000, keepalive_expiry=60.0)
TIMEOUT = httpx2.Timeout(600.0, connect=5.0)
"""Seconds, for LLM objects that set no timeout: those of OpenAI's own client."""
_CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_VARIABLES = (*_CA_VARIABLES, *_PROXY_VARIABLES, *(name.lower() for name in _PROXY_VARIABLES))


class NetworkSettings(NamedTuple):
    """What two LLM objects must have in common to share a client."""

    proxy: str | None
    environment: tuple[str | None, ...]


class Lease:
    """One LLM object's use of shared clients. A client closes when its last user closes."""

    __slots__ = ("__weakref__",)


def network_settings(proxy: str | None = None) -> NetworkSettings:
    """Return how the network is to be used: through `proxy`, else as the environment says."""
    return NetworkSettings(proxy, tuple(os.environ.get(name) for name in _VARIABLES))


@lru_cache(maxsize=8)
def _tls_context(_ca_settings: tuple[str | None, ...]) -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def _context_for(settings: NetworkSettings) -> ssl.SSLContext:
    return _tls_context(settings.environment[: len(_CA_VARIABLES)])


class SyncPool:
    """The sync clients of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[NetworkSettings, tuple[httpx2.Client, WeakSet[Lease]]] = {}

    def client(self, settings: NetworkSettings, lease: Lease) -> httpx2.Client:
        """Return the shared client for these settings."""
        shared = self._clients.get(settings)
        if shared is None:
            with self._lock:
                shared = self._clients.get(settings)
                if shared is None:
                    shared = (_sync_client(settings), WeakSet())
                    self._clients[settings] = shared
        client, users = shared
        if lease not in users:
            with self._lock:
                users.add(lease)
        return client

    def close(self, settings: NetworkSettings, lease: Lease) -> None:
        """Close the client if no other LLM object uses it."""
        with self._lock:
            client, users = self._clients.get(settings, (None, WeakSet[Lease]()))
            users.discard(lease)
            if client is None or users:
                return
            del self._clients[settings]
        client.close()

    def close_all(self) -> None:
        """Close every client: the process ends."""
        with self._lock:
            clients = [client for client, _ in self._clients.values()]
            self._clients.clear()
        for client in clients:
            client.close()


class _LoopClient(NamedTuple):
    client: httpx2.AsyncClient
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
        clients = self._loops.get(loop)
        if clients is None:
            clients = self._welcome(loop)
        shared = clients.get(settings)
        if shared is None:
            client = _async_client(settings)
            shared = _LoopClient(client, WeakSet(), _closing_with_its_loop(client))
            clients[settings] = shared
        shared.users.add(lease)
        return shared.client

    async def close(self, settings: NetworkSettings, lease: Lease) -> None:
        """Close the running loop's client if no other LLM object uses it."""
        clients = self._loops.get(asyncio.get_running_loop(), {})
        shared = clients.get(settings)
        if shared is None:
            return
        shared.users.discard(lease)
        if not shared.users:
            del clients[settings]
            await shared.closer.aclose()

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


def _sync_client(settings: NetworkSettings) -> httpx2.Client:
    return _made(httpx2.Client, settings)


def _async_client(settings: NetworkSettings) -> httpx2.AsyncClient:
    return _made(_async_client_class(), settings)


def _made(client_class: type[ClientT], settings: NetworkSettings) -> ClientT:
    try:
        return client_class(**_client_settings(settings))
    except (OSError, ValueError, ImportError, httpx2.InvalidURL) as error:
        problem = type(error).__name__
    given = [name for name, value in zip(_VARIABLES, settings.environment, strict=True) if value]
    raise ConfigurationError(
        f"No HTTP client can be made ({problem}): check the proxy's URL and the environment's "
        f"network settings ({', '.join(given) or 'none is set'}); a socks proxy needs socksio."
    )


def _client_settings(settings: NetworkSettings) -> dict[str, Any]:
    # Clients are shared by callers with different credentials: what a gateway remembers of one by a
    # cookie must not travel with another's requests.
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return {
        "verify": _context_for(settings),
        "proxy": settings.proxy,
        "limits": LIMITS,
        "timeout": TIMEOUT,
        "cookies": no_cookies,
    }


@lru_cache(maxsize=1)
def _async_client_class() -> type[httpx2.AsyncClient]:
    """Return the client on aiohttp's engine when the extra is installed: half the CPU."""
    if find_spec("httpx_aiohttp") is None:
        return httpx2.AsyncClient
    from langchain_azure_llms.transport._aiohttp import AiohttpClient  # noqa: PLC0415 - an extra

    client_class: type[httpx2.AsyncClient] = AiohttpClient
    return client_class


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
