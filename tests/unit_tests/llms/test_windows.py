"""Several things at once: bounded, each result as it comes, ended by the first error."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, closing
from contextvars import ContextVar

import pytest

from langchain_azure_llms.llms import _windows

Work = Callable[[int], int]
Doing = Callable[[Work, Sequence[int], int], list[int]]
_caller: ContextVar[str] = ContextVar("_caller", default="nobody")


def _in_tasks(work: Work, items: Sequence[int], limit: int) -> list[int]:
    async def awaited(item: int) -> int:
        return await asyncio.to_thread(work, item)

    async def main() -> list[int]:
        async with aclosing(_windows.in_tasks(awaited, items, limit)) as done:
            return _in_order({item: result async for item, result in done})

    return asyncio.run(main())


def _in_threads(work: Work, items: Sequence[int], limit: int) -> list[int]:
    with closing(_windows.in_threads(work, items, limit)) as done:
        return _in_order(dict(done))


def _in_order(results: dict[int, int]) -> list[int]:
    return [results[item] for item in sorted(results)]


both = pytest.mark.parametrize("do", [_in_threads, _in_tasks], ids=["sync", "async"])


@both
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_every_item_has_its_own_result(do: Doing, count: int) -> None:
    """Whichever is done first."""

    def work(item: int) -> int:
        time.sleep((item % 3) / 1000)
        return item * 2

    assert do(work, range(count), 8) == [item * 2 for item in range(count)]


@both
@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_than_the_limit_at_once(do: Doing, limit: int) -> None:
    """And as many as that."""
    running, most, lock = 0, 0, threading.Lock()

    def work(item: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1
        return item

    do(work, range(12), limit)
    assert most == limit


@both
def test_the_first_error_ends_it(do: Doing) -> None:
    """What waits is not begun."""
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 1:
            raise LookupError("one")
        time.sleep(0.01)
        return item

    with pytest.raises(LookupError, match="one"):
        do(work, range(200), 2)
    assert len(begun) < 100


@both
def test_the_callers_context_reaches_the_work(do: Doing) -> None:
    """Tracing and token counters live there."""
    token = _caller.set("me")
    seen = []
    do(lambda item: seen.append(_caller.get()) or item, range(3), 2)
    _caller.reset(token)
    assert seen == ["me"] * 3


def test_cancelling_the_caller_cancels_the_work() -> None:
    """No task goes on behind it."""
    left: list[asyncio.Task[None]] = []

    async def main() -> None:
        started = asyncio.Event()

        async def work(_item: int) -> int:
            started.set()
            await asyncio.sleep(60)
            return 0

        async def all_of_them() -> None:
            async with aclosing(_windows.in_tasks(work, range(9), 3)) as done:
                async for _ in done:
                    pass

        task = asyncio.ensure_future(all_of_them())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left.extend(asyncio.all_tasks() - {asyncio.current_task()})

    asyncio.run(main())
    assert left == []


def test_the_first_error_is_not_waited_for() -> None:
    """Not by an item that came earlier and takes long."""
    release = threading.Event()

    def work(item: int) -> int:
        if item == 1:
            raise LookupError("one")
        return int(release.wait(30))

    with pytest.raises(LookupError, match="one"):
        _in_threads(work, range(2), 2)
    assert not release.is_set()
    release.set()


def test_no_thread_is_left_behind() -> None:
    """After success, and after an error."""
    before = set(threading.enumerate())
    _in_threads(lambda item: item, range(9), 3)
    with pytest.raises(ZeroDivisionError):
        _in_threads(lambda item: 1 // item, range(9), 3)
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5)
    assert set(threading.enumerate()) <= before


def test_the_interpreter_waits_for_no_abandoned_work() -> None:
    """After Ctrl-C a program ends, however long the replies take that it asked for."""
    program = """
import threading
from langchain_azure_llms.llms import _windows
never = threading.Event()
done = _windows.in_threads(lambda item: item and never.wait(60), [0, 1, 2], 3)
print(next(done))
done.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30
    )
    assert ("(0, 0)\n", "", 0) == (done.stdout, done.stderr, done.returncode)
