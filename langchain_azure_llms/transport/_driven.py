"""Asyncio for sync callers: an event loop that runs on the caller's own thread, while it waits.

Many requests at once cost half the CPU in one event loop that they cost in as many threads, which
wait for each other at the interpreter's lock. A loop in a thread of its own would do; on the
caller's thread nothing has to be handed over, Ctrl-C ends it, and callbacks may come back in here.

Each thread has one loop, kept for its next batch, so that connections are kept too.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

ItemT = TypeVar("ItemT")
driven: ContextVar[bool] = ContextVar("driven", default=False)
"""Whether an event loop runs for a sync caller: what is his alone is not to be used."""


class _ThreadsLoop:
    """One thread's runner; closed with its thread, or at the interpreter's end."""

    def __init__(self) -> None:
        self.process = os.getpid()
        # With a factory, the thread's own current event loop is left alone.
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)

    def close(self) -> None:
        if self.process == os.getpid():  # a child's closing would reach into its parent's loop
            self.runner.close()

    def __del__(self) -> None:
        self.close()


class _Kept(threading.local):
    loop: _ThreadsLoop | None = None


_kept = _Kept()
_inherited: list[object] = []


def drive(items: AsyncGenerator[ItemT]) -> Generator[ItemT]:
    """Yield what an async generator yields, running its event loop only while waiting for it.

    Must not be called where an event loop runs already. The caller's context variables reach the
    work. Closing this generator closes the other.
    """
    context = copy_context()
    context.run(driven.set, True)  # noqa: FBT003 - a context variable's value

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return _loop().runner.run(work, context=context)

    async def following() -> ItemT:
        return await anext(items)

    try:
        while True:
            try:
                item = run(following())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(_closed(items))


async def _closed(items: AsyncGenerator[Any]) -> None:
    await items.aclose()


def _loop() -> _ThreadsLoop:
    kept = _kept.loop
    if kept is None or kept.process != os.getpid():
        _inherited.append(kept)  # set aside, neither used nor dropped
        kept = _kept.loop = _ThreadsLoop()
    return kept


@atexit.register
def _close_at_exit() -> None:
    if _kept.loop is not None:
        _kept.loop.close()
        _kept.loop = None
