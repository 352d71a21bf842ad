"""Subclasses of users that override LangChain's hooks: which one answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from langchain_core.outputs import Generation, LLMResult

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

GENERATING = frozenset({"generate", "agenerate", "_generate", "_agenerate", "_call", "_acall"})
STREAMING = frozenset({"_stream", "_astream"})


@lru_cache(maxsize=64)
def overridden(cls: type[AzureLLM], base: type[AzureLLM]) -> frozenset[str]:
    """Return the hooks that a class has of its own, beside those of its base."""
    hooks = GENERATING | STREAMING
    return frozenset(name for name in hooks if getattr(cls, name) is not getattr(base, name))


def generate_by_call(
    llm: AzureLLM, prompts: list[str], stop: list[str] | None, run_manager: Any, params: Any
) -> LLMResult:
    """Complete prompts by a subclass's own `_call`, one after the other, as LangChain's `LLM`."""
    call: Any = getattr(llm, "_call")  # noqa: B009 - LangChain's hook
    return _result([call(one, stop=stop, run_manager=run_manager, **params) for one in prompts])


async def agenerate_by_call(
    llm: AzureLLM, prompts: list[str], stop: list[str] | None, run_manager: Any, params: Any
) -> LLMResult:
    """Do the same by a subclass's own `_acall`."""
    call: Any = getattr(llm, "_acall")  # noqa: B009 - LangChain's hook
    named = {"stop": stop, "run_manager": run_manager, **params}
    return _result([await call(one, **named) for one in prompts])


async def as_stream(completion: Awaitable[str]) -> AsyncIterator[str]:
    """Yield a completion as the only piece of a stream."""
    yield await completion


def _result(texts: list[str]) -> LLMResult:
    return LLMResult(generations=[[Generation(text=text)] for text in texts])
