"""One HTTP request, from its first attempt to a successful response or a typed error.

`send_with_retries` is a generator that decides and does no I/O. It yields steps (`AcquirePermit`,
`FetchToken`, `Send`, `Sleep`) and is sent the outcome of each. Two drivers carry the steps out:
`sync_io` for threads and `async_io` for asyncio, so that both behave alike by construction.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from pydantic import SecretStr

from langchain_azure_llms._redaction import RedactedMapping
from langchain_azure_llms.exceptions import CredentialError
from langchain_azure_llms.http import errors
from langchain_azure_llms.http.backpressure import Backpressure, is_busy
from langchain_azure_llms.http.error_body import decoded
from langchain_azure_llms.http.error_in_success import ErrorInside, error_inside
from langchain_azure_llms.http.retry import Cooldowns, RetryPolicy, busy_wait, retry_wait

_UNAUTHORIZED = 401
_MOST_REFUSALS = 1000
"""How often one request of a batch may be refused for the service being busy."""


FindError = Callable[[str], ErrorInside | None]
"""Returns the error that a text of a successful response carries, if it does."""
StreamFormat = Literal["events", "lines", "text"]
"""How a streamed body is cut into pieces: server-sent events, lines, or as it arrives."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, a POST unless it says otherwise.

    Attributes:
        url: The whole URL, with its query.
        headers: Every header, a static key included.
        body: The payload.
        policy: How often, and how patiently, it is sent again.
        timeout: Seconds for each step, as httpx2's extension `timeout` holds them (`connect`,
            `read`, `write`, `pool`); None leaves those of a client of the user's own.
        stream: In which form a successful response is streamed; None to read it whole.
        needs_token: Whether a bearer token must be fetched and added.
        needs_permit: Whether the user's rate limiter is asked before it is sent.
        rate_limit_key: Which requests share one rate limit: the URL and the credential.
        find_error: Finds the error in the body of a 2xx; None leaves the body to its parser.
        method: The HTTP method.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    policy: RetryPolicy
    timeout: Mapping[str, float | None] | None = None
    stream: StreamFormat | None = None
    needs_token: bool = False
    needs_permit: bool = False
    rate_limit_key: object = field(default=None, repr=False)
    find_error: FindError | None = error_inside
    method: Literal["GET", "POST"] = "POST"

    def with_body(self, body: bytes) -> HttpRequest:
        """Return the request with another payload."""
        return replace(self, body=body)


class AcquirePermit(NamedTuple):
    """Ask the user's rate limiter."""


class FetchToken(NamedTuple):
    """Get a bearer token.

    Attributes:
        refused: The token that the service refused just now, if it did.
        claims: What the service said a new one must hold, if it did.
    """

    refused: SecretStr | None = None
    claims: str | None = None


class Send(NamedTuple):
    """Send a request once, with these headers in place of its own."""

    request: HttpRequest
    headers: Mapping[str, str]


class Sleep(NamedTuple):
    """Wait before the next attempt.

    Attributes:
        seconds: How long.
        reason: What for, to be logged.
        url: Where the request goes, to be logged.
    """

    seconds: float
    reason: str
    url: str


class FailureKind(StrEnum):
    """Why there is no usable response, as far as it decides whether to send again."""

    NOT_CONNECTED = "not connected"
    UNTRUSTED = "untrusted certificate"
    DISCONNECTED = "disconnected"
    TIMED_OUT = "timed out"
    UNSENDABLE = "unsendable"
    UNREADABLE = "unreadable"


class TransportFailure(NamedTuple):
    """No usable response: why, in words, and the underlying exception."""

    kind: FailureKind
    detail: str
    cause: BaseException | None = None


_NOTABLE_HEADERS = frozenset(
    {
        "apim-request-id",
        "azureml-model-deployment",
        "x-ms-deployment-name",
        "x-ms-region",
        "x-ms-served-model",
        "x-ms-spillover-from-deployment",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-remaining-tokens",
        "x-request-id",
    }
)


class HttpResponse(NamedTuple):
    """What the service answered. `stream` is the unread response to a streaming request."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""
    stream: Any = None

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def notable_headers(self) -> dict[str, str]:
        """Return the headers that say who answered, and how much of the rate limit is left."""
        return {name: value for name, value in self.headers.items() if name in _NOTABLE_HEADERS}


class TokenFailure(NamedTuple):
    """No token could be obtained."""

    cause: Exception


class Surroundings(NamedTuple):
    """What the decisions depend on beside the request.

    Attributes:
        cooldowns: Rate limits that other requests met.
        clock: Seconds of a clock that never goes back.
        wall_clock: Seconds since the epoch, for waits given as dates.
        uniform: Draws a number between two others, for jitter.
        backpressure: How many requests the batch under way may have in flight; None outside of one.
    """

    cooldowns: Cooldowns
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    uniform: Callable[[float, float], float]
    backpressure: Backpressure | None = None


Step = AcquirePermit | FetchToken | Send | Sleep
RequestFlow = Generator[Step, Any, HttpResponse]


def send_with_retries(request: HttpRequest, surroundings: Surroundings) -> RequestFlow:
    """Decide what happens to a request until there is a response.

    Args:
        request: What to send.
        surroundings: Clocks, randomness and rate limits that other requests met.

    Yields:
        The next step. A `Send` is answered with an `HttpResponse` or a `TransportFailure`, a
        `FetchToken` with the token or a `TokenFailure`, the others with None.

    Returns:
        The successful response.

    Raises:
        AzureLLMError: When the request failed for good.
    """
    policy, cooldowns = request.policy, surroundings.cooldowns
    attempts, waited, has_refreshed, busy = 0, 0.0, False, _Refusals()
    headers, token = request.headers, None
    if request.needs_permit:
        yield AcquirePermit()
    if request.needs_token:
        token = _token((yield FetchToken()))
        headers = _with_token(request.headers, token)
    while True:
        pause = _pause(request, surroundings)
        if pause > policy.max_wait:
            raise errors.still_limited(request.url, pause, attempts, waited)
        if pause > 0:
            yield Sleep(pause, "because another request met this rate limit", request.url)
            waited += pause
        attempts += 1
        sent_at = surroundings.clock()
        outcome = yield Send(request, headers)
        if isinstance(outcome, HttpResponse):
            response = _with_status_of_body(outcome, request)
            if response.is_success:
                cooldowns.clear(request.rate_limit_key, sent_at)
                busy.end(surroundings)
                return response
            if response.status == _UNAUTHORIZED and request.needs_token and not has_refreshed:
                has_refreshed = True
                token = _token((yield FetchToken(token, claims_of(response.headers))))
                headers = _with_token(request.headers, token)
                continue
            outcome = response
        error = _error_of(outcome, request, surroundings, attempts, waited)
        wait = busy.wait_after(error, sent_at, attempts, policy, surroundings)
        cooldowns.note(request.rate_limit_key, error, surroundings.clock(), policy.max_wait)
        if wait is None:
            busy.add_advice(error, surroundings)
            raise error
        reason = f"before {busy.next_attempt(attempts, policy)} ({type(error).__name__})"
        yield Sleep(wait, reason, request.url)
        waited += wait


def _pause(request: HttpRequest, surroundings: Surroundings) -> float:
    """Return the seconds that a rate limit lasts that another request met; 0 without retries."""
    if not request.policy.max_retries:
        return 0.0
    return surroundings.cooldowns.remaining(request.rate_limit_key, surroundings.clock())


def _error_of(
    outcome: HttpResponse | TransportFailure,
    request: HttpRequest,
    surroundings: Surroundings,
    attempts: int,
    waited: float,
) -> Exception:
    if not isinstance(outcome, HttpResponse):
        return errors.from_failure(outcome, url=request.url, attempts=attempts, waited=waited)
    return errors.from_response(
        outcome,
        url=request.url,
        attempts=attempts,
        waited=waited,
        now=surroundings.wall_clock(),
        max_wait=request.policy.max_wait,
    )


class _Refusals:
    """The refusals of one request of a batch for the service being busy: no failed attempts."""

    def __init__(self) -> None:
        self.count = 0

    def wait_after(
        self,
        error: Exception,
        sent_at: float,
        attempts: int,
        policy: RetryPolicy,
        surroundings: Surroundings,
    ) -> float | None:
        """Return the seconds to wait before the next attempt; None when there is none."""
        pressure = surroundings.backpressure
        if pressure is not None and is_busy(error):
            now = surroundings.clock()
            pressure.refused(sent_at, now)
            if self.count < _MOST_REFUSALS and pressure.may_wait(now, policy.max_wait):
                wait = busy_wait(error, self.count + 1, policy, surroundings.uniform)
                self.count += wait is not None
                return wait
        return retry_wait(error, attempts - self.count, policy, surroundings.uniform)

    def next_attempt(self, attempts: int, policy: RetryPolicy) -> str:
        """Return which attempt follows, for the log."""
        of_all = "" if self.count else f" of {policy.max_retries + 1}"
        return f"attempt {attempts + 1}{of_all}"

    def end(self, surroundings: Surroundings) -> None:
        """Let the other requests of the batch know that this one was answered."""
        if surroundings.backpressure is not None:
            surroundings.backpressure.answered(surroundings.clock())

    def add_advice(self, error: Exception, surroundings: Surroundings) -> None:
        """Let the error of a batch name the setting that would have helped."""
        pressure = surroundings.backpressure
        if pressure is not None and is_busy(error):
            most = pressure.most
            error.args = (f"{error} Lower max_concurrency, which was {most} for this batch.",)


def _with_status_of_body(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Return the response with the status that its body names, where a 2xx carries an error."""
    find = request.find_error
    if find is None or b'"error' not in response.body or not response.is_success:
        return response
    inner = find(decoded(response.body))
    return response if inner is None else HttpResponse(inner.status, response.headers, inner.body)


def _token(outcome: SecretStr | TokenFailure) -> SecretStr:
    if isinstance(outcome, TokenFailure):
        raise CredentialError(
            f"No token could be obtained: {type(outcome.cause).__name__}: "
            f"{str(outcome.cause).rstrip('. ')}. "
            "Check the credential or token provider that was passed."
        ) from outcome.cause
    return outcome


def _with_token(headers: Mapping[str, str], token: SecretStr) -> Mapping[str, str]:
    return RedactedMapping({**headers, "Authorization": f"Bearer {token.get_secret_value()}"})


_CLAIMS = re.compile(r'\bclaims="([A-Za-z0-9+/_=-]+)"')


def claims_of(headers: Mapping[str, str]) -> str | None:
    """Return what a refusal says that a new token must hold, if it says so.

    Microsoft Entra calls it a claims challenge: the value is JSON in base64 ("Claims challenges,
    claims requests and client capabilities").
    """
    challenge = next((v for k, v in headers.items() if k.lower() == "www-authenticate"), "")
    found = _CLAIMS.search(challenge)
    if found is None:
        return None
    try:
        text = found[1].replace("+", "-").replace("/", "_").rstrip("=")
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:  # a damaged challenge is ignored
        return None
