"""What goes into the model and what comes out, in terms of no wire format."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple


class EngineError(Exception):
    """The model refused a task (4xx) or failed at it (5xx).

    Attributes:
        status: The HTTP status that says so.
        kind: llama.cpp's name for the error; empty when it gave none.
    """

    def __init__(self, status: int, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind

    @property
    def exceeds_context(self) -> bool:
        """Whether the prompt is longer than the model's context."""
        return self.kind == "exceed_context_size_error"


@dataclass(frozen=True, slots=True)
class Task:
    """One text to generate. `operation` and `body` are in llama.cpp's terms."""

    operation: Literal["completions", "chat"]
    body: dict[str, Any]


class Usage(NamedTuple):
    """Token counts of one task."""

    prompt_tokens: int
    completion_tokens: int


NO_USAGE = Usage(0, 0)


@dataclass(frozen=True, slots=True)
class Piece:
    """What the model produced in one step; the last ones say why it ended and what it took."""

    text: str = ""
    logprobs: tuple[dict[str, Any], ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None


@dataclass(slots=True)
class Outcome:
    """All the pieces of one task so far."""

    text: str = ""
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Usage = NO_USAGE
    pieces: int = 0

    def add(self, piece: Piece) -> None:
        """Append the next piece."""
        self.text += piece.text
        self.logprobs += piece.logprobs
        self.finish_reason = piece.finish_reason or self.finish_reason
        self.usage = piece.usage or self.usage
        self.pieces += 1

    @property
    def mean_logprob(self) -> float:
        """Mean log-probability per token: what `best_of` ranks by."""
        total = sum(float(token["logprob"]) for token in self.logprobs)
        return total / max(1, len(self.logprobs))


def read_chunk(chunk: dict[str, Any]) -> Piece:
    """Read one chunk of llama.cpp's stream, of either operation.

    Raises:
        EngineError: When the chunk reports an error.
    """
    if "error" in chunk:
        error = chunk["error"]
        raise EngineError(int(error["code"]), error["message"], error.get("type", ""))
    counts = chunk.get("usage")
    usage = Usage(counts["prompt_tokens"], counts["completion_tokens"]) if counts else None
    if not chunk["choices"]:
        return Piece(usage=usage)
    choice = chunk["choices"][0]
    # A completion carries `text`; chat carries a `delta`, whose content is null beside the role.
    text = choice.get("text") or choice.get("delta", {}).get("content") or ""
    logprobs = (choice.get("logprobs") or {}).get("content") or ()
    return Piece(text, tuple(logprobs), choice["finish_reason"], usage)


def total_usage(outcomes: Sequence[Outcome], candidates: int) -> dict[str, int]:
    """Sum the token counts as Azure does.

    Args:
        outcomes: One per task; `candidates` neighbours share one prompt.
        candidates: Texts generated per prompt. Discarded ones are counted too.
    """
    prompt = sum(outcome.usage.prompt_tokens for outcome in outcomes[::candidates])
    completion = sum(outcome.usage.completion_tokens for outcome in outcomes)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
