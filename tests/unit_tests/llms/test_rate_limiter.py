"""A rate limiter of LangChain's holds requests back, on both classes."""

import copy
import json
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumps
from langchain_core.rate_limiters import BaseRateLimiter, InMemoryRateLimiter

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter
from langchain_azure_llms.exceptions import ConfigurationError
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, echo

Calls = SyncCalls | AsyncCalls


class Counter(BaseRateLimiter):
    """Lets everything pass, and remembers who asked."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.asked: list[tuple[str, bool, int]] = []

    def acquire(self, *, blocking: bool = True) -> bool:
        self.asked.append(("sync", blocking, len(self.service.requests)))
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        self.asked.append(("async", blocking, len(self.service.requests)))
        return True


def _azure(service: Service, **settings: Any) -> AzureOpenAI:
    base = {"azure_endpoint": "https://r.example", "azure_deployment": "d", "api_version": "v1"}
    return AzureOpenAI(**{**base, "api_key": "k", **service.clients, **settings})


def _ml(service: Service, **settings: Any) -> AzureMLOnlineEndpoint:
    base = {
        "endpoint_url": "https://h.example/v1/completions",
        "endpoint_api_key": "k",
        "content_formatter": CustomOpenAIContentFormatter(),
    }
    return AzureMLOnlineEndpoint(**{**base, **service.clients, **settings})


both = pytest.mark.parametrize("make", [_azure, _ml])
each_call = pytest.mark.parametrize("calls", [SyncCalls(), AsyncCalls()], ids=["sync", "async"])


@both
@each_call
def test_it_is_asked_before_each_request(make: Callable[..., AzureLLM], calls: Calls) -> None:
    """Also for each of a batch, and for a stream; in the way of the call."""
    service = Service([echo])
    limiter = Counter(service)
    llm = make(service, rate_limiter=limiter, **({"batch_size": 1} if make is _azure else {}))
    calls.invoke(llm, "a")
    calls.batch(llm, ["a", "b", "c"])
    "".join(calls.stream(llm, "a"))
    way = "sync" if isinstance(calls, SyncCalls) else "async"
    assert 5 == len(limiter.asked) == len(service.requests)
    assert {(way, True)} == {(kind, blocking) for kind, blocking, _ in limiter.asked}
    assert [0, 1] == [sent for _, _, sent in limiter.asked[:2]]


@both
@each_call
def test_a_cached_answer_asks_for_nothing(make: Callable[..., AzureLLM], calls: Calls) -> None:
    """No request, no limit."""
    service = Service([echo])
    limiter = Counter(service)
    llm = make(service, rate_limiter=limiter, cache=InMemoryCache())
    calls.invoke(llm, "a")
    calls.invoke(llm, "a")
    assert 1 == len(limiter.asked)


@both
def test_langchains_own_limiter_holds_back(make: Callable[..., AzureLLM]) -> None:
    """Four requests at a hundred a second take three hundredths, in threads and in tasks."""
    service = Service([echo])
    clock = time.monotonic
    limiter = InMemoryRateLimiter(
        requests_per_second=100, check_every_n_seconds=0.001, max_bucket_size=1
    )
    llm = make(service, rate_limiter=limiter)
    for call in (SyncCalls(), AsyncCalls()):
        begun = clock()
        call.batch(llm, ["a"] * 4) if make is _ml else [call.invoke(llm, "a") for _ in range(4)]
        assert clock() - begun >= 0.025
    assert 8 == len(service.requests)


@both
def test_copies_share_it_and_files_do_not_hold_it(
    make: Callable[..., AzureLLM], tmp_path: Path
) -> None:
    """A pickle says that it cannot travel."""
    llm = make(Service([httpx2.Response(200)]), rate_limiter=InMemoryRateLimiter())
    for copied in (copy.copy(llm), copy.deepcopy(llm), llm.model_copy(deep=True)):
        assert copied.rate_limiter is llm.rate_limiter
    with pytest.warns(UserWarning, match="rate_limiter"):
        llm.save(tmp_path / "x.json")
    assert "rate_limiter" not in json.loads((tmp_path / "x.json").read_text())
    assert "rate_limiter" not in dumps(llm)
    alone = llm.model_copy(update={"http_client": None, "http_async_client": None})
    with pytest.raises(ConfigurationError, match="rate_limiter cannot be pickled"):
        pickle.dumps(alone)


@both
def test_what_is_no_limiter_is_refused(make: Callable[..., AzureLLM]) -> None:
    """By its type."""
    with pytest.raises(ConfigurationError, match="rate_limiter"):
        make(Service([echo]), rate_limiter=5)
