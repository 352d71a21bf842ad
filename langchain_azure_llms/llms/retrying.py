"""LangChain's `with_retry` for LLMs on Azure: an error is retried where it says so.

LangChain's own `batch` cannot be used. One error that is not to be retried ends the batch with the
completions that others got; and where some prompts of the last attempt failed, it returns
completions for prompts that are not theirs (langchain-core 1.8).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, cast

from langchain_core.language_models.base import LanguageModelInput
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.retry import RunnableRetry
from tenacity import RetryCallState, Retrying, wait_exponential_jitter

from langchain_azure_llms.llms.batching import (
    Config,
    abatch_as_completed,
    batch_as_completed,
    config_of,
)


class _RetryableType(type):
    def __instancecheck__(cls, error: object) -> bool:
        return bool(getattr(error, "is_retryable", False))


class _RetryableError(Exception, metaclass=_RetryableType):
    """Every error whose `is_retryable` is true: LangChain chooses errors by their type."""


class RetryingLLM(RunnableRetry):  # type: ignore[type-arg, no-redef] # as LangChain declares it
    """An LLM whose failed prompts, and no others, are sent again."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """Return the name that LangChain's `loads` knows."""
        return RunnableRetry.lc_id()

    def batch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """Complete many prompts; those that failed are sent again, up to the last attempt."""
        results: list[Any] = [None] * len(inputs)
        pending = list(range(len(inputs)))
        for attempt in range(1, self.max_attempt_number + 1):
            given = [inputs[number] for number in pending]
            texts = super(RunnableRetry, self).batch(
                given, _configs(config, pending), return_exceptions=True, **kwargs
            )
            pending = self._failed(pending, texts, results)
            if not pending or attempt == self.max_attempt_number:
                break
            time.sleep(self._wait(attempt))
        return _raised_first(results, return_exceptions=return_exceptions)

    async def abatch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """Do the same in asyncio."""
        results: list[Any] = [None] * len(inputs)
        pending = list(range(len(inputs)))
        for attempt in range(1, self.max_attempt_number + 1):
            given = [inputs[number] for number in pending]
            texts = await super(RunnableRetry, self).abatch(
                given, _configs(config, pending), return_exceptions=True, **kwargs
            )
            pending = self._failed(pending, texts, results)
            if not pending or attempt == self.max_attempt_number:
                break
            await asyncio.sleep(self._wait(attempt))
        return _raised_first(results, return_exceptions=return_exceptions)

    def _failed(self, pending: list[int], texts: list[Any], results: list[Any]) -> list[int]:
        """Keep the results of an attempt; return the prompts to send again."""
        for number, text in zip(pending, texts, strict=True):
            results[number] = text
        return [number for number in pending if self._is_retried(results[number])]

    def _is_retried(self, result: object) -> bool:
        types = self.retry_exception_types
        if not isinstance(result, Exception):
            return False
        return types(result) if callable(types) else isinstance(result, types)

    def _wait(self, attempt: int) -> float:
        if not self.wait_exponential_jitter:
            return 0.0
        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number = attempt
        wait = wait_exponential_jitter(**cast("Any", self.exponential_jitter_params or {}))
        return float(wait(state))

    def batch_as_completed(
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> Iterator[tuple[int, Any]]:
        """Yield completions as the LLM itself does, each after its own retries."""
        limit = cast("Any", self.bound).max_concurrency
        yield from batch_as_completed(
            self, inputs, config, kwargs, limit, return_exceptions=return_exceptions
        )

    async def abatch_as_completed(
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, Any]]:
        """Do the same in asyncio."""
        limit = cast("Any", self.bound).max_concurrency
        done = abatch_as_completed(
            self, inputs, config, kwargs, limit, return_exceptions=return_exceptions
        )
        async with aclosing(done):
            async for one in done:
                yield one


def retrying(with_retry: Callable[..., Any], options: dict[str, Any]) -> RetryingLLM:
    """Return what LangChain's `with_retry` makes of the options, as a `RetryingLLM`."""
    made = with_retry(**{"retry_if_exception_type": (_RetryableError,), **options})
    return RetryingLLM(**{name: getattr(made, name) for name in type(made).model_fields})


def _configs(config: Config, numbers: list[int]) -> Any:
    if config is None:
        return None
    return [config_of(config, number) or {} for number in numbers]


def _raised_first(results: list[Any], *, return_exceptions: bool) -> list[Any]:
    if not return_exceptions:
        for result in results:
            if isinstance(result, Exception):
                raise result
    return results
