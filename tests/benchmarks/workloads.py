"""What a contender does in one turn. Every answer is checked: a fast wrong one does not count."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from langchain_core.language_models.llms import BaseLLM
from langchain_core.runnables import RunnableConfig

from tests.benchmarks import server

ResultT = TypeVar("ResultT")
Work = Callable[[], int]
Run = Callable[[Coroutine[Any, Any, ResultT]], ResultT]
"""Runs a coroutine in the event loop that all async contenders share."""


def prompts(count: int) -> list[str]:
    """Return different prompts."""
    return [f"Question {number}: when does the next train leave?" for number in range(count)]


def config(concurrency: int | None) -> RunnableConfig:
    """Return the run config that bounds what is in flight.

    None is for the peers: they send one request after the other, whatever it says, and cut a batch
    into smaller ones for it.
    """
    return {} if concurrency is None else {"max_concurrency": concurrency}


def calls(call: Callable[[], object], count: int) -> Work:
    """Return work that calls again and again."""

    def work() -> int:
        for _ in range(count):
            assert call()
        return count

    return work


def invokes(llm: BaseLLM, count: int) -> Work:
    """Return work that asks one prompt after the other."""

    def work() -> int:
        for prompt in prompts(count):
            _check(llm.invoke(prompt))
        return count

    return work


def posts(
    run: Run[int], post: Callable[[], Awaitable[bytes]], count: int, concurrency: int
) -> Work:
    """Return work that sends requests in asyncio, `concurrency` at once."""

    async def call(_prompt: str) -> None:
        assert await post()

    return _at_once(run, call, count, concurrency)


def _at_once(
    run: Run[int], call: Callable[[str], Awaitable[None]], count: int, concurrency: int
) -> Work:
    async def main() -> int:
        waiting = iter(prompts(count))

        async def worker() -> None:
            for prompt in waiting:
                await call(prompt)

        await asyncio.gather(*(worker() for _ in range(concurrency)))
        return count

    return lambda: run(main())


def ainvokes(run: Run[int], llm: BaseLLM, count: int, concurrency: int) -> Work:
    """Return work that asks an LLM prompts in asyncio, `concurrency` at once."""

    async def call(prompt: str) -> None:
        _check(await llm.ainvoke(prompt))

    return _at_once(run, call, count, concurrency)


def streams(llm: BaseLLM, count: int) -> Work:
    """Return work that reads streams; its calls are their chunks."""

    def work() -> int:
        for prompt in prompts(count):
            _check_stream("".join(llm.stream(prompt)))
        return count * server.CHUNKS

    return work


def astreams(run: Run[int], llm: BaseLLM, count: int) -> Work:
    """Return work that reads streams in asyncio; its calls are their chunks."""

    async def main() -> int:
        for prompt in prompts(count):
            _check_stream("".join([part async for part in llm.astream(prompt)]))
        return count * server.CHUNKS

    return lambda: run(main())


def batches(llm: BaseLLM, count: int, concurrency: int | None) -> Work:
    """Return work that asks many prompts in one batch."""

    def work() -> int:
        asked = prompts(count)
        return _checked(llm.batch(list(asked), config(concurrency)), count)

    return work


def abatches(run: Run[int], llm: BaseLLM, count: int, concurrency: int | None) -> Work:
    """Return work that asks many prompts in one batch, in asyncio."""

    async def main() -> int:
        asked = prompts(count)
        return _checked(await llm.abatch(list(asked), config(concurrency)), count)

    return lambda: run(main())


def abatches_as_completed(run: Run[int], llm: BaseLLM, count: int, concurrency: int) -> Work:
    """Return work that asks many prompts in asyncio, and keeps no result."""

    async def main() -> int:
        done = 0
        async for _, text in llm.abatch_as_completed(prompts(count), config(concurrency)):
            _check(text)
            done += 1
        assert done == count
        return count

    return lambda: run(main())


def once(work: Work) -> Work:
    """Return work whose turn as a whole is one call."""

    def whole() -> int:
        work()
        return 1

    return whole


def _checked(texts: Iterable[object], count: int) -> int:
    found = 0
    for text in texts:
        _check(text)
        found += 1
    assert found == count
    return count


def _check(text: object) -> None:
    assert text == server.TEXT, f"not the endpoint's text: {text!r:.200}"


def _check_stream(text: str) -> None:
    assert text == server.WORD * server.CHUNKS, f"not the stream's text: {text!r:.200}"
