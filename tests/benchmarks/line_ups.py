"""Who works in each row, and at what."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Literal

from langchain_core.language_models.llms import BaseLLM

from tests.benchmarks import contenders as who
from tests.benchmarks import workloads
from tests.benchmarks.rounds import Contender, Role
from tests.benchmarks.surroundings import Endpoint
from tests.benchmarks.workloads import Work

Address = Literal["tls", "tls_slow", "plain", "plain_slow"]
Doing = Callable[[BaseLLM, int], Work]
"""Makes a turn's work of an LLM and a number of prompts."""

CONCURRENCY = 64
PROMPTS = 200
"""Of a batch at the endpoint that takes its time."""


@dataclass(frozen=True)
class Setting:
    """What rows measure with.

    Attributes:
        endpoint: Where requests go.
        runner: The event loop that all async contenders share.
        exits: What is to be closed at the end.
        is_quick: Whether turns are to be short, for trying.
    """

    endpoint: Endpoint
    runner: asyncio.Runner
    exits: ExitStack
    is_quick: bool = False

    def size(self, calls: int) -> int:
        """Return how many calls a turn makes."""
        return max(1, calls // 4) if self.is_quick else calls

    def url(self, address: Address) -> str:
        """Return where to send requests."""
        return str(getattr(self.endpoint, address))

    def closed(self, client: who.AsyncHttp) -> None:
        """Close a client in the event loop that it belongs to."""
        self.runner.run(client.aclose())


LineUp = Callable[[Setting], Sequence[Contender]]
"""Makes those who are measured, ours first."""


@dataclass(frozen=True)
class Pair:
    """Ours, and the peer that it is compared with."""

    our: Callable[[str], BaseLLM]
    peer: str
    their: Callable[[str], BaseLLM]

    def llms(self, url: str) -> list[tuple[str, Role, BaseLLM]]:
        """Return both, for the endpoint at this address."""
        return [(who.OURS, "ours", self.our(url)), (self.peer, "peer", self.their(url))]

    @property
    def heard(self) -> "Pair":
        """The same, with somebody who listens to each run."""
        our, their = self.our, self.their
        return Pair(lambda url: who.heard(our(url)), self.peer, lambda url: who.heard(their(url)))


ALL = 1000
_MOST_ROUNDS = {who.COMMUNITY: 10}
"""Over TLS it reads the bundle of authorities for every prompt: each turn takes a second."""

OPENAI = Pair(who.our_openai, who.OPENAI, who.their_openai)
AZUREML = Pair(who.our_azureml, who.COMMUNITY, who.their_azureml)


def _of_llms(
    llms: Sequence[tuple[str, Role, BaseLLM]], doing: Doing, count: int, warm: int
) -> list[Contender]:
    return [
        Contender(name, role, doing(llm, count), doing(llm, warm), _MOST_ROUNDS.get(name, ALL))
        for name, role, llm in llms
    ]


def invoke(pair: Pair, address: Address, *, is_heard: bool = False) -> LineUp:
    def made(setting: Setting) -> list[Contender]:
        url, count = setting.url(address), setting.size(40)
        no_op = who.heard(who.NoOpLLM()) if is_heard else who.NoOpLLM()
        llms = [*(pair.heard if is_heard else pair).llms(url), (who.NO_OP, "floor", no_op)]
        client = who.BareHttpx2(url)
        setting.exits.callback(client.close)
        bare = Contender(
            who.HTTPX2,
            "floor",
            workloads.calls(client.post, count),
            workloads.calls(client.post, 2),
        )
        return [*_of_llms(llms, workloads.invokes, count, 2), bare]

    return made


def ainvoke(pair: Pair, address: Address, at_once: int) -> LineUp:
    def made(setting: Setting) -> list[Contender]:
        url, run = setting.url(address), setting.runner.run
        count = max(setting.size(96), 2 * at_once)

        def doing(llm: BaseLLM, prompts: int) -> Work:
            return workloads.ainvokes(run, llm, prompts, at_once)

        llms = [*pair.llms(url), (who.NO_OP, "floor", who.NoOpLLM())]
        bare: dict[str, who.AsyncHttp] = {
            who.HTTPX2: who.BareAsyncHttpx2(url, on_aiohttp=False),
            who.HTTPX2_ON_AIOHTTP: who.BareAsyncHttpx2(url, on_aiohttp=True),
            who.AIOHTTP: who.BareAiohttp(url),
        }
        for client in bare.values():
            setting.exits.callback(setting.closed, client)
        return [
            *_of_llms(llms, doing, count, at_once),
            *(
                Contender(
                    name,
                    "floor",
                    workloads.posts(run, client.post, count, at_once),
                    workloads.posts(run, client.post, at_once, at_once),
                )
                for name, client in bare.items()
            ),
        ]

    return made


def stream(deployment: str, *, is_heard: bool = False) -> LineUp:
    def made(setting: Setting) -> list[Contender]:
        url = setting.url("tls")
        llms: list[tuple[str, Role, BaseLLM]] = [
            (who.OURS, "ours", who.our_openai(url, deployment)),
            (who.OPENAI, "peer", who.their_openai(url, deployment)),
        ]
        for _, _, llm in llms if is_heard else ():
            who.heard(llm)
        return _of_llms(llms, workloads.streams, setting.size(2), 1)

    return made


def astream(deployment: str) -> LineUp:
    def made(setting: Setting) -> list[Contender]:
        url = setting.url("tls")
        llms: list[tuple[str, Role, BaseLLM]] = [
            (who.OURS, "ours", who.our_openai(url, deployment)),
            (who.OPENAI, "peer", who.their_openai(url, deployment)),
        ]
        doing = partial(workloads.astreams, setting.runner.run)
        return _of_llms(llms, doing, setting.size(2), 1)

    return made


def slow_batch(pair: Pair, *, is_async: bool, most_rounds: int = ALL) -> LineUp:
    """A whole batch is one call. A peer that takes ten seconds for it gets few turns."""

    def made(setting: Setting) -> list[Contender]:
        run = setting.runner.run

        def doing(llm: BaseLLM, prompts: int, concurrency: int | None = None) -> Work:
            work = (
                workloads.abatches(run, llm, prompts, concurrency)
                if is_async
                else workloads.batches(llm, prompts, concurrency)
            )
            return workloads.once(work)

        url = setting.url("tls_slow")
        (ours, _, our), (peer, _, their) = pair.llms(url)
        count, most = setting.size(PROMPTS), 1 if setting.is_quick else most_rounds
        return [
            Contender(ours, "ours", doing(our, count, CONCURRENCY), doing(our, count, CONCURRENCY)),
            Contender(peer, "peer", doing(their, count), doing(their, 1), most),
        ]

    return made


def fast_batch(setting: Setting) -> list[Contender]:
    def doing(llm: BaseLLM, prompts: int, concurrency: int | None = None) -> Work:
        return workloads.batches(llm, prompts, concurrency)

    (ours, _, our), (peer, _, their) = AZUREML.llms(setting.url("tls"))
    count = 4 * CONCURRENCY
    return [
        Contender(
            ours, "ours", doing(our, count, CONCURRENCY), doing(our, CONCURRENCY, CONCURRENCY)
        ),
        Contender(peer, "peer", doing(their, CONCURRENCY), doing(their, 1), _MOST_ROUNDS[peer]),
    ]


def construct(setting: Setting) -> list[Contender]:
    url, count = setting.url("tls"), setting.size(20)
    # The peer takes as long for one object as we take for a hundred.
    return [
        Contender(
            who.OURS,
            "ours",
            workloads.calls(lambda: who.our_openai(url), 5 * count),
            workloads.calls(lambda: who.our_openai(url), 1),
        ),
        Contender(
            who.OPENAI,
            "peer",
            workloads.calls(lambda: who.their_openai(url), 2),
            workloads.calls(lambda: who.their_openai(url), 1),
        ),
    ]
