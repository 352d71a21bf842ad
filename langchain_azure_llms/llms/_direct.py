"""Calls that nobody listens to go to the endpoint directly.

For each prompt LangChain prepares to tell callbacks and tracers of a run, and to ask a cache. Where
there are none, and that is the most frequent case, nobody sees any of it, and it takes a third of
a call's time, more memory than the answers of a large batch, and with streams a growing part for
every chunk. What there is to see is the same either way; a test holds both ways together.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, cast

from langchain_core.callbacks import (
    AsyncCallbackManager,
    BaseCallbackHandler,
    BaseCallbackManager,
    CallbackManager,
    Callbacks,
)
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import GenerationChunk
from langchain_core.runnables import RunnableConfig, ensure_config

from langchain_azure_llms.llms._answering import AnsweringLLM
from langchain_azure_llms.llms._configured import RUN_ARGUMENTS, private
from langchain_azure_llms.llms._derived import OURS
from langchain_azure_llms.llms._forms import Plan
from langchain_azure_llms.llms._settling import Outcome, with_number
from langchain_azure_llms.llms._tally import entered

GENERATING = ("generate_prompt", "generate", "_generate_helper", "_generate")
AGENERATING = ("agenerate_prompt", "agenerate", "_agenerate_helper", "_agenerate")
_LANGCHAIN = "langchain_core."
_ITS_OWN = frozenset(
    {"callbacks", "new_arg_supported", "prompts", "run_manager", "run_managers", *RUN_ARGUMENTS}
)
"""Arguments that LangChain's methods have for themselves, or refuse."""


if TYPE_CHECKING:
    Mixin = AnsweringLLM
else:
    Mixin = ABC  # mixed in for the same reason as AnsweringLLM


class DirectLLM(Mixin):
    """Mixin of LLMs that leave out what LangChain does for listeners, where there are none."""

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> str:
        """Answer a prompt; see LangChain's `BaseLLM.invoke`."""
        kwargs, callbacks = private(kwargs), (ensure_config(config).get("callbacks"),)
        if self._is_heard(callbacks, kwargs, "invoke", *GENERATING):
            return super().invoke(input, config, stop=stop, **kwargs)
        (text,) = self._answers([self._text_of(input)], {"stop": stop, **kwargs}, 1)
        return str(text)

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - as there
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> str:
        """Answer a prompt in asyncio; see LangChain's `BaseLLM.ainvoke`."""
        kwargs, callbacks = private(kwargs), (ensure_config(config).get("callbacks"),)
        if self._is_heard(callbacks, kwargs, "ainvoke", *AGENERATING, by=AsyncCallbackManager):
            return await super().ainvoke(input, config, stop=stop, **kwargs)
        (text,) = await self._aanswers([self._text_of(input)], {"stop": stop, **kwargs}, 1)
        return str(text)

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - as there
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[str]:
        """Answer a prompt piece by piece; see LangChain's `BaseLLM.stream`."""
        kwargs, callbacks = private(kwargs), (ensure_config(config).get("callbacks"),)
        if self._is_heard(callbacks, kwargs, "stream", "_stream"):
            yield from super().stream(input, config, stop=stop, **kwargs)
            return
        found = self._stream(self._text_of(input), stop, **kwargs)
        with closing(cast("Generator[GenerationChunk]", found)) as chunks:
            for chunk in chunks:
                yield chunk.text

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - as there
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[str]:
        """Answer a prompt piece by piece; see LangChain's `BaseLLM.astream`."""
        kwargs, callbacks = private(kwargs), (ensure_config(config).get("callbacks"),)
        if self._is_heard(callbacks, kwargs, "astream", "_astream", by=AsyncCallbackManager):
            parts = super().astream(input, config, stop=stop, **kwargs)
            async with aclosing(cast("AsyncGenerator[str]", parts)) as closing_parts:
                async for part in closing_parts:
                    yield part
            return
        found = self._astream(self._text_of(input), stop, **kwargs)
        async with aclosing(cast("AsyncGenerator[GenerationChunk]", found)) as chunks:
            async for chunk in chunks:
                yield chunk.text

    def _answers(
        self, prompts: list[str], arguments: dict[str, Any], limit: int, *, collects: bool = False
    ) -> list[str | Exception]:
        """Return each prompt's text, or its error where errors are collected.

        Nothing else is kept of an answer: objects that stay are what a large batch pays for, each
        time that Python's garbage collector walks through them.
        """
        plan = self._plan_with(prompts, arguments)
        found: list[str | Exception] = [""] * len(prompts)
        listeners = [None] * len(prompts)
        with entered(self), closing(self._settled(plan, listeners, limit)) as settled:
            for group, outcomes in settled:
                _place(found, group, outcomes, collects=collects)
        return found

    async def _aanswers(
        self, prompts: list[str], arguments: dict[str, Any], limit: int, *, collects: bool = False
    ) -> list[str | Exception]:
        """Do the same in asyncio."""
        plan = self._plan_with(prompts, arguments)
        found: list[str | Exception] = [""] * len(prompts)
        listeners = [None] * len(prompts)
        with entered(self):
            async with aclosing(self._asettled(plan, listeners, limit)) as settled:
                async for group, outcomes in settled:
                    _place(found, group, outcomes, collects=collects)
        return found

    def _plan_with(self, prompts: list[str], arguments: Mapping[str, Any]) -> Plan:
        """Return the plan for a call's arguments, among which `stop` may be."""
        params = {**arguments}
        return self._planned(prompts, params.pop("stop", None), params, stream=self._streams_always)

    def _is_heard(
        self,
        callbacks: Sequence[Callbacks],
        arguments: Mapping[str, Any],
        *methods: str,
        by: type[CallbackManager | AsyncCallbackManager] = CallbackManager,
    ) -> bool:
        """Return whether LangChain's own way is to be taken.

        Args:
            callbacks: The callbacks of each of its runs.
            arguments: The call's other arguments.
            methods: LangChain's methods on that way. Where one was replaced, by a user's subclass
                or by an instrument, all is to be called as LangChain calls it.
            by: The class that would tell listeners.
        """
        if self.callbacks or self.cache is True or self._cache_in_use is not None:
            return True
        if not (_ITS_OWN.isdisjoint(arguments) and _is_of(by.on_llm_start, _LANGCHAIN)):
            return True
        for method in methods:
            bound, langchains = getattr(self, method), getattr(BaseLLM, method)
            if type(bound) is not MethodType or not _is_of(langchains, _LANGCHAIN):
                return True
            if bound.__func__ is not langchains and not _is_of(bound.__func__, OURS):
                return True
        return any(map(_handlers_of, callbacks)) or any(
            by.configure(of_run, None, self.verbose).handlers for of_run in callbacks
        )

    def _text_of(self, given: LanguageModelInput) -> str:
        is_ours = type(self)._convert_input is AnsweringLLM._convert_input  # noqa: SLF001 - ours
        if isinstance(given, str) and is_ours:  # LangChain makes an object of it, and a text again
            return given
        return self._convert_input(given).to_string()


def _place(
    found: list[str | Exception],
    group: Sequence[int],
    outcomes: Sequence[Outcome],
    *,
    collects: bool,
) -> None:
    """Put outcomes in their prompts' places.

    Raises:
        Exception: The first error, unless errors are collected.
    """
    for index, outcome in zip(group, outcomes, strict=True):
        if outcome.error is None:
            found[index] = outcome.generations[0].text
        elif collects:
            found[index] = outcome.error
        else:
            raise with_number(outcome.error, index, len(found))


def _handlers_of(callbacks: Callbacks) -> Sequence[BaseCallbackHandler]:
    """Return the handlers that a call was given; those that LangChain adds come later."""
    return callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or ()


def _is_of(method: Any, package: str) -> bool:
    """Return whether a method was written in a package.

    What instruments put in its place may claim to be it: by its name, its class or its attributes.
    """
    if type(method) is not FunctionType:
        return False
    module = method.__globals__.get("__name__", "")
    return isinstance(module, str) and module.startswith(package)
