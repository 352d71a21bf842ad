"""200 prompts of the failure drills; `make drill` asks 2,000, in every way."""

import dataclasses
import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI
from tests.drills import drill, fates, ways
from tests.drills.drill import Drill
from tests.support.engines import fresh_transports

_PROMPTS = 200
_FULL = [Drill(AzureOpenAI, ways.BATCH), Drill(AzureMLOnlineEndpoint, ways.ABATCH)]
# Ways that both classes have from their base: one class does.
_SHARED = [Drill(AzureMLOnlineEndpoint, way) for way in ways.AS_COMPLETED]
_BRIEF = [
    dataclasses.replace(each, scenarios=fates.QUICK)
    for each in drill.drills()
    if each not in [*_FULL, *_SHARED]
]


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Load what is loaded once per process."""
    drill.warm_up()


@pytest.fixture(autouse=True)
def _own_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connections of the test's own: LLMs of other tests may still share the process's."""
    gc.collect()
    with fresh_transports(monkeypatch):
        yield


@pytest.fixture
def _traced() -> Iterator[None]:
    """Trace memory, which takes time."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("_traced")
@pytest.mark.parametrize("each", _FULL, ids=lambda one: one.name)
def test_every_prompt_ends_in_its_own_answer_or_error_and_memory_stays_flat(each: Drill) -> None:
    """Also where answers come too late, and waits are given as dates."""
    result = drill.run(each, _PROMPTS)
    assert [] == result.broken
    assert _PROMPTS == result.right + sum(result.errors.values())
    assert result.retries > 0


@pytest.mark.parametrize("each", _BRIEF, ids=lambda one: one.name)
def test_every_prompt_ends_once_in_its_own_answer_or_error_and_nothing_is_left(
    each: Drill,
) -> None:
    """No descriptor, thread or task."""
    result = drill.run(each, _PROMPTS)
    assert [] == result.broken
    assert _PROMPTS == result.right + sum(result.errors.values())


@pytest.mark.parametrize(
    ("each", "right"),
    [
        (Drill(AzureOpenAI, ways.ABATCH, fates.REFUSED_AT_FIRST, drill.PATIENT), 20),
        (Drill(AzureMLOnlineEndpoint, ways.BATCH, fates.REFUSED), 0),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_refused_connections_end_when_they_are_taken_or_in_an_error(
    each: Drill, right: int
) -> None:
    """Endpoints that come up late are waited for."""
    result = drill.run(each, 20)
    assert [] == result.broken
    assert right == result.right
