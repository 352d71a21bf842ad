"""LangChain's `with_retry` for LLMs on Azure: an error is retried where it says that this may help.

LangChain's own version cannot be used for batches. One error that is not to be retried ends its
batch, with the answers that others got; and where some of the last attempt failed, it hands answers
to prompts that are not theirs (langchain-core 1.7). Nor does it retry `batch_as_completed`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing, suppress
from typing import Any, cast

from langchain_core.language_models.base import LanguageModelInput
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.retry import RunnableRetry
from tenacity import RetryCallState, RetryError

from langchain_azure_llms.llms._as_completed import Done, aas_completed, as_completed
from langchain_azure_llms.llms._configs import limit_of


class RetryingLLM(RunnableRetry):  # type: ignore[type-arg, no-redef] # as it is declared
    """An LLM whose failed prompts, and no others, are asked again."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """Return the name that LangChain's `loads` knows."""
        return RunnableRetry.lc_id()

    def _batch(
        self,
        inputs: list[Any],
        run_manager: list[Any],
        config: list[RunnableConfig],
        **kwargs: Any,
    ) -> list[Any]:
        outcomes: dict[int, Any] = {}
        pending = list(range(len(inputs)))
        with suppress(RetryError):  # the last attempt's errors are the outcomes
            for attempt in self._sync_retrying():
                with attempt:
                    asked = self._of(pending, inputs, run_manager, config, attempt.retry_state)
                    ask = super(RunnableRetry, self).batch
                    texts = ask(*asked, return_exceptions=True, **kwargs)
                    outcomes |= zip(pending, texts, strict=True)
                    pending = self._to_retry(pending, outcomes)
                    if pending:
                        raise outcomes[pending[0]]
        return [outcomes[index] for index in range(len(inputs))]

    async def _abatch(
        self,
        inputs: list[Any],
        run_manager: list[Any],
        config: list[RunnableConfig],
        **kwargs: Any,
    ) -> list[Any]:
        outcomes: dict[int, Any] = {}
        pending = list(range(len(inputs)))
        with suppress(RetryError):  # as above
            async for attempt in self._async_retrying():
                with attempt:
                    asked = self._of(pending, inputs, run_manager, config, attempt.retry_state)
                    ask = super(RunnableRetry, self).abatch
                    texts = await ask(*asked, return_exceptions=True, **kwargs)
                    outcomes |= zip(pending, texts, strict=True)
                    pending = self._to_retry(pending, outcomes)
                    if pending:
                        raise outcomes[pending[0]]
        return [outcomes[index] for index in range(len(inputs))]

    def _of(
        self,
        pending: list[int],
        inputs: list[Any],
        run_manager: list[Any],
        config: list[RunnableConfig],
        state: RetryCallState,
    ) -> tuple[list[Any], list[RunnableConfig]]:
        """Return the inputs and configs of those who are asked in this attempt."""
        managers = [run_manager[index] for index in pending]
        configs = self._patch_config_list([config[index] for index in pending], managers, state)
        return [inputs[index] for index in pending], configs

    def _to_retry(self, asked: list[int], outcomes: dict[int, Any]) -> list[int]:
        """Return which of those who were asked just now are to be asked again."""
        wanted = self.retry_exception_types
        accepts = wanted if callable(wanted) else lambda error: isinstance(error, wanted)
        return [i for i in asked if isinstance(outcomes[i], Exception) and accepts(outcomes[i])]

    def batch_as_completed(
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> Iterator[Done]:
        """Yield completions as the LLM itself does, each after its own retries."""
        named: Any = {"return_exceptions": return_exceptions, "arguments": kwargs}
        with closing(
            as_completed(self, inputs, config, self._limit(config, inputs), **named)
        ) as it:
            yield from it

    async def abatch_as_completed(
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> AsyncIterator[Done]:
        """Do the same in asyncio."""
        named: Any = {"return_exceptions": return_exceptions, "arguments": kwargs}
        limit = self._limit(config, inputs)
        async with aclosing(aas_completed(self, inputs, config, limit, **named)) as done:
            async for one in done:
                yield one

    def _limit(self, config: Any, inputs: Sequence[LanguageModelInput]) -> int:
        return limit_of(config, inputs, cast("Any", self.bound).max_concurrency)


def retrying(made: Any) -> RetryingLLM:
    """Return what LangChain made of an LLM and how to retry it, as ours."""
    return RetryingLLM(**{name: getattr(made, name) for name in type(made).model_fields})
