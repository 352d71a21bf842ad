"""A thread's event loop, where it is driven within itself and interrupted."""

import threading
from collections.abc import AsyncGenerator

import pytest

from langchain_azure_llms.transport import _driven


async def _interrupted() -> AsyncGenerator[int]:
    yield 1
    raise KeyboardInterrupt


async def _endless() -> AsyncGenerator[int]:
    while True:
        yield 1


def test_ctrl_c_in_a_callbacks_batch_ends_the_outer_one_too() -> None:
    """Both run in the thread's loop, which is closed; the next batch has another."""
    outer = _driven.drive(_endless(), "outer")
    assert next(outer) == 1
    loop = _driven._loop()
    inner = _driven.drive(_interrupted(), "inner")
    assert next(inner) == 1
    with pytest.raises(KeyboardInterrupt):
        next(inner)
    outer.close()
    assert loop.is_closed
    assert threading.current_thread() not in _driven._loops
    again = _driven.drive(_endless(), "again")
    assert next(again) == 1
    again.close()
    assert _driven._loop() is not loop
    _driven.close_all()


def test_a_loop_that_was_closed_meanwhile_is_not_used_again() -> None:
    """The interpreter ends while somebody still holds a batch."""
    held = _driven.drive(_endless(), "held")
    assert next(held) == 1
    _driven.close_all()
    held.close()
    assert threading.current_thread() not in _driven._loops
