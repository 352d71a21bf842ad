"""HTTP transports, shared by all LLM objects that use the network in the same way.

A transport holds a connection pool and a TLS context; making one costs tens of milliseconds, and a
TLS handshake per connection. So there is one sync transport per process, and one async transport
per event loop, for each way of using the network, however many LLM objects there are.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import ssl
import threading
from collections.abc import AsyncGenerator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
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
KEEPALIVE_OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 5))
        if hasattr(socket, name)
    ),
]
"""Options of sockets that keep a connection alive while an answer is silent: Azure's load balancers
and other NATs forget one after four minutes without a packet (see `KEEPALIVE_SECONDS`)."""
_LAST_PORT = 65535
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class NetworkSettings(NamedTuple):
    """What two LLM objects must have in common to share a transport.

    Attributes:
        proxy: The proxy's URL; may hold a password.
        ca_file: A file of certificate authorities, in place of the system's.
        ca_folder: A folder of them.
        context: The user's own TLS settings.
        is_verified: Whether certificates are checked at all.
    """

    proxy: str | None = None
    ca_file: str | None = None
    ca_folder: str | None = None
    context: ssl.SSLContext | None = None
    is_verified: bool = True

    def __repr__(self) -> str:
        return "NetworkSettings(...)"


Verify = bool | str | ssl.SSLContext
"""How certificates are checked, as httpx2's clients take it."""


def network_settings(
    url: str, proxy: str | None = None, *, verify: Verify = True
) -> NetworkSettings:
    """Return how requests to a URL use the network.

    Args:
        url: Where they go.
        proxy: The proxy to use; None for the environment's (`HTTPS_PROXY`, `NO_PROXY` and the
            like, and a system's own settings).
        verify: False to check no certificates; a file or folder of certificate authorities, or TLS
            settings of the user's own. True for the environment's (`SSL_CERT_FILE`, `SSL_CERT_DIR`,
            then `REQUESTS_CA_BUNDLE`), else the system's.
    """
    used = proxy or _proxy_of_environment(url)
    if isinstance(verify, ssl.SSLContext):
        return NetworkSettings(used, context=verify)
    if verify is False:
        return NetworkSettings(used, is_verified=False)
    if isinstance(verify, str):
        return NetworkSettings(used, *_file_or_folder(verify))
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if not file and not folder and (bundle := os.environ.get("REQUESTS_CA_BUNDLE")):
        file, folder = _file_or_folder(bundle)
    return NetworkSettings(used, file, folder)


def _file_or_folder(path: str) -> tuple[str | None, str | None]:
    return (None, path) if Path(path).is_dir() else (path, None)


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
        # In a thread: it imports modules and reads certificates, which would hold up the loop.
        made = await asyncio.to_thread(_new_async_transport, network)
        found = transports.get(network)  # another call may have been faster
        if found is None:
            found = transports[network] = _LoopTransport(made, _close_with_loop(made))
            await anext(found.closer)
        else:
            await made.aclose()
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
def _tls_context(network: NetworkSettings) -> ssl.SSLContext:
    if network.context is not None:
        return network.context
    ca_file, ca_folder = network.ca_file, network.ca_folder
    try:
        if not network.is_verified:
            context = httpx2.create_ssl_context(trust_env=False)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return context
        if ca_file or ca_folder:
            folder = None if ca_file else ca_folder
            return ssl.create_default_context(cafile=ca_file or None, capath=folder)
        return httpx2.create_ssl_context(trust_env=False)
    except OSError as error:
        raise ConfigurationError(
            f"The certificate authorities cannot be read ({error.strerror or error}): check what "
            "verify, SSL_CERT_FILE, SSL_CERT_DIR or REQUESTS_CA_BUNDLE names "
            f"({ca_file or ca_folder!r})."
        ) from None


def _new_sync_transport(network: NetworkSettings) -> httpx2.HTTPTransport:
    context, proxy = _tls_context(network._replace(proxy=None)), _checked_proxy(network)
    return httpx2.HTTPTransport(
        verify=context,
        limits=_LIMITS,
        proxy=proxy,
        trust_env=False,
        socket_options=KEEPALIVE_OPTIONS,
    )


def _new_async_transport(network: NetworkSettings) -> httpx2.AsyncBaseTransport:
    """Return a transport on aiohttp's engine where the extra is installed, else on httpx2's."""
    context, proxy = _tls_context(network._replace(proxy=None)), _checked_proxy(network)
    is_socks = proxy is not None and proxy.url.scheme.startswith("socks")
    if has_aiohttp() and not is_socks:  # aiohttp speaks HTTP to any proxy
        from langchain_azure_llms.http.aiohttp_engine import (  # noqa: PLC0415 - an extra
            AiohttpEngine,
        )

        return AiohttpEngine(context, proxy)
    return httpx2.AsyncHTTPTransport(
        verify=context,
        limits=_LIMITS,
        proxy=proxy,
        trust_env=False,
        socket_options=KEEPALIVE_OPTIONS,
    )


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
