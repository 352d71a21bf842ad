"""How the cost of a prompt grows: with the prompts in flight, and with their number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models.llms import BaseLLM

from tests.benchmarks import contenders as who
from tests.benchmarks import workloads
from tests.benchmarks.line_ups import Setting
from tests.benchmarks.rounds import Contender, Role, interleaved, settle, turn_of
from tests.benchmarks.workloads import Work

AT_ONCE = (1, 8, 32, 128, 512)
NUMBERS = (100, 1000, 10_000, 100_000)
CONCURRENCY = 64
ROUNDS = 8
_PROMPTS_PER_SWEEP = 10_000
"""Small batches are repeated until they come to so many prompts."""


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: What pictures call it.
        role: What it is to the comparison.
        work: Makes the work of a number of prompts, so many at once.
        most: The largest number of prompts that it is asked.
    """

    name: str
    role: Role
    work: Callable[[int, int], Work]
    most: int = NUMBERS[-1]


def by_concurrency(setting: Setting) -> dict[str, Any]:
    """Measure each series with more and more prompts in flight, in interleaved rounds."""
    points: dict[str, list[dict[str, float]]] = {}
    series = _by_concurrency(setting)
    for at_once in AT_ONCE[::2] if setting.is_quick else AT_ONCE:
        count = max(at_once, setting.size(max(64, 2 * at_once)))
        contenders = [
            Contender(
                one.name, one.role, one.work(count, at_once), one.work(max(at_once, 2), at_once)
            )
            for one in series
        ]
        found = interleaved(contenders, 1 if setting.is_quick else ROUNDS)
        for name, best in found.items():
            points.setdefault(name, []).append({"at": at_once, "cpu": best.cpu, "wall": best.wall})
    return {one.name: {"role": one.role, "points": points[one.name]} for one in series}


def by_number(setting: Setting) -> dict[str, Any]:
    """Measure each series with more and more prompts in one call.

    A call with 100,000 prompts takes a minute, with fast and slow spells in it; there is no best
    one. So means are compared: every number of prompts is asked on the way up and on the way down
    again, the small ones often enough, so that a spell hits all alike.
    """
    numbers = NUMBERS[:1] if setting.is_quick else NUMBERS
    return {
        one.name: {
            "role": one.role,
            "points": _up_and_down(
                one, [number for number in numbers if number <= one.most], setting
            ),
        }
        for one in _by_number(setting)
    }


CURVES: Mapping[str, tuple[str, Callable[[Setting], dict[str, Any]]]] = {
    "growth-concurrency": ("prompts at once", by_concurrency),
    "growth-prompts": (f"prompts in one call, {CONCURRENCY} at once", by_number),
}
"""The curves by their names, with what their axis says."""


def _up_and_down(
    series: Series, numbers: Sequence[int], setting: Setting
) -> list[dict[str, float]]:
    turns: dict[int, list[tuple[float, float]]] = {number: [] for number in numbers}
    series.work(CONCURRENCY, CONCURRENCY)()
    settle()
    for number in (*numbers, *reversed(numbers[:-1])):
        work = series.work(number, CONCURRENCY)
        total = setting.size(min(_PROMPTS_PER_SWEEP, series.most))
        for _ in range(max(1, total // number)):
            turn = turn_of(work)
            turns[number].append((turn.cpu, turn.wall))
    return [
        {
            "at": number,
            "cpu": sum(cpu for cpu, _ in found) / len(found),
            "wall": sum(wall for _, wall in found) / len(found),
        }
        for number, found in turns.items()
    ]


def _by_concurrency(setting: Setting) -> list[Series]:
    run, url = setting.runner.run, setting.url("tls")
    bare = who.BareAsyncHttpx2(url, on_aiohttp=True)
    setting.exits.callback(setting.closed, bare)
    our_openai, their_openai = who.our_openai(url), who.their_openai(url)
    our_azureml = who.our_azureml(url)
    return [
        Series(
            "AzureMLOnlineEndpoint.batch",
            "ours",
            lambda count, at_once: workloads.batches(our_azureml, count, at_once),
        ),
        Series("AzureMLOnlineEndpoint.abatch", "ours", _abatches(setting, our_azureml)),
        Series(
            "AzureOpenAI.ainvoke",
            "ours",
            lambda count, at_once: workloads.ainvokes(run, our_openai, count, at_once),
        ),
        Series(
            "langchain-openai ainvoke",
            "peer",
            lambda count, at_once: workloads.ainvokes(run, their_openai, count, at_once),
        ),
        Series(
            "httpx2 on aiohttp",
            "floor",
            lambda count, at_once: workloads.posts(run, bare.post, count, at_once),
        ),
    ]


def _by_number(setting: Setting) -> list[Series]:
    run, url = setting.runner.run, setting.url("tls")
    ours = who.our_azureml(url)
    return [
        Series(
            "AzureMLOnlineEndpoint.batch",
            "ours",
            lambda count, at_once: workloads.batches(ours, count, at_once),
        ),
        Series("AzureMLOnlineEndpoint.abatch", "ours", _abatches(setting, ours)),
        Series(
            "AzureMLOnlineEndpoint.abatch_as_completed",
            "ours",
            lambda count, at_once: workloads.abatches_as_completed(run, ours, count, at_once),
        ),
        Series(
            "AzureMLOnlineEndpoint.abatch, a listener",
            "ours",
            _abatches(setting, who.heard(who.our_azureml(url))),
        ),
        Series("AzureOpenAI.abatch", "ours", _abatches(setting, who.our_openai(url)), 10_000),
        Series(
            "langchain-openai abatch",
            "peer",
            _abatches(setting, who.their_openai(url), is_limited=False),
            10_000,
        ),
        Series(
            "langchain-community abatch",
            "peer",
            _abatches(setting, who.their_azureml(url), is_limited=False),
            1000,
        ),
    ]


def _abatches(
    setting: Setting, llm: BaseLLM, *, is_limited: bool = True
) -> Callable[[int, int], Work]:
    """Make batches of an LLM. A peer, which sends one request after the other, gets no limit."""
    run = setting.runner.run
    return lambda count, at_once: workloads.abatches(
        run, llm, count, at_once if is_limited else None
    )
