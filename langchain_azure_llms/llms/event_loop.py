"""An event loop for sync callers: many requests at once cost half the CPU that threads cost.

One loop runs in a thread of its own for all sync batches of the process, and keeps their
connections. A signal such as Ctrl-C reaches the caller's thread only, which then cancels what it
asked for and waits for its end; so an interrupt is never lost in the loop.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Generic, TypeVar

from langchain_azure_llms.llms.concurrency import ConcurrentTasks

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class _LoopThread:
    """A thread that runs an event loop until it is stopped."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # For sync callback handlers, caches and credentials.
        self._loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="azure-llms"))
        self.is_stopping = False
        self.thread = threading.Thread(target=self._run, name="azure-llms-loop", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop()
            while not self.is_stopping:
                # asyncio raises a task's SystemExit here too; the caller gets it from the task.
                with suppress(KeyboardInterrupt, SystemExit):
                    self._loop.run_forever()

    def stop(self) -> None:
        """End the loop, close what belongs to it, and wait for the thread."""
        self.is_stopping = True
        with suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._loop.stop)
        self.thread.join()

    def call(self, work: Callable[[], Awaitable[ResultT]], context: Context) -> ResultT:
        """Run work in the loop and return its result; cancel it when the caller is interrupted."""
        call = _Call(work)
        self._loop.call_soon_threadsafe(call.begin, context)
        try:
            return call.done.result()
        except BaseException:
            if not call.done.done():  # interrupted here, not failed there
                self._loop.call_soon_threadsafe(call.cancel)
                with suppress(CancelledError, Exception):
                    call.done.result()
            raise


class _Call(Generic[ResultT]):
    """Work that a sync caller waits for. Its methods are called in the event loop."""

    def __init__(self, work: Callable[[], Awaitable[ResultT]]) -> None:
        self._work = work
        self._task: asyncio.Task[tuple[ResultT | None, BaseException | None]] | None = None
        self.done: Future[ResultT] = Future()

    def begin(self, context: Context) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), context=context)
        self._task.add_done_callback(self._finish)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> tuple[ResultT | None, BaseException | None]:
        try:
            return await self._work(), None
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
            return None, error

    def _finish(self, task: asyncio.Task[tuple[ResultT | None, BaseException | None]]) -> None:
        if task.cancelled():  # perhaps before it began
            self.done.cancel()
            return
        result, error = task.result()
        if error is not None:
            self.done.set_exception(error)
        else:
            self.done.set_result(result)  # type: ignore[arg-type] # there is one without an error


_lock = threading.Lock()
_shared: _LoopThread | None = None


def _shared_loop() -> _LoopThread:
    global _shared  # noqa: PLW0603 - one loop for the process
    with _lock:
        if _shared is None:
            _shared = _LoopThread()
        return _shared


def runs_in_event_loop(llm: AzureLLM) -> bool:
    """Return whether a sync batch may send its requests in an event loop.

    Only where that is the same: without clients of the user's own, methods of a subclass's own, or
    an async credential.
    """
    own_client = llm.http_client is not None or llm.http_async_client is not None
    if own_client or llm.overrides_generate:
        return False
    return llm.endpoint.authorization.supports_sync


@contextmanager
def sync_caller_loop() -> Iterator[_LoopThread]:
    """Return the event loop of sync callers, for a `with` block.

    A callback handler that runs in the loop itself gets a loop of its own.
    """
    loop = _shared_loop()
    if loop.thread is not threading.current_thread():
        yield loop
        return
    own = _LoopThread()
    try:
        yield own
    finally:
        own.stop()


def run_in_event_loop(work: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Return the result of async work, from a sync caller.

    The caller's context variables are visible to the work.
    """
    with sync_caller_loop() as loop:
        return loop.call(work, copy_context())


def iterate_in_event_loop(
    begin: Callable[[], ConcurrentTasks[ItemT, ResultT]],
) -> Generator[ResultT]:
    """Yield the results of concurrent tasks, from a sync caller.

    What is in flight goes on while the caller works on a result. Closing the generator cancels it.
    """
    context = copy_context()
    tasks: ConcurrentTasks[ItemT, ResultT] | None = None

    async def next_result() -> ResultT:
        nonlocal tasks
        tasks = tasks or begin()
        return await anext(tasks)

    async def close() -> None:
        if tasks is not None:
            await tasks.aclose()

    with sync_caller_loop() as loop:
        try:
            while True:
                try:
                    result = loop.call(next_result, context)
                except StopAsyncIteration:
                    return
                yield result
        finally:
            if not loop.is_stopping:  # else the interpreter ends, and the tasks with it
                loop.call(close, context)


@atexit.register
def _stop_at_exit() -> None:
    if _shared is not None:
        _shared.stop()


def _after_fork() -> None:
    """Forget the parent's loop: its thread does not exist in the child."""
    global _lock, _shared
    _inherited.append(_shared)
    _lock, _shared = threading.Lock(), None


_inherited: list[object] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
