"""When to try again, and how long to wait before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from langchain_azure_llms.exceptions import (
    ConfigurationError,
    RateLimitError,
    StatusError,
)

RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_TOO_MANY = 429
_CONTAINER_FAILED = 424
RETRYABLE_REASONS = frozenset(
    {"model_not_ready", "too_few_model_instance", "too_many_pending_request"}
)
"""Reasons of a 424: two as in Microsoft's own client; the last is the front door's overload."""


_FOREVER = 10**9
"""Thirty years of seconds: more is a mistake, and too much for the system's clocks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How requests that failed are tried again.

    Attributes:
        max_retries: How often a request is sent again after it failed; 2, and 0 means one attempt.
        initial_wait: Upper bound, in seconds, of the first wait when the service names none; 0.5.
            It doubles with each retry, and the wait is drawn evenly between 0 and the bound.
        max_backoff: Where the doubling ends, in seconds; 8.
        max_wait: The longest wait, in seconds, that a service may ask for; 60. A longer one ends
            the request at once, with the wait in the error (`retry_after`).

    Which statuses are retried, and by what waits, follows Microsoft's pages: "Troubleshoot errors"
    of Azure OpenAI and "Troubleshoot online endpoints" of Azure Machine Learning.

    Raises:
        ConfigurationError: If a number is negative.
    """

    max_retries: int = 2
    initial_wait: float = 0.5
    max_backoff: float = 8.0
    max_wait: float = 60.0

    def __post_init__(self) -> None:
        for name in ("max_retries", "initial_wait", "max_backoff", "max_wait"):
            value = getattr(self, name)
            kinds = int if name == "max_retries" else int | float
            wrong = isinstance(value, bool) or not isinstance(value, kinds)
            if wrong or not 0 <= value < _FOREVER:  # also refuses NaN
                raise ConfigurationError(f"RetryPolicy: {name} is {value!r}, expected 0 or more.")


def retry_wait(
    error: Exception, attempts: int, policy: RetryPolicy, uniform: Callable[[float, float], float]
) -> float | None:
    """Return the seconds to wait before the next attempt, or None when there is none."""
    if attempts > policy.max_retries or not getattr(error, "is_retryable", False):
        return None
    if isinstance(error, StatusError) and error.retry_after is not None:
        return error.retry_after
    return backoff(attempts, policy, uniform)


def backoff(attempts: int, policy: RetryPolicy, uniform: Callable[[float, float], float]) -> float:
    """Return the seconds to wait after some attempts, when the service names no wait."""
    doublings = min(attempts - 1, 62)  # past that the cap has long been reached
    return uniform(0.0, min(policy.max_backoff, policy.initial_wait * 2.0**doublings))


def busy_wait(
    error: Exception, refusals: int, policy: RetryPolicy, uniform: Callable[[float, float], float]
) -> float | None:
    """Return the seconds to wait after a refusal for being busy; None where none would help.

    Args:
        error: The refusal.
        refusals: How often this request was refused so, this time included.
        policy: The retry policy; without retries, there are none for this reason either.
        uniform: Draws a number between two others.
    """
    if not policy.max_retries or not getattr(error, "is_retryable", False):
        return None
    if isinstance(error, StatusError) and error.retry_after is not None:
        return error.retry_after
    longest = min(policy.max_backoff, policy.initial_wait * 2.0 ** min(refusals - 1, 62))
    return uniform(longest / 2, longest)


class Cooldowns:
    """Rate limits that requests have met, so that other requests wait for their end."""

    def __init__(self) -> None:
        self._until: dict[object, float] = {}
        self._noted: dict[object, float] = {}

    def remaining(self, key: object, now: float) -> float:
        """Return the seconds until requests of this key may be sent again."""
        until = self._until.get(key)
        if until is not None and until <= now:
            self._until.pop(key, None)
            self._noted.pop(key, None)
        return until - now if until is not None and until > now else 0.0

    def note(self, key: object, error: Exception, now: float, longest: float) -> None:
        """Remember the wait of a 429, unless it is longer than anyone would wait."""
        if isinstance(error, RateLimitError) and 0 < (error.retry_after or 0) <= longest:
            self._until[key] = now + (error.retry_after or 0)
            self._noted[key] = now

    def clear(self, key: object, sent: float) -> None:
        """Forget the key's limit: a request went through that was sent after it was met."""
        if self._noted.get(key, sent) <= sent:
            self._until.pop(key, None)
            self._noted.pop(key, None)


_MESSAGE_WAIT = (
    r"(?i)(?:retry|try again)\s+(?:after|in)\s+"
    r"((?:\d+h)?(?:\d+m(?!s))?(?:\d+(?:\.\d+)?\s*(?:s|ms))?)"
)
_DURATION = r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?\Z"


def requested_wait(
    status: int, headers: Mapping[str, str], message: str, now: float | None
) -> float | None:
    """Return the seconds that a response asks to wait, or None if it names none.

    In the order that Microsoft's pages and SDKs give: `retry-after-ms`, `Retry-After` (seconds or a
    date), for a 429 the reset headers of the limit that is used up, and the words of the message.
    Azure OpenAI also sends -1 and 0 as placeholders; they name no wait.

    Args:
        status: The response's HTTP status.
        headers: The response's headers.
        message: The response's error message.
        now: Seconds since the epoch; None leaves dates out.
    """
    candidates = (
        _scaled(headers.get("retry-after-ms"), 0.001),
        _retry_after(headers.get("retry-after"), now),
        _limit_reset(headers) if status == _TOO_MANY else None,
        _duration(_named_in(message)),
    )
    return next((wait for wait in candidates if wait is not None), None)


def _limit_reset(headers: Mapping[str, str]) -> float | None:
    """Return the longest reset among the limits that are not known to have room left."""
    waits = [_duration(headers.get("x-rate-limit-reset-tokens"))]
    for limit in ("requests", "tokens"):
        room = _scaled(headers.get(f"x-ratelimit-remaining-{limit}"), 1.0)
        if room is None:
            waits.append(_duration(headers.get(f"x-ratelimit-reset-{limit}")))
    return max((wait for wait in waits if wait is not None), default=None)


def _retry_after(value: str | None, now: float | None) -> float | None:
    seconds = _scaled(value, 1.0)
    if seconds is not None or value is None or now is None:
        return seconds
    try:
        wait = parsedate_to_datetime(value).timestamp() - now
    except (ValueError, OverflowError, IndexError):
        return None
    return wait if wait > 0 else None


def _duration(value: str | None) -> float | None:
    """Read plain seconds (Azure) or `6m0s` (openai.com)."""
    match = re.match(_DURATION, (value or "").strip())
    if match is None:
        return _scaled(value, 1.0)
    hours, minutes, seconds, millis = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds + millis / 1000
    return total if 0 < total < float("inf") else None


def _scaled(value: str | None, scale: float) -> float | None:
    """Return a positive, finite number times `scale`, else None."""
    try:
        number = float(value or "") * scale
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


def _named_in(message: str) -> str | None:
    match = re.search(_MESSAGE_WAIT, message)
    return "".join(match[1].lower().split()) if match else None


def is_retryable_status(
    status: int, model_status: int | None = None, reason: str | None = None
) -> bool:
    """Return whether the same request may succeed later.

    A 424 of Azure ML counts by the container's own status and reason, not by 424 (Microsoft:
    "Troubleshoot online endpoints", and the retry rules of its batch scoring client).
    """
    if status == _CONTAINER_FAILED:
        return model_status in RETRYABLE_STATUSES or reason in RETRYABLE_REASONS
    return status in RETRYABLE_STATUSES
