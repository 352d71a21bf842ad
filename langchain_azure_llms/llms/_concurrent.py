"""Several requests at once, their results in the order of the requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from langchain_azure_llms.transport._sync import abandoned

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def in_threads(
    work: Callable[[ItemT], ResultT], items: Sequence[ItemT], limit: int
) -> list[ResultT]:
    """Do the work for each item, at most `limit` at a time. The first error ends it.

    So does Ctrl-C: nothing more is sent, and nobody waits for what is under way. The caller's
    context variables (tracing, token counters) reach the work.
    """
    if len(items) < 2 or limit == 1:
        return [work(item) for item in items]
    gone = threading.Event()
    token = abandoned.set(gone)
    pool = ThreadPoolExecutor(min(limit, len(items)), thread_name_prefix="azure-llm")
    try:
        futures = [pool.submit(copy_context().run, work, item) for item in items]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()  # raises the first error that there is
        return [future.result() for future in futures]
    except BaseException:
        gone.set()
        raise
    finally:
        abandoned.reset(token)
        pool.shutdown(wait=False, cancel_futures=True)


async def in_tasks(
    work: Callable[[ItemT], Awaitable[ResultT]], items: Sequence[ItemT], limit: int
) -> list[ResultT]:
    """Do the work for each item, at most `limit` at a time. The first error cancels the rest."""
    if len(items) < 2:
        return [await work(item) for item in items]
    results: dict[int, ResultT] = {}
    waiting = iter(enumerate(items))

    async def worker() -> None:
        for number, item in waiting:  # shared: each worker takes the next item that waits
            results[number] = await work(item)

    workers = [asyncio.ensure_future(worker()) for _ in range(min(limit, len(items)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return [results[number] for number in range(len(items))]
