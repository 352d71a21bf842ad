"""One `generate` or `stream` of an LLM: its packs are completed, in threads or in asyncio."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import aclosing, closing, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.outputs import GenerationChunk, LLMResult

from langchain_azure_llms._completion import CompletionResponse
from langchain_azure_llms.exceptions import AzureLLMError
from langchain_azure_llms.http import async_io, sync_io
from langchain_azure_llms.http.backpressure import Backpressure
from langchain_azure_llms.http.request import Surroundings
from langchain_azure_llms.http.retry import Cooldowns
from langchain_azure_llms.llms.api_cache import api_cache
from langchain_azure_llms.llms.completion import (
    PackResult,
    RequestBuilder,
    complete_pack,
    open_pack,
    refuse_other_than_text,
    with_prompt_number,
)
from langchain_azure_llms.llms.concurrency import ConcurrentTasks, map_in_threads
from langchain_azure_llms.llms.event_loop import run_in_event_loop, runs_in_event_loop
from langchain_azure_llms.llms.streaming import aread_stream, read_stream
from langchain_azure_llms.openai_api.llm_output import add_counts
from langchain_azure_llms.openai_api.stream import join_chunks

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

SURROUNDINGS = Surroundings(Cooldowns(), time.monotonic, time.time, random.uniform)
backpressure: ContextVar[Backpressure | None] = ContextVar("backpressure", default=None)
"""How many requests the batch under way may have in flight; None outside of a batch."""

Part = tuple[int, CompletionResponse]
"""The response for some prompts, and the number of the first of them."""


def generate(
    llm: AzureLLM,
    prompts: list[str],
    stop: list[str] | None,
    run_manager: CallbackManagerForLLMRun | None,
    params: dict[str, Any],
) -> LLMResult:
    """Complete prompts, as many per request as the API allows, in this thread.

    Raises:
        AzureLLMError: The first error.
    """
    if llm.streams_always:
        return _generate_from_streams(llm, prompts, stop, run_manager, params)
    refuse_other_than_text(prompts)
    builder = llm.request_builder(stop, params, stream=False)
    if len(prompts) == 1:
        return _result(llm, [(0, _complete(llm, builder, prompts).response)])
    first = prompts[: _pack_size(builder)]
    with _numbered(0, prompts):
        count, response = _complete(llm, builder, first)
    parts = [(0, response)]
    if rest := _rest(builder, prompts, count):
        pressure = backpressure.get() or Backpressure(llm.max_concurrency)
        if runs_in_event_loop(llm):
            parts += run_in_event_loop(
                partial(_acomplete_rest, llm, builder, prompts, rest, pressure)
            )
        else:
            complete = partial(_complete_part, llm, builder, prompts)
            with closing(map_in_threads(complete, rest, lambda: pressure.limit)) as done:
                parts += done
    return _result(llm, parts)


async def agenerate(
    llm: AzureLLM,
    prompts: list[str],
    stop: list[str] | None,
    run_manager: AsyncCallbackManagerForLLMRun | None,
    params: dict[str, Any],
) -> LLMResult:
    """Complete prompts in asyncio; see `generate`."""
    if llm.streams_always:
        return await _agenerate_from_streams(llm, prompts, stop, run_manager, params)
    refuse_other_than_text(prompts)
    builder = llm.request_builder(stop, params, stream=False)
    if len(prompts) == 1:
        return _result(llm, [(0, (await _acomplete(llm, builder, prompts)).response)])
    first = prompts[: _pack_size(builder)]
    with _numbered(0, prompts):
        count, response = await _acomplete(llm, builder, first)
    parts = [(0, response)]
    if rest := _rest(builder, prompts, count):
        pressure = backpressure.get() or Backpressure(llm.max_concurrency)
        parts += await _acomplete_rest(llm, builder, prompts, rest, pressure)
    return _result(llm, parts)


def _complete(llm: AzureLLM, builder: RequestBuilder, pack: Sequence[str]) -> PackResult:
    return sync_io.run(complete_pack(builder, pack, _surroundings()), llm.endpoint)


async def _acomplete(llm: AzureLLM, builder: RequestBuilder, pack: Sequence[str]) -> PackResult:
    return await async_io.run(complete_pack(builder, pack, _surroundings()), llm.endpoint)


def _surroundings() -> Surroundings:
    pressure = backpressure.get()
    return SURROUNDINGS if pressure is None else SURROUNDINGS._replace(backpressure=pressure)


def _complete_part(
    llm: AzureLLM, builder: RequestBuilder, prompts: list[str], one: tuple[int, Sequence[str]]
) -> Part:
    start, pack = one
    with _numbered(start, prompts):
        return start, _complete(llm, builder, pack).response


async def _acomplete_part(
    llm: AzureLLM, builder: RequestBuilder, prompts: list[str], one: tuple[int, Sequence[str]]
) -> Part:
    start, pack = one
    with _numbered(start, prompts):
        return start, (await _acomplete(llm, builder, pack)).response


async def _acomplete_rest(
    llm: AzureLLM,
    builder: RequestBuilder,
    prompts: list[str],
    rest: list[tuple[int, Sequence[str]]],
    pressure: Backpressure,
) -> list[Part]:
    complete = partial(_acomplete_part, llm, builder, prompts)
    async with aclosing(ConcurrentTasks(complete, rest, lambda: pressure.limit)) as done:
        return [part async for part in done]


@contextmanager
def _numbered(start: int, prompts: Sequence[str]) -> Iterator[None]:
    """Let errors within a `with` block name the prompt that a pack begins with.

    A batch names its own: its packs are calls of their own.
    """
    try:
        yield
    except AzureLLMError as error:
        if backpressure.get() is None:
            with_prompt_number(error, start, len(prompts))
        raise


def _pack_size(builder: RequestBuilder) -> int:
    return builder.pack_size(api_cache.get(builder) or builder.apis[0])


def _rest(
    builder: RequestBuilder, prompts: Sequence[str], count: int
) -> list[tuple[int, Sequence[str]]]:
    """Return the packs that follow the first `count` prompts, each with its first number."""
    if count >= len(prompts):
        return []
    size = _pack_size(builder)
    return [(start, prompts[start : start + size]) for start in range(count, len(prompts), size)]


def stream(
    llm: AzureLLM,
    prompt: str,
    stop: list[str] | None,
    run_manager: CallbackManagerForLLMRun | None,
    params: dict[str, Any],
) -> Generator[GenerationChunk]:
    """Complete a prompt piece by piece, in this thread.

    Raises:
        AzureLLMError: If the request fails, or the stream is cut.
    """
    refuse_other_than_text([prompt])
    builder = llm.request_builder(stop, params, stream=True)
    call, response = sync_io.run(open_pack(builder, [prompt], SURROUNDINGS), llm.endpoint)
    with closing(read_stream(call, response, run_manager)) as chunks:
        yield from chunks


async def astream(
    llm: AzureLLM,
    prompt: str,
    stop: list[str] | None,
    run_manager: AsyncCallbackManagerForLLMRun | None,
    params: dict[str, Any],
) -> AsyncGenerator[GenerationChunk]:
    """Complete a prompt piece by piece in asyncio; see `stream`."""
    refuse_other_than_text([prompt])
    builder = llm.request_builder(stop, params, stream=True)
    call, response = await async_io.run(open_pack(builder, [prompt], SURROUNDINGS), llm.endpoint)
    async with aclosing(aread_stream(call, response, run_manager)) as chunks:
        async for chunk in chunks:
            yield chunk


def _generate_from_streams(
    llm: AzureLLM,
    prompts: list[str],
    stop: list[str] | None,
    run_manager: CallbackManagerForLLMRun | None,
    params: dict[str, Any],
) -> LLMResult:
    """Complete prompts by streams, one after the other, so that callbacks see each token."""
    parts = []
    for number, prompt in enumerate(prompts):
        manager = run_manager if number == 0 else None
        with closing(stream(llm, prompt, stop, manager, dict(params))) as chunks:
            parts.append((number, join_chunks(chunks)))
    return _result(llm, parts)


async def _agenerate_from_streams(
    llm: AzureLLM,
    prompts: list[str],
    stop: list[str] | None,
    run_manager: AsyncCallbackManagerForLLMRun | None,
    params: dict[str, Any],
) -> LLMResult:
    """Do the same in asyncio."""
    parts = []
    for number, prompt in enumerate(prompts):
        manager = run_manager if number == 0 else None
        async with aclosing(astream(llm, prompt, stop, manager, dict(params))) as chunks:
            parts.append((number, join_chunks([chunk async for chunk in chunks])))
    return _result(llm, parts)


def _result(llm: AzureLLM, parts: list[Part]) -> LLMResult:
    """Return responses as LangChain's result; token counts are added up."""
    model_name = llm.fallback_model_name
    output: dict[str, Any] = {
        "token_usage": {},
        **({"model_name": model_name} if model_name else {}),
    }
    if len(parts) == 1:
        response = parts[0][1]
        return LLMResult(
            generations=response.generations, llm_output={**output, **response.llm_output}
        )
    generations, usage = [], output["token_usage"]
    for _, response in sorted(parts, key=lambda part: part[0]):
        generations += response.generations
        add_counts(usage, response.llm_output.get("token_usage", {}))
        output |= {**response.llm_output, "token_usage": usage}
    return LLMResult(generations=generations, llm_output=output)
