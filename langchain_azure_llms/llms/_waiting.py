"""Waiting for another caller who finds out what a deployment speaks: not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

StepsT = TypeVar("StepsT", bound=Generator[Any, Any, Any])
PROBE_SECONDS = 5.0
"""How long to wait for him. He may wait for us: a callback of his may have asked in another thread.
"""
_is_asking: ContextVar[bool] = ContextVar("_is_asking", default=False)


class Caller(Generic[StepsT]):
    """Gives, in a `with` block, the steps, and whether they may wait for another caller's.

    A credential may itself ask an LLM: waiting for the call that waits for it would never end.
    """

    __slots__ = ("_steps", "_token")

    def __init__(self, steps: StepsT) -> None:
        self._steps = steps

    def __enter__(self) -> tuple[StepsT, bool]:
        may_wait = not _is_asking.get()
        self._token = _is_asking.set(True)
        return self._steps, may_wait

    def __exit__(self, *_: object) -> None:
        try:
            self._steps.close()
        finally:
            _is_asking.reset(self._token)


def wait_for(other: Future[None]) -> None:
    """Wait until another caller has found out, in a thread."""
    with suppress(TimeoutError):
        other.result(PROBE_SECONDS)


async def await_for(other: Future[None]) -> None:
    """Do the same in asyncio; who waits may be cancelled, and the other goes on."""
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(other)), PROBE_SECONDS)
