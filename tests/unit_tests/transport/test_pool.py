"""Clients are shared by those who use the network alike, and belong to their event loop."""

import asyncio
import copy
import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

import httpx2
import pytest

from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.transport import _network
from langchain_azure_llms.transport._lean import LeanAsyncClient
from langchain_azure_llms.transport._network import network_settings
from langchain_azure_llms.transport._pool import AsyncPool, Lease, SyncPool


def test_the_same_settings_share_a_client() -> None:
    """Whatever the number of LLM objects."""
    pool = SyncPool()
    clients = {id(pool.client(network_settings(), Lease())) for _ in range(3)}
    assert len(clients) == 1
    pool.close_all()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_another_environment_is_another_client(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies and certificates are a client's own."""
    monkeypatch.delenv(variable, raising=False)
    before = network_settings()
    monkeypatch.setenv(variable, "https://proxy.example:1")
    assert before != network_settings()


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "damaged"])
def test_authorities_that_cannot_be_read_are_named(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only that no client can be made."""
    file = tmp_path / f"authorities-{content}.pem"
    if content:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(ConfigurationError, match=f"SSL_CERT_FILE.*{file}"):
        _network.sync_client(network_settings())
    with pytest.raises(ConfigurationError, match=f"SSL_CERT_FILE.*{file}"):
        _network.async_client(network_settings())


def test_a_proxy_of_ones_own_is_another_client() -> None:
    """It goes into the client."""
    pool = SyncPool()
    lease = Lease()
    with_proxy = network_settings("http://proxy.example:3128")
    assert pool.client(network_settings(), lease) is not pool.client(with_proxy, lease)
    pool.close_all()


def test_the_last_user_closes_the_client() -> None:
    """Not an earlier one, and one that was collected does not count."""
    pool, settings = SyncPool(), network_settings()
    one, two, gone = Lease(), Lease(), Lease()
    clients = [pool.client(settings, lease) for lease in (one, two, gone)]
    del gone
    pool.close(settings, one)
    assert not clients[0].is_closed
    pool.close(settings, two)
    assert clients[0].is_closed


def test_a_closed_pool_opens_again() -> None:
    """`close` ends connections, not the LLM object."""
    pool, settings, lease = SyncPool(), network_settings(), Lease()
    first = pool.client(settings, lease)
    pool.close(settings, lease)
    assert not pool.client(settings, lease).is_closed
    assert first.is_closed
    pool.close_all()


def test_closing_what_was_never_opened_does_nothing() -> None:
    """Neither sync nor async."""
    SyncPool().close(network_settings(), Lease())
    asyncio.run(AsyncPool().close(network_settings(), Lease()))


def test_each_event_loop_has_its_client_and_closes_it() -> None:
    """`asyncio.run` twice works, and leaves nothing open."""
    pool, settings, lease = AsyncPool(), network_settings(), Lease()

    async def get() -> httpx2.AsyncClient:
        assert pool.client(settings, lease) is pool.client(settings, lease)
        return pool.client(settings, lease)

    first, second = asyncio.run(get()), asyncio.run(get())
    assert (first is second, first.is_closed, second.is_closed) == (False, True, True)


def test_loops_that_ended_are_let_go() -> None:
    """Thirty runs leave no thirty loops behind."""
    pool, settings, lease = AsyncPool(), network_settings(), Lease()
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def use() -> None:
        pool.client(settings, lease)
        loops.append(weakref.ref(asyncio.get_running_loop()))

    for _ in range(30):
        asyncio.run(use())
    gc.collect()
    assert len([loop for loop in loops if loop() is not None]) <= 1


def test_the_last_user_closes_the_loops_client() -> None:
    """As in threads."""
    pool, settings = AsyncPool(), network_settings()
    one, two = Lease(), Lease()

    async def use() -> list[bool]:
        client = pool.client(settings, one)
        pool.client(settings, two)
        await pool.close(settings, one)
        states = [client.is_closed]
        await pool.close(settings, two)
        return [*states, client.is_closed]

    assert asyncio.run(use()) == [False, True]


def test_the_tls_context_is_made_once() -> None:
    """It costs tens of milliseconds with a real bundle of certificates."""
    assert _network._context_for(network_settings()) is _network._context_for(
        network_settings("http://p")
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "nonsense://x"),
        ("SSL_CERT_FILE", "/nonexistent"),
        ("ALL_PROXY", "nonsense://x"),
    ],
)
def test_network_settings_that_cannot_work_are_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variable, not by a bare FileNotFoundError."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        SyncPool().client(network_settings(), Lease())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_starts_afresh() -> None:
    """It neither uses nor closes the parent's clients."""
    code = """
import os
from langchain_azure_llms.transport import _network, _pool
lease, settings = _pool.Lease(), _network.network_settings()
parents = _pool.sync_pool.client(settings, lease)
child = os.fork()
if child == 0:
    own = _pool.sync_pool.client(settings, lease)
    os._exit(0 if own is not parents and not parents.is_closed else 1)
_, status = os.waitpid(child, 0)
assert status == 0 and not parents.is_closed
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_the_engine_is_aiohttps_when_it_is_installed() -> None:
    """The extra alone puts it in place."""
    pytest.importorskip("httpx_aiohttp")
    assert _network._async_client_class().__name__ == "LeanAiohttpClient"


def test_without_the_extra_the_engine_is_httpx2s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else changes."""
    monkeypatch.setattr(_network, "find_spec", lambda _name: None)
    assert _network._async_client_class.__wrapped__() is LeanAsyncClient


def test_a_lease_remembers_its_client_and_no_other() -> None:
    """Other settings, another pool, or a closed client, are looked up anew."""
    pool, other, settings = SyncPool(), SyncPool(), network_settings()
    lease = Lease()
    client = pool.client(settings, lease)
    assert pool.client(settings, lease) is client
    assert other.client(settings, lease) is not client
    assert pool.client(settings, lease) is client
    pool.close(settings, lease)
    again = pool.client(settings, lease)
    assert again is not client
    pool.close_all()
    assert again.is_closed
    assert pool.client(settings, lease) is not again
    pool.close_all()
    other.close_all()


def test_a_copied_lease_is_a_new_one() -> None:
    """The copy's connections are its own to close."""
    pool, settings = SyncPool(), network_settings()
    lease = Lease()
    pool.client(settings, lease)
    copied = copy.deepcopy(lease)
    assert copied.last is None
    pool.close_all()


def test_a_lease_keeps_no_event_loop_alive() -> None:
    """Each may have been used in a loop of its own."""
    pool, settings = AsyncPool(), network_settings()
    leases, loops = [Lease() for _ in range(5)], []

    async def use(lease: Lease) -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        assert pool.client(settings, lease) is pool.client(settings, lease)

    for lease in leases:
        asyncio.run(use(lease))
    gc.collect()
    assert 1 >= sum(loop() is not None for loop in loops)
