"""Ending a text where the caller wants, for services that have no parameter for it."""

from __future__ import annotations

from collections.abc import Sequence


class StopCutter:
    """Passes a text on as it comes, until one of some texts comes.

    What may be the beginning of such a text is held back until it is clear.

    Attributes:
        stopped: Whether one came; nothing after it is passed on.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = [text for text in stop if text]
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """Return what can be passed on now."""
        if self.stopped:
            return ""
        self._held += text
        found = [
            (place + len(stop), place)
            for stop in self._stop
            if (place := self._held.find(stop)) >= 0
        ]
        if found:  # the one that is complete first, as a service would have seen it first
            self.stopped = True
            passed, self._held = self._held[: min(found)[1]], ""
            return passed
        kept = max(self._begun(stop) for stop in self._stop) if self._stop else 0
        cut = len(self._held) - kept
        passed, self._held = self._held[:cut], self._held[cut:]
        return passed

    def rest(self) -> str:
        """Return what is held back, at the text's end."""
        rest, self._held = self._held, ""
        return rest

    def _begun(self, stop: str) -> int:
        """Return how many of the last characters may begin a text to end at."""
        longest = min(len(stop) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held.endswith(stop[:n])), 0)


def cut(text: str, stop: Sequence[str]) -> str:
    """Return the text up to the first of the texts to end at."""
    cutter = StopCutter(stop)
    return cutter.feed(text) + cutter.rest()
