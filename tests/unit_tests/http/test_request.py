"""One request's flow, decided without a socket, a clock or an event loop."""

from collections.abc import Sequence

import pytest
from pydantic import SecretStr

from langchain_azure_llms._redaction import RedactedMapping
from langchain_azure_llms.exceptions import (
    AuthenticationError,
    CredentialError,
    EndpointConnectionError,
    EndpointTimeoutError,
    RateLimitError,
    ServerError,
)
from langchain_azure_llms.http.request import (
    AcquirePermit,
    FailureKind,
    FetchToken,
    HttpRequest,
    HttpResponse,
    Send,
    Sleep,
    Step,
    Surroundings,
    TokenFailure,
    TransportFailure,
    send_with_retries,
)
from langchain_azure_llms.http.retry import Cooldowns, RetryPolicy

_OK = HttpResponse(200, {}, b"{}")
_BUSY = HttpResponse(503, {}, b"")
_CUT = TransportFailure(FailureKind.DISCONNECTED, "gone")


def _steps(
    outcomes: Sequence[object],
    *,
    needs_token: bool = False,
    policy: RetryPolicy | None = None,
    cooldowns: Cooldowns | None = None,
) -> tuple[list[Step], HttpResponse | Exception]:
    """Drive a flow with these outcomes; return its steps and how it ended."""
    request = HttpRequest(
        "https://host/path?secret=1",
        {"api-key": "k"},
        b"{}",
        policy or RetryPolicy(),
        needs_token=needs_token,
        rate_limit_key="x",
    )
    surroundings = Surroundings(
        cooldowns or Cooldowns(), lambda: 100.0, lambda: 0.0, lambda _low, high: high
    )
    flow = send_with_retries(request, surroundings)
    steps, left = [next(flow)], list(outcomes)
    try:
        while True:
            outcome = None if isinstance(steps[-1], Sleep) else left.pop(0)
            steps.append(flow.send(outcome))
    except StopIteration as stop:
        assert left == []
        response: HttpResponse = stop.value
        return steps, response
    except Exception as error:  # noqa: BLE001 - how it ended is the result
        assert left == []
        return steps, error


def _headers_of(steps: list[Step]) -> list[dict[str, str]]:
    return [dict(step.headers) for step in steps if isinstance(step, Send)]


def test_a_success_is_returned_after_one_send() -> None:
    """Nothing else is asked for."""
    steps, end = _steps([_OK])
    assert (_headers_of(steps), end) == ([{"api-key": "k"}], _OK)


@pytest.mark.parametrize(
    "failed", [_BUSY, _CUT, TransportFailure(FailureKind.NOT_CONNECTED, "refused")]
)
def test_a_retryable_error_is_tried_again_after_a_wait(failed: object) -> None:
    """The waits double."""
    commands, end = _steps([failed, failed, _OK])
    waits = [command.seconds for command in commands if isinstance(command, Sleep)]
    assert (waits, end) == ([0.5, 1.0], _OK)


def test_the_error_tells_attempts_and_waits() -> None:
    """After the last attempt the error counts them."""
    _, error = _steps([_BUSY, _BUSY, _BUSY])
    assert isinstance(error, ServerError)
    assert (error.attempts, error.waited, error.status_code) == (3, 1.5, 503)


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (TransportFailure(FailureKind.TIMED_OUT, "slow"), EndpointTimeoutError),
        (_CUT, EndpointConnectionError),
        (HttpResponse(401, {}, b""), AuthenticationError),
    ],
)
def test_one_attempt_without_retries(failed: object, expected: type[Exception]) -> None:
    """`max_retries=0` sends once."""
    commands, error = _steps([failed], policy=RetryPolicy(max_retries=0))
    assert (len(commands), type(error)) == (1, expected)


def test_what_was_never_sent_says_so() -> None:
    """`sent` splits "safe to repeat" from "perhaps billed"."""
    once = RetryPolicy(max_retries=0)
    _, refused = _steps([TransportFailure(FailureKind.NOT_CONNECTED, "refused")], policy=once)
    _, cut = _steps([_CUT], policy=once)
    assert isinstance(refused, EndpointConnectionError)
    assert isinstance(cut, EndpointConnectionError)
    assert (refused.sent, cut.sent) == (False, True)


def test_a_requested_wait_is_kept_to() -> None:
    """Not the backoff: what the service asked for."""
    commands, _ = _steps([HttpResponse(429, {"Retry-After": "7"}, b""), _OK])
    assert commands[1] == Sleep(
        7.0, "before attempt 2 of 3 (RateLimitError)", "https://host/path?secret=1"
    )


def test_a_wait_beyond_the_cap_ends_at_once_with_the_wait_in_the_error() -> None:
    """Nobody sleeps a day; the error says the wait, and is not retryable."""
    commands, error = _steps([HttpResponse(429, {"retry-after": "86400"}, b"")])
    assert len(commands) == 1
    assert isinstance(error, RateLimitError)
    assert (error.retry_after, error.is_retryable) == (86400.0, False)


def test_a_limit_that_others_met_is_waited_out_before_sending() -> None:
    """And the wait counts into the error's."""
    cooldowns = Cooldowns()
    cooldowns.note("x", RateLimitError("no", status_code=429, retry_after=4.0), 100.0, 60.0)
    commands, end = _steps([_OK], cooldowns=cooldowns)
    assert isinstance(commands[0], Sleep)
    assert (commands[0].seconds, _headers_of(commands), end) == (4.0, [{"api-key": "k"}], _OK)
    assert cooldowns.remaining("x", 100.0) == 0.0


def test_a_429_holds_fellow_callers_back() -> None:
    """Its wait is noted for the same URL and credential."""
    cooldowns = Cooldowns()
    _steps(
        [HttpResponse(429, {"retry-after": "4"}, b"")],
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
    commands, end = _steps([_OK], policy=RetryPolicy(max_retries=0), cooldowns=cooldowns)
    assert (len(commands), _headers_of(commands), end) == (1, [{"api-key": "k"}], _OK)


def _way_without_sending(
    cooldowns: Cooldowns, policy: RetryPolicy
) -> tuple[list[Step], Exception | None]:
    flow = send_with_retries(
        HttpRequest("https://host/path", {}, b"", policy, rate_limit_key="x"),
        Surroundings(cooldowns, lambda: 100.0, lambda: 0.0, lambda _low, high: high),
    )
    try:
        return [next(flow)], None
    except RateLimitError as error:
        return [], error


def test_a_rate_limiter_is_asked_once_before_all_else() -> None:
    """Its retries are not counted."""
    request = HttpRequest("https://host/path", {}, b"", RetryPolicy(), needs_permit=True)
    surroundings = Surroundings(Cooldowns(), lambda: 100.0, lambda: 0.0, lambda _low, high: high)
    flow = send_with_retries(request, surroundings)
    steps = [next(flow), flow.send(None), flow.send(_BUSY), flow.send(None)]
    assert [type(step) for step in steps] == [AcquirePermit, Send, Sleep, Send]


def test_a_token_is_fetched_before_sending() -> None:
    """It travels as a bearer token beside the other headers."""
    commands, _ = _steps([SecretStr("t1"), _OK], needs_token=True)
    expected = [{"api-key": "k", "Authorization": "Bearer t1"}]
    assert (commands[0], _headers_of(commands)) == (FetchToken(), expected)


def test_a_401_refreshes_the_token_once() -> None:
    """The second 401 is final."""
    refused = HttpResponse(401, {}, b"")
    commands, error = _steps([SecretStr("t1"), refused, SecretStr("t2"), refused], needs_token=True)
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
    refused = HttpResponse(401, {"WWW-Authenticate": challenge}, b"")
    commands, _ = _steps([SecretStr("t1"), refused, SecretStr("t2"), _OK], needs_token=True)
    asked = [command for command in commands if isinstance(command, FetchToken)]
    assert asked == [FetchToken(), FetchToken(SecretStr("t1"), claims)]


def test_a_401_of_a_fixed_key_is_final() -> None:
    """There is nothing to refresh."""
    commands, error = _steps([HttpResponse(401, {}, b"")])
    assert (len(commands), type(error)) == (1, AuthenticationError)


def test_no_token_is_a_credential_error_with_its_cause() -> None:
    """The provider's own error is not lost."""
    cause = RuntimeError("signed out")
    _, error = _steps([TokenFailure(cause)], needs_token=True)
    assert isinstance(error, CredentialError)
    assert error.__cause__ is cause
    assert "signed out" in str(error)


def test_the_url_in_errors_has_no_query() -> None:
    """A query may hold a key."""
    _, error = _steps([HttpResponse(400, {}, b"")])
    assert "secret" not in str(error)
    assert getattr(error, "url", None) == "https://host/path"


def test_requests_do_not_show_what_may_be_secret() -> None:
    """Neither headers nor bodies stand in a repr."""
    request = HttpRequest("https://host/path", {"api-key": "kkk"}, b"private", RetryPolicy())
    shown = repr(request) + repr(Send(request, RedactedMapping({"api-key": "kkk"})))
    assert "kkk" not in shown
    assert "private" not in shown
