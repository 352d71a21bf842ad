"""What a job shows while it runs, and at its end."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TextIO

from langchain_azure_llms.bulk.record import PromptRecord

_TERMINAL_SECONDS, _LOG_SECONDS = 0.5, 60.0
_WAIT_SHOWN = 1.0


@dataclass(frozen=True, kw_only=True)
class BulkSummary:
    """What a job came to.

    Attributes:
        answered: Prompts that were answered by this job.
        failed: Prompts whose record holds an error.
        skipped: Prompts that had a record in the output already.
        left: Prompts that were not asked; None if the input's length is not known.
        prompt_tokens: Tokens of the prompts that were answered.
        completion_tokens: Tokens of the answers.
        estimated_tokens: Of a dry run: the tokens that the prompts left, and their answers, would
            cost; a rough estimate by their length.
        refused: Requests that a rate limit refused; they were sent again.
        seconds: How long the job ran.
        has_stopped_early: Whether it ended before the last prompt, by an interrupt or a budget.
    """

    answered: int = 0
    failed: int = 0
    skipped: int = 0
    left: int | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated_tokens: int | None = None
    refused: int = 0
    seconds: float = 0.0
    has_stopped_early: bool = False

    def __str__(self) -> str:
        parts = [f"{self.answered:,} answered", f"{self.failed:,} failed"]
        parts += [f"{self.skipped:,} done before"] if self.skipped else []
        parts += [f"{self.left:,} left"] if self.left else []
        if self.estimated_tokens is not None:
            return f"{', '.join(parts)}; about {self.estimated_tokens:,} tokens to come"
        rate = self.answered / self.seconds if self.seconds else 0.0
        tokens = f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens"
        refused = f", {self.refused:,} requests refused by limits" if self.refused else ""
        return f"{', '.join(parts)}; {tokens}; {duration(self.seconds)}, {rate:,.0f}/s{refused}"


@dataclass
class Progress:
    """Counts what is done, and shows it: a line that changes in a terminal, else one a minute.

    Attributes:
        total: How many prompts there are, if that is known.
        is_shown: Whether anything is shown.
        stream: Where.
    """

    total: int | None
    is_shown: bool = True
    stream: TextIO | None = None
    answered: int = 0
    failed: int = 0
    skipped: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __post_init__(self) -> None:
        self.stream = self.stream or sys.stderr
        self.is_terminal = self.stream.isatty()
        self.interval = _TERMINAL_SECONDS if self.is_terminal else _LOG_SECONDS
        self._began, self._width = time.monotonic(), 0

    def count(self, record: PromptRecord) -> None:
        """Count a record."""
        if record.error is not None:
            self.failed += 1
            return
        self.answered += 1
        self.prompt_tokens += record.prompt_tokens or 0
        self.completion_tokens += record.completion_tokens or 0

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self._began

    @property
    def left(self) -> int | None:
        """How many prompts have no record yet, if that is known."""
        done = self.answered + self.failed + self.skipped
        return None if self.total is None else max(0, self.total - done)

    def line(self, *, in_flight: int, refused: int, pause: float) -> str:
        """Return the state of the job in one line.

        Args:
            in_flight: How many requests are under way.
            refused: How many a rate limit refused.
            pause: Seconds until the next request may begin.
        """
        rate = (self.answered + self.failed) / max(self.seconds, 0.001)
        parts = [f"{self.answered:,} done", f"{self.failed:,} failed"]
        parts += [f"{self.skipped:,} before"] if self.skipped else []
        parts += [f"{self.left:,} left"] if self.left is not None else []
        parts += [f"{rate:,.1f}/s", f"{self.prompt_tokens + self.completion_tokens:,} tokens"]
        parts += [f"{in_flight} in flight"]
        parts += [f"{refused:,} refused by limits"] if refused else []
        parts += [f"waiting {pause:.0f} s"] if pause >= _WAIT_SHOWN else []
        parts += [f"ETA {duration(self.left / rate)}"] if self.left and rate else []
        return ", ".join(parts)

    def show(self, line: str, *, is_last: bool = False) -> None:
        """Show a line, in a terminal over the last one."""
        if not self.is_shown or self.stream is None:
            return
        if self.is_terminal:
            end = "\n" if is_last else ""
            self.stream.write(f"\r{line.ljust(self._width)}{end}")
            self._width = len(line)
        else:
            self.stream.write(f"{line}\n")
        self.stream.flush()


def duration(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
