"""What an engine takes and gives, and how its worker threads are waited for."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")

Task = dict[str, Any]
"""One text to generate, in llama.cpp's parameters: with `prompt`, or for chat with `messages`."""

NO_PROMPT = "<|endoftext|>"
"""Stands for an empty prompt, which llama.cpp would answer with nothing: a document's start."""


class Piece(NamedTuple):
    """What an engine produced in one step; the last ones tell why it ended, and the tokens."""

    text: str = ""
    logprobs: Sequence[dict[str, Any]] = ()
    finish_reason: str | None = None
    usage: tuple[int, int] | None = None


@dataclass(slots=True)
class Outcome:
    """All the pieces of one task so far; `usage` counts the tokens of prompt and completion."""

    text: str = ""
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str | None = None
    usage: tuple[int, int] = (0, 0)
    pieces: int = 0

    def add(self, piece: Piece) -> None:
        self.text += piece.text
        self.logprobs += piece.logprobs
        self.finish_reason = piece.finish_reason or self.finish_reason
        self.usage = piece.usage or self.usage
        self.pieces += 1


Emit = Callable[[Piece | Exception | None], object]
"""Takes a task's pieces and None at the end, or an exception as the last one."""

Pieces = AsyncGenerator[tuple[int, Piece], None]
"""The pieces of several tasks, each with its task's number."""


class Engine(Protocol):
    """Turns tasks into texts. There are two, the model and the echo."""

    @property
    def name(self) -> str:
        """The model's name in answers."""

    def start(self, task: Task, emit: Emit, is_cancelled: Callable[[], bool]) -> None:
        """Begin `task`, which calls `emit`; it ends early once it is cancelled."""


async def generate(engine: Engine, tasks: Sequence[Task], stopped: Event) -> Pieces:
    """Yield the pieces of all `tasks` as they come; however this ends, none goes on generating."""
    loop, ended = asyncio.get_running_loop(), Event()
    queue: asyncio.Queue[tuple[int, Piece | Exception | None]] = asyncio.Queue()

    def emit(number: int, item: Piece | Exception | None) -> None:
        if not loop.is_closed():  # pragma: no branch - a race that no test can win
            loop.call_soon_threadsafe(queue.put_nowait, (number, item))

    def is_cancelled() -> bool:
        return ended.is_set() or stopped.is_set()

    try:
        for number, task in enumerate(tasks):
            engine.start(task, partial(emit, number), is_cancelled)
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
        ended.set()


async def begin(engine: Engine, tasks: Sequence[Task], stopped: Event) -> Pieces:
    """Generate up to the first piece, so that an earlier error is raised; return all pieces."""
    rest = generate(engine, tasks, stopped)
    first = await anext(rest)

    async def pieces() -> Pieces:
        async with aclosing(rest):
            yield first
            async for item in rest:
                yield item
                await asyncio.sleep(0)  # an engine without pauses would not hear of a hang-up

    return pieces()


async def outcomes_of(engine: Engine, tasks: Sequence[Task], stopped: Event) -> list[Outcome]:
    outcomes = [Outcome() for _ in tasks]
    async for number, piece in generate(engine, tasks, stopped):
        outcomes[number].add(piece)
    return outcomes


async def unless_gone(receive: Callable[[], Awaitable[Any]], work: Awaitable[T]) -> T | None:
    """Return what `work` does, or cancel it and return None when the client hangs up first.

    An answer that is not streamed yet has no other way to notice: nothing is written meanwhile.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(until_disconnect(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def until_disconnect(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
