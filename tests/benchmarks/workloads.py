"""What an LLM does in one turn. Every answer is checked: a fast wrong one does not count."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, cast

from langchain_core.language_models.llms import BaseLLM
from langchain_core.runnables import RunnableConfig

from tests.benchmarks import server

AT_ONCE = 32
"""Calls of `ainvoke` that run at the same time."""
CONCURRENCY = 64
"""`max_concurrency` of a batch."""

Call = (
    Callable[[BaseLLM, list[str]], None] | Callable[[BaseLLM, list[str]], Coroutine[Any, Any, None]]
)
"""Asks an LLM all prompts, in one way or another."""


def prompts(count: int) -> list[str]:
    """Return different prompts."""
    return [f"Question {number}: when does the next train leave?" for number in range(count)]


def invoke(llm: BaseLLM, asked: list[str]) -> None:
    """Ask one prompt after the other."""
    _check(map(llm.invoke, asked), len(asked))


async def ainvoke(llm: BaseLLM, asked: list[str]) -> None:
    """Ask all prompts, 32 at once."""
    waiting = iter(asked)

    async def worker() -> list[str]:
        return [await llm.ainvoke(prompt) for prompt in waiting]

    found = await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    _check((text for texts in found for text in texts), len(asked))


def stream(llm: BaseLLM, asked: list[str]) -> None:
    """Read one stream after the other."""
    for prompt in asked:
        _check_stream(list(llm.stream(prompt)))


async def astream(llm: BaseLLM, asked: list[str]) -> None:
    """Read one stream after the other, in asyncio."""
    for prompt in asked:
        _check_stream([chunk async for chunk in llm.astream(prompt)])


def batch(llm: BaseLLM, asked: list[str]) -> None:
    """Ask all prompts in one batch."""
    _check(llm.batch(list(asked), _config()), len(asked))


async def abatch(llm: BaseLLM, asked: list[str]) -> None:
    """Ask all prompts in one batch, in asyncio."""
    _check(await llm.abatch(list(asked), _config()), len(asked))


async def abatch_as_completed(llm: BaseLLM, asked: list[str]) -> None:
    """Ask all prompts in asyncio, and keep no answer."""
    count = 0
    async for _, text in llm.abatch_as_completed(asked, _config()):
        assert text == server.TEXT
        count += 1
    assert count == len(asked)


def unlimited_batch(llm: BaseLLM, asked: list[str]) -> None:
    """Ask all prompts in one batch, without `max_concurrency`.

    The peers send one request after the other, whatever it says, and cut a batch into smaller ones
    for it: without it they need fewer requests.
    """
    _check(llm.batch(list(asked)), len(asked))


def check_handlers(llm: BaseLLM, count: int) -> None:
    """Check that each callback handler of an LLM was called twice for each prompt; forget it."""
    for handler in cast("list[Any]", llm.callbacks or []):
        assert 2 * count == len(handler.events), f"a handler was called {len(handler.events)} times"
        handler.events.clear()


def _config() -> RunnableConfig:
    return {"max_concurrency": CONCURRENCY}


def _check(texts: Iterable[object], count: int) -> None:
    found = 0
    for text in texts:
        assert text == server.TEXT, f"not the endpoint's text: {text!r:.200}"
        found += 1
    assert found == count


def _check_stream(chunks: list[str]) -> None:
    text = "".join(chunks)
    assert text == server.WORD * server.CHUNKS, f"not the stream's text: {text!r:.200}"
