"""Both ways of calling an LLM, each behind the same methods."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar, cast

from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import LLMResult
from langchain_core.runnables import Runnable

WAYS = ("sync", "async")
_T = TypeVar("_T")
_LLM = Runnable[Any, str]


class Calls(ABC):
    """Calls an LLM, or a chain that ends in one."""

    @abstractmethod
    def invoke(self, llm: _LLM, prompt: Any, **arguments: Any) -> str:
        """Return the completion of one prompt."""

    @abstractmethod
    def generate(self, llm: BaseLLM, prompts: list[str], **arguments: Any) -> LLMResult:
        """Return all that is known of the completions of prompts."""

    @abstractmethod
    def batch(self, llm: _LLM, prompts: list[Any], **arguments: Any) -> list[Any]:
        """Return the completions of prompts."""

    @abstractmethod
    def batch_as_completed(self, llm: _LLM, prompts: list[Any], **arguments: Any) -> list[Any]:
        """Return the numbers and completions of prompts, as they came."""

    @abstractmethod
    def stream(self, llm: _LLM, prompt: Any, **arguments: Any) -> list[str]:
        """Return the pieces of a completion."""

    @abstractmethod
    def first_piece(self, llm: _LLM, prompt: Any, **arguments: Any) -> str:
        """Return the first piece of a completion, and leave the stream."""


class SyncCalls(Calls):
    """Calls in this thread."""

    def invoke(self, llm: _LLM, prompt: Any, **arguments: Any) -> str:
        return llm.invoke(prompt, **arguments)

    def generate(self, llm: BaseLLM, prompts: list[str], **arguments: Any) -> LLMResult:
        return llm.generate(prompts, **arguments)

    def batch(self, llm: _LLM, prompts: list[Any], **arguments: Any) -> list[Any]:
        return llm.batch(prompts, **arguments)

    def batch_as_completed(self, llm: _LLM, prompts: list[Any], **arguments: Any) -> list[Any]:
        return list(llm.batch_as_completed(prompts, **arguments))

    def stream(self, llm: _LLM, prompt: Any, **arguments: Any) -> list[str]:
        return list(llm.stream(prompt, **arguments))

    def first_piece(self, llm: _LLM, prompt: Any, **arguments: Any) -> str:
        pieces = llm.stream(prompt, **arguments)
        try:
            return next(pieces)
        finally:
            cast("Any", pieces).close()


class AsyncCalls(Calls):
    """Calls in one event loop."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner

    def invoke(self, llm: _LLM, prompt: Any, **arguments: Any) -> str:
        return self.run(llm.ainvoke(prompt, **arguments))

    def generate(self, llm: BaseLLM, prompts: list[str], **arguments: Any) -> LLMResult:
        return self.run(llm.agenerate(prompts, **arguments))

    def batch(self, llm: _LLM, prompts: list[Any], **arguments: Any) -> list[Any]:
        return self.run(llm.abatch(prompts, **arguments))

    def batch_as_completed(self, llm: _LLM, prompts: list[Any], **arguments: Any) -> list[Any]:
        return self.run(_collected(llm.abatch_as_completed(prompts, **arguments)))

    def stream(self, llm: _LLM, prompt: Any, **arguments: Any) -> list[str]:
        return self.run(_collected(llm.astream(prompt, **arguments)))

    def first_piece(self, llm: _LLM, prompt: Any, **arguments: Any) -> str:
        async def first() -> str:
            async with aclosing(cast("Any", llm.astream(prompt, **arguments))) as pieces:
                piece: str = await anext(pieces)
                return piece

        return self.run(first())

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the loop."""
        return self._runner.run(work)


@contextmanager
def calling(way: str) -> Iterator[Calls]:
    """Provide one of the `WAYS`; an event loop lasts as long as the context."""
    if way == "sync":
        yield SyncCalls()
        return
    with asyncio.Runner() as runner:
        yield AsyncCalls(runner)


async def _collected(pieces: AsyncIterator[_T]) -> list[_T]:
    return [piece async for piece in pieces]
