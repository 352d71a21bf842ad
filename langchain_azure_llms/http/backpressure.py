"""How many requests of a batch may be in flight: fewer while the service says that it is busy."""

from __future__ import annotations

import logging

from langchain_azure_llms.exceptions import (
    ModelContainerError,
    RateLimitError,
    ServerError,
)
from langchain_azure_llms.http import error_codes

_logger = logging.getLogger("langchain_azure_llms")
_BUSY = frozenset({429, 503})


def is_busy(error: BaseException) -> bool:
    """Return whether an error says that there is too much to do for now.

    Such are a 429, a 503, and the 424 by which Azure ML's front door says that the model's
    container has too many requests waiting (Microsoft, "Troubleshoot online endpoints").
    """
    if isinstance(error, ModelContainerError):
        waiting = error.model_error_reason == "too_many_pending_request"
        return waiting or error.model_status_code in _BUSY
    if isinstance(error, ServerError):
        return error.status_code in _BUSY
    return isinstance(error, RateLimitError) and not error_codes.is_final(error.code)


class Backpressure:
    """The requests that a batch may have in flight.

    The limit is halved when the service is busy, once for all requests that were sent before, and
    grows by one as often as a whole limit of requests is answered. Refusals for being busy do not
    count as failed attempts, as long as other requests of the batch are answered meanwhile.

    Args:
        most: How many requests may be in flight at most.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._limit = float(most)
        self._halved_at = float("-inf")
        self._answered_at: float | None = None

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return int(self._limit)

    def answered(self, now: float) -> None:
        """Take note of a response."""
        self._answered_at = now
        self._limit = min(float(self.most), self._limit + 1 / self._limit)

    def refused(self, sent_at: float, now: float) -> None:
        """Take note of a refusal of a request that was sent at some time."""
        if self._answered_at is None:  # of the first requests, some are always refused
            self._answered_at = now
        if sent_at < self._halved_at:
            return
        is_first = self._halved_at == float("-inf")
        self._limit, self._halved_at = max(1.0, self._limit / 2), now
        if is_first:
            _logger.warning(
                "The service is busy: %d requests are in flight from now on instead of %d. A lower "
                "max_concurrency saves the refused ones.",
                self.limit,
                self.most,
            )

    def may_wait(self, now: float, longest: float) -> bool:
        """Return whether others were answered within the last `longest` seconds."""
        return self._answered_at is not None and now - self._answered_at <= longest
