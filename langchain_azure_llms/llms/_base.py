"""What both LLM classes share. Batches keep what they paid for: each prompt has its own outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing, contextmanager
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
    Callbacks,
)
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.outputs import LLMResult
from langchain_core.runnables import Runnable, RunnableConfig

from langchain_azure_llms.llms._answering import AnsweringLLM
from langchain_azure_llms.llms._as_completed import aas_completed, as_completed
from langchain_azure_llms.llms._configs import Config, asked, callbacks_of, limit_of, placed
from langchain_azure_llms.llms._configured import private
from langchain_azure_llms.llms._connected import ConnectedLLM
from langchain_azure_llms.llms._direct import AGENERATING, GENERATING, DirectLLM
from langchain_azure_llms.llms._settling import Outcome, with_number
from langchain_azure_llms.llms._tally import (
    NOTHING,
    BatchCall,
    Tally,
    atell_all,
    claimed,
    entered,
    tell_all,
    under_way,
    with_hits,
)


class _AsksTheError(type):
    def __instancecheck__(cls, error: object) -> bool:
        return bool(getattr(error, "is_retryable", False))


class _RetryableError(Exception, metaclass=_AsksTheError):
    """Every error that says of itself that trying again may help.

    LangChain tells errors to retry by their type; whether an error of Azure can pass is known of
    the error itself.
    """


class AzureLLM(DirectLLM, AnsweringLLM, ConnectedLLM):
    """Base of the LLMs on Azure."""

    def with_retry(self, **options: Any) -> Runnable[LanguageModelInput, str]:
        """Return a runnable that tries again; see LangChain's `Runnable.with_retry`.

        Args:
            **options: Those of LangChain. Without `retry_if_exception_type`, only errors whose
                `is_retryable` is true are retried: a refused key or prompt is not. Of a batch,
                those prompts alone are asked again.
        """
        from langchain_azure_llms.llms._retrying import retrying  # noqa: PLC0415 - few need it

        named = {"retry_if_exception_type": (_RetryableError,), **options}
        return retrying(super().with_retry(**named))

    # --- batches ----------------------------------------------------------------------------

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[str]:
        """Answer many prompts at once; see LangChain's `Runnable.batch`.

        Args:
            inputs: The prompts.
            config: LangChain's config, for all prompts or one for each. Its `max_concurrency`
                counts HTTP requests in flight, and comes before the field of that name.
            return_exceptions: Whether each prompt gets its own answer or its own error.
            **kwargs: Parameters of the call.

        Returns:
            The completions, in the prompts' order.

        Raises:
            AzureLLMError: The first error, which says which prompt it belongs to; unless
                `return_exceptions`.
        """
        kwargs = private(kwargs)
        with self._batching(inputs, config, collects=return_exceptions) as batch:
            prompts = self._prompts_of(inputs, collects=return_exceptions)
            good, run = asked(prompts, config)
            try:
                texts = self._texts(good, config, run, kwargs, batch) if good else []
            except Exception as error:
                if not return_exceptions:
                    raise
                texts = [error] * len(good)
                if batch.outcomes:
                    found = with_hits(batch, good)
                    texts = [
                        self._hit(p, batch, kwargs) if text is None else text for p, text in found
                    ]
        return placed(texts, prompts)

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[str]:
        """Answer many prompts at once in asyncio; see `batch`."""
        kwargs = private(kwargs)
        with self._batching(inputs, config, collects=return_exceptions) as batch:
            prompts = self._prompts_of(inputs, collects=return_exceptions)
            good, run = asked(prompts, config)
            try:
                texts = await self._atexts(good, config, run, kwargs, batch) if good else []
            except Exception as error:
                if not return_exceptions:
                    raise
                texts = [error] * len(good)
                if batch.outcomes:
                    found = with_hits(batch, good)
                    texts = [
                        await self._ahit(p, batch, kwargs) if text is None else text
                        for p, text in found
                    ]
        return placed(texts, prompts)

    def batch_as_completed(  # type: ignore[override] # of its overloads, the one that holds for both
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> Iterator[tuple[int, str | Exception]]:
        """Yield each prompt's number and completion as soon as it is there.

        At most `max_concurrency` prompts are begun and not yet yielded, and nothing that was
        yielded is kept: memory does not grow with the number of prompts.

        Args:
            inputs: The prompts.
            config: As for `batch`.
            return_exceptions: Whether errors are yielded in place of completions.
            **kwargs: Parameters of the call.

        Raises:
            AzureLLMError: The first error, unless `return_exceptions`.
        """
        kwargs, limit = private(kwargs), limit_of(config, inputs, self.max_concurrency)
        named: Any = {"return_exceptions": return_exceptions, "arguments": kwargs}
        with closing(as_completed(self, inputs, config, limit, **named)) as done:
            yield from done

    async def abatch_as_completed(  # type: ignore[override] # as above
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, str | Exception]]:
        """Yield each prompt's number and completion as soon as it is there, in asyncio.

        See `batch_as_completed`.
        """
        kwargs, limit = private(kwargs), limit_of(config, inputs, self.max_concurrency)
        named: Any = {"return_exceptions": return_exceptions, "arguments": kwargs}
        async with aclosing(aas_completed(self, inputs, config, limit, **named)) as done:
            async for one in done:
                yield one

    @contextmanager
    def _batching(
        self, inputs: Sequence[LanguageModelInput], config: Config, *, collects: bool
    ) -> Iterator[BatchCall]:
        """Tell `generate` of a batch call."""
        batch = BatchCall(self, limit_of(config, inputs, self.max_concurrency), collects=collects)
        token = under_way.set(batch)
        try:
            yield batch
        finally:
            under_way.reset(token)

    def _prompts_of(
        self, inputs: Sequence[LanguageModelInput], *, collects: bool
    ) -> list[str | Exception]:
        """Return inputs as text; one that is none is an error of its own where errors are kept."""

        def text_of(number: int, given: LanguageModelInput) -> str | Exception:
            try:
                return self._text_of(given)
            except Exception as error:
                with_number(error, number, len(inputs))
                if not collects:
                    raise
                return error

        return [text_of(number, given) for number, given in enumerate(inputs)]

    def _texts(
        self,
        prompts: list[str],
        config: Config,
        run: dict[str, Any],
        arguments: dict[str, Any],
        batch: BatchCall,
    ) -> list[Any]:
        """Return a batch's texts, and its errors where those are collected."""
        if self._is_heard(callbacks_of(config, run), arguments, "batch", *GENERATING):
            result = self.generate(prompts, **run, **arguments)
            return [group[0].text for group in result.generations]
        return self._answers(prompts, arguments, batch.limit, collects=batch.collects)

    async def _atexts(
        self,
        prompts: list[str],
        config: Config,
        run: dict[str, Any],
        arguments: dict[str, Any],
        batch: BatchCall,
    ) -> list[Any]:
        """Do the same in asyncio."""
        callbacks = callbacks_of(config, run)
        if self._is_heard(callbacks, arguments, "abatch", *AGENERATING, by=AsyncCallbackManager):
            result = await self.agenerate(prompts, **run, **arguments)
            return [group[0].text for group in result.generations]
        return await self._aanswers(prompts, arguments, batch.limit, collects=batch.collects)

    # --- generate ---------------------------------------------------------------------------

    def generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        callbacks: Callbacks | list[Callbacks] | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer prompts; see LangChain's `BaseLLM.generate`."""
        kwargs = private(kwargs)
        with entered(self), self._calling(kwargs):
            return super().generate(prompts, stop, callbacks, **kwargs)

    async def agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        callbacks: Callbacks | list[Callbacks] | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer prompts; see LangChain's `BaseLLM.agenerate`."""
        kwargs = private(kwargs)
        with entered(self), self._calling(kwargs):
            return await super().agenerate(prompts, stop, callbacks, **kwargs)

    # --- and what LangChain's own code calls with callbacks and cache looked after ----

    def _generate_helper(
        self,
        prompts: list[str],
        stop: list[str] | None,
        run_managers: list[CallbackManagerForLLMRun],
        *,
        new_arg_supported: bool,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer prompts; each one's callbacks are told as soon as it is done.

        LangChain's own version tells them all at the end, and the same to all when one fails. This
        is the one private method of it that is replaced here; a test holds its signature.
        """
        if type(self)._generate is not AnsweringLLM._generate:  # noqa: SLF001 - a user's subclass
            named: dict[str, Any] = {"new_arg_supported": new_arg_supported}
            return super()._generate_helper(prompts, stop, run_managers, **named, **kwargs)
        batch = claimed(self, self.max_concurrency)
        tally = Tally(prompts, run_managers, batch, caches=self._cache_in_use is not None)
        try:
            plan = self._planned(prompts, stop, kwargs, stream=self._streams_always)
            listeners = [*run_managers, *[None] * (len(prompts) - len(run_managers))]
            with closing(self._settled(plan, listeners, batch.limit)) as settled:
                for group, outcomes in settled:
                    for manager, outcome in tally.take(group, outcomes):
                        self._tell(manager, outcome)
                    if tally.is_over:
                        break
        except BaseException as error:
            tell_all(tally.waiting, error)
            raise
        return self._result(tally, stop)

    def _result(self, tally: Tally[CallbackManagerForLLMRun], stop: list[str] | None) -> LLMResult:
        """Return the result; where there is an error, raise it, after the cache has the rest."""
        if not tally.has_error:
            return tally.result(self._model_name)
        cache, key = self._cache_in_use, self._cache_key(stop)
        problem = tally.error(key)
        tell_all(tally.waiting, problem)
        if cache is not None:
            for prompt, outcome in tally.answered:
                cache.update(prompt, key, outcome.generations)
        raise problem

    async def _agenerate_helper(
        self,
        prompts: list[str],
        stop: list[str] | None,
        run_managers: list[AsyncCallbackManagerForLLMRun],
        *,
        new_arg_supported: bool,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer prompts in asyncio; see `_generate_helper`."""
        if type(self)._agenerate is not AnsweringLLM._agenerate:  # noqa: SLF001 - as there
            named: dict[str, Any] = {"new_arg_supported": new_arg_supported}
            return await super()._agenerate_helper(prompts, stop, run_managers, **named, **kwargs)
        batch = claimed(self, self.max_concurrency)
        tally = Tally(prompts, run_managers, batch, caches=self._cache_in_use is not None)
        try:
            plan = self._planned(prompts, stop, kwargs, stream=self._streams_always)
            listeners = [*run_managers, *[None] * (len(prompts) - len(run_managers))]
            async with aclosing(self._asettled(plan, listeners, batch.limit)) as settled:
                async for group, outcomes in settled:
                    for manager, outcome in tally.take(group, outcomes):
                        await self._tell(manager, outcome)
                    if tally.is_over:
                        break
        except BaseException as error:
            await atell_all(tally.waiting, error)
            raise
        return await self._aresult(tally, stop)

    async def _aresult(
        self, tally: Tally[AsyncCallbackManagerForLLMRun], stop: list[str] | None
    ) -> LLMResult:
        """Return the result, in asyncio; see `_result`."""
        if not tally.has_error:
            return tally.result(self._model_name)
        cache, key = self._cache_in_use, self._cache_key(stop)
        problem = tally.error(key)
        await atell_all(tally.waiting, problem)
        if cache is not None:
            for prompt, outcome in tally.answered:
                await cache.aupdate(prompt, key, outcome.generations)
        raise problem

    def _tell(self, manager: Any, outcome: Outcome) -> Any:
        """Tell a run's listeners what became of its prompt; of async ones, return the awaitable."""
        if outcome.error is not None:
            return manager.on_llm_error(outcome.error, response=NOTHING)
        return manager.on_llm_end(outcome.result(self._model_name))

    # --- the cache --------------------------------------------------------------------------

    def _cache_key(self, stop: list[str] | None) -> str:
        """Return the key under which LangChain caches answers of this LLM and call."""
        return str(sorted({**self._dict_for_compat(), "stop": stop}.items()))

    def _hit(self, prompt: str, batch: BatchCall, arguments: dict[str, Any]) -> str | Exception:
        """Return what the cache said of a prompt a moment ago; ask where it has forgotten."""
        cache = self._cache_in_use
        try:
            known = cache.lookup(prompt, batch.cache_key) if cache is not None else None
            return known[0].text if known else self.invoke(prompt, **arguments)
        except Exception as error:  # noqa: BLE001 - the prompt's own, like any other
            return error

    async def _ahit(
        self, prompt: str, batch: BatchCall, arguments: dict[str, Any]
    ) -> str | Exception:
        cache = self._cache_in_use
        try:
            known = await cache.alookup(prompt, batch.cache_key) if cache is not None else None
            return known[0].text if known else await self.ainvoke(prompt, **arguments)
        except Exception as error:  # noqa: BLE001 - as there
            return error
