"""`records` and `arecords` of the LLM classes: a record for each prompt, as soon as it is done."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Mapping
from contextvars import copy_context
from functools import partial
from typing import Any

from langchain_azure_llms.bulk.engine import Engine
from langchain_azure_llms.bulk.limits import Limits
from langchain_azure_llms.bulk.prompts import Prompt, prompt_of
from langchain_azure_llms.bulk.record import PromptRecord
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.llms.base import AzureLLM
from langchain_azure_llms.llms.event_loop import runs_in_event_loop, sync_caller_loop

_LINGER_SECONDS = 0.01
"""How long a sync caller lets records come together: changing threads for each costs more."""
_READING_SECONDS = 0.05
"""How long prompts are read before those that are there are sent."""


def records(
    llm: AzureLLM, prompts: Iterable[Any], limits: Limits, callbacks: Any, params: dict[str, Any]
) -> Generator[PromptRecord]:
    """Yield records to a sync caller; see `AzureLLM.records`.

    The prompts are read in the caller's thread. The requests go on while the caller works.
    """
    source = numbered(prompts)
    is_alike = runs_in_event_loop(llm) or (llm.overrides_generate and llm.http_client is None)
    return _records(Engine(llm, limits, params, callbacks, in_threads=not is_alike), source)


def _records(engine: Engine, source: Iterator[Prompt]) -> Generator[PromptRecord]:
    context, is_last = copy_context(), False
    with sync_caller_loop() as loop:
        try:
            while True:
                given, is_last = ([], True) if is_last else read(source, engine.wanted())
                step = partial(engine.step, given, is_last=is_last, linger=_LINGER_SECONDS)
                done = loop.call(step, context)
                if is_last and not done:
                    return
                yield from (record for _, record in done)
        finally:
            if not loop.is_stopping:  # else the interpreter ends, and the requests with it
                loop.call(engine.aclose, context)


def arecords(
    llm: AzureLLM, prompts: Iterable[Any], limits: Limits, callbacks: Any, params: dict[str, Any]
) -> AsyncGenerator[PromptRecord]:
    """Yield records in asyncio; see `AzureLLM.arecords`."""
    return _arecords(Engine(llm, limits, params, callbacks), numbered(prompts))


async def _arecords(engine: Engine, source: Iterator[Prompt]) -> AsyncGenerator[PromptRecord]:
    is_last = False
    try:
        while True:
            given, is_last = ([], True) if is_last else read(source, engine.wanted())
            done = await engine.step(given, is_last=is_last)
            if is_last and not done:
                return
            for _, record in done:
                yield record
    finally:
        await engine.aclose()


def read(source: Iterator[Prompt], wanted: int) -> tuple[list[Prompt], bool]:
    """Return the next prompts, and whether they were the last ones."""
    prompts: list[Prompt] = []
    ends = time.monotonic() + _READING_SECONDS
    while len(prompts) < wanted:
        prompt = next(source, None)
        if prompt is None:
            return prompts, True
        prompts.append(prompt)
        if time.monotonic() > ends:
            break
    return prompts, False


def numbered(prompts: Iterable[Any]) -> Iterator[Prompt]:
    """Return what a caller passed as prompts.

    Raises:
        ConfigurationError: If that is one text or mapping, or cannot be iterated over.
    """
    if isinstance(prompts, str | bytes | Mapping) or not isinstance(prompts, Iterable):
        raise ConfigurationError(
            f"The prompts are a {type(prompts).__name__}, expected an iterable of texts, or of "
            "mappings with a text as 'prompt'."
        )
    return (prompt_of(given, number) for number, given in enumerate(prompts))
