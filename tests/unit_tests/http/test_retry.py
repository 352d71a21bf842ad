"""When to try again, and how long to wait."""

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.exceptions import (
    ConfigurationError,
    EndpointConnectionError,
    RateLimitError,
    ResponseFormatError,
)
from langchain_azure_llms.http.retry import (
    Cooldowns,
    RetryPolicy,
    is_retryable_status,
    requested_wait,
    retry_wait,
)

_NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "message", "expected"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, "", 1.5),
        ({"retry-after": "7", "x-ratelimit-reset-tokens": "30"}, "", 7.0),
        ({"retry-after": formatdate(_NOW + 12, usegmt=True)}, "", 12.0),
        ({"x-ratelimit-reset-requests": "20", "x-ratelimit-reset-tokens": "3"}, "", 20.0),
        (
            {
                "x-ratelimit-reset-requests": "3600",
                "x-ratelimit-remaining-requests": "99",
                "x-ratelimit-reset-tokens": "3",
                "x-ratelimit-remaining-tokens": "0",
            },
            "",
            3.0,
        ),
        ({"x-rate-limit-reset-tokens": "59"}, "", 59.0),
        ({"x-ratelimit-reset-tokens": "6m0s"}, "", 360.0),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, "", 3723.5),
        ({"x-ratelimit-reset-tokens": "120ms"}, "", 0.12),
        ({}, "Slow down, and retry after 86400 seconds, please.", 86400.0),
        ({}, "Please try again in 2.5s.", 2.5),
        ({}, "Please try again in 1m30s.", 90),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, "Please try again in a while.", None),
        ({"retry-after": "-1", "x-ratelimit-reset-tokens": "0"}, "Retry after 4 seconds", 4.0),
        ({"retry-after": "soon", "retry-after-ms": "nan"}, "later", None),
        ({"retry-after": formatdate(_NOW - 12, usegmt=True)}, "", None),
        ({}, "", None),
    ],
)
def test_the_wait_is_read_from_where_azure_puts_it(
    headers: dict[str, str], message: str, expected: float | None
) -> None:
    """Headers come first, in Microsoft's order; then the message; placeholders count as nothing."""
    assert requested_wait(429, headers, message, _NOW) == pytest.approx(expected)


def test_the_resets_that_every_reply_carries_are_no_wait_for_other_errors() -> None:
    """A limit that resets in an hour does not delay the retry of a 503."""
    assert requested_wait(503, {"x-ratelimit-reset-requests": "3600"}, "", _NOW) is None


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(
            [
                "retry-after",
                "retry-after-ms",
                "x-ratelimit-reset-tokens",
                "x-ratelimit-remaining-tokens",
                "x-rate-limit-reset-tokens",
            ]
        ),
        st.text() | st.floats().map(str) | st.integers().map(str),
    ),
    st.text(),
)
def test_any_headers_give_a_wait_or_none(
    status: int, headers: dict[str, str], message: str
) -> None:
    """Whatever a server writes there, the wait is positive and finite, or there is none."""
    wait = requested_wait(status, headers, message, _NOW)
    assert wait is None or (wait > 0 and math.isfinite(wait))


@pytest.mark.parametrize(
    ("status", "model_status", "reason", "expected"),
    [
        (408, None, None, True),
        (429, None, None, True),
        (500, None, None, True),
        (502, None, None, True),
        (503, None, None, True),
        (504, None, None, True),
        (400, None, None, False),
        (401, None, None, False),
        (404, None, None, False),
        (501, None, None, False),
        (424, 503, "model_error", True),
        (424, 400, "model_error", False),
        (424, None, "model_not_ready", True),
        (424, None, "too_few_model_instance", True),
        (424, None, None, False),
        (400, 503, None, False),
    ],
)
def test_transient_statuses_are_these(
    status: int,
    model_status: int | None,
    reason: str | None,
    expected: bool,  # noqa: FBT001
) -> None:
    """A 424 counts by the container's own status and reason."""
    assert is_retryable_status(status, model_status, reason) is expected


def _top(_low: float, high: float) -> float:
    return high


def test_without_a_requested_wait_the_backoff_doubles_to_its_cap() -> None:
    """The bounds are 0.5, 1, 2, 4, 8, 8 ... seconds."""
    policy = RetryPolicy(max_retries=7)
    error = EndpointConnectionError("no")
    waits = [retry_wait(error, attempt, policy, _top) for attempt in range(1, 8)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_the_backoff_is_drawn_between_zero_and_its_bound() -> None:
    """Full jitter: callers that failed together do not come back together."""
    asked = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return 0.25

    assert retry_wait(EndpointConnectionError("no"), 2, RetryPolicy(), uniform) == 0.25
    assert asked == [(0.0, 1.0)]


def test_thousands_of_attempts_do_not_overflow() -> None:
    """A policy that never gives up keeps its cap."""
    policy = RetryPolicy(max_retries=100_000)
    assert retry_wait(EndpointConnectionError("no"), 99_999, policy, _top) == 8.0


def test_a_requested_wait_is_kept_to() -> None:
    """The service's word counts, not the backoff."""
    error = RateLimitError("slow down", status_code=429, retry_after=17.0)
    assert retry_wait(error, 1, RetryPolicy(), _top) == 17.0


@pytest.mark.parametrize(
    ("error", "attempts", "policy"),
    [
        (EndpointConnectionError("no"), 1, RetryPolicy(max_retries=0)),
        (EndpointConnectionError("no"), 3, RetryPolicy(max_retries=2)),
        (EndpointConnectionError("no", is_retryable=False), 1, RetryPolicy()),
        (ResponseFormatError("odd"), 1, RetryPolicy()),
    ],
)
def test_no_retry_when_the_policy_or_the_error_says_so(
    error: Exception, attempts: int, policy: RetryPolicy
) -> None:
    """`max_retries=0` means one attempt; some errors never pass."""
    assert retry_wait(error, attempts, policy, _top) is None


@pytest.mark.parametrize("name", ["max_retries", "initial_wait", "max_backoff", "max_wait"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "3", None, True])
def test_a_policy_of_nonsense_is_refused(name: str, value: float) -> None:
    """The message names the number and what is expected."""
    with pytest.raises(ConfigurationError, match=rf"{name} is .*expected 0 or more"):
        RetryPolicy(**{name: value})  # type: ignore[arg-type]


def test_a_limit_that_one_caller_met_holds_its_fellows_back_until_a_success() -> None:
    """Remaining time counts down, and the next success clears it."""
    cooldowns = Cooldowns()
    cooldowns.note("here", RateLimitError("no", status_code=429, retry_after=4.0), 100.0, 60.0)
    assert (cooldowns.remaining("here", 101.0), cooldowns.remaining("there", 101.0)) == (3.0, 0.0)
    cooldowns.clear("here", sent=99.0)
    assert cooldowns.remaining("here", 101.0) == 3.0  # it was under way when the limit was met
    cooldowns.clear("here", sent=101.0)
    assert cooldowns.remaining("here", 101.0) == 0.0


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("no", status_code=429),
        RateLimitError("no", status_code=429, retry_after=86400.0),
        EndpointConnectionError("no"),
    ],
)
def test_other_errors_hold_nobody_back(error: Exception) -> None:
    """Only a 429 with a wait that somebody would wait does."""
    cooldowns = Cooldowns()
    cooldowns.note("here", error, 100.0, 60.0)
    assert cooldowns.remaining("here", 100.0) == 0.0
