"""One drill: many prompts, one way, faults among them; and what must hold afterwards."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    HFContentFormatter,
    RetryPolicy,
)
from langchain_azure_llms.exceptions import AzureLLMError, ServerError
from langchain_azure_llms.local import LocalEndpoints, PromptRecord, Scenario
from tests.drills import fates, ways
from tests.drills.fates import MIXED, REFUSED, REFUSED_AT_FIRST
from tests.drills.measures import Held, held, held_at_rest, memory, peak, settle
from tests.drills.ways import Delivery, Way
from tests.support.llms import AzureLLM

QUICK = RetryPolicy(max_retries=4, initial_wait=0.005, max_backoff=0.05, max_wait=5.0)
PATIENT = RetryPolicy(max_retries=12, initial_wait=0.1, max_backoff=0.3, max_wait=5.0)
_BYTES_ALLOWED = 512 * 1024  # such as threads for callback handlers, begun when first needed
_BYTES_PER_PROMPT = 1024  # the endpoints' own record of each is a part of it


@dataclass(frozen=True)
class Drill:
    """What to run.

    Attributes:
        cls: The class.
        way: How to ask.
        scenarios: What goes wrong.
        policy: How often to try again.
    """

    cls: type[AzureLLM]
    way: Way
    scenarios: tuple[Scenario, ...] = MIXED
    policy: RetryPolicy = QUICK

    @property
    def name(self) -> str:
        """What the table and the tests call it."""
        at_start = {REFUSED: ", refused", REFUSED_AT_FIRST: ", refused at first"}
        return f"{self.cls.__name__} {self.way.name}{at_start.get(self.scenarios, '')}"

    @property
    def is_score(self) -> bool:
        """Whether `/score` is asked. A stream asks a serverless endpoint."""
        return self.cls is AzureMLOnlineEndpoint and not self.way.streams


@dataclass
class Result:
    """What was seen, and what ought not to have been (`broken`)."""

    drill: Drill
    prompts: int
    right: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    answered_again: int = 0
    seconds: float = 0.0
    peak: int = 0
    growth: int = 0
    before: Held = field(default_factory=held)
    after: Held = field(default_factory=held)
    tasks: int = 0
    broken: list[str] = field(default_factory=list)


def drills() -> Iterator[Drill]:
    """Yield all drills."""
    for cls in (AzureOpenAI, AzureMLOnlineEndpoint):
        for way in (*ways.ALONE, *ways.STREAMED):
            yield Drill(cls, way)
    for way in ways.PACKED:
        yield Drill(AzureOpenAI, way)


def drills_of_refusal() -> Iterator[Drill]:
    """Yield the drills of connections that are refused: at first, and for good."""
    for cls in (AzureOpenAI, AzureMLOnlineEndpoint):
        for way in (ways.BATCH, ways.ABATCH):
            yield Drill(cls, way, REFUSED_AT_FIRST, PATIENT)
            yield Drill(cls, way, REFUSED)


def warm_up() -> None:
    """Load what is loaded once per process, so that it counts as nobody's leak."""
    run(Drill(AzureOpenAI, ways.BATCH, fates.NONE), 4)
    for way in ways.STREAMED:
        run(Drill(AzureMLOnlineEndpoint, way, fates.NONE), 4)


def run(drill: Drill, count: int) -> Result:
    """Run a drill, in two halves; memory counts where `tracemalloc` traces it."""
    prompts = [f"{n} times {n}, said by {drill.name}, is ..." for n in range(count)]
    settle()
    result = Result(drill, count)
    began_with, _ = memory(), peak()
    started = time.monotonic()
    endpoints = LocalEndpoints(engine="echo", scenario=drill.scenarios)
    with endpoints:
        llm = _llm(drill, endpoints)
        _ask_half(drill, llm, prompts[: count // 2], result)
        halfway = memory()
        _ask_half(drill, llm, prompts[count // 2 :], result)
        result.growth = memory() - halfway
        llm.close()
    result.seconds = time.monotonic() - started
    result.peak = peak() - began_with
    _compare_with_server(result, prompts, endpoints.prompts_seen)
    del llm, endpoints
    result.after = held_at_rest(result.before)
    result.broken += _what_is_left(result)
    return result


def _ask_half(drill: Drill, llm: AzureLLM, prompts: list[str], result: Result) -> None:
    asked = drill.way.ask(llm, prompts)
    result.tasks += asked.tasks
    _judge(drill, prompts, asked.deliveries, result)


def _judge(drill: Drill, prompts: list[str], found: list[Delivery], result: Result) -> None:
    """Compare what was delivered with what had to be; keep no more than counts of it."""
    if (numbers := sorted(number for number, _ in found)) != list(range(len(prompts))):
        result.broken.append(f"delivered were {numbers}, not one for each of {len(prompts)}")
    for number, outcome in found:
        prompt, allowed = prompts[number], _allowed(drill, prompts[number])
        if isinstance(outcome, AzureLLMError):
            result.errors[type(outcome).__name__] += 1
            if type(outcome) not in allowed:
                result.broken.append(f"{prompt!r}: {type(outcome).__name__}: {outcome}")
        elif outcome == f"echo: {prompt}" and None in allowed:
            result.right += 1
        else:
            result.broken.append(f"{prompt!r}: {outcome!r}, not one of {allowed}")


def _allowed(drill: Drill, prompt: str) -> set[type[AzureLLMError] | None]:
    if drill.way.packs:
        return fates.ends_of_packed(prompt, drill.scenarios)
    streams, is_score = drill.way.streams, drill.is_score
    end = fates.end_of(prompt, drill.scenarios, streams=streams, is_score=is_score)
    # A batch is patient with a service that is busy, while others of its prompts are answered.
    return {end, None} if end is ServerError and not streams else {end}


def _compare_with_server(result: Result, prompts: list[str], seen: dict[str, PromptRecord]) -> None:
    """Compare with what the server counted: it answered what was delivered, and nothing else.

    After a timeout it may have answered twice; that is counted, and delivered once.
    """
    result.answered_again = sum(record.answers > 1 for record in seen.values())
    if result.drill.scenarios in {REFUSED, REFUSED_AT_FIRST}:
        return
    result.retries = sum(seen[prompt].requests for prompt in prompts) - len(prompts)
    answered = sum(seen[prompt].answers > 0 for prompt in prompts)
    if answered != result.right:
        result.broken.append(f"answered were {answered}, delivered {result.right}")


def _what_is_left(result: Result) -> Iterator[str]:
    if result.after.is_more_than(result.before):
        yield f"before {result.before}, afterwards {result.after}"
    if result.tasks:
        yield f"{result.tasks} tasks were left"
    allowed = _BYTES_ALLOWED + _BYTES_PER_PROMPT * result.prompts // 2
    if result.growth > allowed:
        yield f"memory grew by {result.growth} bytes in the second half, more than {allowed}"


def _llm(drill: Drill, endpoints: LocalEndpoints) -> AzureLLM:
    settings: dict[str, Any] = {
        "credential": endpoints.issue_token,
        "timeout": fates.SECONDS_TO_ANSWER,
        "retry_policy": drill.policy,
    }
    make: dict[bool, Callable[..., AzureLLM]] = {True: _azure_openai, False: _online_endpoint}
    return make[drill.cls is AzureOpenAI](drill, endpoints.url, settings)


def _azure_openai(drill: Drill, url: str, settings: dict[str, Any]) -> AzureLLM:
    return AzureOpenAI(
        azure_endpoint=url,
        azure_deployment="gpt-35-turbo-instruct",
        api_version="2024-10-21",
        batch_size=20 if drill.way.packs else 1,
        **settings,
    )


def _online_endpoint(drill: Drill, url: str, settings: dict[str, Any]) -> AzureLLM:
    if drill.is_score:
        return AzureMLOnlineEndpoint(
            endpoint_url=f"{url}/score", content_formatter=HFContentFormatter(), **settings
        )
    return AzureMLOnlineEndpoint(
        endpoint_url=f"{url}/v1/completions",
        endpoint_api_type="serverless",
        content_formatter=CustomOpenAIContentFormatter(),
        model_kwargs={"max_tokens": 64},
        **settings,
    )
