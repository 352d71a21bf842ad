"""Prompts' completions as they come, for LLMs and for what retries them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any

from langchain_core.language_models.base import LanguageModelInput
from langchain_core.runnables import Runnable

from langchain_azure_llms.llms import _windows
from langchain_azure_llms.llms._configs import Config, config_of
from langchain_azure_llms.llms._settling import with_number

Asked = Runnable[LanguageModelInput, str]
Done = tuple[int, str | Exception]


def as_completed(
    asked: Asked,
    inputs: Sequence[LanguageModelInput],
    config: Config,
    limit: int,
    *,
    return_exceptions: bool,
    arguments: dict[str, Any],
) -> Generator[Done]:
    """Yield each input's number and completion as soon as it is there."""

    def answered(index: int) -> str | Exception:
        try:
            return asked.invoke(inputs[index], config_of(config, index), **arguments)
        except Exception as error:
            if not return_exceptions:
                with_number(error, index, len(inputs))
                raise
            return error

    return _windows.in_threads(answered, range(len(inputs)), limit)


def aas_completed(
    asked: Asked,
    inputs: Sequence[LanguageModelInput],
    config: Config,
    limit: int,
    *,
    return_exceptions: bool,
    arguments: dict[str, Any],
) -> AsyncGenerator[Done]:
    """Do the same in asyncio."""

    async def answered(index: int) -> str | Exception:
        try:
            return await asked.ainvoke(inputs[index], config_of(config, index), **arguments)
        except Exception as error:
            if not return_exceptions:
                with_number(error, index, len(inputs))
                raise
            return error

    return _windows.in_tasks(answered, range(len(inputs)), limit)
