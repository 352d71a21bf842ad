"""LLMs that break a promise about callbacks or about failures, one each."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from langchain_core.runnables import Runnable, RunnableConfig

from tests.conformance.broken_llms import BROKEN, breaks
from tests.conformance.faithful_llm import KEY, FaithfulLLM

__all__ = ["BROKEN"]  # all of them, here and there

# --- callbacks and events ------------------------------------------------------------------------


class TellsNobody(FaithfulLLM):
    """Drops the callbacks of a call."""

    def invoke(self, given: Any, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        return super().invoke(given, {**(config or {}), "callbacks": None}, **kwargs)

    def stream(
        self, given: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[str]:
        yield from super().stream(given, {**(config or {}), "callbacks": None}, **kwargs)


breaks("callbacks", "0 runs for one call")(TellsNobody)
breaks("callbacks_of_errors", "0 runs for one call")(TellsNobody)


@breaks("callbacks_of_the_constructor", "no tags")
class DropsItsTags(FaithfulLLM):
    def generate(self, prompts: list[str], *rest: Any, **kwargs: Any) -> LLMResult:
        self.tags = None
        return super().generate(prompts, *rest, **kwargs)


@breaks("configs_of_a_batch", "another's tags")
class OneConfigForAll(FaithfulLLM):
    def batch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[str]:
        first = config[0] if isinstance(config, list) else config
        return super().batch(inputs, first, **kwargs)


@breaks("config_reaches_callbacks", "another id")
class NamesItsOwnRuns(FaithfulLLM):
    def invoke(self, given: Any, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        return super().invoke(given, {**(config or {}), "run_id": uuid4()}, **kwargs)


@breaks("result_names_its_runs", "other runs")
class NamesNoRuns(FaithfulLLM):
    def generate(self, prompts: list[str], *rest: Any, **kwargs: Any) -> LLMResult:
        result = super().generate(prompts, *rest, **kwargs)
        result.run = None
        return result


@breaks("callbacks_of_a_stream_left_early", "the run goes on")
class LeavesRunsOpen(FaithfulLLM):
    def stream(
        self, given: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[str]:
        LEFT_OPEN.append(pieces := super().stream(given, config, **kwargs))
        yield from map(str, pieces)  # what `map` takes from is left open


LEFT_OPEN: list[Iterator[str]] = []


class FailsTogether(FaithfulLLM):
    """Batches as LangChain's own class does: one error is everybody's."""

    def batch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[str]:
        return BaseLLM.batch(self, inputs, config, **kwargs)


breaks("callbacks_of_errors_in_a_batch", "the good one fails, too")(FailsTogether)
breaks("return_exceptions", "the good ones are lost")(FailsTogether)


class CountsNothing(FaithfulLLM):
    def result(self, answers: list[list[str]], prompts: list[str]) -> LLMResult:
        generations = [[Generation(text="".join(pieces))] for pieces in answers]
        return LLMResult(generations=generations)


breaks("usage", "no count")(CountsNothing)


@breaks("usage_reaches_callbacks", "another sum")
class CountsAfterwards(CountsNothing):
    def generate(self, prompts: list[str], *rest: Any, **kwargs: Any) -> LLMResult:
        result = super().generate(prompts, *rest, **kwargs)
        return result.model_copy(update={"llm_output": self.counted(prompts)})

    def counted(self, prompts: list[str]) -> dict[str, Any] | None:
        return FaithfulLLM.result(self, [[""]] * len(prompts), prompts).llm_output


@breaks("events", "no pieces")
class StreamsInSecret(FaithfulLLM):
    async def _astream(self, prompt: str, *rest: Any, **kw: Any) -> AsyncIterator[GenerationChunk]:
        yield GenerationChunk(text="".join(self.pieces(prompt, None)))

    async def astream(self, *rest: Any, **kwargs: Any) -> AsyncIterator[str]:
        yield "".join([piece async for piece in super().astream(*rest, **kwargs)])


# --- failures ------------------------------------------------------------------------------------


class RaisesItsOwn(FaithfulLLM):
    """Raises errors that LangChain does not know."""

    def _generate(self, *rest: Any, **kwargs: Any) -> LLMResult:
        try:
            return super()._generate(*rest, **kwargs)
        except Exception as error:
            raise RuntimeError(f"It failed with the key {KEY}.") from error


for _claim in (
    "refused_prompts",
    "refused_keys",
    "limits",
    "failures_of_the_service",
    "unreachable",
    "timeouts",
):
    breaks(_claim, "raises RuntimeError")(RaisesItsOwn)
breaks("errors_show_no_secret", "a secret shows")(RaisesItsOwn)


@breaks("return_exceptions_as_completed", "ModelInvalidRequestError")
class AlwaysRaises(FaithfulLLM):
    def batch_as_completed(self, *rest: Any, **kwargs: Any) -> Any:
        yield from super().batch_as_completed(*rest, **{**kwargs, "return_exceptions": False})


@breaks("a_batch_raises", "nothing is raised")
class NeverRaises(FaithfulLLM):
    def batch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[str]:
        return super().batch(inputs, config, **{**kwargs, "return_exceptions": True})


@breaks("with_retry", "ModelAPIError")
class NeverRetries(FaithfulLLM):
    def with_retry(self, **options: Any) -> Runnable[Any, str]:
        return self


@breaks("with_fallbacks", "ModelAuthenticationError")
class NeverFallsBack(FaithfulLLM):
    def with_fallbacks(self, *rest: Any, **options: Any) -> Any:
        return self


@breaks("answers_after_failures", "RuntimeError: It failed before")
class BreaksForGood(FaithfulLLM):
    def invoke(self, *rest: Any, **kwargs: Any) -> str:
        if "failed" in self.extra:
            raise RuntimeError("It failed before.")
        self.extra["failed"] = True
        text = super().invoke(*rest, **kwargs)
        del self.extra["failed"]
        return text


@breaks("cancellation", "a task is left")
class LeavesTasks(FaithfulLLM):
    async def _agenerate(self, *rest: Any, **kwargs: Any) -> LLMResult:
        working = asyncio.create_task(super()._agenerate(*rest, **kwargs))
        self.extra["working"] = working
        return await asyncio.shield(working)


@breaks("cancellation", "it is answered")
class CannotBeCancelled(FaithfulLLM):
    async def ainvoke(self, given: Any, *rest: Any, **kwargs: Any) -> str:
        try:
            return await super().ainvoke(given, *rest, **kwargs)
        except asyncio.CancelledError:
            return "An answer."
