"""The scenarios at work: which request meets what, and what came of each prompt."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_azure_llms.local._scenario import Fault, Scenario


@dataclass(slots=True)
class PromptRecord:
    """What became of one prompt.

    Attributes:
        requests: How many requests carried it.
        faults: How many of them something went wrong with, on its account.
        answers: How many of them were answered, whole.
    """

    requests: int = 0
    faults: int = 0
    answers: int = 0


@dataclass(frozen=True)
class Mishap:
    """What goes wrong with one request, and the seconds that belong to it."""

    fault: Fault
    wait: float


class Script:
    """Tells each request's fate, and keeps count.

    Args:
        scenarios: What goes wrong; the first one that a prompt meets counts.
    """

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._scenarios = [one for one in scenarios if one.name != Fault.REFUSED]
        self._records: dict[str, PromptRecord] = {}
        self._lock = threading.Lock()

    @property
    def records(self) -> dict[str, PromptRecord]:
        """What became of each prompt so far."""
        with self._lock:
            return {prompt: replace(record) for prompt, record in self._records.items()}

    def begin(self, path: str, prompts: Sequence[str]) -> Mishap | None:
        """Count a request, and return what is to go wrong with it."""
        with self._lock:
            for prompt in prompts:
                self._records.setdefault(prompt, PromptRecord()).requests += 1
            return self._filtered(path, prompts) or self._met(path, prompts[:1])

    def answered(self, prompts: Sequence[str]) -> None:
        """Count an answer that was sent to its end."""
        with self._lock:
            for prompt in prompts:
                self._records[prompt].answers += 1

    def _filtered(self, path: str, prompts: Sequence[str]) -> Mishap | None:
        return self._met(path, prompts, only=Fault.FILTER)

    def _met(self, path: str, prompts: Sequence[str], only: Fault | None = None) -> Mishap | None:
        for prompt in prompts:
            mishap = self._mishap(path, prompt)
            if mishap is not None and only in {None, mishap.fault}:
                self._records[prompt].faults += 1
                return mishap
        return None

    def _mishap(self, path: str, prompt: str) -> Mishap | None:
        for scenario in self._scenarios:
            fault = scenario.fault_of(prompt) if scenario.path in path else None
            if fault is not None:
                is_over = scenario.is_over(fault, self._records[prompt].faults)
                return None if is_over else Mishap(fault, scenario.wait)
        return None
