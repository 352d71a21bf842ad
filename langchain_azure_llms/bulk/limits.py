"""How fast a job sends: requests at once, requests and tokens per minute, waits.

Nothing here waits by itself or reads a clock: the time is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from langchain_azure_llms.exceptions import (
    ConfigurationError,
    StatusError,
)

Concurrency = int | Literal["auto"]
_FIRST_WINDOW, _LARGEST_WINDOW = 4.0, 256.0
_BURST_SECONDS = 0.05
"""How much of a bucket may be sent at once: what an event loop that was busy has missed."""
_BYTES_PER_TOKEN, _TOKENS_OF_AN_ANSWER = 4.0, 64.0
_WEIGHT_OF_NEW = 0.05


class Bucket:
    """An allowance that fills up evenly. What is taken beyond it is a debt to be waited for.

    Args:
        per_minute: How much comes in a minute.
    """

    def __init__(self, per_minute: float) -> None:
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * _BURST_SECONDS)
        self._level, self._at = min(1.0, self._most), 0.0
        self._has_begun = False

    def wait(self, now: float) -> float:
        """Return the seconds until something may be taken."""
        self._fill(now)
        return 0.0 if self._level >= 1 else (1 - self._level) / self._rate

    def take(self, amount: float) -> None:
        """Take an amount, or give back a negative one."""
        self._level = min(self._level - amount, self._most)

    def limit_to(self, remaining: float) -> None:
        """Hold no more than the service says is left."""
        self._level = min(self._level, remaining)

    def _fill(self, now: float) -> None:
        if self._has_begun:
            self._level = min(self._most, self._level + (now - self._at) * self._rate)
        self._has_begun, self._at = True, now


class TokenEstimate:
    """Estimates a prompt's tokens by its length; what answers cost makes the estimate better."""

    def __init__(self) -> None:
        self._per_byte, self._answer = 1 / _BYTES_PER_TOKEN, _TOKENS_OF_AN_ANSWER

    def prompt(self, text: str) -> float:
        """Return the tokens of a prompt."""
        return max(1.0, size_of(text) * self._per_byte)

    def total(self, text: str) -> float:
        """Return the tokens of a prompt and its answer."""
        return self.prompt(text) + self._answer

    def learn(self, size: int, usage: Mapping[str, int], count: int) -> None:
        """Learn from a response.

        Args:
            size: The bytes of the prompts.
            usage: The token counts, if the service sent them.
            count: How many prompts there were.
        """
        if size and "prompt_tokens" in usage:
            found = usage["prompt_tokens"] / size
            self._per_byte += _WEIGHT_OF_NEW * (found - self._per_byte)
        if "completion_tokens" in usage:
            found = usage["completion_tokens"] / count
            self._answer += _WEIGHT_OF_NEW * (found - self._answer)


def size_of(text: str) -> int:
    """Return the bytes of a text."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class Limits:
    """Says when the next request may be sent, and how many may be in flight.

    With `"auto"`, the window of requests in flight begins small, doubles until the service first
    refuses for being busy, is halved then, and grows slowly from there on.

    Args:
        max_concurrency: How many requests may be in flight at most, or `"auto"`.
        requests_per_minute: How many may be sent in a minute; None for any number.
        tokens_per_minute: How many tokens their prompts and answers may have; None for any number.

    Attributes:
        estimate: Estimates tokens.
        refused: How many requests were refused for being too many.
        refused_in_a_row: How many of them since the last answer.

    Raises:
        ConfigurationError: If a limit is not a positive number.
    """

    def __init__(
        self,
        max_concurrency: Concurrency = "auto",
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
    ) -> None:
        whole = isinstance(max_concurrency, int) and not isinstance(max_concurrency, bool)
        if max_concurrency != "auto" and not (whole and max_concurrency >= 1):
            expected = "expected 'auto' or a whole number of at least 1"
            raise ConfigurationError(f"max_concurrency is {max_concurrency!r}, {expected}.")
        self._adapts = max_concurrency == "auto"
        self._largest = _LARGEST_WINDOW if max_concurrency == "auto" else float(max_concurrency)
        self._window = _FIRST_WINDOW if self._adapts else self._largest
        self._grows_fast = True
        self._requests = _bucket(requests_per_minute, "requests_per_minute")
        self._tokens = _bucket(tokens_per_minute, "tokens_per_minute")
        self._paused_until = self._halved_at = float("-inf")
        self.estimate = TokenEstimate()
        self.refused = self.refused_in_a_row = 0

    @property
    def largest_window(self) -> int:
        """How many requests may ever be in flight."""
        return int(self._largest)

    @property
    def window(self) -> int:
        """How many requests may be in flight."""
        return int(self._window)

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may be sent; 0 for now."""
        waits = [bucket.wait(now) for bucket in (self._requests, self._tokens) if bucket]
        return max(self._paused_until - now, 0.0, *waits)

    def sent(self, tokens: float) -> None:
        """Take a request, and the tokens that it is estimated to cost, from the buckets."""
        if self._requests:
            self._requests.take(1)
        if self._tokens:
            self._tokens.take(tokens)

    def answered(
        self,
        headers: Mapping[str, str],
        estimated: float,
        usage: Mapping[str, int],
        *,
        in_flight: int,
    ) -> None:
        """Learn from an answer.

        Args:
            headers: Its headers.
            estimated: The tokens that were taken for it.
            usage: Its token counts, if the service sent them.
            in_flight: How many requests were in flight, itself included.
        """
        self.refused_in_a_row = 0
        if self._adapts and in_flight >= self.window:
            growth = 1.0 if self._grows_fast else 1 / self._window
            self._window = min(self._largest, self._window + growth)
        if self._tokens and usage:
            parts = usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0)
            self._tokens.take(usage.get("total_tokens", parts) - estimated)
        for bucket, name in ((self._requests, "requests"), (self._tokens, "tokens")):
            left = headers.get(f"x-ratelimit-remaining-{name}") if bucket else None
            if bucket and left is not None and left.isdecimal():
                bucket.limit_to(float(left))

    def failed(self, estimated: float) -> None:
        """Give back the tokens of a request that was not answered."""
        if self._tokens:
            self._tokens.take(-estimated)

    def refuse(self, error: Exception, sent_at: float, now: float) -> float | None:
        """Learn from a refusal for being too many.

        Args:
            error: The refusal.
            sent_at: When the request was sent: of those sent together, the first one counts.
            now: The time.

        Returns:
            The seconds that the service asks to wait, which nothing is sent in; None if it names
            no wait.
        """
        self.refused += 1
        self.refused_in_a_row += 1
        if sent_at >= self._halved_at:
            self._halved_at, self._grows_fast = now, False
            if self._adapts:
                self._window = max(1.0, self._window / 2)
        asked = error.retry_after if isinstance(error, StatusError) else None
        if asked is not None:
            self.pause_until(now + asked)
        return asked

    def pause_until(self, until: float) -> None:
        """Send nothing until a time."""
        self._paused_until = max(self._paused_until, until)


def _bucket(per_minute: float | None, name: str) -> Bucket | None:
    if per_minute is None:
        return None
    wrong = isinstance(per_minute, bool) or not isinstance(per_minute, int | float)
    if wrong or not 0 < per_minute < float("inf"):
        raise ConfigurationError(f"{name} is {per_minute!r}, expected a number above 0.")
    return Bucket(per_minute)
