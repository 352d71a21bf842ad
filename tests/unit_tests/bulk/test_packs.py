"""What follows an error of a pack, and whose tokens are whose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.bulk.packs import (
    Asked,
    Next,
    Pack,
    after,
    shares,
    usage_of,
    usage_of_each,
    weight_of,
)
from langchain_azure_llms.bulk.prompts import Prompt
from langchain_azure_llms.exceptions import (
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    EndpointConnectionError,
    EndpointTimeoutError,
    ModelContainerError,
    RateLimitError,
    ResponseFormatError,
    ServerError,
)

_LIMIT = RateLimitError("busy", status_code=429, is_retryable=False)
_UNAVAILABLE = ServerError("busy", status_code=503)
_PENDING = ModelContainerError(
    "busy", status_code=424, model_error_reason="too_many_pending_request"
)
_BUSY = ModelContainerError("busy", status_code=424, model_status_code=503)
_BROKEN = ServerError("broken", status_code=500)
_FILTER = ContentFilterError("no", status_code=400)
_LENGTH = ContextLengthError("long", status_code=400)
_BAD = BadRequestError("bad", status_code=400)
_NO_QUOTA = RateLimitError("spent", status_code=429, code="insufficient_quota")
_WRONG_KEY = AuthenticationError("who", status_code=401)
_GARBAGE = ResponseFormatError("garbage")
_CUT = EndpointConnectionError("cut")
_UNTRUSTED = EndpointConnectionError("untrusted", is_retryable=False)
_LATE = EndpointTimeoutError("late")


@pytest.mark.parametrize("error", [_LIMIT, _UNAVAILABLE, _PENDING, _BUSY])
@pytest.mark.parametrize("prompts", [1, 20])
@pytest.mark.parametrize("failures", [1, 100])
def test_what_a_limit_refuses_waits_however_often(
    error: Exception, prompts: int, failures: int
) -> None:
    assert after(error, prompts=prompts, failures=failures, max_retries=0) is Next.WAIT


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_BROKEN, Next.SPLIT),
        (_FILTER, Next.SPLIT),
        (_LENGTH, Next.SPLIT),
        (_BAD, Next.SPLIT),
        (_GARBAGE, Next.SPLIT),
        (ValueError("odd"), Next.SPLIT),
        (_CUT, Next.RETRY),
        (_LATE, Next.RETRY),
        (_UNTRUSTED, Next.SPLIT),
        (_WRONG_KEY, Next.FAIL),
        (_NO_QUOTA, Next.FAIL),
    ],
)
def test_a_pack_is_split_where_one_prompt_may_be_to_blame(error: Exception, expected: Next) -> None:
    assert after(error, prompts=2, failures=1, max_retries=2) is expected


@pytest.mark.parametrize(
    ("error", "failures", "expected"),
    [
        (_BROKEN, 2, Next.RETRY),
        (_BROKEN, 3, Next.FAIL),
        (_CUT, 3, Next.FAIL),
        (_FILTER, 1, Next.FAIL),
        (_WRONG_KEY, 1, Next.FAIL),
        (ValueError("odd"), 1, Next.FAIL),
    ],
)
def test_one_prompt_is_retried_as_often_as_the_policy_says(
    error: Exception, failures: int, expected: Next
) -> None:
    assert after(error, prompts=1, failures=failures, max_retries=2) is expected


def test_a_pack_that_was_retried_often_enough_is_split() -> None:
    assert after(_CUT, prompts=2, failures=3, max_retries=2) is Next.SPLIT


@given(st.integers(2, 50))
def test_halves_hold_all_prompts_and_have_not_failed(size: int) -> None:
    asked = [Asked(Prompt(number, "p")) for number in range(size)]
    first, second = Pack(asked, failures=3).halves()
    assert first.asked + second.asked == asked
    assert abs(len(first.asked) - len(second.asked)) <= 1
    assert first.failures == second.failures == 0


@given(st.integers(0, 10**6), st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_shares_add_up_and_are_as_proportional_as_can_be(total: int, weights: list[float]) -> None:
    parts = shares(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    if whole > 1e-6:
        assert all(
            abs(part - total * weight / whole) <= 1.001
            for part, weight in zip(parts, weights, strict=True)
        )


def test_one_prompt_has_the_counts_of_its_request() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 9, "cached_tokens": 1}
    assert usage_of_each(usage, ["a"], ["b"]) == [usage]


def test_counts_of_several_prompts_are_shared_by_words() -> None:
    usage = {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10, "cached_tokens": 3}
    expected = [
        {"prompt_tokens": 2, "completion_tokens": 3, "cached_tokens": 1, "total_tokens": 5},
        {"prompt_tokens": 4, "completion_tokens": 1, "cached_tokens": 2, "total_tokens": 5},
    ]
    assert usage_of_each(usage, ["a b", "a b c d"], ["x y z", "x"]) == expected


def test_a_text_without_spaces_weighs_by_its_bytes() -> None:
    assert weight_of("x" * 80) == weight_of("日" * 27) - 0.125 == 10


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({}, {}),
        ({"token_usage": None}, {}),
        (
            {"token_usage": {"prompt_tokens": 1, "total_tokens": None, "own": 3}},
            {"prompt_tokens": 1},
        ),
    ],
)
def test_only_counts_are_taken_from_a_usage(
    output: dict[str, object], expected: dict[str, int]
) -> None:
    assert usage_of(output) == expected
