"""HTTP transports, shared by all LLM objects that use the network in the same way.

A transport holds a connection pool and a TLS context; making one costs tens of milliseconds, and a
TLS handshake per connection. So there is one sync transport per process, and one async transport
per event loop, for each way of using the network, however many LLM objects there are.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import ssl
import threading
from collections.abc import AsyncGenerator
from functools import lru_cache
from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from langchain_azure_llms.exceptions import ConfigurationError

MAX_CONNECTIONS = 1000
KEEPALIVE_SECONDS = 60.0
"""How long idle connections are kept. Azure's load balancers drop them after four minutes
(Microsoft, "Load Balancer TCP Reset and Idle Timeout"); leaving earlier avoids most requests on a
connection that is just being dropped."""
TIMEOUT = {"connect": 5.0, "read": 600.0, "write": 600.0, "pool": 600.0}
"""Seconds for each step, where an LLM object sets no timeout: those of OpenAI's own client."""
_LIMITS = httpx2.Limits(
    max_connections=MAX_CONNECTIONS,
    max_keepalive_connections=MAX_CONNECTIONS,
    keepalive_expiry=KEEPALIVE_SECONDS,
)
_LAST_PORT = 65535
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class NetworkSettings(NamedTuple):
    """What two LLM objects must have in common to share a transport.

    Attributes:
        proxy: The proxy's URL; may hold a password.
        ca_file: A file of certificate authorities, in place of the system's.
        ca_folder: A folder of them.
    """

    proxy: str | None = None
    ca_file: str | None = None
    ca_folder: str | None = None

    def __repr__(self) -> str:
        return "NetworkSettings(...)"


def network_settings(url: str, proxy: str | None = None) -> NetworkSettings:
    """Return how requests to a URL use the network.

    Args:
        url: Where they go.
        proxy: The proxy to use; None for the environment's (`HTTPS_PROXY`, `NO_PROXY` and the
            like, and a system's own settings).
    """
    files = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    return NetworkSettings(proxy or _proxy_of_environment(url), *files)


def _proxy_of_environment(url: str) -> str | None:
    proxies, parts = getproxies(), urlsplit(url)
    if not proxies or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    found = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{found}" if found and "://" not in found else found


# --- one transport for each way of using the network ---------------------------------------------

_lock = threading.Lock()
_sync: dict[NetworkSettings, httpx2.HTTPTransport] = {}


class _LoopTransport(NamedTuple):
    transport: httpx2.AsyncBaseTransport
    closer: AsyncGenerator[None]


_async: dict[asyncio.AbstractEventLoop, dict[NetworkSettings, _LoopTransport]] = {}
# A plain dict, swept of closed loops: a transport refers to its loop, so weak keys would free none.


def sync_transport(network: NetworkSettings) -> httpx2.HTTPTransport:
    """Return the shared transport for threads.

    Raises:
        ConfigurationError: If the proxy or the certificate authorities cannot be used.
    """
    found = _sync.get(network)
    if found is None:
        with _lock:
            found = _sync.get(network)
            if found is None:
                found = _sync[network] = _new_sync_transport(network)
    return found


async def async_transport(network: NetworkSettings) -> httpx2.AsyncBaseTransport:
    """Return the running event loop's shared transport; it is closed with the loop.

    Raises:
        ConfigurationError: As `sync_transport`.
    """
    loop = asyncio.get_running_loop()
    transports = _async.get(loop)
    if transports is None:
        with _lock:
            for closed in [known for known in _async if known.is_closed()]:
                del _async[closed]
            transports = _async.setdefault(loop, {})
    found = transports.get(network)
    if found is None:
        transport = _new_async_transport(network)
        found = transports[network] = _LoopTransport(transport, _close_with_loop(transport))
        await anext(found.closer)
    return found.transport


async def _close_with_loop(transport: httpx2.AsyncBaseTransport) -> AsyncGenerator[None]:
    """Close a transport when its event loop shuts its async generators down, as asyncio.run does.

    That is the one moment at which it can be closed in its loop without the caller's help.
    """
    try:
        yield
    finally:
        await transport.aclose()


def close_sync(network: NetworkSettings) -> None:
    """Close the shared transport for threads; the next request makes a new one."""
    with _lock:
        transport = _sync.pop(network, None)
    if transport is not None:
        transport.close()


async def close_async(network: NetworkSettings) -> None:
    """Close the running event loop's shared transport; the next request makes a new one."""
    found = _async.get(asyncio.get_running_loop(), {}).pop(network, None)
    if found is not None:
        await found.closer.aclose()


@atexit.register
def _close_at_exit() -> None:
    for network in list(_sync):
        close_sync(network)


_inherited: list[object] = []


def _after_fork() -> None:
    """Set the parent's transports aside: using or closing them would break the parent's."""
    global _lock, _sync, _async
    _inherited.extend((_sync, _async))
    _lock, _sync, _async = threading.Lock(), {}, {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


# --- making one ----------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _tls_context(ca_file: str | None, ca_folder: str | None) -> ssl.SSLContext:
    try:
        if ca_file or ca_folder:
            folder = None if ca_file else ca_folder
            return ssl.create_default_context(cafile=ca_file or None, capath=folder)
        return httpx2.create_ssl_context(trust_env=False)
    except OSError as error:
        raise ConfigurationError(
            f"The certificate authorities cannot be read ({error.strerror or error}): check what "
            f"SSL_CERT_FILE and SSL_CERT_DIR name ({ca_file!r}, {ca_folder!r})."
        ) from None


def _new_sync_transport(network: NetworkSettings) -> httpx2.HTTPTransport:
    context, proxy = _tls_context(network.ca_file, network.ca_folder), _checked_proxy(network)
    return httpx2.HTTPTransport(verify=context, limits=_LIMITS, proxy=proxy, trust_env=False)


def _new_async_transport(network: NetworkSettings) -> httpx2.AsyncBaseTransport:
    """Return a transport on aiohttp's engine where the extra is installed, else on httpx2's."""
    context, proxy = _tls_context(network.ca_file, network.ca_folder), _checked_proxy(network)
    is_socks = proxy is not None and proxy.url.scheme.startswith("socks")
    if has_aiohttp() and not is_socks:  # aiohttp speaks HTTP to any proxy
        from langchain_azure_llms.http.aiohttp_engine import (  # noqa: PLC0415 - an extra
            AiohttpEngine,
        )

        return AiohttpEngine(context, proxy)
    return httpx2.AsyncHTTPTransport(verify=context, limits=_LIMITS, proxy=proxy, trust_env=False)


def has_aiohttp() -> bool:
    """Return whether the extra `aiohttp` is installed."""
    return find_spec("httpx_aiohttp") is not None


def _checked_proxy(network: NetworkSettings) -> httpx2.Proxy | None:
    if network.proxy is None:
        return None
    try:
        proxy = httpx2.Proxy(network.proxy)
        is_usable = bool(proxy.url.host) and (proxy.url.port or 0) <= _LAST_PORT
    except (ValueError, httpx2.InvalidURL):
        is_usable = False
    if not is_usable:
        given = [name for name in os.environ if name.upper() in _PROXY_VARIABLES]
        raise ConfigurationError(
            f"The proxy's URL cannot be used: check {', '.join(['openai_proxy', *given])}; "
            "expected one such as http://proxy:3128."
        )
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ConfigurationError("A socks proxy needs the package socksio: pip install socksio.")
    return proxy
