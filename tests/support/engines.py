"""Chooses the async engine and the bounds of a test: the one place that sets them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from langchain_azure_llms.http import messages, transports
from langchain_azure_llms.llms.api_cache import api_cache


def use_engine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let async requests go through `"aiohttp"`'s engine, or `"httpx2"`'s own: hide the extra."""
    if name == "httpx2":
        monkeypatch.setitem(sys.modules, "httpx_aiohttp", None)


@contextmanager
def fresh_transports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Share no connections with other tests within a `with` block."""
    monkeypatch.setattr(transports, "_sync", {})
    monkeypatch.setattr(transports, "_async", {})
    yield
    for network in list(transports._sync):
        transports.close_sync(network)


def shared_transports() -> list[object]:
    """Return the transports that are shared just now."""
    return [*transports._sync.values(), *transports._async.values()]


def forget_apis() -> None:
    """Forget which APIs deployments speak."""
    api_cache.clear()


def limit_bodies(
    monkeypatch: pytest.MonkeyPatch, *, seconds: float | None = None, size: int | None = None
) -> None:
    """Shorten the bounds of a response's body."""
    if seconds is not None:
        monkeypatch.setattr(messages, "BODY_SECONDS", seconds)
    if size is not None:
        monkeypatch.setattr(messages, "MAX_BYTES", size)


def limit_draining(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Shorten the time in which a stream's connection is read to its end."""
    monkeypatch.setattr(messages, "DRAIN_SECONDS", seconds)
