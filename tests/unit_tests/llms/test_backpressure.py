"""Batches against services that take few requests at once."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import httpx2
import pytest

from langchain_azure_llms import RetryPolicy
from langchain_azure_llms.exceptions import RateLimitError
from langchain_azure_llms.http.backpressure import Backpressure
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, azure_ml

Calls = SyncCalls | AsyncCalls
_FAST = RetryPolicy(max_retries=1, initial_wait=0.02, max_backoff=0.1)
_TOO_MANY = {"error": {"message": "Too many pending requests"}}


def _too_many() -> httpx2.Response:
    return httpx2.Response(429, json=_TOO_MANY)


def _pending() -> httpx2.Response:
    headers = {
        "ms-azureml-model-error-reason": "too_many_pending_request",
        "ms-azureml-model-error-statuscode": "429",
    }
    return httpx2.Response(424, headers=headers, json={"error": {"message": "pending"}})


REFUSALS: list[Callable[[], httpx2.Response]] = [
    _too_many,
    lambda: httpx2.Response(503),
    _pending,
]


class _BusyService:
    """Takes a few requests at once, and refuses the others."""

    def __init__(self, places: int, refuse: Callable[[], httpx2.Response] = _too_many) -> None:
        self._places, self._refuse, self._lock = places, refuse, threading.Lock()
        self.in_flight = self.most = self.refused = 0

    @property
    def clients(self) -> dict[str, Any]:
        return {
            "http_client": httpx2.Client(transport=httpx2.MockTransport(self._answer)),
            "http_async_client": httpx2.AsyncClient(transport=httpx2.MockTransport(self._aanswer)),
        }

    def _begin(self) -> bool:
        with self._lock:
            if self.in_flight >= self._places:
                self.refused += 1
                return False
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            return True

    def _end(self, request: httpx2.Request) -> httpx2.Response:
        with self._lock:
            self.in_flight -= 1
        prompt = json.loads(request.content)["prompt"]
        return httpx2.Response(200, json={"choices": [{"index": 0, "text": f"{prompt}!"}]})

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        if not self._begin():
            return self._refuse()
        time.sleep(0.01)
        return self._end(request)

    async def _aanswer(self, request: httpx2.Request) -> httpx2.Response:
        if not self._begin():
            return self._refuse()
        await asyncio.sleep(0.01)
        return self._end(request)


def _llm(service: _BusyService, retry_policy: RetryPolicy) -> Any:
    return azure_ml(cast("Service", service), retry_policy=retry_policy)


@pytest.mark.parametrize("refuse", REFUSALS, ids=["429", "503", "424"])
def test_a_batch_gets_every_answer_of_a_busy_service(
    calls: Calls, refuse: Callable[[], httpx2.Response]
) -> None:
    """Refusals for being busy are no failed attempts."""
    service = _BusyService(2, refuse)
    llm = _llm(service, retry_policy=_FAST)
    prompts = [f"p{number}" for number in range(30)]
    assert [f"{prompt}!" for prompt in prompts] == calls.batch(llm, prompts)
    assert service.refused > 0


def test_results_as_they_are_done_are_as_patient(calls: Calls) -> None:
    """Each way of a batch is."""
    service = _BusyService(2)
    llm = _llm(service, retry_policy=_FAST)
    prompts = [f"p{number}" for number in range(30)]

    async def collect() -> dict[int, Any]:
        return {number: text async for number, text in llm.abatch_as_completed(prompts)}

    is_sync = isinstance(calls, SyncCalls)
    found = dict(llm.batch_as_completed(prompts)) if is_sync else asyncio.run(collect())
    assert {number: f"p{number}!" for number in range(30)} == found


def test_a_batch_lowers_its_concurrency_and_names_the_setting(
    calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning for all."""
    service = _BusyService(1)
    llm = _llm(service, retry_policy=_FAST)
    with caplog.at_level(logging.WARNING, "langchain_azure_llms"):
        calls.batch(llm, [f"p{number}" for number in range(40)])
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "instead of 16" in warning
    assert "max_concurrency" in warning
    assert service.refused < 120


def test_a_service_that_answers_nothing_ends_a_batch_and_the_error_names_the_setting(
    calls: Calls,
) -> None:
    """There is no use in waiting for it."""
    policy = RetryPolicy(max_retries=1, initial_wait=0.01, max_backoff=0.02, max_wait=0.1)
    service = _BusyService(0)
    llm = _llm(service, retry_policy=policy)
    with pytest.raises(RateLimitError, match="Lower max_concurrency, which was 16 for this batch"):
        calls.batch(llm, ["a", "b", "c"])


def test_a_single_call_is_not_more_patient_than_its_policy(calls: Calls) -> None:
    """It has no others to wait for."""
    service = _BusyService(0)
    llm = _llm(service, retry_policy=_FAST)
    with pytest.raises(RateLimitError) as raised:
        calls.invoke(llm, "a")
    assert (2, 2) == (service.refused, raised.value.attempts)
    assert "max_concurrency" not in str(raised.value)


def test_without_retries_a_refusal_is_final(calls: Calls) -> None:
    """As the caller said."""
    service = _BusyService(1)
    llm = _llm(service, retry_policy=RetryPolicy(max_retries=0))
    found = calls.batch(llm, ["a", "b", "c"], return_exceptions=True)
    assert {str, RateLimitError} == {type(one) for one in found}


def test_the_limit_is_halved_once_for_requests_that_were_sent_together_and_grows_slowly() -> None:
    """As networks do."""
    pressure = Backpressure(16)
    for sent_at in (0.0, 0.1, 0.2):
        pressure.refused(sent_at, 1.0)
    assert 8 == pressure.limit
    pressure.refused(1.5, 2.0)
    assert 4 == pressure.limit
    for _ in range(4):
        pressure.answered(3.0)
    assert 4 == pressure.limit
    for _ in range(200):
        pressure.answered(3.0)
    assert 16 == pressure.limit
    for at in range(10, 30):
        pressure.refused(at, at)
    assert 1 == pressure.limit


def test_waiting_ends_when_nothing_was_answered_for_long() -> None:
    """From the first refusal on."""
    pressure = Backpressure(4)
    assert pressure.may_wait(0.0, 60.0) is False
    pressure.refused(0.0, 1.0)
    assert [True, False] == [pressure.may_wait(now, 60.0) for now in (61.0, 61.1)]
    pressure.answered(100.0)
    assert pressure.may_wait(160.0, 60.0) is True
