"""Tokens that expire, and can be revoked."""

import pytest

from langchain_azure_llms.local._tokens import IssuedTokens


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (9.9, True), (10, False), (99, False)])
def test_a_token_is_good_for_its_lifetime(seconds: float, *, good: bool) -> None:
    """Then it has ended, which is not the same as never having been."""
    clock = Clock()
    tokens = IssuedTokens(clock)
    token = tokens.issue(10)
    clock.now += seconds
    assert (tokens.is_good(token), tokens.has_ended(token)) == (good, not good)


def test_a_token_nobody_issued_is_neither_good_nor_ended() -> None:
    """Nor is none at all."""
    tokens = IssuedTokens()
    tokens.issue(10)
    assert [(tokens.is_good(token), tokens.has_ended(token)) for token in ("", "x")] == [
        (False, False),
        (False, False),
    ]


def test_revoking_ends_those_that_are_out() -> None:
    """And none of those that come after."""
    tokens = IssuedTokens()
    before = tokens.issue(10)
    tokens.revoke()
    after = tokens.issue(10)
    assert (tokens.has_ended(before), tokens.is_good(after)) == (True, True)


def test_tokens_differ_and_are_counted() -> None:
    """Also the revoked ones."""
    tokens = IssuedTokens()
    issued = {tokens.issue(10) for _ in range(3)}
    tokens.revoke()
    assert (len(issued), tokens.count) == (3, 3)


def test_the_oldest_are_forgotten() -> None:
    """A client that asks for ever makes nothing grow."""
    tokens = IssuedTokens()
    issued = [tokens.issue(10) for _ in range(1025)]
    assert [tokens.is_good(token) for token in issued[:2]] == [False, True]
    assert tokens.is_good(issued[-1])
    assert not tokens.has_ended(issued[0])
    assert tokens.count == 1025
