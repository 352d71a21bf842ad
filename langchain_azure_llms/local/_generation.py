"""What an engine takes and gives, and how its worker threads are waited for."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")

Task = dict[str, Any]
"""One text to generate, in llama.cpp's parameters: with `prompt`, or for chat with `messages`."""

NO_PROMPT = "<|endoftext|>"
"""Stands for an empty prompt, which llama.cpp would answer with nothing: a document's start."""


class Piece(NamedTuple):
    """What an engine produced in one step; the last ones tell why it ended, and the tokens."""

    text: str = ""
    logprobs: tuple[dict[str, Any], ...] = ()
    finish_reason: str | None = None
    usage: tuple[int, int] | None = None


Emit = Callable[[Piece | Exception | None], None]
"""Takes the pieces of one task as they come, then None; or an exception as the last one."""


@dataclass(slots=True)
class Outcome:
    """All the pieces of one task so far; `usage` counts the tokens of prompt and completion."""

    text: str = ""
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str | None = None
    usage: tuple[int, int] = (0, 0)
    pieces: int = 0

    def add(self, piece: Piece) -> None:
        """Append the next piece."""
        self.text += piece.text
        self.logprobs += piece.logprobs
        self.finish_reason = piece.finish_reason or self.finish_reason
        self.usage = piece.usage or self.usage
        self.pieces += 1


class Cancellation:
    """Set for one call, or for every call at once when the server stops."""

    def __init__(self, stopped: threading.Event | None = None) -> None:
        self._events = [threading.Event(), stopped or threading.Event()]

    def set(self) -> None:
        """Stop the call."""
        self._events[0].set()

    def is_set(self) -> bool:
        """Whether the call is stopped."""
        return any(event.is_set() for event in self._events)


class Engine(Protocol):
    """Turns tasks into texts. There are two, the model and the echo."""

    @property
    def name(self) -> str:
        """The model's name in answers."""

    def start(self, task: Task, emit: Emit, cancelled: Cancellation) -> None:
        """Begin `task`, which calls `emit`; setting `cancelled` ends it at its next token."""


class ClientGoneError(Exception):
    """The client hung up; nobody will read an answer."""


def texts_of(engine: Engine, tasks: Sequence[Task], cancelled: Cancellation) -> list[str]:
    """Generate all `tasks` together, waiting for them in this thread."""
    queues: list[SimpleQueue[Piece | Exception | None]] = [SimpleQueue() for _ in tasks]
    texts = []
    try:
        for task, queue in zip(tasks, queues, strict=True):
            engine.start(task, queue.put, cancelled)
        for queue in queues:
            text = ""
            while (item := queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                text += item.text
            texts.append(text)
    finally:
        cancelled.set()
    return texts


async def generate(
    engine: Engine, tasks: Sequence[Task], cancelled: Cancellation
) -> AsyncGenerator[tuple[int, Piece], None]:
    """Yield the pieces of all `tasks` as they come, each with its task's number.

    However this ends, no task goes on generating.
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


async def unless_gone(
    receive: Callable[[], Awaitable[Any]], work: Awaitable[T], cancelled: Cancellation
) -> T:
    """Wait for `work`, unless the client hangs up first: then the model stops too.

    An answer that is not streamed yet has no other way to notice: nothing is written meanwhile.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(until_disconnect(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGoneError
        return await working
    finally:
        if not working.done():
            cancelled.set()
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def until_disconnect(receive: Callable[[], Awaitable[Any]]) -> None:
    """Wait until the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass
