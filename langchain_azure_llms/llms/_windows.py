"""Several things at once: a sliding window over items, each result as soon as it is there.

At most `limit` items are begun and not yet taken. The next one begins when a result is taken, so
that neither work nor results pile up behind a slow consumer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from contextvars import copy_context
from functools import partial
from itertools import chain, islice
from queue import SimpleQueue
from typing import TypeVar

from langchain_azure_llms.transport._sync import Waiting, abandoned

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
Done = tuple[ItemT, ResultT]


def in_threads(
    work: Callable[[ItemT], ResultT], items: Iterable[ItemT], limit: int
) -> Generator[Done[ItemT, ResultT]]:
    """Yield each item with what the work made of it, as soon as it is done.

    The caller's context variables (tracing, token counters) reach the work. The first error ends
    it. So do Ctrl-C and closing the generator: nothing more is sent, and nobody waits for what is
    under way.
    """
    waiting, several = _several(items)
    if limit == 1 or not several:
        for item in waiting:
            yield item, work(item)
        return
    gone = threading.Event()
    finished: SimpleQueue[tuple[ItemT, ResultT | None, BaseException | None]] = SimpleQueue()
    workers = _Workers(limit)

    def do(item: ItemT) -> None:
        if gone.is_set():
            return
        waiting_for = Waiting(gone)
        abandoned.set(waiting_for)  # in the context of this item alone
        try:
            finished.put((item, work(item), None))
        except BaseException as error:  # noqa: BLE001 - raised where the results are taken
            finished.put((item, None, error))
        finally:
            waiting_for.is_over = True  # callbacks may have kept a copy of the context

    def begin(count: int) -> int:
        begun = list(islice(waiting, count))
        for item in begun:
            workers.begin(partial(copy_context().run, do, item))
        return len(begun)

    try:
        under_way = begin(limit)
        while under_way:
            item, result, error = finished.get()
            if error is not None:
                raise error
            under_way += begin(1) - 1
            yield item, result  # type: ignore[misc] # there is a result where there is no error
    finally:
        gone.set()
        workers.dismiss()


class _Workers:
    """Threads that nobody waits for: not even the end of the interpreter, after Ctrl-C.

    Those of a ThreadPoolExecutor are waited for, as long as a reply may take.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def begin(self, work: Callable[[], None]) -> None:
        self._waiting.put(work)
        if self._count < self._limit:
            self._count += 1
            name = f"azure-llm_{self._count}"
            threading.Thread(target=self._work_off, name=name, daemon=True).start()

    def dismiss(self) -> None:
        for _ in range(self._count):
            self._waiting.put(None)

    def _work_off(self) -> None:
        while (work := self._waiting.get()) is not None:
            work()


async def in_tasks(
    work: Callable[[ItemT], Awaitable[ResultT]], items: Iterable[ItemT], limit: int
) -> AsyncGenerator[Done[ItemT, ResultT]]:
    """Do the same in asyncio. What is under way at the end is cancelled, and waited for."""
    waiting, several = _several(items)
    if limit == 1 or not several:
        for item in waiting:
            yield item, await work(item)
        return
    finished: asyncio.Queue[tuple[ItemT, asyncio.Future[ResultT]]] = asyncio.Queue()
    under_way: set[asyncio.Future[ResultT]] = set()

    def take(item: ItemT, done: asyncio.Future[ResultT]) -> None:
        finished.put_nowait((item, done))

    def begin(count: int) -> None:
        for item in islice(waiting, count):
            task = asyncio.ensure_future(work(item))
            under_way.add(task)
            task.add_done_callback(partial(take, item))

    try:
        begin(limit)
        while under_way:
            item, task = await finished.get()
            under_way.discard(task)
            result = task.result()
            begin(1)
            yield item, result
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


def _several(items: Iterable[ItemT]) -> tuple[Iterable[ItemT], bool]:
    """Return the items to iterate once, and whether there are two or more."""
    waiting = iter(items)
    first = list(islice(waiting, 2))
    return chain(first, waiting), len(first) > 1
