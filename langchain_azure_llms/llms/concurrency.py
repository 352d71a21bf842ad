"""Several pieces of work at once, each result as soon as it is there: in threads or in asyncio.

At most `limit()` items are begun and not yet taken. The next one begins when a result is taken, so
that neither work nor results pile up behind a slow consumer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from queue import SimpleQueue
from typing import Generic, Self, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class ConcurrentTasks(Generic[ItemT, ResultT]):
    """An async iterator over the results of work on many items, in the order they are done.

    The first error ends it. `aclose` cancels what is in flight and waits for its end; it can be
    called at any moment.

    Args:
        work: What to do with an item. KeyboardInterrupt and SystemExit that it raises, in a
            callback handler say, are raised where the results are taken, not in the event loop.
        items: The items; read as they are needed.
        limit: Returns how many may be in flight at once; it may change.
    """

    def __init__(
        self,
        work: Callable[[ItemT], Awaitable[ResultT]],
        items: Iterable[ItemT],
        limit: Callable[[], int],
    ) -> None:
        self._work, self._items, self._limit = work, iter(items), limit
        self._in_flight: set[asyncio.Task[None]] = set()
        self._done: asyncio.Queue[tuple[ResultT | None, BaseException | None]] = asyncio.Queue()
        self._not_taken = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ResultT:
        self._begin(max(0, self._limit() - self._not_taken))
        if not self._not_taken:
            raise StopAsyncIteration
        result, error = await self._done.get()
        self._not_taken -= 1
        if error is not None:
            raise error
        return result  # type: ignore[return-value] # there is a result where there is no error

    def _begin(self, count: int) -> None:
        for item in islice(self._items, count):
            task = asyncio.ensure_future(self._run(item))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)
            self._not_taken += 1

    async def _run(self, item: ItemT) -> None:
        try:
            self._done.put_nowait((await self._work(item), None))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised where the results are taken
            self._done.put_nowait((None, error))

    async def aclose(self) -> None:
        """Cancel what is in flight, and wait for its end."""
        in_flight = list(self._in_flight)
        for task in in_flight:
            task.cancel()
        await asyncio.gather(*in_flight, return_exceptions=True)


def map_in_threads(
    work: Callable[[ItemT], ResultT],
    items: Iterable[ItemT],
    limit: Callable[[], int],
) -> Generator[ResultT]:
    """Yield the results of work on many items, in the order they are done.

    The first error ends it. So does closing the generator: nothing more begins, and what is in
    flight is waited for, since a thread cannot be cancelled.
    """
    remaining = iter(items)
    done: SimpleQueue[Future[ResultT]] = SimpleQueue()
    with ThreadPoolExecutor(limit(), thread_name_prefix="azure-llm") as executor:
        try:
            not_taken = 0
            while True:
                for item in islice(remaining, max(0, limit() - not_taken)):
                    executor.submit(copy_context().run, work, item).add_done_callback(done.put)
                    not_taken += 1
                if not not_taken:
                    return
                future = done.get()
                not_taken -= 1
                yield future.result()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
