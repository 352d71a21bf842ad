"""The rows that are measured in one process, in alternating rounds."""

import asyncio
import inspect
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Literal

from langchain_core.language_models.llms import BaseLLM

from tests.benchmarks import contenders, server, workloads
from tests.benchmarks.contenders import AZURE_ML, AZURE_OPENAI, Service
from tests.benchmarks.environment import Endpoint
from tests.benchmarks.rounds import FLOOR, OURS, Contender
from tests.benchmarks.workloads import AT_ONCE, CONCURRENCY, Call

_BATCH = 200
"""Prompts of a batch at the slow address."""
_SLOW = f"{_BATCH} prompts at {server.LATENCY * 1000:.0f} ms, max_concurrency={CONCURRENCY}"


@dataclass(frozen=True)
class Setting:
    """What rows are measured with.

    Attributes:
        endpoint: Where requests go.
        runner: The event loop that all async calls share.
        exits: Closes clients at the end.
    """

    endpoint: Endpoint
    runner: asyncio.Runner
    exits: ExitStack


@dataclass(frozen=True)
class Row:
    """One line of the comparison.

    Attributes:
        name: What the command line calls it.
        title: What tables call it.
        per: What one call of the figures is.
        figure: The figure that targets compare.
        rounds: How many turns each contender has.
        contenders: Makes those who are measured.
    """

    name: str
    title: str
    per: str
    figure: Literal["cpu", "wall"]
    rounds: int
    contenders: Callable[[Setting], list[Contender]]


@dataclass(frozen=True)
class Kind:
    """A kind of call.

    Attributes:
        ours: Asks our LLM.
        prompts: How many prompts a turn asks.
        warm: How many prompts are asked before each turn.
        per: What one call of the figures is.
        peer: Asks the peer; None where it is left out.
        floor: Asks the floor; None where there is none.
    """

    ours: Call
    prompts: int
    warm: int
    per: Literal["call", "chunk", "prompt", "batch"] = "call"
    peer: Call | None = None
    floor: Call | None = None

    def calls(self, prompts: int) -> int:
        """Return how many calls of the figures so many prompts are."""
        return {"chunk": prompts * server.CHUNKS, "batch": 1}.get(self.per, prompts)


_INVOKE = Kind(workloads.invoke, 40, 2, peer=workloads.invoke, floor=workloads.invoke)
_AINVOKE = Kind(
    workloads.ainvoke, 3 * AT_ONCE, AT_ONCE, peer=workloads.ainvoke, floor=workloads.ainvoke
)
_STREAM = Kind(workloads.stream, 2, 1, "chunk", peer=workloads.stream)
_ASTREAM = Kind(workloads.astream, 2, 1, "chunk", peer=workloads.astream)
# The floor of both is `abatch`: its prompts share an event loop, which is the cheapest way.
_BATCH_64 = Kind(workloads.batch, 4 * CONCURRENCY, CONCURRENCY, "prompt", floor=workloads.abatch)
_ABATCH_64 = Kind(workloads.abatch, 4 * CONCURRENCY, CONCURRENCY, "prompt", floor=workloads.abatch)
_WHOLE_BATCH = Kind(workloads.batch, _BATCH, _BATCH, "batch", peer=workloads.unlimited_batch)
_WHOLE_ABATCH = Kind(workloads.abatch, _BATCH, _BATCH, "batch")


def _call_rows(
    name: str, service: Service, what: str, kind: Kind, figure: Literal["cpu", "wall"] = "cpu"
) -> list[Row]:
    """Return the row of a kind of call, and for CPU the row with one callback handler."""
    rounds = 40 if figure == "cpu" else 10
    made = [
        Row(
            f"{name}{'-handler' if has_handler else ''}",
            f"{service.cls}.{what}{', one handler' if has_handler else ''}",
            kind.per,
            figure,
            rounds,
            partial(_callers, service, kind, has_handler),
        )
        for has_handler in (False, True)
    ]
    return made if figure == "cpu" else made[:1]


def _callers(
    service: Service,
    kind: Kind,
    has_handler: bool,  # noqa: FBT001 - given by position to `partial`
    setting: Setting,
) -> list[Contender]:
    url = setting.endpoint.tls_slow if kind.per == "batch" else setting.endpoint.tls

    def contender(name: str, llm: BaseLLM, call: Call) -> Contender:
        if has_handler:
            llm.callbacks = [contenders.Handler()]
        is_slow_peer = name == service.peer and kind.per != "batch"
        count = min(kind.prompts, service.peer_prompts) if is_slow_peer else kind.prompts
        asked = workloads.prompts(count)
        warm = asked[: 1 if name == service.peer and kind.warm > AT_ONCE else kind.warm]
        return Contender(
            name,
            partial(_ask, setting.runner, llm, call, asked, kind.calls(count)),
            partial(_ask, setting.runner, llm, call, warm, 1),
            service.peer_rounds if name == service.peer else 1000,
        )

    made = [contender(OURS, service.ours(url), kind.ours)]
    if kind.peer is not None:
        made.append(contender(service.peer, service.theirs(url), kind.peer))
    if kind.floor is not None:
        floor = contenders.bare_llm(f"{url}{service.path}")
        setting.exits.callback(floor.client.close)
        setting.exits.callback(lambda: setting.runner.run(floor.async_client.aclose()))
        made.append(contender(FLOOR, floor, kind.floor))
    return made


def _ask(runner: asyncio.Runner, llm: BaseLLM, call: Call, asked: list[str], calls: int) -> int:
    coroutine = call(llm, asked)
    if inspect.iscoroutine(coroutine):
        runner.run(coroutine)
    workloads.check_handlers(llm, len(asked))
    return calls


def _constructors(setting: Setting) -> list[Contender]:
    # The peer takes as long for one object as we take for a hundred.
    service, url = AZURE_OPENAI, setting.endpoint.tls

    def construct(cls: Callable[[str], BaseLLM], count: int) -> int:
        for _ in range(count):
            cls(url)
        return count

    return [
        Contender(name, partial(construct, cls, count), partial(construct, cls, 1))
        for name, cls, count in ((OURS, service.ours, 100), (service.peer, service.theirs, 2))
    ]


ROWS = (
    *_call_rows("openai-invoke", AZURE_OPENAI, "invoke", _INVOKE),
    *_call_rows("azureml-invoke", AZURE_ML, "invoke", _INVOKE),
    *_call_rows(f"openai-ainvoke-{AT_ONCE}", AZURE_OPENAI, f"ainvoke, {AT_ONCE} at once", _AINVOKE),
    *_call_rows(f"azureml-ainvoke-{AT_ONCE}", AZURE_ML, f"ainvoke, {AT_ONCE} at once", _AINVOKE),
    *_call_rows("openai-stream", AZURE_OPENAI, "stream", _STREAM),
    *_call_rows("openai-astream", AZURE_OPENAI, "astream", _ASTREAM),
    *_call_rows("azureml-batch-64", AZURE_ML, f"batch, {CONCURRENCY} at once", _BATCH_64),
    *_call_rows("azureml-abatch-64", AZURE_ML, f"abatch, {CONCURRENCY} at once", _ABATCH_64),
    *_call_rows("azureml-batch-slow", AZURE_ML, f"batch, {_SLOW}", _WHOLE_BATCH, "wall"),
    *_call_rows("azureml-abatch-slow", AZURE_ML, f"abatch, {_SLOW}", _WHOLE_ABATCH, "wall"),
    *_call_rows("openai-batch-slow", AZURE_OPENAI, f"batch, {_SLOW}", _WHOLE_BATCH, "wall"),
    Row("construct", "construct one more AzureOpenAI", "object", "cpu", 15, _constructors),
)
