"""Limits, in a time that the tests tell."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.bulk.limits import Bucket, Limits, TokenEstimate
from langchain_azure_llms.exceptions import ConfigurationError, RateLimitError, ServerError

_BUSY = ServerError("busy", status_code=503)


def _asks_to_wait(seconds: float) -> RateLimitError:
    return RateLimitError("busy", status_code=429, retry_after=seconds)


def _sent_within(limits: Limits, seconds: float, *, tokens: float = 0.0) -> int:
    """Send as often as the limits let; return how often that was."""
    now, sent = 0.0, 0
    while (now := now + limits.wait(now) + 1e-9) < seconds:
        limits.sent(tokens)
        sent += 1
    return sent


@given(st.integers(60, 60_000), st.integers(1, 30))
def test_as_many_requests_are_sent_as_a_minute_allows(per_minute: int, seconds: int) -> None:
    sent = _sent_within(Limits(requests_per_minute=per_minute), seconds)
    assert per_minute * seconds / 60 - 1 <= sent <= per_minute * seconds / 60 + 1


@given(st.integers(600, 60_000), st.integers(20, 500))
def test_as_many_tokens_are_sent_as_a_minute_allows(per_minute: int, tokens: int) -> None:
    sent = _sent_within(Limits(tokens_per_minute=per_minute), 60, tokens=tokens)
    assert per_minute - tokens <= sent * tokens <= per_minute + 2 * tokens + per_minute / 1200


def test_a_bucket_holds_no_more_than_a_twentieth_of_a_second() -> None:
    bucket = Bucket(60_000)
    bucket.wait(0.0)
    bucket.wait(100.0)
    bucket.take(50.5)
    assert bucket.wait(100.0) == pytest.approx(0.0015)


def test_tokens_that_were_not_used_are_given_back() -> None:
    limits = Limits(tokens_per_minute=600)
    assert limits.wait(0.0) == 0
    limits.sent(100.0)
    assert limits.wait(0.0) == pytest.approx(10.0)
    limits.answered({}, 100.0, {"total_tokens": 20}, in_flight=1)
    assert limits.wait(0.0) == pytest.approx(2.0)
    limits.sent(50.0)
    limits.failed(50.0)
    assert limits.wait(0.0) == pytest.approx(2.0)


@pytest.mark.parametrize("name", ["requests", "tokens"])
def test_no_more_is_sent_than_the_service_says_is_left(name: str) -> None:
    arguments: dict[str, Any] = {f"{name}_per_minute": 6000}
    limits = Limits(**arguments)
    limits.wait(0.0)
    limits.wait(10.0)
    limits.answered({f"x-ratelimit-remaining-{name}": "0"}, 0.0, {}, in_flight=1)
    assert limits.wait(10.0) == pytest.approx(0.01)


@pytest.mark.parametrize("left", ["", "REDACTED", "-1"])
def test_a_header_that_is_no_number_says_nothing(left: str) -> None:
    limits = Limits(requests_per_minute=6000)
    limits.answered({"x-ratelimit-remaining-requests": left}, 0.0, {}, in_flight=1)
    assert limits.wait(0.0) == 0


def test_the_window_doubles_each_round_until_the_first_refusal() -> None:
    limits, seen = Limits(), []
    for _ in range(8):
        seen.append(limits.window)
        for _ in range(limits.window):
            limits.answered({}, 0.0, {}, in_flight=limits.window)
    assert seen == [4, 8, 16, 32, 64, 128, 256, 256]


def test_the_window_does_not_grow_while_it_is_not_full() -> None:
    limits = Limits()
    limits.answered({}, 0.0, {}, in_flight=3)
    assert limits.window == 4


def test_the_window_is_halved_once_for_all_that_was_sent_before() -> None:
    limits = Limits()
    for _ in range(28):
        limits.answered({}, 0.0, {}, in_flight=limits.window)
    assert limits.window == 32
    for sent_at in (0.0, 0.1, 0.9):
        limits.refuse(_BUSY, sent_at, now=1.0)
    assert limits.window == 16
    limits.refuse(_BUSY, sent_at=1.0, now=2.0)
    assert (limits.window, limits.refused) == (8, 4)


def test_the_window_grows_by_one_a_round_after_a_refusal_and_is_never_empty() -> None:
    limits = Limits()
    for second in range(5):
        limits.refuse(_BUSY, second, second)
    assert limits.window == 1
    for _ in range(3):
        limits.answered({}, 0.0, {}, in_flight=limits.window)
    assert limits.window == 2


def test_a_window_that_was_given_stays() -> None:
    limits = Limits(7)
    limits.answered({}, 0.0, {}, in_flight=7)
    limits.refuse(_BUSY, 0.0, 0.0)
    assert limits.window == limits.largest_window == 7


@given(st.floats(0.001, 1000))
def test_a_wait_that_is_asked_for_is_kept(seconds: float) -> None:
    limits = Limits()
    limits.refuse(_asks_to_wait(seconds), 0.0, 5.0)
    assert limits.wait(5.0) == pytest.approx(seconds)
    assert limits.wait(5.0 + seconds) == 0


def test_a_shorter_wait_does_not_end_a_longer_one() -> None:
    limits = Limits()
    limits.refuse(_asks_to_wait(10), 0.0, 0.0)
    limits.refuse(_asks_to_wait(1), 0.0, 1.0)
    assert limits.wait(1.0) == pytest.approx(9.0)


def test_a_refusal_that_names_no_wait_pauses_nobody_else() -> None:
    limits = Limits()
    assert limits.refuse(_BUSY, 0.0, 0.0) is None
    assert limits.wait(0.0) == 0


def test_refusals_in_a_row_are_counted_until_an_answer() -> None:
    limits = Limits()
    for _ in range(3):
        limits.refuse(_BUSY, 0.0, 0.0)
    assert limits.refused_in_a_row == 3
    limits.answered({}, 0.0, {}, in_flight=1)
    assert (limits.refused_in_a_row, limits.refused) == (0, 3)


def test_the_estimate_is_learned_from_answers() -> None:
    estimate = TokenEstimate()
    assert estimate.prompt("x" * 400) == 100
    for _ in range(200):
        estimate.learn(400, {"prompt_tokens": 200, "completion_tokens": 10}, 1)
    assert estimate.prompt("x" * 400) == pytest.approx(200, rel=0.01)
    assert estimate.total("x" * 400) == pytest.approx(210, rel=0.01)


def test_the_estimate_learns_nothing_without_usage() -> None:
    estimate = TokenEstimate()
    estimate.learn(0, {"prompt_tokens": 5}, 1)
    estimate.learn(10, {}, 1)
    assert estimate.total("xxxx") == 65


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_concurrency": 0}, "max_concurrency is 0, expected 'auto' or a whole number"),
        ({"max_concurrency": True}, "max_concurrency is True"),
        ({"max_concurrency": "many"}, "max_concurrency is 'many'"),
        ({"requests_per_minute": 0}, "requests_per_minute is 0, expected a number above 0"),
        ({"requests_per_minute": float("nan")}, "requests_per_minute is nan"),
        ({"tokens_per_minute": "9"}, "tokens_per_minute is '9'"),
        ({"tokens_per_minute": True}, "tokens_per_minute is True"),
    ],
)
def test_a_limit_that_is_no_positive_number_is_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Limits(**arguments)
