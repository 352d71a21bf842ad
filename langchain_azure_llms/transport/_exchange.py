"""One request's way to its reply: what to do next, decided without doing any of it.

`exchange` is a generator. It yields what should happen (`FetchToken`, `Send`, `Sleep`) and is sent
what came of it; it returns the reply, or raises a typed error. Two drivers do the I/O, one for
threads and one for asyncio, so that both behave the same by construction.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import SecretStr

from langchain_azure_llms._redact import Private, without_frames
from langchain_azure_llms.exceptions import CredentialError
from langchain_azure_llms.transport import _errors
from langchain_azure_llms.transport._problems import decoded
from langchain_azure_llms.transport._retry import Cooldowns, RetryPolicy, retry_wait
from langchain_azure_llms.transport._sse import error_inside

_UNAUTHORIZED = 401


@dataclass(slots=True)  # one is made for every call, and freezing it takes longer than making it
class HttpRequest:
    """A POST to make.

    Attributes:
        url: The whole URL, with its query.
        headers: Every header, a static key included.
        body: The payload.
        timeout: What the HTTP client takes as a timeout; None leaves the client's own.
        stream: Whether a successful reply is handed over unread.
        needs_token: Whether a bearer token must be fetched and added.
        limit_key: Which requests share one rate limit: the URL and the credential.
        longest_wait: The longest wait, in seconds, that the service may ask for.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    timeout: Any = None
    stream: bool = False
    needs_token: bool = False
    limit_key: object = field(default=None, repr=False)
    longest_wait: float = float("inf")

    def with_body(self, body: bytes) -> HttpRequest:
        """Return the request with another payload; `dataclasses.replace` takes thrice the time."""
        return HttpRequest(
            self.url,
            self.headers,
            body,
            self.timeout,
            self.stream,
            self.needs_token,
            self.limit_key,
            self.longest_wait,
        )


class FetchToken(NamedTuple):
    """Get a bearer token.

    Attributes:
        refused: The token that the service refused just now, if it did.
        claims: What the service said a new one must hold, if it did.
    """

    refused: SecretStr | None = None
    claims: str | None = None


class Send(NamedTuple):
    """Send the request with these headers."""

    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return "Send(...)"  # never what the headers hold


class Sleep(NamedTuple):
    """Wait this many seconds.

    Attributes:
        seconds: How long.
        why: What for, in words.
    """

    seconds: float
    why: str = ""


class FailureKind(StrEnum):
    """Why no reply came, as far as it decides whether to try again."""

    NOT_CONNECTED = "not connected"
    UNTRUSTED = "untrusted certificate"
    DISCONNECTED = "disconnected"
    TIMED_OUT = "timed out"
    UNSENDABLE = "unsendable"
    TOO_LARGE = "too large"
    UNREADABLE = "unreadable"


class Failure(NamedTuple):
    """No usable reply: why, in words, and the error underneath."""

    kind: FailureKind
    detail: str
    cause: BaseException | None = None


class Reply(NamedTuple):
    """What the service answered. `source` is the unread response of a streamed success."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""
    source: Any = None

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


class TokenFailure(NamedTuple):
    """No token could be had."""

    cause: Exception


Command = FetchToken | Send | Sleep
Steps = Generator[Command, Any, Reply]


def exchange(
    request: HttpRequest,
    *,
    policy: RetryPolicy,
    cooldowns: Cooldowns,
    clock: Callable[[], float],
    wall_clock: Callable[[], float],
    uniform: Callable[[float, float], float],
) -> Steps:
    """Decide a request's way to its reply.

    Args:
        request: What to send.
        policy: How often to try again, and how long to wait.
        cooldowns: Limits that other requests ran into.
        clock: Seconds of a clock that never goes back.
        wall_clock: Seconds since the epoch, for waits given as dates.
        uniform: Draws a number between two others, for jitter.

    Yields:
        The next thing to do.

    Returns:
        The successful reply.

    Raises:
        AzureLLMError: When the request failed for good.
    """
    attempts, waited, refreshed = 0, 0.0, False
    headers, token = request.headers, None
    if request.needs_token:
        token = _token((yield FetchToken()))
        headers = _with_token(request.headers, token)
    while True:
        pause = cooldowns.remaining(request.limit_key, clock()) if policy.max_retries else 0.0
        if pause > policy.max_wait:
            raise _errors.still_limited(request.url, pause, attempts, waited)
        if pause > 0:
            yield Sleep(pause, "as another caller was asked to")
            waited += pause
        attempts += 1
        sent = clock()
        outcome = yield Send(headers)
        if isinstance(outcome, Reply):
            outcome = _by_its_body(outcome)
            if outcome.is_success:
                cooldowns.clear(request.limit_key, sent)
                return outcome
            if outcome.status == _UNAUTHORIZED and request.needs_token and not refreshed:
                refreshed = True
                token = _token((yield FetchToken(token, claims_of(outcome.headers))))
                headers = _with_token(request.headers, token)
                continue
            error: Exception = _errors.from_reply(
                outcome,
                url=request.url,
                attempts=attempts,
                waited=waited,
                now=wall_clock(),
                longest_wait=policy.max_wait,
            )
        else:
            error = _errors.from_failure(outcome, url=request.url, attempts=attempts, waited=waited)
        wait = retry_wait(error, attempts, policy, uniform)
        cooldowns.note(request.limit_key, error, clock(), policy.max_wait)
        if wait is None:
            raise error
        again = f"before attempt {attempts + 1} of {policy.max_retries + 1}"
        yield Sleep(wait, f"{again} ({type(error).__name__})")
        waited += wait


def _by_its_body(reply: Reply) -> Reply:
    """Return a reply under the status that its body tells, where a success carries an error."""
    if not reply.is_success or b'"error"' not in reply.body:
        return reply
    hidden = error_inside(decoded(reply.body))
    return reply if hidden is None else Reply(hidden.status, reply.headers, hidden.body)


def _token(outcome: SecretStr | TokenFailure) -> SecretStr:
    if isinstance(outcome, TokenFailure):
        message = (
            f"No token could be obtained: {type(outcome.cause).__name__}: "
            f"{str(outcome.cause).rstrip('. ')}. "
            "Check the credential or token provider that was passed."
        )
        raise CredentialError(message) from without_frames(outcome.cause)
    return outcome


def _with_token(headers: Mapping[str, str], token: SecretStr) -> Mapping[str, str]:
    return Private({**headers, "Authorization": f"Bearer {token.get_secret_value()}"})


_CLAIMS = r'\bclaims="([A-Za-z0-9+/_=-]+)"'


def claims_of(headers: Mapping[str, str]) -> str | None:
    """Return what a refusal says that a new token must hold, if it says so.

    Microsoft Entra calls it a claims challenge: the value is JSON in base64 ("Claims challenges,
    claims requests and client capabilities").
    """
    challenge = next((v for k, v in headers.items() if k.lower() == "www-authenticate"), "")
    found = re.search(_CLAIMS, challenge)
    if found is None:
        return None
    try:
        text = found[1].replace("+", "-").replace("/", "_").rstrip("=")
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:  # a damaged one is none
        return None
