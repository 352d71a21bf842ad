"""What both LLM classes share: one way from prompts to answers."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Generator,
    Iterator,
)
from contextlib import aclosing, closing
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.outputs import GenerationChunk, LLMResult
from langchain_core.prompt_values import PromptValue
from pydantic import PrivateAttr

from langchain_azure_llms.exceptions import (
    ConfigurationError,
    StatusError,
    StreamInterruptedError,
)
from langchain_azure_llms.formatters.base import Answer
from langchain_azure_llms.llms import _concurrent, _settings
from langchain_azure_llms.llms._calls import PromptCall, result_of, whole_answer
from langchain_azure_llms.llms._connected import ConnectedLLM
from langchain_azure_llms.llms._forms import LearnedForms, Opened, Outcome, Plan, opening
from langchain_azure_llms.transport import _async, _sync
from langchain_azure_llms.transport._exchange import Reply


class AzureLLM(ConnectedLLM):
    """Base of the LLMs on Azure: settings, HTTP, retries, streams and batches.

    Subclasses say what is sent and how the answer is read (`_plan`), and with which credential
    (`_authorization`).
    """

    _learned: LearnedForms = PrivateAttr(default_factory=LearnedForms)

    never_travel: ClassVar[tuple[str, ...]] = (*ConnectedLLM.never_travel, "_learned")

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
    def _model_name(self) -> str | None:
        """The model's name for results, when no answer tells it."""
        return None

    # --- LangChain's interface --------------------------------------------------------------

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        calls, reply = self._opened(
            self._planned(prompts, stop, kwargs, stream=self._streams_always)
        )
        first = (run_manager, reply)
        answers = _concurrent.in_threads(
            lambda call: self._answer(call, *(first if call is calls[0] else ())),
            calls,
            self.max_concurrency,
        )
        return result_of(answers, self._model_name)

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        plan = self._planned(prompts, stop, kwargs, stream=self._streams_always)
        calls, reply = await self._aopened(plan)
        first = (run_manager, reply)
        answers = await _concurrent.in_tasks(
            lambda call: self._aanswer(call, *(first if call is calls[0] else ())),
            calls,
            self.max_concurrency,
        )
        return result_of(answers, self._model_name)

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        (call,), reply = self._opened(self._planned([prompt], stop, kwargs, stream=True))
        with closing(self._chunks(call, run_manager, reply)) as chunks:
            yield from chunks

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        (call,), reply = await self._aopened(self._planned([prompt], stop, kwargs, stream=True))
        async with aclosing(self._achunks(call, run_manager, reply)) as chunks:
            async for chunk in chunks:
                yield chunk

    def _planned(
        self, prompts: list[str], stop: list[str] | None, params: dict[str, Any], *, stream: bool
    ) -> Plan:
        """Return the plan, checked; errors on the way hold no frames, for those hold secrets."""
        _settings.check_prompts(prompts)
        plan = _settings.quietly(self._plan, prompts, stop, params, stream=stream)
        return replace(plan, calls_in=partial(_settings.quietly, plan.calls_in))

    def _convert_input(self, model_input: LanguageModelInput) -> PromptValue:
        if isinstance(model_input, str | PromptValue | list | tuple):
            return super()._convert_input(model_input)
        raise ConfigurationError(
            f"The prompt is a {type(model_input).__name__}, expected text, a prompt value or a "
            "list of messages."
        )

    # --- doing it, in threads ---------------------------------------------------------------

    def _opened(self, plan: Plan) -> Opened:
        """Do what an opening asks for; within an event loop, without waiting for its tasks."""
        steps = opening(plan, self._learned)
        outcome: Outcome = None
        with closing(steps):
            try:
                while True:
                    match steps.send(outcome):
                        case PromptCall() as call:
                            outcome = self._reply_or_refusal(call)
                        case waiting if not _in_event_loop():
                            waiting.result()
            except StopIteration as stop:
                opened: Opened = stop.value
                return opened

    def _reply_or_refusal(self, call: PromptCall) -> Reply | StatusError:
        try:
            return self._reply(call.request)
        except StatusError as error:
            return error

    def _answer(
        self,
        call: PromptCall,
        run_manager: CallbackManagerForLLMRun | None = None,
        reply: Reply | None = None,
    ) -> Answer:
        if call.request.stream:
            return whole_answer(self._chunks(call, run_manager, reply))
        return call.answer(reply or self._reply(call.request))

    def _chunks(
        self, call: PromptCall, run_manager: CallbackManagerForLLMRun | None, reply: Reply | None
    ) -> Generator[GenerationChunk]:
        with closing(self._unreported_chunks(call, reply)) as chunks:
            for chunk in chunks:
                if run_manager is not None:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk, **_told(chunk))
                yield chunk

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
                    chunk = call.feed(reader, data)
                    if chunk is not None:
                        yield chunk
                    if reader.ended:
                        _sync.drain(reply, events)
                    if reader.ended or reader.stopped:
                        break
            except StreamInterruptedError as error:
                if not reader.is_complete:
                    error.text_so_far = reader.text
                    raise
        yield call.end(reader)

    # --- doing it, in asyncio ---------------------------------------------------------------

    async def _aopened(self, plan: Plan) -> Opened:
        """Do what an opening asks for."""
        steps = opening(plan, self._learned)
        outcome: Outcome = None
        with closing(steps):
            try:
                while True:
                    match steps.send(outcome):
                        case PromptCall() as call:
                            outcome = await self._areply_or_refusal(call)
                        case waiting:
                            await asyncio.shield(asyncio.wrap_future(waiting))
            except StopIteration as stop:
                opened: Opened = stop.value
                return opened

    async def _areply_or_refusal(self, call: PromptCall) -> Reply | StatusError:
        try:
            return await self._areply(call.request)
        except StatusError as error:
            return error

    async def _aanswer(
        self,
        call: PromptCall,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        reply: Reply | None = None,
    ) -> Answer:
        if call.request.stream:
            return whole_answer([chunk async for chunk in self._achunks(call, run_manager, reply)])
        return call.answer(reply or await self._areply(call.request))

    async def _achunks(
        self,
        call: PromptCall,
        run_manager: AsyncCallbackManagerForLLMRun | None,
        reply: Reply | None,
    ) -> AsyncGenerator[GenerationChunk]:
        async with aclosing(self._unreported_achunks(call, reply)) as chunks:
            async for chunk in chunks:
                if run_manager is not None:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk, **_told(chunk))
                yield chunk

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
                    chunk = call.feed(reader, data)
                    if chunk is not None:
                        yield chunk
                    if reader.ended:
                        await _async.drain(reply, events)
                    if reader.ended or reader.stopped:
                        break
            except StreamInterruptedError as error:
                if not reader.is_complete:
                    error.text_so_far = reader.text
                    raise
        yield call.end(reader)


def _in_event_loop() -> bool:
    return asyncio._get_running_loop() is not None  # noqa: SLF001 - it does not raise


def _told(chunk: GenerationChunk) -> dict[str, Any]:
    """Return what token callbacks are told beside the chunk, as the peers tell it."""
    return {"logprobs": (chunk.generation_info or {}).get("logprobs")}
