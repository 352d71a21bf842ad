"""Transports are shared by all that use the network alike, and belong to their event loop."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest

from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.http import transports
from langchain_azure_llms.http.transports import NetworkSettings, network_settings
from tests.support.engines import fresh_transports, use_engine

_URL = "https://host.example/path"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with fresh_transports(monkeypatch):
        yield


def test_the_same_settings_share_a_transport() -> None:
    """However many LLM objects there are; other settings have another."""
    first = transports.sync_transport(NetworkSettings())
    assert transports.sync_transport(NetworkSettings()) is first
    assert transports.sync_transport(NetworkSettings("http://proxy:3128")) is not first


def test_a_closed_transport_is_replaced() -> None:
    """Closing one that was never made does nothing."""
    transports.close_sync(NetworkSettings())
    first = transports.sync_transport(NetworkSettings())
    transports.close_sync(NetworkSettings())
    assert transports.sync_transport(NetworkSettings()) is not first


@pytest.mark.parametrize("engine", ["httpx2", "aiohttp"])
def test_each_event_loop_has_its_transport(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a loop it is shared; the next loop has another, and the first is let go."""
    use_engine(engine, monkeypatch)

    async def made() -> httpx2.AsyncBaseTransport:
        first = await transports.async_transport(NetworkSettings())
        assert await transports.async_transport(NetworkSettings()) is first
        return first

    assert asyncio.run(made()) is not asyncio.run(made())
    assert len(transports._async) == 1


def test_the_extra_chooses_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aiohttp's where it is installed, else httpx2's own; a socks proxy needs the latter."""

    async def kind() -> str:
        return type(await transports.async_transport(NetworkSettings())).__name__

    assert asyncio.run(kind()) == "AiohttpEngine"
    use_engine("httpx2", monkeypatch)
    assert asyncio.run(kind()) == "AsyncHTTPTransport"


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"ALL_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "host.example"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".example"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "other.example"}, "http://proxy:3128"),
    ],
)
def test_proxies_of_the_environment(
    environment: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python's own `urllib` understands them."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert network_settings(_URL).proxy == proxy


def test_settings_show_no_password() -> None:
    """A proxy's URL may hold one."""
    assert "hunter2" not in repr(NetworkSettings("http://me:hunter2@proxy:3128"))


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_that_cannot_be_read_are_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variable, not by a bare FileNotFoundError."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv(name, "/no/such/place")
    if name == "SSL_CERT_DIR":  # OpenSSL reads a folder when it looks for an authority
        transports.sync_transport(network_settings(_URL))
        return
    with pytest.raises(ConfigurationError, match=name):
        transports.sync_transport(network_settings(_URL))


@pytest.mark.parametrize("proxy", ["http://", "http://proxy:99999"])
def test_a_proxy_that_cannot_be_used_is_named(proxy: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="openai_proxy"):
        transports.sync_transport(NetworkSettings(proxy))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_makes_transports_of_its_own() -> None:
    """It neither uses nor closes the parent's."""
    code = """
import os
from langchain_azure_llms.http.transports import NetworkSettings, sync_transport
parents = sync_transport(NetworkSettings())
child = os.fork()
if child == 0:
    os._exit(0 if sync_transport(NetworkSettings()) is not parents else 1)
_, status = os.waitpid(child, 0)
assert status == 0 and sync_transport(NetworkSettings()) is parents
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
