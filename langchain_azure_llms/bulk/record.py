"""What came of one prompt: a flat record that files, Arrow, pandas and Spark take as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from langchain_core.outputs import Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRecord:
    """What came of one prompt: its text, or the error in its place.

    Attributes:
        id: The prompt's own id; its number, counted from 0, where it has none.
        text: The completion, the first one where several were asked for; None after an error.
        finish_reason: Why the completion ended (`"stop"`, `"length"`), if the service said so.
        model: The model's name, if the service told it.
        prompt_tokens: Tokens of the prompt, if the service counted them. Where several prompts
            shared a request the service counts them together: each record has its share by length,
            and the shares of a request add up to what was billed.
        completion_tokens: Tokens of the completion, likewise.
        total_tokens: Both, likewise.
        cached_tokens: Those of the prompt's tokens that the service had cached.
        reasoning_tokens: Those of the completion's tokens that the model reasoned with.
        error: The class name of the error; None for an answer.
        error_message: What the error says.
        status_code: The HTTP status of the error, where there was one.
        is_retryable: Whether asking again may help; None for an answer.
        attempts: How often the prompt was sent, without those times that a rate limit refused.
        seconds: Time from the first sending to the record.
    """

    id: str | int
    text: str | None = None
    finish_reason: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    error: str | None = None
    error_message: str | None = None
    status_code: int | None = None
    is_retryable: bool | None = None
    attempts: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the record as a mapping, in the order of its attributes."""
        return {name: getattr(self, name) for name in RECORD_KEYS}


RECORD_KEYS = tuple(field.name for field in fields(PromptRecord))
"""The keys of a record, in files too."""


def answered(
    prompt_id: str | int,
    generations: Sequence[Generation],
    usage: Mapping[str, int],
    model: str | None = None,
    attempts: int = 1,
    seconds: float = 0.0,
) -> PromptRecord:
    """Return the record of a prompt that was completed.

    Args:
        prompt_id: The prompt's id.
        generations: Its generations, of which the first one counts.
        usage: Its token counts, by the names that records have for them.
        model: The model's name.
        attempts: How often it was sent.
        seconds: How long that took.
    """
    first = generations[0]
    reason = (first.generation_info or {}).get("finish_reason")
    return PromptRecord(
        id=prompt_id,
        text=first.text,
        finish_reason=reason if isinstance(reason, str) else None,
        model=model,
        attempts=attempts,
        seconds=seconds,
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        total_tokens=usage.get("total_tokens"),
        cached_tokens=usage.get("cached_tokens"),
        reasoning_tokens=usage.get("reasoning_tokens"),
    )


def failed(
    prompt_id: str | int, error: BaseException, *, attempts: int = 0, seconds: float = 0.0
) -> PromptRecord:
    """Return the record of a prompt in whose place there is an error."""
    return PromptRecord(
        id=prompt_id,
        error=type(error).__name__,
        error_message=str(error),
        status_code=getattr(error, "status_code", None),
        is_retryable=bool(getattr(error, "is_retryable", False)),
        attempts=attempts,
        seconds=seconds,
    )
