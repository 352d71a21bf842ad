"""How long a refused request waits, how often it is sent, and what its error tells of that."""

import time
from email.utils import formatdate
from typing import Any

import httpx2
import pytest

from langchain_azure_llms import RetryPolicy
from langchain_azure_llms.exceptions import (
    EndpointConnectionError,
    EndpointTimeoutError,
    RateLimitError,
    ServerError,
)
from tests.unit_tests.llms.scripted import Service, completion
from tests.unit_tests.wire.endpoints import Calls, azure, scoring


def _limited(message: str = "", **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(429, headers=named, json={"error": {"code": "429", "message": message}})


_NO_ROOM = {"X_RateLimit_Remaining_Requests": "0", "X_RateLimit_Remaining_Tokens": "0"}


@pytest.mark.parametrize(
    ("refusal", "wait"),
    [
        (_limited(Retry_After_Ms="2500", Retry_After="9"), 2.5),
        (_limited("Please retry after 8 seconds.", Retry_After="9"), 9.0),
        (_limited(**_NO_ROOM, X_RateLimit_Reset_Requests="1", X_RateLimit_Reset_Tokens="33"), 33.0),
        (_limited(**_NO_ROOM, X_RateLimit_Reset_Tokens="1m4s"), 64.0),
        (_limited(X_Rate_Limit_Reset_Tokens="21"), 21.0),
        (_limited(Retry_After="-1", Retry_After_Ms="0", X_RateLimit_Reset_Tokens="-1"), None),
        (_limited("The peak. Please retry after 6 seconds.", **{"Retry-After": "<n>"}), 6.0),
        (
            _limited(
                "The peak. Please retry after 6 seconds.",
                X_RateLimit_Remaining_Tokens="250000",
                X_RateLimit_Reset_Tokens="60",
            ),
            6.0,
        ),
    ],
)
def test_the_wait_is_on_the_error(
    calls: Calls, service: Service, refusal: httpx2.Response, wait: float | None
) -> None:
    """Wherever the service put it, in whatever letters."""
    service.answers = [refusal]
    with pytest.raises(RateLimitError) as raised:
        calls.invoke(azure(service, retry_policy=RetryPolicy(max_retries=0, max_wait=300)), "x")
    assert (wait, True) == (raised.value.retry_after, raised.value.is_retryable)


def test_a_date_is_a_wait(calls: Calls, service: Service) -> None:
    """Counted from the calendar's now."""
    service.answers = [_limited(Retry_After=formatdate(time.time() + 50, usegmt=True))]
    with pytest.raises(RateLimitError) as raised:
        calls.invoke(azure(service), "x")
    assert 0 < (raised.value.retry_after or 0) <= 50


@pytest.mark.parametrize("make", [azure, scoring])
def test_the_error_counts_attempts_and_waits(calls: Calls, service: Service, make: Any) -> None:
    """Of all that was tried, the requested waits included."""
    service.answers = [_limited(Retry_After_Ms="2"), _limited(Retry_After_Ms="3"), _limited()]
    with pytest.raises(RateLimitError) as raised:
        calls.invoke(make(service, retry_policy=RetryPolicy(max_retries=2, initial_wait=0)), "x")
    assert (3, 3) == (raised.value.attempts, len(service.requests))
    assert 0.005 == pytest.approx(raised.value.waited, rel=0.1)


def test_without_retries_there_is_one_attempt(calls: Calls, service: Service) -> None:
    """However short the wait would be."""
    service.answers = [_limited(Retry_After_Ms="1"), completion("late")]
    with pytest.raises(RateLimitError) as raised:
        calls.invoke(azure(service, max_retries=0), "x")
    assert (1, 0.0, 1) == (raised.value.attempts, raised.value.waited, len(service.requests))


@pytest.mark.parametrize(
    "refusal", [_limited("Please retry after 86400 seconds."), _limited(Retry_After="86400")]
)
def test_a_day_is_not_waited_for(calls: Calls, service: Service, refusal: httpx2.Response) -> None:
    """The call ends with it, also after a wait that was short."""
    service.answers = [_limited(Retry_After_Ms="1"), refusal]
    with pytest.raises(RateLimitError, match="86400 s") as raised:
        calls.invoke(azure(service, max_retries=5), "x")
    assert (2, 86400.0, False) == (
        len(service.requests),
        raised.value.retry_after,
        raised.value.is_retryable,
    )


def test_a_day_is_not_waited_for_where_a_success_asks_for_it(
    calls: Calls, service: Service
) -> None:
    """Callers retry what says that it may be."""
    told = {"error": {"code": "429", "message": "Please retry after 86400 seconds."}}
    service.answers = [httpx2.Response(200, json=told)]
    with pytest.raises(RateLimitError) as raised:
        calls.invoke(azure(service), "x")
    assert (86400.0, False) == (raised.value.retry_after, raised.value.is_retryable)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_not_seen(calls: Calls, service: Service, status: int) -> None:
    """Whole or streamed, as long as nothing was delivered."""
    refusal = httpx2.Response(status, headers={"retry-after-ms": "1"})
    for ask in (calls.invoke, calls.stream):
        service.answers = [refusal, refusal, completion("at last")]
        assert "at last" == "".join(ask(azure(service, max_retries=2), "x"))
    assert 6 == len(service.requests)


@pytest.mark.parametrize(
    ("failure", "expected", "sent"),
    [
        (httpx2.ConnectError("refused"), EndpointConnectionError, False),
        (httpx2.RemoteProtocolError("hung up"), EndpointConnectionError, True),
        (httpx2.ReadTimeout("silent"), EndpointTimeoutError, None),
    ],
)
@pytest.mark.parametrize("make", [azure, scoring])
def test_a_broken_connection_is_tried_again(
    calls: Calls,
    service: Service,
    make: Any,
    failure: Exception,
    expected: type[Exception],
    sent: bool | None,  # noqa: FBT001
) -> None:
    """As often as allowed; the error tells whether the request may have been processed."""
    service.answers = [failure]
    with pytest.raises(expected) as raised:
        calls.invoke(make(service, retry_policy=RetryPolicy(max_retries=2, initial_wait=0)), "x")
    error: Any = raised.value
    assert (3, 3, True, sent) == (
        len(service.requests),
        error.attempts,
        error.is_retryable,
        getattr(error, "sent", None),
    )


def test_an_answer_that_breaks_off_is_tried_again(calls: Calls, service: Service) -> None:
    """A server that fails and then recovers costs no answer."""
    service.answers = [httpx2.ReadError("reset"), httpx2.Response(503), completion("back")]
    llm = azure(service, retry_policy=RetryPolicy(max_retries=2, initial_wait=0))
    assert "back" == calls.invoke(llm, "x")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (6.5, (6.5, 6.5, 6.5, 6.5)),
        ((2, 40), (2, 40, 40, 2)),
        (httpx2.Timeout(30, connect=4), (4, 30, 30, 30)),
    ],
)
@pytest.mark.parametrize(("make", "name"), [(azure, "request_timeout"), (scoring, "timeout")])
def test_timeouts_reach_the_wire(
    calls: Calls,
    service: Service,
    make: Any,
    name: str,
    given: Any,
    expected: tuple[float, ...],
) -> None:
    """Each step has its own."""
    answers = {azure: completion("ok"), scoring: httpx2.Response(200, json=["ok"])}
    service.answers = [answers[make]]
    calls.invoke(make(service, **{name: given}), "x")
    sent = service.requests[0].extensions["timeout"]
    assert expected == tuple(sent[step] for step in ("connect", "read", "write", "pool"))


def test_a_refusal_inside_a_batch_is_retried_alone(calls: Calls, service: Service) -> None:
    """The other prompts are not asked again."""
    seen: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        first = request.content not in seen
        seen.append(request.content)
        if b'"b"' in request.content and first:
            return httpx2.Response(500, headers={"retry-after-ms": "1"})
        return completion("ok")

    service.answers = [answer]
    llm = azure(service, batch_size=1, max_retries=1)
    assert ["ok"] * 3 == calls.batch(llm, ["a", "b", "c"])
    assert 4 == len(service.requests)


def test_a_wait_beyond_the_policys_says_so(calls: Calls, service: Service) -> None:
    """The reader learns why nobody waited, and which setting decides."""
    service.answers = [_limited(Retry_After="120")]
    with pytest.raises(RateLimitError, match=r"longer than the retry policy's max_wait \(60 s\)"):
        calls.invoke(azure(service, max_retries=2), "x")
    assert 1 == len(service.requests)


def test_the_words_of_an_error_count_the_attempts(calls: Calls, service: Service) -> None:
    """Three timeouts read as three."""
    policy = RetryPolicy(max_retries=2, initial_wait=0)
    for answer, words in (
        (httpx2.ReadTimeout("slow"), "It was tried 3 times"),
        (httpx2.Response(503, json={}), "It was sent 3 times"),
    ):
        service.answers = [answer]
        with pytest.raises((EndpointTimeoutError, ServerError), match=words):
            calls.invoke(azure(service, retry_policy=policy), "x")


def test_waits_are_logged_for_all_to_see(
    calls: Calls, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """At INFO: a job that stands still makes people ask."""
    caplog.set_level("INFO", "langchain_azure_llms")
    service.answers = [httpx2.Response(503, json={}), completion("hi")]
    calls.invoke(azure(service, retry_policy=RetryPolicy(max_retries=1, initial_wait=0)), "x")
    (line,) = [r.getMessage() for r in caplog.records if r.name == "langchain_azure_llms"]
    assert line.endswith(": waiting 0.0 s before attempt 2 of 2 (ServerError)")
