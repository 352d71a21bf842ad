"""How the network is used: proxies, certificate authorities, timeouts; and clients made for it."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

import httpx2
from httpx2._utils import get_environment_proxies  # no public name; also reads a system's settings

from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.transport._lean import LeanAsyncClient, LeanClient
from langchain_azure_llms.transport._proxied import AsyncProxiedTransport, ProxiedTransport

ClientT = TypeVar("ClientT", LeanClient, LeanAsyncClient)

# One request in flight takes one connection, and LLM calls bound what is in flight. Azure's load
# balancers drop idle connections after four minutes (Microsoft: "Load Balancer TCP Reset and Idle
# Timeout"); leaving earlier avoids most requests on a connection that is just being dropped.
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000, keepalive_expiry=60.0)
TIMEOUT = httpx2.Timeout(600.0, connect=5.0)
"""Seconds, for LLM objects that set no timeout: those of OpenAI's own client."""
_CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_LAST_PORT = 65535
_VARIABLES = (*_CA_VARIABLES, *_PROXY_VARIABLES, *(name.lower() for name in _PROXY_VARIABLES))


class NetworkSettings(NamedTuple):
    """What two LLM objects must have in common to share a client."""

    proxy: str | None
    environment: tuple[str | None, ...]
    environment_proxies: tuple[tuple[str, str | None], ...] = ()

    def __repr__(self) -> str:  # proxies' URLs hold passwords
        return "NetworkSettings(...)"

    @property
    def proxies(self) -> dict[str, str | None]:
        """Which proxy is for which URLs; None for none."""
        return {"all://": self.proxy} if self.proxy else dict(self.environment_proxies)


def network_settings(proxy: str | None = None) -> NetworkSettings:
    """Return how the network is to be used: through `proxy`, else as the environment says now.

    A client is made later, at the first request; the environment of that moment does not count.
    """
    environment = tuple(os.environ.get(name) for name in _VARIABLES)
    return NetworkSettings(proxy, environment, _proxies_of(environment))


@lru_cache(maxsize=32)
def _proxies_of(_environment: tuple[str | None, ...]) -> tuple[tuple[str, str | None], ...]:
    """Return the environment's proxies as httpx2 understands them, on every engine."""
    return tuple(get_environment_proxies().items())


@lru_cache(maxsize=8)
def _tls_context(ca_settings: tuple[str | None, ...]) -> ssl.SSLContext:
    file, folder = ca_settings
    try:
        if file:
            return ssl.create_default_context(cafile=file)
        if folder:
            return ssl.create_default_context(capath=folder)
        return httpx2.create_ssl_context(trust_env=False)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    raise ConfigurationError(
        f"The certificate authorities cannot be read ({problem}): check what SSL_CERT_FILE and "
        f"SSL_CERT_DIR name ({file!r}, {folder!r})."
    )


def _context_for(settings: NetworkSettings) -> ssl.SSLContext:
    return _tls_context(settings.environment[: len(_CA_VARIABLES)])


def sync_client(settings: NetworkSettings) -> LeanClient:
    """Return a new client for threads."""
    return _made(LeanClient, settings)


def async_client(settings: NetworkSettings) -> LeanAsyncClient:
    """Return a new client for asyncio."""
    return _made(_async_client_class(), settings)


def _made(client_class: type[ClientT], settings: NetworkSettings) -> ClientT:
    try:
        return client_class(**_client_settings(client_class, settings))
    except ConfigurationError:  # a ValueError, which says more than we could
        raise
    except (OSError, ValueError, ImportError, httpx2.InvalidURL) as error:
        problem = type(error).__name__
    given = [name for name, value in zip(_VARIABLES, settings.environment, strict=True) if value]
    raise ConfigurationError(
        f"No HTTP client can be made ({problem}): check the proxy's URL and the environment's "
        f"network settings ({', '.join(given) or 'none is set'}); a socks proxy needs socksio."
    )


def _client_settings(client_class: type, settings: NetworkSettings) -> dict[str, Any]:
    network = {"verify": _context_for(settings), "limits": LIMITS}
    return {
        **network,
        "trust_env": False,
        "mounts": {
            urls: _proxied(client_class, httpx2.Proxy(proxy), network) if proxy else None
            for urls, proxy in settings.proxies.items()
        },
        "timeout": TIMEOUT,
    }


def _proxied(client_class: type, proxy: httpx2.Proxy, network: dict[str, Any]) -> Any:
    """Return the transport that reaches the world through a proxy."""
    if not proxy.url.host or (proxy.url.port or 0) > _LAST_PORT:
        raise ValueError
    if issubclass(client_class, httpx2.Client):
        return ProxiedTransport(proxy=proxy, **network)
    is_socks = proxy.url.scheme.startswith("socks")  # aiohttp's engine speaks HTTP to any proxy
    transport = getattr(client_class, "proxied_transport", None)
    if transport is None or is_socks:
        return AsyncProxiedTransport(proxy=proxy, **network)
    return transport(proxy=proxy, **network)


def is_fast_in_asyncio() -> bool:
    """Return whether many requests at once cost less in asyncio than in threads."""
    return _async_client_class() is not LeanAsyncClient


@lru_cache(maxsize=1)
def _async_client_class() -> type[LeanAsyncClient]:
    """Return the client on aiohttp's engine when the extra is installed: half the CPU."""
    if find_spec("httpx_aiohttp") is None:
        return LeanAsyncClient
    from langchain_azure_llms.transport._aiohttp import LeanAiohttpClient  # noqa: PLC0415 - an extra

    client_class: type[LeanAsyncClient] = LeanAiohttpClient
    return client_class
