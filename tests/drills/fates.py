"""How each prompt must end: computed from the scenarios, before anything is asked."""

import math
from collections.abc import Sequence

from langchain_azure_llms.exceptions import (
    AzureLLMError,
    ContentFilterError,
    EndpointConnectionError,
    ModelContainerError,
    ResponseFormatError,
    ServerError,
    StreamInterruptedError,
)
from langchain_azure_llms.local import Fault, Scenario

SECONDS_TO_ANSWER = 1.5
"""The timeout of every call; some prompts are answered later than that at first."""

MIXED: tuple[Scenario, ...] = (
    Scenario("slow", share=0.005, wait=SECONDS_TO_ANSWER + 0.5),
    Scenario("unavailable", share=0.005, times=99),
    Scenario("mixed", share=0.09, wait=0.02),
)
"""Faults of all kinds for one prompt in ten."""

_IN_SECONDS = {Fault.REFUSED, Fault.RATE_LIMITED_DATE}
QUICK: tuple[Scenario, ...] = tuple(
    Scenario(fault, share=0.1 / (len(Fault) - len(_IN_SECONDS)), wait=0.02)
    for fault in Fault
    if fault not in _IN_SECONDS
)
"""The same, without what takes whole seconds: timeouts, and waits that are given as dates."""

NONE: tuple[Scenario, ...] = (Scenario("mixed", share=0.0),)
REFUSED_AT_FIRST: tuple[Scenario, ...] = (Scenario("refused", wait=0.4),)
REFUSED: tuple[Scenario, ...] = (Scenario("refused", wait=math.inf),)


def end_of(
    prompt: str, scenarios: Sequence[Scenario], *, streams: bool, is_score: bool
) -> type[AzureLLMError] | None:
    """Return the error that a prompt must end in; None when it must be answered.

    Args:
        prompt: The prompt, alone in its requests.
        scenarios: What goes wrong.
        streams: Whether the answer is streamed: what broke after its first chunk is not retried.
        is_score: Whether an Azure ML online endpoint is asked, which refuses with a 424.
    """
    if scenarios == REFUSED:
        return EndpointConnectionError
    met = ((one, fault) for one in scenarios if (fault := one.fault_of(prompt)) is not None)
    scenario, fault = next(met, (None, None))
    if scenario is None or fault is None:
        return None
    ends: dict[Fault, type[AzureLLMError] | None] = {
        Fault.GARBAGE: ResponseFormatError,
        Fault.EMPTY_OBJECT: ResponseFormatError,
        Fault.RESET_MID_BODY: StreamInterruptedError if streams else None,
        Fault.CUT_MID_STREAM: StreamInterruptedError if streams else None,
        Fault.ERROR_INSIDE_200: ServerError if streams else None,
        Fault.FILTER: ModelContainerError if is_score else ContentFilterError,
        Fault.CONTAINER_FAILED: ModelContainerError,
        Fault.UNAVAILABLE: ServerError if scenario.times else None,
    }
    return ends.get(fault)


def ends_of_packed(prompt: str, scenarios: Sequence[Scenario]) -> set[type[AzureLLMError] | None]:
    """Return how a prompt may end that shares its requests: also as its fellows end."""
    alone = end_of(prompt, scenarios, streams=False, is_score=False)
    fellows: set[type[AzureLLMError] | None] = {
        ResponseFormatError,
        ServerError,
        ModelContainerError,
    }
    if alone is ContentFilterError:
        return {*fellows, alone}
    return {*fellows, None}
