"""The drills themselves: they notice what a client does wrong."""

import asyncio
import socket
import threading
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator

import pytest

from langchain_azure_llms import AzureOpenAI
from tests.drills import drill, fates, ways
from tests.drills.drill import Drill, Result
from tests.drills.ways import Delivery, Way
from tests.support.llms import AzureLLM


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Load what is loaded once per process."""
    drill.warm_up()


_LEFT: list[object] = []


def _swapped(found: list[Delivery]) -> list[Delivery]:
    (_, first), (_, second), *rest = found
    return [(0, second), (1, first), *rest]


def _leak_socket(found: list[Delivery]) -> list[Delivery]:
    _LEFT.extend(socket.socket() for _ in range(8))  # others may close some meanwhile
    return found


def _leak_thread(found: list[Delivery]) -> list[Delivery]:
    end = threading.Event()
    threading.Thread(target=end.wait, args=(20,)).start()
    _LEFT.append(end)
    return found


def _run(ask: Callable[[AzureLLM, list[str]], Awaitable[list[Delivery]]]) -> Result:
    way = Way("spoilt", ways._in_a_loop(ask))
    return drill.run(Drill(AzureOpenAI, way, fates.NONE), 8)


@pytest.fixture
def _tidy() -> Iterator[None]:
    """Take away what was leaked on purpose."""
    yield
    for left in _LEFT:
        if isinstance(left, socket.socket):
            left.close()
        if isinstance(left, threading.Event):
            left.set()
    _LEFT.clear()


@pytest.mark.usefixtures("_tidy")
@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_swapped, "'echo: 1 times 1"),
        (lambda found: [*found, found[0]], "delivered were"),
        (lambda found: found[1:], "delivered were"),
        (lambda found: [(0, ValueError("untyped")), *found[1:]], "ValueError"),
        (lambda found: [(0, asyncio.CancelledError()), *found[1:]], "CancelledError"),
        (_leak_socket, "afterwards Held(descriptors="),
        (_leak_thread, "afterwards Held(descriptors="),
    ],
)
def test_a_drill_notices(
    spoil: Callable[[list[Delivery]], list[Delivery]],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What goes wrong with a client, and is none of the scenarios' doing."""
    monkeypatch.setattr("tests.drills.measures._PATIENCE", 0.2)

    async def ask(llm: AzureLLM, prompts: list[str]) -> list[Delivery]:
        return spoil(await ways._abatch(llm, prompts))

    broken = _run(ask).broken
    assert any(expected in one for one in broken), broken


@pytest.mark.usefixtures("_tidy")
def test_a_drill_notices_memory_that_is_kept() -> None:
    """In the second half, by more than a thousand bytes a prompt."""

    async def ask(llm: AzureLLM, prompts: list[str]) -> list[Delivery]:
        _LEFT.append(bytearray(800_000))
        return await ways._abatch(llm, prompts)

    tracemalloc.start()
    try:
        broken = _run(ask).broken
    finally:
        tracemalloc.stop()
    assert ["memory grew by"] == [one[:14] for one in broken]


def test_a_drill_notices_tasks_that_are_left() -> None:
    """In the loop that asked, once for each half."""

    async def ask(llm: AzureLLM, prompts: list[str]) -> list[Delivery]:
        _LEFT.append(asyncio.ensure_future(asyncio.sleep(9)))
        return await ways._abatch(llm, prompts)

    result = _run(ask)
    _LEFT.clear()
    assert ["2 tasks were left"] == result.broken
