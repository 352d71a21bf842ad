"""What becomes of each prompt of a group, whatever becomes of the request that carries it.

A request of several prompts is refused as a whole when one of them is: by the content filter, or
for its length. It is halved until only the guilty prompt fails. All pure, as `opening` is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.outputs import Generation, LLMResult

from langchain_azure_llms.exceptions import AzureLLMError
from langchain_azure_llms.formatters.base import Answer
from langchain_azure_llms.llms._forms import OF_ONE_PROMPT, LearnedForms, Plan, Step, asking

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class Outcome(NamedTuple):
    """What became of a prompt.

    Attributes:
        generations: Its generations; empty where there is an error.
        error: Why there are none.
        model_name: The model that answered.
        token_usage: The token counts of its request; of all prompts that the request carried, only
            the first has them, so that nothing is counted twice.
        fingerprint: The backend's configuration; where the counts are.
    """

    generations: Sequence[Generation] = ()
    error: Exception | None = None
    model_name: str | None = None
    token_usage: Mapping[str, int] | None = None
    fingerprint: str | None = None

    def result(self, model_name: str | None) -> LLMResult:
        """Return it as callbacks are told."""
        return LLMResult(
            generations=[list(self.generations)], llm_output=self.llm_output(model_name)
        )

    def llm_output(self, model_name: str | None) -> dict[str, Any]:
        """Return what it tells beside the text."""
        output: dict[str, Any] = {"token_usage": dict(self.token_usage or {})}
        if told := self.model_name or model_name:
            output["model_name"] = told
        if self.fingerprint:
            output["system_fingerprint"] = self.fingerprint
        return output


def chunks(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Return numbers in groups of a size."""
    return (numbers[start : start + size] for start in range(0, len(numbers), size))


def settling(
    plan: Plan, learned: LearnedForms, group: Sequence[int], form: str | None
) -> Generator[Step, Any, list[Outcome]]:
    """Decide what becomes of each prompt of a group.

    Args:
        plan: How they are to be answered.
        learned: What is known of deployments.
        group: The prompts' numbers.
        form: The form that the deployment speaks; None to find out.

    Yields:
        A request, to be answered with its `Answer` or its error; or what to wait for.
    """
    try:
        form, ask, got = yield from asking(plan, learned, group, form)
        assert ask is not None  # noqa: S101 - asking asks
        if isinstance(got, Answer):
            outcomes = _answered(got)
        else:
            outcomes = yield from _judging(plan, learned, form, ask.group, got)
        if rest := group[len(ask.group) :]:
            for others in chunks(rest, plan.requests_in(form).size):
                outcomes += yield from settling(plan, learned, others, form)
    except Exception as error:  # noqa: BLE001 - a request that cannot be made is its prompts' outcome
        return [Outcome(error=error)] * len(group)
    return outcomes


def _answered(got: Answer) -> list[Outcome]:
    """Return what a request's answer means for each of its prompts."""
    first, *others = got.generations
    told = Outcome(first, None, got.model_name, got.token_usage, got.system_fingerprint)
    return [told, *(Outcome(generations, None, got.model_name) for generations in others)]


def _judging(
    plan: Plan, learned: LearnedForms, form: str, group: Sequence[int], got: Exception
) -> Generator[Step, Any, list[Outcome]]:
    """Return what a request's error means for each of its prompts."""
    if isinstance(got, OF_ONE_PROMPT) and len(group) > 1:
        half = len(group) // 2
        left = yield from settling(plan, learned, group[:half], form)
        right = yield from settling(plan, learned, group[half:], form)
        return [*left, *right]
    return [Outcome(error=got)] * len(group)


def with_number(error: Exception, number: int, count: int) -> Exception:
    """Return an error that says which of several prompts it belongs to."""
    if count > 1:
        told = f"It was prompt {number} of {count}, counted from 0."
        if isinstance(error, AzureLLMError):
            error.args = (f"{error} {told}",)
            error.prompt_index = number
        else:
            error.add_note(told)
    return error


def summed(outcomes: Sequence[Outcome], model_name: str | None) -> LLMResult:
    """Return the outcomes of prompts, in order, as LangChain's result."""
    usage: dict[str, int] = {}
    output: dict[str, Any] = {"token_usage": usage}
    if model_name:
        output["model_name"] = model_name
    for outcome in outcomes:
        told = outcome.llm_output(None)
        for name in _COUNTS:
            if isinstance(told["token_usage"].get(name), int):
                usage[name] = usage.get(name, 0) + told["token_usage"][name]
        output |= {name: value for name, value in told.items() if name != "token_usage"}
    generations = [list(outcome.generations) for outcome in outcomes]
    return LLMResult(generations=generations, llm_output=output)
