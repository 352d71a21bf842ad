"""Batches: a sliding window over packs of prompts, each pack one `generate` of LangChain's.

Callbacks, cache and traces come from LangChain's own code, as each pack is done: an interrupted
batch has every answer that had arrived in the cache.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import aclosing, closing
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models.base import LanguageModelInput
from langchain_core.language_models.llms import BaseLLM
from langchain_core.messages import convert_to_messages
from langchain_core.outputs import LLMResult
from langchain_core.prompt_values import ChatPromptValue, PromptValue
from langchain_core.runnables import Runnable, RunnableConfig, ensure_config

from langchain_azure_llms.exceptions import AzureLLMError, ConfigurationError
from langchain_azure_llms.http.backpressure import Backpressure
from langchain_azure_llms.llms.api_cache import api_cache
from langchain_azure_llms.llms.completion import (
    PROMPT_ERRORS,
    RequestBuilder,
    with_prompt_number,
)
from langchain_azure_llms.llms.concurrency import ConcurrentTasks, map_in_threads
from langchain_azure_llms.llms.event_loop import (
    iterate_in_event_loop,
    run_in_event_loop,
    runs_in_event_loop,
)
from langchain_azure_llms.llms.generation import backpressure

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

Config = RunnableConfig | Sequence[RunnableConfig] | None
Pack = Sequence[int]
"""The numbers of the prompts that one request carries."""


class BatchResults:
    """The prompts of a batch, and what came of each.

    Args:
        llm: The LLM.
        inputs: The prompts, text or prompt values or messages.
        config: LangChain's config, for all of them or one for each.
        arguments: The parameters of the call.
        return_exceptions: Whether each prompt gets its own error, in place of the first one being
            raised.

    Attributes:
        results: The text or the error of each prompt.
        pressure: How many requests may be in flight.

    Raises:
        ConfigurationError: If an input is not a prompt, unless `return_exceptions`; if inputs and
            configs do not match.
    """

    def __init__(
        self,
        llm: AzureLLM,
        inputs: Sequence[LanguageModelInput],
        config: Config,
        arguments: dict[str, Any],
        *,
        return_exceptions: bool,
    ) -> None:
        self.pressure = Backpressure(concurrency_limit(config, inputs, llm.max_concurrency))
        self._llm, self._config, self._arguments = llm, config, arguments
        self._return_exceptions = return_exceptions
        self._shared = ensure_config(config) if not isinstance(config, Sequence) else None
        self.results: list[str | Exception] = [""] * len(inputs)
        self._prompts: list[str] = [""] * len(inputs)
        self._asked: list[int] = []
        for number, given in enumerate(inputs):
            try:
                self._prompts[number] = prompt_text(given)
                self._asked.append(number)
            except Exception as error:  # noqa: BLE001 - whatever a prompt value raises
                self._fail([number], error)
        self._begun, self._builder = 0, self._make_builder()

    def limit(self) -> int:
        """Return how many requests may be in flight now."""
        return self.pressure.limit

    def _make_builder(self) -> RequestBuilder | None:
        """Return what makes the requests; None for a subclass with a `generate` of its own."""
        if not self._asked or self._llm.overrides_generate:
            return None
        arguments = dict(self._arguments)
        try:
            stop = arguments.pop("stop", None)
            builder: RequestBuilder = self._llm.request_builder(stop, arguments, stream=False)
        except Exception as error:
            if not self._return_exceptions:
                raise
            self._fail(self._asked, error)
            self._asked = []
            return None
        return builder

    def first_pack(self) -> Iterator[Pack]:
        """Yield the first pack, alone, where it shows which API the deployment speaks."""
        if self._builder is not None and api_cache.get(self._builder) is None:
            yield from islice(self.packs(), 1)

    def packs(self) -> Iterator[Pack]:
        """Yield the remaining packs, each as large as the deployment's requests may be by then."""
        while self._begun < len(self._asked):
            start, self._begun = self._begun, self._begun + self._pack_size()
            yield self._asked[start : self._begun]

    def _pack_size(self) -> int:
        if self._builder is None:
            return 1
        api = api_cache.get(self._builder) or self._builder.apis[0]
        return self._builder.pack_size(api)

    def run(self, pack: Pack) -> None:
        """Complete the prompts of a pack, in this thread.

        Raises:
            Exception: The first error, unless errors are returned.
        """
        try:
            result = self._llm.generate(self._texts(pack), **self._runs(pack), **self._arguments)
        except PROMPT_ERRORS as error:
            for half in self._halves(pack, error):
                self.run(half)
        except Exception as error:  # noqa: BLE001 - belongs to the pack's prompts
            self._fail(pack, error)
        else:
            self._succeed(pack, result)

    async def arun(self, pack: Pack) -> None:
        """Complete the prompts of a pack, in asyncio; see `run`."""
        try:
            result = await self._llm.agenerate(
                self._texts(pack), **self._runs(pack), **self._arguments
            )
        except PROMPT_ERRORS as error:
            for half in self._halves(pack, error):
                await self.arun(half)
        except Exception as error:  # noqa: BLE001 - belongs to the pack's prompts
            self._fail(pack, error)
        else:
            self._succeed(pack, result)

    def _texts(self, pack: Pack) -> list[str]:
        return [self._prompts[number] for number in pack]

    def _runs(self, pack: Pack) -> dict[str, Any]:
        """Return what `generate` takes about the runs of a pack's prompts."""
        if self._shared is not None:  # one manager for all: making one for each costs as much
            shared = {name: self._shared.get(name) for name in ("callbacks", "tags", "run_name")}
            # One id is one run's: the first prompt's, as in LangChain's other runnables.
            ids = [self._shared.get("run_id") if number == 0 else None for number in pack]
            return {**shared, "run_id": ids, "metadata": self._shared.get("metadata") or {}}
        configs = cast("Sequence[RunnableConfig]", self._config)
        each = [ensure_config(configs[number]) for number in pack]
        names = ("callbacks", "tags", "metadata", "run_name", "run_id")
        return {name: [one.get(name) for one in each] for name in names}

    def _halves(self, pack: Pack, error: AzureLLMError) -> tuple[Pack, ...]:
        """Return a refused pack in halves: only one of its prompts may be to blame."""
        if len(pack) == 1:
            self._fail(pack, error)
            return ()
        half = len(pack) // 2
        return pack[:half], pack[half:]

    def _succeed(self, pack: Pack, result: LLMResult) -> None:
        for number, generations in zip(pack, result.generations, strict=True):
            self.results[number] = generations[0].text

    def _fail(self, pack: Pack, error: Exception) -> None:
        if not self._return_exceptions:
            raise with_prompt_number(error, pack[0], len(self.results))
        for number in pack:
            self.results[number] = error


def prompt_text(given: LanguageModelInput) -> str:
    """Return an input as text, as LangChain's `invoke` does.

    Raises:
        ConfigurationError: If it is neither text, nor a prompt value, nor a list of messages.
    """
    if isinstance(given, str):
        return given
    if isinstance(given, PromptValue):
        return given.to_string()
    if isinstance(given, list | tuple):
        return ChatPromptValue(messages=convert_to_messages(given)).to_string()
    raise ConfigurationError(
        f"The prompt is a {type(given).__name__}, expected text, a prompt value or a list of "
        "messages."
    )


def concurrency_limit(config: Config, inputs: Sequence[Any], default: int) -> int:
    """Return how many requests of a batch may be in flight.

    Args:
        config: The batch's config.
        inputs: The batch's inputs.
        default: The limit where the config sets none.

    Raises:
        ConfigurationError: If the inputs have no length, if there is neither one config for all
            nor one for each, or if `max_concurrency` is not a number of requests.
    """
    if isinstance(inputs, str | bytes) or not hasattr(inputs, "__len__"):
        raise ConfigurationError(
            f"The prompts are a {type(inputs).__name__}, expected a list, or another sequence with "
            "a length."
        )
    if isinstance(config, Sequence) and len(config) != len(inputs):
        raise ConfigurationError(
            f"There are {len(config)} configs for {len(inputs)} inputs: pass one for all, or a "
            "list with one for each."
        )
    first = config[0] if isinstance(config, Sequence) and config else config
    limit = first.get("max_concurrency") if isinstance(first, dict) else None
    if limit is None:
        return default
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise ConfigurationError(
            f"max_concurrency is {limit!r}, expected a whole number of at least 1."
        )
    return limit


def config_of(config: Config, number: int) -> RunnableConfig | None:
    """Return one input's config; a run id that is shared by all is the first one's alone."""
    if isinstance(config, Sequence):
        return config[number]
    if config is None or number == 0:
        return config
    others = {name: value for name, value in config.items() if name != "run_id"}
    return cast("RunnableConfig", others)


def batch(
    llm: AzureLLM,
    inputs: Sequence[LanguageModelInput],
    config: Config,
    arguments: dict[str, Any],
    *,
    return_exceptions: bool,
) -> list[Any]:
    """Complete many prompts at once, from a sync caller; see `AzureLLM.batch`."""
    results = BatchResults(llm, inputs, config, arguments, return_exceptions=return_exceptions)
    token = backpressure.set(results.pressure)
    try:
        if runs_in_event_loop(llm):
            return run_in_event_loop(partial(_acomplete_packs, results))
        for pack in results.first_pack():
            results.run(pack)
        with closing(map_in_threads(results.run, results.packs(), results.limit)) as done:
            for _ in done:
                pass
        return results.results
    finally:
        backpressure.reset(token)


async def abatch(
    llm: AzureLLM,
    inputs: Sequence[LanguageModelInput],
    config: Config,
    arguments: dict[str, Any],
    *,
    return_exceptions: bool,
) -> list[Any]:
    """Complete many prompts at once in asyncio; see `AzureLLM.batch`."""
    results = BatchResults(llm, inputs, config, arguments, return_exceptions=return_exceptions)
    token = backpressure.set(results.pressure)
    try:
        return await _acomplete_packs(results)
    finally:
        backpressure.reset(token)


async def _acomplete_packs(results: BatchResults) -> list[Any]:
    for pack in results.first_pack():
        await results.arun(pack)
    async with aclosing(ConcurrentTasks(results.arun, results.packs(), results.limit)) as done:
        async for _ in done:
            pass
    return results.results


def batch_as_completed(
    llm: Runnable[LanguageModelInput, str],
    inputs: Sequence[LanguageModelInput],
    config: Config,
    arguments: dict[str, Any],
    max_concurrency: int,
    *,
    return_exceptions: bool,
) -> Generator[tuple[int, Any]]:
    """Yield each prompt's number and result as soon as it is there, to a sync caller."""
    pressure = Backpressure(concurrency_limit(config, inputs, max_concurrency))

    def complete(number: int) -> tuple[int, Any]:
        backpressure.set(pressure)
        try:
            return number, llm.invoke(inputs[number], config_of(config, number), **arguments)
        except Exception as error:  # noqa: BLE001 - belongs to its prompt
            return number, _result_of(error, number, len(inputs), return_exceptions)

    if isinstance(llm, BaseLLM) and runs_in_event_loop(cast("AzureLLM", llm)):
        complete_async = partial(
            _acompleted,
            llm,
            inputs,
            config,
            arguments,
            pressure,
            return_exceptions=return_exceptions,
        )
        begin = partial(ConcurrentTasks, complete_async, range(len(inputs)), lambda: pressure.limit)
        return iterate_in_event_loop(begin)
    return map_in_threads(complete, range(len(inputs)), lambda: pressure.limit)


def abatch_as_completed(
    llm: Runnable[LanguageModelInput, str],
    inputs: Sequence[LanguageModelInput],
    config: Config,
    arguments: dict[str, Any],
    max_concurrency: int,
    *,
    return_exceptions: bool,
) -> ConcurrentTasks[int, tuple[int, Any]]:
    """Iterate over each prompt's number and result as soon as it is there, in asyncio."""
    pressure = Backpressure(concurrency_limit(config, inputs, max_concurrency))
    complete = partial(
        _acompleted, llm, inputs, config, arguments, pressure, return_exceptions=return_exceptions
    )
    return ConcurrentTasks(complete, range(len(inputs)), lambda: pressure.limit)


async def _acompleted(
    llm: Runnable[LanguageModelInput, str],
    inputs: Sequence[LanguageModelInput],
    config: Config,
    arguments: dict[str, Any],
    pressure: Backpressure,
    number: int,
    *,
    return_exceptions: bool,
) -> tuple[int, Any]:
    backpressure.set(pressure)  # for this task alone
    try:
        given = config_of(config, number)
        return number, await llm.ainvoke(inputs[number], given, **arguments)
    except Exception as error:  # noqa: BLE001 - belongs to its prompt
        return number, _result_of(error, number, len(inputs), return_exceptions)


def _result_of(error: Exception, number: int, count: int, return_exceptions: bool) -> Exception:  # noqa: FBT001 - the caller's own argument
    """Return an error as its prompt's result, or raise it.

    Raises:
        Exception: The error, unless errors are returned.
    """
    if not return_exceptions:
        raise with_prompt_number(error, number, count)
    return error
