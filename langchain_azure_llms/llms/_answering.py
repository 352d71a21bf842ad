"""An LLM that answers prompts: in threads or in asyncio, whole or streamed, one or many."""

from __future__ import annotations

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Generator,
    Iterator,
    Sequence,
)
from contextlib import aclosing, closing
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.outputs import GenerationChunk, LLMResult
from langchain_core.prompt_values import PromptValue

from langchain_azure_llms.exceptions import ConfigurationError, StreamInterruptedError
from langchain_azure_llms.formatters.base import Answer
from langchain_azure_llms.llms import _settings, _windows
from langchain_azure_llms.llms._calls import PromptCall, whole_answer
from langchain_azure_llms.llms._derived import Derived
from langchain_azure_llms.llms._forms import Ask, LearnedForms, Opened, Plan, asking
from langchain_azure_llms.llms._settling import Outcome, chunks, settling, summed, with_number
from langchain_azure_llms.llms._waiting import Caller, await_for, wait_for
from langchain_azure_llms.transport import _async, _driven, _sync
from langchain_azure_llms.transport._exchange import Reply

Managers = Sequence[CallbackManagerForLLMRun | None]
AsyncManagers = Sequence[CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None]
"""Those of a sync caller tell at once; what the others return is awaited."""
Settled = tuple[Sequence[int], list[Outcome]]


if TYPE_CHECKING:
    from langchain_azure_llms.llms._connected import ConnectedLLM

    Mixin = ConnectedLLM
else:
    Mixin = ABC  # pydantic reads every field anew for a class between: a good part of the import


class AnsweringLLM(Mixin):
    """Mixin of LLMs whose subclasses say what is sent and how the answer is read (`_plan`)."""

    @Derived
    def _forms(self) -> LearnedForms:
        """What is known of deployments, without pydantic's long way to a private attribute."""
        return self._learned

    # --- what a subclass says ---------------------------------------------------------------

    @abstractmethod
    def _plan(
        self, prompts: list[str], stop: list[str] | None, params: dict[str, Any], *, stream: bool
    ) -> Plan:
        """Return how these prompts are to be answered."""

    @property
    def _streams_always(self) -> bool:
        """Whether `generate` streams too."""
        return False

    @property
    @abstractmethod
    def _model_name(self) -> str | None:
        """The model's name for results, when no answer tells it."""

    # --- LangChain's interface --------------------------------------------------------------

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        plan = self._planned(prompts, stop, kwargs, stream=self._streams_always)
        outcomes: dict[int, Outcome] = {}
        managers = [run_manager, *[None] * (len(prompts) - 1)]
        with closing(self._settled(plan, managers, self.max_concurrency)) as settled:
            for group, found in settled:
                outcomes |= zip(group, found, strict=True)
                _raise_first(outcomes, len(prompts))
        return summed([outcomes[index] for index in range(len(prompts))], self._model_name)

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        plan = self._planned(prompts, stop, kwargs, stream=self._streams_always)
        outcomes: dict[int, Outcome] = {}
        managers = [run_manager, *[None] * (len(prompts) - 1)]
        async with aclosing(self._asettled(plan, managers, self.max_concurrency)) as settled:
            async for group, found in settled:
                outcomes |= zip(group, found, strict=True)
                _raise_first(outcomes, len(prompts))
        return summed([outcomes[index] for index in range(len(prompts))], self._model_name)

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        plan = self._planned([prompt], stop, kwargs, stream=True)
        call, reply = self._opened(plan)
        with closing(self._chunks(call, run_manager, reply)) as parts:
            yield from parts

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        plan = self._planned([prompt], stop, kwargs, stream=True)
        call, reply = await self._aopened(plan)
        async with aclosing(self._achunks(call, run_manager, reply)) as parts:
            async for part in parts:
                yield part

    def _planned(
        self, prompts: list[str], stop: list[str] | None, params: dict[str, Any], *, stream: bool
    ) -> Plan:
        """Return the plan, checked; errors on the way hold no frames, for those hold secrets."""
        _settings.check_prompts(prompts)
        self._refuse_settings(params)
        return _settings.quietly(self._plan, prompts, stop, params, stream=stream)

    def _convert_input(self, model_input: LanguageModelInput) -> PromptValue:
        if isinstance(model_input, str | PromptValue | list | tuple):
            return super()._convert_input(model_input)
        raise ConfigurationError(
            f"The prompt is a {type(model_input).__name__}, expected text, a prompt value or a "
            "list of messages."
        )

    # --- doing it, in threads ---------------------------------------------------------------

    def _settled(self, plan: Plan, managers: Managers, limit: int) -> Generator[Settled]:
        """Yield groups of prompts with what became of each, as soon as that is known.

        Several are asked in an event loop, where that is the same to the caller and faster.
        """
        if len(plan.prompts) > 1 and limit > 1 and self._can_be_driven and not _in_event_loop():
            with closing(_driven.drive(self._asettled(plan, managers, limit), plan)) as settled:
                yield from settled
            return
        form, rest = self._forms.form_of(plan), range(len(plan.prompts))
        first = rest[: plan.requests_in(form or plan.forms[0]).size]
        if form is None or first == rest:  # what the deployment speaks is found out with the first
            if first:
                yield first, self._settle(plan, first, managers, form)
            rest = rest[len(first) :]
            form = self._forms.form_of(plan) or plan.forms[0]
        if not rest:
            return
        work = partial(self._settle, plan, managers=managers, form=form)
        groups = chunks(rest, plan.requests_in(form).size)
        with closing(_windows.in_threads(work, groups, limit)) as settled:
            yield from settled

    def _settle(
        self, plan: Plan, group: Sequence[int], managers: Managers, form: str | None
    ) -> list[Outcome]:
        with Caller(settling(plan, self._forms, group, form)) as (steps, may_wait):
            got: Any = None
            try:
                while True:
                    match steps.send(got):
                        case Ask() as ask:
                            got = self._attempt(ask, managers)
                        case waiting if may_wait and not _in_event_loop():
                            wait_for(waiting)
            except StopIteration as stop:
                outcomes: list[Outcome] = stop.value
                return outcomes

    def _attempt(self, ask: Ask, managers: Managers) -> Answer | Exception:
        """Return the answer to a request, or its error."""
        call = ask.call
        try:
            if call.request.stream:
                return whole_answer(self._chunks(call, managers[ask.group[0]]))
            return call.answer(self._reply(call.request))
        except Exception as error:  # noqa: BLE001 - what became of the prompts, whatever it is
            return error

    def _opened(self, plan: Plan) -> tuple[PromptCall, Reply]:
        """Return the request of a plan's only prompt, and its reply."""
        with Caller(asking(plan, self._forms, range(1))) as (steps, may_wait):
            got: Any = None
            try:
                while True:
                    match steps.send(got):
                        case Ask() as ask:
                            got = self._reply_or_error(ask.call)
                        case waiting if may_wait and not _in_event_loop():
                            wait_for(waiting)
            except StopIteration as stop:
                return _call_and_reply(stop.value)

    def _reply_or_error(self, call: PromptCall) -> Reply | Exception:
        try:
            return self._reply(call.request)
        except Exception as error:  # noqa: BLE001 - the asking decides what it means
            return error

    def _chunks(
        self,
        call: PromptCall,
        run_manager: CallbackManagerForLLMRun | None,
        reply: Reply | None = None,
    ) -> Generator[GenerationChunk]:
        with closing(self._unreported_chunks(call, reply)) as parts:
            for part in parts:
                if run_manager is not None and run_manager.handlers:
                    run_manager.on_llm_new_token(part.text, chunk=part, **_told(part))
                yield part

    def _unreported_chunks(
        self, call: PromptCall, reply: Reply | None
    ) -> Generator[GenerationChunk]:
        reply = reply or self._reply(call.request)
        if reply.source is None:
            yield call.whole_chunk(reply)
            return
        reader = call.reader()
        with closing(_sync.events(reply)) as events:
            try:
                for data in events:
                    chunk = call.feed(reader, data, reply)
                    if chunk is not None:
                        yield chunk
                    if reader.ended:
                        _sync.drain(reply, events)
                    if reader.ended or reader.stopped:
                        break
            except StreamInterruptedError as error:
                if not reader.is_over:
                    error.text_so_far = reader.text
                    raise
        yield call.end(reader)

    # --- doing it, in asyncio ---------------------------------------------------------------

    async def _asettled(
        self, plan: Plan, managers: AsyncManagers, limit: int
    ) -> AsyncGenerator[Settled]:
        """Yield groups of prompts with what became of each, as soon as that is known."""
        form, rest = self._forms.form_of(plan), range(len(plan.prompts))
        first = rest[: plan.requests_in(form or plan.forms[0]).size]
        if form is None or first == rest:  # what the deployment speaks is found out with the first
            if first:
                yield first, await self._asettle(plan, first, managers, form)
            rest = rest[len(first) :]
            form = self._forms.form_of(plan) or plan.forms[0]
        if not rest:
            return
        work = partial(self._asettle, plan, managers=managers, form=form)
        groups = chunks(rest, plan.requests_in(form).size)
        async with aclosing(_windows.in_tasks(work, groups, limit)) as settled:
            async for done in settled:
                yield done

    async def _asettle(
        self, plan: Plan, group: Sequence[int], managers: AsyncManagers, form: str | None
    ) -> list[Outcome]:
        with Caller(settling(plan, self._forms, group, form)) as (steps, may_wait):
            got: Any = None
            try:
                while True:
                    match steps.send(got):
                        case Ask() as ask:
                            got = await self._aattempt(ask, managers, plan)
                        case waiting if may_wait:
                            await await_for(waiting)
            except StopIteration as stop:
                outcomes: list[Outcome] = stop.value
                return outcomes

    async def _aattempt(self, ask: Ask, managers: AsyncManagers, plan: Plan) -> Answer | Exception:
        """Return the answer to a request, or its error."""
        call, for_sync = ask.call, _driven.driven.get() is plan
        try:
            reply = await self._areply(call.request, for_sync=for_sync)
            if call.request.stream:
                parts = self._achunks(call, managers[ask.group[0]], reply)
                return whole_answer([part async for part in parts])
            return call.answer(reply)
        except Exception as error:  # noqa: BLE001 - what became of the prompts, whatever it is
            return error

    async def _aopened(self, plan: Plan) -> tuple[PromptCall, Reply]:
        """Return the request of a plan's only prompt, and its reply."""
        with Caller(asking(plan, self._forms, range(1))) as (steps, may_wait):
            got: Any = None
            try:
                while True:
                    match steps.send(got):
                        case Ask() as ask:
                            got = await self._areply_or_error(ask.call)
                        case waiting if may_wait:
                            await await_for(waiting)
            except StopIteration as stop:
                return _call_and_reply(stop.value)

    async def _areply_or_error(self, call: PromptCall) -> Reply | Exception:
        try:
            return await self._areply(call.request)
        except Exception as error:  # noqa: BLE001 - the asking decides what it means
            return error

    async def _achunks(
        self,
        call: PromptCall,
        run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
        reply: Reply | None = None,
    ) -> AsyncGenerator[GenerationChunk]:
        async with aclosing(self._unreported_achunks(call, reply)) as parts:
            async for part in parts:
                if run_manager is not None and run_manager.handlers:
                    told = run_manager.on_llm_new_token(part.text, chunk=part, **_told(part))
                    if told is not None:
                        await told
                yield part

    async def _unreported_achunks(
        self, call: PromptCall, reply: Reply | None
    ) -> AsyncGenerator[GenerationChunk]:
        reply = reply or await self._areply(call.request)
        if reply.source is None:
            yield call.whole_chunk(reply)
            return
        reader = call.reader()
        async with aclosing(_async.events(reply)) as events:
            try:
                async for data in events:
                    chunk = call.feed(reader, data, reply)
                    if chunk is not None:
                        yield chunk
                    if reader.ended:
                        await _async.drain(reply, events)
                    if reader.ended or reader.stopped:
                        break
            except StreamInterruptedError as error:
                if not reader.is_over:
                    error.text_so_far = reader.text
                    raise
        yield call.end(reader)


for _method in (AnsweringLLM._generate, AnsweringLLM._agenerate):  # noqa: SLF001 - ours
    # LangChain looks at the signature with every call; this spares it reading the code object.
    vars(_method)["__signature__"] = inspect.signature(_method)


def _call_and_reply(opened: Opened) -> tuple[PromptCall, Reply]:
    if isinstance(opened.got, Exception):
        raise opened.got
    assert opened.ask is not None  # noqa: S101 - asking asks
    return opened.ask.call, opened.got


def _raise_first(outcomes: dict[int, Outcome], count: int) -> None:
    """Raise the error of the first prompt that has one."""
    for index in sorted(outcomes):
        error = outcomes[index].error
        if error is not None:
            raise with_number(error, index, count)


def _in_event_loop() -> bool:
    return asyncio._get_running_loop() is not None  # noqa: SLF001 - it does not raise


def _told(chunk: GenerationChunk) -> dict[str, Any]:
    """Return what token callbacks are told beside the chunk, as the peers tell it."""
    return {"logprobs": (chunk.generation_info or {}).get("logprobs")}
