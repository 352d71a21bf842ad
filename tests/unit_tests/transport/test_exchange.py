"""One request's way, decided without a socket, a clock or an event loop."""

from collections.abc import Sequence

import pytest
from pydantic import SecretStr

from langchain_azure_llms.exceptions import (
    AuthenticationError,
    CredentialError,
    EndpointConnectionError,
    EndpointTimeoutError,
    RateLimitError,
    ServerError,
)
from langchain_azure_llms.transport._exchange import (
    Command,
    Failure,
    FailureKind,
    FetchToken,
    HttpRequest,
    Reply,
    Send,
    Sleep,
    TokenFailure,
    exchange,
)
from langchain_azure_llms.transport._retry import Cooldowns, RetryPolicy

_OK = Reply(200, {}, b"{}")
_BUSY = Reply(503, {}, b"")
_CUT = Failure(FailureKind.DISCONNECTED, "gone")


def _way(
    outcomes: Sequence[object],
    *,
    needs_token: bool = False,
    policy: RetryPolicy | None = None,
    cooldowns: Cooldowns | None = None,
) -> tuple[list[Command], Reply | Exception]:
    """Drive an exchange with these outcomes; return its commands and how it ended."""
    request = HttpRequest(
        "https://host/path?secret=1",
        {"api-key": "k"},
        b"{}",
        needs_token=needs_token,
        limit_key="x",
    )
    steps = exchange(
        request,
        policy=policy or RetryPolicy(),
        cooldowns=cooldowns or Cooldowns(),
        clock=lambda: 100.0,
        wall_clock=lambda: 0.0,
        uniform=lambda _low, high: high,
    )
    commands, left = [next(steps)], list(outcomes)
    try:
        while True:
            outcome = None if isinstance(commands[-1], Sleep) else left.pop(0)
            commands.append(steps.send(outcome))
    except StopIteration as stop:
        assert left == []
        reply: Reply = stop.value
        return commands, reply
    except Exception as error:  # noqa: BLE001 - how it ended is what is asked
        assert left == []
        return commands, error


def test_a_success_is_returned_after_one_send() -> None:
    """Nothing else is asked for."""
    assert _way([_OK]) == ([Send({"api-key": "k"})], _OK)


@pytest.mark.parametrize("failed", [_BUSY, _CUT, Failure(FailureKind.NOT_CONNECTED, "refused")])
def test_what_may_pass_is_tried_again_after_a_wait(failed: object) -> None:
    """The waits double."""
    commands, end = _way([failed, failed, _OK])
    waits = [command.seconds for command in commands if isinstance(command, Sleep)]
    assert (waits, end) == ([0.5, 1.0], _OK)


def test_the_error_tells_attempts_and_waits() -> None:
    """After the last attempt the error counts them."""
    _, error = _way([_BUSY, _BUSY, _BUSY])
    assert isinstance(error, ServerError)
    assert (error.attempts, error.waited, error.status_code) == (3, 1.5, 503)


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (Failure(FailureKind.TIMED_OUT, "slow"), EndpointTimeoutError),
        (_CUT, EndpointConnectionError),
        (Reply(401, {}, b""), AuthenticationError),
    ],
)
def test_one_attempt_without_retries(failed: object, expected: type[Exception]) -> None:
    """`max_retries=0` sends once."""
    commands, error = _way([failed], policy=RetryPolicy(max_retries=0))
    assert (len(commands), type(error)) == (1, expected)


def test_what_was_never_sent_says_so() -> None:
    """`sent` splits "safe to repeat" from "perhaps billed"."""
    once = RetryPolicy(max_retries=0)
    _, refused = _way([Failure(FailureKind.NOT_CONNECTED, "refused")], policy=once)
    _, cut = _way([_CUT], policy=once)
    assert isinstance(refused, EndpointConnectionError)
    assert isinstance(cut, EndpointConnectionError)
    assert (refused.sent, cut.sent) == (False, True)


def test_a_requested_wait_is_kept_to() -> None:
    """Not the backoff: what the service asked for."""
    commands, _ = _way([Reply(429, {"Retry-After": "7"}, b""), _OK])
    assert commands[1] == Sleep(7.0, "before attempt 2 of 3 (RateLimitError)")


def test_a_wait_beyond_the_cap_ends_at_once_with_the_wait_in_the_error() -> None:
    """Nobody sleeps a day; the caller is told, and told that a retry is no use."""
    commands, error = _way([Reply(429, {"retry-after": "86400"}, b"")])
    assert len(commands) == 1
    assert isinstance(error, RateLimitError)
    assert (error.retry_after, error.is_retryable) == (86400.0, False)


def test_a_limit_that_others_met_is_waited_out_before_sending() -> None:
    """And the wait counts into the error's."""
    cooldowns = Cooldowns()
    cooldowns.note("x", RateLimitError("no", status_code=429, retry_after=4.0), 100.0, 60.0)
    commands, end = _way([_OK], cooldowns=cooldowns)
    assert (commands, end) == (
        [Sleep(4.0, "as another caller was asked to"), Send({"api-key": "k"})],
        _OK,
    )
    assert cooldowns.remaining("x", 100.0) == 0.0


def test_a_429_holds_fellow_callers_back() -> None:
    """Its wait is noted for the same URL and credential."""
    cooldowns = Cooldowns()
    _way(
        [Reply(429, {"retry-after": "4"}, b"")],
        policy=RetryPolicy(max_retries=0),
        cooldowns=cooldowns,
    )
    assert cooldowns.remaining("x", 101.0) == 3.0


def test_a_limit_that_is_too_long_to_wait_for_is_an_error_at_once() -> None:
    """By this caller's own policy, not by that of the one who met it."""
    cooldowns = Cooldowns()
    cooldowns.note("x", RateLimitError("no", status_code=429, retry_after=600.0), 100.0, 3600.0)
    commands, error = _way_without_sending(cooldowns, RetryPolicy(max_wait=60))
    assert isinstance(error, RateLimitError)
    assert (commands, error.retry_after, error.is_retryable) == ([], 600.0, False)


def test_without_retries_nobody_waits_for_others() -> None:
    """One attempt, now."""
    cooldowns = Cooldowns()
    cooldowns.note("x", RateLimitError("no", status_code=429, retry_after=9.0), 100.0, 60.0)
    commands, end = _way([_OK], policy=RetryPolicy(max_retries=0), cooldowns=cooldowns)
    assert (commands, end) == ([Send({"api-key": "k"})], _OK)


def _way_without_sending(
    cooldowns: Cooldowns, policy: RetryPolicy
) -> tuple[list[Command], Exception | None]:
    steps = exchange(
        HttpRequest("https://host/path", {}, b"", limit_key="x"),
        policy=policy,
        cooldowns=cooldowns,
        clock=lambda: 100.0,
        wall_clock=lambda: 0.0,
        uniform=lambda _low, high: high,
    )
    try:
        return [next(steps)], None
    except RateLimitError as error:
        return [], error


def test_a_token_is_fetched_before_sending() -> None:
    """It travels as a bearer token beside the other headers."""
    commands, _ = _way([SecretStr("t1"), _OK], needs_token=True)
    expected = [FetchToken(), Send({"api-key": "k", "Authorization": "Bearer t1"})]
    assert commands == expected


def test_a_401_refreshes_the_token_once() -> None:
    """The second 401 is final."""
    refused = Reply(401, {}, b"")
    commands, error = _way([SecretStr("t1"), refused, SecretStr("t2"), refused], needs_token=True)
    fetched = [command.refused for command in commands if isinstance(command, FetchToken)]
    assert (fetched, type(error)) == ([None, SecretStr("t1")], AuthenticationError)


@pytest.mark.parametrize(
    ("challenge", "claims"),
    [
        ('Bearer realm="", error="insufficient_claims", claims="eyJhIjogMX0="', '{"a": 1}'),
        ('Bearer error="insufficient_claims", claims="eyJhIjogMX0"', '{"a": 1}'),
        ('Bearer realm="", claims="/w=="', None),
        ('Bearer realm=""', None),
    ],
)
def test_a_claims_challenge_reaches_the_credential(challenge: str, claims: str | None) -> None:
    """What the service wants of a new token is passed on; a damaged challenge is none."""
    refused = Reply(401, {"WWW-Authenticate": challenge}, b"")
    commands, _ = _way([SecretStr("t1"), refused, SecretStr("t2"), _OK], needs_token=True)
    asked = [command for command in commands if isinstance(command, FetchToken)]
    assert asked == [FetchToken(), FetchToken(SecretStr("t1"), claims)]


def test_a_401_of_a_fixed_key_is_final() -> None:
    """There is nothing to refresh."""
    commands, error = _way([Reply(401, {}, b"")])
    assert (len(commands), type(error)) == (1, AuthenticationError)


def test_no_token_is_a_credential_error_with_its_cause() -> None:
    """The provider's own error is not lost."""
    cause = RuntimeError("signed out")
    _, error = _way([TokenFailure(cause)], needs_token=True)
    assert isinstance(error, CredentialError)
    assert error.__cause__ is cause
    assert "signed out" in str(error)


def test_the_url_in_errors_has_no_query() -> None:
    """A query may hold a key."""
    _, error = _way([Reply(400, {}, b"")])
    assert "secret" not in str(error)
    assert getattr(error, "url", None) == "https://host/path"


def test_requests_do_not_show_what_may_be_secret() -> None:
    """Neither headers nor bodies stand in a repr."""
    request = HttpRequest("https://host/path", {"api-key": "kkk"}, b"private")
    shown = repr(request) + repr(Send({"api-key": "kkk"}))
    assert "kkk" not in shown
    assert "private" not in shown
