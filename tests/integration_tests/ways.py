"""The ways to call an LLM: synchronously, or from asyncio on either engine."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.support.llms import AzureLLM

WAYS = ("sync", "httpx2", "aiohttp")
ResultT = TypeVar("ResultT")


class Way:
    """One of them.

    Args:
        name: Which one; the test's fixture chooses the engine.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_async = name != "sync"

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Run async work in an event loop of its own."""
        return asyncio.run(work)

    def invoke(self, llm: AzureLLM, **arguments: Any) -> str:
        """Call once."""
        if self.is_async:
            return self.run(llm.ainvoke("x", **arguments))
        return llm.invoke("x", **arguments)

    def invoke_in_turn(self, *llms: AzureLLM) -> list[str]:
        """Call each LLM after the other; all in one event loop."""

        async def main() -> list[str]:
            return [await llm.ainvoke("x") for llm in llms]

        return self.run(main()) if self.is_async else [llm.invoke("x") for llm in llms]

    def stream(self, llm: AzureLLM, take: int | None = None) -> str:
        """Return a stream's text; stop and close it after `take` chunks."""
        if not self.is_async:
            chunks = llm.stream("x")
            return "".join([next(chunks) for _ in range(take)] if take else chunks)

        async def main() -> str:
            found: list[str] = []
            chunks = llm.astream("x")
            async for text in chunks:
                found.append(text)
                if len(found) == take:
                    break
            await chunks.aclose()  # type: ignore[attr-defined]
            return "".join(found)

        return self.run(main())

    def batch(self, llm: AzureLLM, prompts: list[str]) -> list[str]:
        """Call for all prompts at once."""
        return self.run(llm.abatch(list(prompts))) if self.is_async else llm.batch(list(prompts))
