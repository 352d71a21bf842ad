"""The highest value of a number that changes while an LLM works."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_SECONDS_BETWEEN_SAMPLES = 0.002


class Peak:
    """Samples a number in a thread of its own, and keeps the highest."""

    def __init__(self, number: Callable[[], int]) -> None:
        self._number, self._stop = number, threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.highest = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_SAMPLES):
            self.highest = max(self.highest, self._number())
