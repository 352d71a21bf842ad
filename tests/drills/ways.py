"""The ways to ask many prompts, each giving every answer or error with its prompt's number."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig

from tests.drills.measures import tasks_at_rest
from tests.support.llms import AzureLLM

CONCURRENCY = 64

Delivery = tuple[int, str | Exception]
"""A prompt's number, and what came of it."""


@dataclass(frozen=True)
class Asked:
    """What was delivered, and the tasks that were left behind."""

    deliveries: list[Delivery]
    tasks: int


@dataclass(frozen=True)
class Way:
    """A way to ask.

    Attributes:
        name: What the table calls it.
        ask: Asks.
        streams: Whether each prompt is streamed.
        packs: Whether prompts share requests.
    """

    name: str
    ask: Callable[[AzureLLM, list[str]], Asked]
    streams: bool = False
    packs: bool = False


def _config() -> RunnableConfig:
    return {"max_concurrency": CONCURRENCY}


def _batch(llm: AzureLLM, prompts: list[str]) -> Iterator[Delivery]:
    found: list[Any] = llm.batch(list(prompts), _config(), return_exceptions=True)
    yield from enumerate(found)


def _batch_as_completed(llm: AzureLLM, prompts: list[str]) -> Iterator[Delivery]:
    yield from llm.batch_as_completed(prompts, _config(), return_exceptions=True)


def _stream(llm: AzureLLM, prompts: list[str]) -> Iterator[Delivery]:
    def text_of(prompt: str) -> str | Exception:
        try:
            return "".join(llm.stream(prompt))
        except Exception as error:  # noqa: BLE001 - it is judged
            return error

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        yield from enumerate(pool.map(text_of, prompts))


async def _abatch(llm: AzureLLM, prompts: list[str]) -> list[Delivery]:
    found: list[Any] = await llm.abatch(list(prompts), _config(), return_exceptions=True)
    return list(enumerate(found))


async def _abatch_as_completed(llm: AzureLLM, prompts: list[str]) -> list[Delivery]:
    done = llm.abatch_as_completed(prompts, _config(), return_exceptions=True)
    return [delivery async for delivery in done]


async def _astream(llm: AzureLLM, prompts: list[str]) -> list[Delivery]:
    room = asyncio.Semaphore(CONCURRENCY)

    async def text_of(prompt: str) -> str | Exception:
        try:
            async with room:
                return "".join([part async for part in llm.astream(prompt)])
        except Exception as error:  # noqa: BLE001 - it is judged
            return error

    return list(enumerate(await asyncio.gather(*map(text_of, prompts))))


def _in_a_thread(
    ask: Callable[[AzureLLM, list[str]], Iterator[Delivery]],
) -> Callable[[AzureLLM, list[str]], Asked]:
    """Ask in a thread of its own, with which all that belongs to it must end."""

    def asked(llm: AzureLLM, prompts: list[str]) -> Asked:
        def work() -> Asked:
            return Asked(list(ask(llm, prompts)), tasks_at_rest())

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(work).result()

    return asked


def _in_a_loop(
    ask: Callable[[AzureLLM, list[str]], Awaitable[list[Delivery]]],
) -> Callable[[AzureLLM, list[str]], Asked]:
    """Ask in an event loop of its own."""

    def asked(llm: AzureLLM, prompts: list[str]) -> Asked:
        async def work() -> Asked:
            deliveries = await ask(llm, prompts)
            return Asked(deliveries, len(asyncio.all_tasks() - {asyncio.current_task()}))

        return asyncio.run(work())

    return asked


BATCH = Way("batch", _in_a_thread(_batch))
ABATCH = Way("abatch", _in_a_loop(_abatch))
AS_COMPLETED = (
    Way("batch_as_completed", _in_a_thread(_batch_as_completed)),
    Way("abatch_as_completed", _in_a_loop(_abatch_as_completed)),
)
ALONE = (BATCH, ABATCH, *AS_COMPLETED)
STREAMED = (
    Way("stream", _in_a_thread(_stream), streams=True),
    Way("astream", _in_a_loop(_astream), streams=True),
)
PACKED = (
    Way("batch, 20 a request", _in_a_thread(_batch), packs=True),
    Way("abatch, 20 a request", _in_a_loop(_abatch), packs=True),
)
