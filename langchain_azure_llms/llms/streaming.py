"""The chunks of a streamed response, in threads and in asyncio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.outputs import GenerationChunk

from langchain_azure_llms.exceptions import StreamInterruptedError
from langchain_azure_llms.http import async_io, sync_io
from langchain_azure_llms.http.request import HttpResponse
from langchain_azure_llms.llms.completion import CompletionRequest


def read_stream(
    call: CompletionRequest, response: HttpResponse, run_manager: CallbackManagerForLLMRun | None
) -> Generator[GenerationChunk]:
    """Yield the chunks of a response; callback handlers are notified of each before.

    Raises:
        StreamInterruptedError: If the connection breaks before the end.
        StatusError: If an event carries an error.
    """
    if response.stream is None:
        yield _notified(call.whole_chunk(response), run_manager)
        return
    reader = call.stream_reader()
    with closing(sync_io.pieces(response.stream, call.request)) as pieces:
        try:
            for data in pieces:
                chunk = call.next_chunk(reader, data, response)
                if chunk is not None:
                    yield _notified(chunk, run_manager)
                if reader.ended:
                    sync_io.drain(response.stream, pieces)
                if reader.ended or reader.stopped:
                    break
        except StreamInterruptedError as error:
            if not reader.is_over:
                error.text_so_far = reader.text
                raise
    yield _notified(call.last_chunk(reader, response), run_manager)


async def aread_stream(
    call: CompletionRequest,
    response: HttpResponse,
    run_manager: AsyncCallbackManagerForLLMRun | None,
) -> AsyncGenerator[GenerationChunk]:
    """Yield the chunks of a response in asyncio; see `read_stream`."""
    if response.stream is None:
        yield await _anotified(call.whole_chunk(response), run_manager)
        return
    reader = call.stream_reader()
    async with aclosing(async_io.pieces(response.stream, call.request)) as pieces:
        try:
            async for data in pieces:
                chunk = call.next_chunk(reader, data, response)
                if chunk is not None:
                    yield await _anotified(chunk, run_manager)
                if reader.ended:
                    await async_io.drain(response.stream, pieces)
                if reader.ended or reader.stopped:
                    break
        except StreamInterruptedError as error:
            if not reader.is_over:
                error.text_so_far = reader.text
                raise
    yield await _anotified(call.last_chunk(reader, response), run_manager)


def _notified(
    chunk: GenerationChunk, run_manager: CallbackManagerForLLMRun | None
) -> GenerationChunk:
    if run_manager is not None and run_manager.handlers:
        run_manager.on_llm_new_token(chunk.text, chunk=chunk, logprobs=_logprobs_of(chunk))
    return chunk


async def _anotified(
    chunk: GenerationChunk, run_manager: AsyncCallbackManagerForLLMRun | None
) -> GenerationChunk:
    if run_manager is not None and run_manager.handlers:
        await run_manager.on_llm_new_token(chunk.text, chunk=chunk, logprobs=_logprobs_of(chunk))
    return chunk


def _logprobs_of(chunk: GenerationChunk) -> Any:
    return (chunk.generation_info or {}).get("logprobs")
