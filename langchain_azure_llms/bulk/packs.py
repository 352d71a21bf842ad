"""Packs, the prompts that share a request: what follows an error, and whose tokens are whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from langchain_azure_llms.bulk.limits import size_of
from langchain_azure_llms.bulk.prompts import Prompt
from langchain_azure_llms.exceptions import (
    AuthenticationError,
    AzureLLMError,
    CredentialError,
    DeploymentNotFoundError,
    EndpointConnectionError,
    EndpointTimeoutError,
    OperationNotSupportedError,
    PermissionDeniedError,
    RateLimitError,
)
from langchain_azure_llms.http.backpressure import is_busy

OF_ALL_PROMPTS = (
    AuthenticationError,
    CredentialError,
    DeploymentNotFoundError,
    OperationNotSupportedError,
    PermissionDeniedError,
    RateLimitError,
)
"""Errors that say nothing about a prompt: every other one would meet them too.

A rate limit is one where waiting does not help: a quota that is used up for good.
"""
_OF_THE_WAY = (EndpointConnectionError, EndpointTimeoutError)
"""Errors that are more often the network's than a prompt's."""
_BYTES_PER_WORD = 8


@dataclass(slots=True)
class Asked:
    """A prompt under way.

    Attributes:
        prompt: The prompt.
        first_sent: When it was first sent.
        attempts: How often it was sent, without those times that a limit refused.
    """

    prompt: Prompt
    first_sent: float | None = None
    attempts: int = 0


@dataclass(slots=True)
class Pack:
    """Prompts that share a request.

    Attributes:
        asked: The prompts.
        failures: How often they failed together.
        refusals: How often limits refused them.
        refused_since: Since when limits have refused them, without a pause; None if none does.
        tokens: The tokens that they are estimated to cost.
    """

    asked: list[Asked]
    failures: int = 0
    refusals: int = 0
    refused_since: float | None = None
    tokens: float = field(default=0.0)

    def halves(self) -> tuple[Pack, Pack]:
        """Return the two halves, which have not failed yet."""
        middle = len(self.asked) // 2
        return Pack(self.asked[:middle]), Pack(self.asked[middle:])


class Next(Enum):
    """What to do with a pack that was not answered."""

    WAIT = auto()
    RETRY = auto()
    SPLIT = auto()
    FAIL = auto()


def after(error: BaseException, *, prompts: int, failures: int, max_retries: int) -> Next:
    """Return what to do with a pack after an error.

    Args:
        error: The error.
        prompts: How many prompts the pack has.
        failures: How often it has failed, this time included, without refusals by a limit.
        max_retries: How often a pack is sent again.
    """
    if is_busy(error):
        return Next.WAIT
    is_retryable = isinstance(error, AzureLLMError) and error.is_retryable
    may_retry = is_retryable and failures <= max_retries
    if prompts == 1:
        return Next.RETRY if may_retry else Next.FAIL
    if isinstance(error, OF_ALL_PROMPTS):
        return Next.FAIL
    # One prompt may be to blame: no other one may pay for it.
    return Next.RETRY if may_retry and isinstance(error, _OF_THE_WAY) else Next.SPLIT


def shares(total: int, weights: Sequence[float]) -> list[int]:
    """Return a number in whole parts that add up to it, as proportional to weights as can be."""
    whole = sum(weights)
    if not whole:
        weights, whole = [1.0] * len(weights), float(len(weights))
    exact = [total * weight / whole for weight in weights]
    parts = [int(part) for part in exact]
    by_rest = sorted(range(len(parts)), key=lambda at: parts[at] - exact[at])
    for at in by_rest[: total - sum(parts)]:
        parts[at] += 1
    return parts


def weight_of(text: str) -> float:
    """Return how many tokens a text has in proportion to others: words, unless they are long."""
    return max(len(text.split()), size_of(text) / _BYTES_PER_WORD)


def usage_of_each(
    usage: dict[str, int], prompts: Sequence[str], completions: Sequence[str]
) -> list[dict[str, int]]:
    """Return the token counts of each prompt of a request, from the counts of the request.

    They are exact where it carried one prompt. Otherwise each has its share by length.
    """
    if len(prompts) == 1:
        return [usage]
    each: list[dict[str, int]] = [{} for _ in prompts]
    by_prompt, by_completion = map(weight_of, prompts), map(weight_of, completions)
    weights = {"prompt": list(by_prompt), "completion": list(by_completion)}
    for name, like in (
        ("prompt_tokens", "prompt"),
        ("completion_tokens", "completion"),
        ("cached_tokens", "prompt"),
        ("reasoning_tokens", "completion"),
    ):
        if name in usage:
            for counts, part in zip(each, shares(usage[name], weights[like]), strict=True):
                counts[name] = part
    if "total_tokens" in usage:
        for counts in each:
            counts["total_tokens"] = counts.get("prompt_tokens", 0) + counts.get(
                "completion_tokens", 0
            )
    return each


_COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
)


def usage_of(llm_output: Mapping[str, Any]) -> dict[str, int]:
    """Return the token counts that a response has, whatever a custom server sent as them."""
    usage = llm_output.get("token_usage")
    if not isinstance(usage, dict):
        return {}
    details = (usage.get(f"{whole}_tokens_details") for whole in ("prompt", "completion"))
    flat = {k: v for one in (*details, usage) if isinstance(one, dict) for k, v in one.items()}
    return {name: flat[name] for name in _COUNTS if isinstance(flat.get(name), int)}
