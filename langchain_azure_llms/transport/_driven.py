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
from collections.abc import AsyncGenerator, Generator
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

ItemT = TypeVar("ItemT")
driven: ContextVar[object] = ContextVar("driven", default=None)
"""The work that an event loop does for a sync caller: there, what is for async callers alone is not
to be used. Callbacks run in there, too, and what they ask is work of its own."""


class _ThreadsLoop:
    """One thread's runner."""

    def __init__(self) -> None:
        # With a factory, the thread's own current event loop is left alone.
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.is_over = self.is_closed = False

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.runner.close()


_loops: dict[threading.Thread, _ThreadsLoop] = {}
_inherited: list[_ThreadsLoop] = []


def drive(items: AsyncGenerator[ItemT], work: object) -> Generator[ItemT]:
    """Yield what an async generator yields, running its event loop only while waiting for it.

    Must not be called where an event loop runs already. The caller's context variables reach the
    work. Closing this generator closes the other. Ctrl-C ends the loop with all that is in it: no
    thread, task or connection is left.
    """
    context = copy_context()
    context.run(driven.set, work)
    loop = _loop()

    async def following() -> ItemT:
        return await anext(items)

    try:
        while True:
            try:
                item = loop.runner.run(following(), context=context)
            except StopAsyncIteration:
                return
            yield item
    except (KeyboardInterrupt, SystemExit):
        loop.is_over = True
        raise
    finally:
        if loop.is_over:  # closing cancels what is under way, and the other generator with it
            _loops.pop(threading.current_thread(), None)
            loop.close()
        elif not loop.is_closed:
            loop.runner.run(_closed(items), context=context)


async def _closed(items: AsyncGenerator[Any]) -> None:
    await items.aclose()


def _loop() -> _ThreadsLoop:
    thread = threading.current_thread()
    kept = _loops.get(thread)
    if kept is None:
        kept = _ThreadsLoop()
        _loops[thread] = kept
        _close([one for one in list(_loops) if not one.is_alive()])  # no hook tells of their end
    return kept


@atexit.register
def close_all() -> None:
    """Close this thread's loop, and those of threads that have ended: the process ends."""
    mine = threading.current_thread()
    _close([one for one in list(_loops) if one is mine or not one.is_alive()])


def _close(threads: list[threading.Thread]) -> None:
    for thread in threads:
        loop = _loops.pop(thread, None)  # at once: another thread may be sweeping, too
        if loop is not None:  # pragma: no branch - a race of two threads that sweep
            loop.close()


def _after_fork() -> None:
    """Set the parent's loops aside: using them, or closing them, would reach into the parent."""
    _inherited.extend(_loops.values())
    _loops.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
