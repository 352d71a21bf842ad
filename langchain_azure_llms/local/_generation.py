"""The model's worker threads, seen from an event loop."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from typing import TypeVar

from starlette.requests import Request

from langchain_azure_llms.local._pieces import Outcome, Piece, Task
from langchain_azure_llms.local._text_engine import TextEngine

T = TypeVar("T")


class ClientGoneError(Exception):
    """The client hung up; nobody will read an answer."""


async def generate(
    engine: TextEngine, tasks: Sequence[Task], cancelled: threading.Event
) -> AsyncGenerator[tuple[int, Piece], None]:
    """Yield the pieces of all `tasks` as they come, each with its task's number.

    However this ends, no task goes on generating.

    Raises:
        EngineError: When the model refuses or fails at one of them.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[int, Piece | Exception | None]] = asyncio.Queue()

    def start(number: int, task: Task) -> None:
        def emit(item: Piece | Exception | None) -> None:
            if not loop.is_closed():  # pragma: no branch - a race that no test can win
                loop.call_soon_threadsafe(queue.put_nowait, (number, item))

        engine.start(task, emit, cancelled)

    try:
        for number, task in enumerate(tasks):
            start(number, task)
        running = len(tasks)
        while running:
            number, item = await queue.get()
            if isinstance(item, Exception):
                raise item
            if item is None:
                running -= 1
            else:
                yield number, item
    finally:
        cancelled.set()


async def generate_all(
    engine: TextEngine, tasks: Sequence[Task], cancelled: threading.Event
) -> list[Outcome]:
    """Generate all `tasks` to their ends.

    Raises:
        EngineError: When the model refuses or fails at one of them.
    """
    outcomes = [Outcome() for _ in tasks]
    async with aclosing(generate(engine, tasks, cancelled)) as pieces:
        async for number, piece in pieces:
            outcomes[number].add(piece)
    return outcomes


async def unless_gone(request: Request, work: Awaitable[T], cancelled: threading.Event) -> T:
    """Wait for `work`, unless the client hangs up first.

    An answer that is not streamed yet has no other way to notice: nothing is written meanwhile.

    Args:
        request: Whose body was read to its end.
        work: What to wait for; cancelled when the client is gone.
        cancelled: Set when the client is gone, so that the model stops too.

    Raises:
        ClientGoneError: When the client hung up.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_until_disconnect(request))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGoneError
        return await working
    finally:
        if not working.done():
            cancelled.set()
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _until_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
