"""The methods `records` and `arecords` of both LLM classes.

What they do is in `langchain_azure_llms.bulk`, which is imported when one of them is called.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from typing import Any, Literal

from langchain_azure_llms.bulk.record import PromptRecord


def records(
    self: Any,
    prompts: Iterable[str | Mapping[str, Any]],
    *,
    max_concurrency: int | Literal["auto"] = "auto",
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    callbacks: Any = None,
    **params: Any,
) -> Generator[PromptRecord]:
    """Yield a record for each of many prompts, as soon as it is done.

    It never raises for a prompt: what went wrong is in the prompt's record. What a rate limit
    refuses is sent again until it is answered. Closing the generator cancels what is in flight.

    Args:
        self: The LLM.
        prompts: Any iterable, read as it is needed: texts, or mappings with `prompt`, perhaps
            `id`, and parameters of their own. A prompt without an id has its number, from 0.
        max_concurrency: HTTP requests in flight at once. `"auto"`, the default, begins with 4,
            grows up to 256 while answers come, and is halved when the service is too busy.
        requests_per_minute: How many requests may be sent in a minute; any number by default.
        tokens_per_minute: How many tokens prompts and answers may have in a minute; any number by
            default. They are estimated before sending, and corrected by what the service counts.
        callbacks: LangChain callbacks for each request. Without them, the default, a request costs
            much less CPU. LangChain's cache is read and written only with them.
        **params: Parameters of all prompts: `max_tokens`, `stop` and the like.

    Raises:
        ConfigurationError: If a limit or a parameter is wrong. Nothing has been sent then.
    """
    from langchain_azure_llms.bulk import limits  # noqa: PLC0415 - rarely needed
    from langchain_azure_llms.bulk import records as bulk  # noqa: PLC0415

    allowed = limits.Limits(max_concurrency, requests_per_minute, tokens_per_minute)
    return bulk.records(self, prompts, allowed, callbacks, params)


def arecords(
    self: Any,
    prompts: Iterable[str | Mapping[str, Any]],
    *,
    max_concurrency: int | Literal["auto"] = "auto",
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    callbacks: Any = None,
    **params: Any,
) -> AsyncGenerator[PromptRecord]:
    """Yield a record for each of many prompts, in asyncio; see `records`."""
    from langchain_azure_llms.bulk import limits  # noqa: PLC0415 - rarely needed
    from langchain_azure_llms.bulk import records as bulk  # noqa: PLC0415

    allowed = limits.Limits(max_concurrency, requests_per_minute, tokens_per_minute)
    return bulk.arecords(self, prompts, allowed, callbacks, params)
