"""Answers in choices, whole or streamed: what completions and chat completions share."""

import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_azure_llms.local._errors import EngineError, server_error
from langchain_azure_llms.local._generation import Outcome, Piece, Task

SAFE = {
    category: {"filtered": False, "severity": "safe"}
    for category in ("hate", "self_harm", "sexual", "violence")
}
"""The results of a content filter that found nothing."""

Pieces = AsyncIterator[tuple[int, Piece]]


@dataclass(frozen=True, kw_only=True)
class Call(ABC):
    """A request that was read: which texts to generate, and how to shape the answer.

    `filters` tells whether the service reports what its content filter found.
    """

    prompt_field: ClassVar[str]

    tasks: list[Task]
    stream: bool

    @abstractmethod
    def whole(self, outcomes: Sequence[Outcome], model: str, *, filters: bool) -> dict[str, Any]:
        """Return the whole answer; there is one outcome for each task."""

    @abstractmethod
    def events(self, pieces: Pieces, model: str, *, filters: bool) -> AsyncIterator[str]:
        """Yield the answer's server-sent events, as the tasks' pieces come."""


@dataclass(frozen=True, kw_only=True)
class ChoicesCall(Call):
    """A request for choices: `candidates` neighbouring tasks belong to each prompt."""

    id_prefix: ClassVar[str]
    answer_object: ClassVar[str]
    event_object: ClassVar[str]

    candidates: int
    include_usage: bool

    @abstractmethod
    def choices(self, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
        """Return the choices of a whole answer."""

    @abstractmethod
    def event_choice(self, number: int, piece: Piece, before: Outcome) -> dict[str, Any] | None:
        """Return a task's piece as an event's choice, if there is anything to tell."""

    def whole(self, outcomes: Sequence[Outcome], model: str, *, filters: bool) -> dict[str, Any]:
        """Return the whole answer."""
        answer, choices = self._head(self.answer_object, model), self.choices(outcomes)
        if filters:
            answer["prompt_filter_results"] = self._prompt_filters()
            choices = [{**choice, "content_filter_results": SAFE} for choice in choices]
        return {**answer, "choices": choices, "usage": self._usage(outcomes)}

    async def events(self, pieces: Pieces, model: str, *, filters: bool) -> AsyncIterator[str]:
        """Yield the events."""
        head = self._head(self.event_object, model)
        if self.include_usage:
            head["usage"] = None  # on every event but the last
        empty = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
        for result in self._prompt_filters() if filters else ():
            yield server_sent({**empty, "prompt_filter_results": [result]})
        outcomes = [Outcome() for _ in self.tasks]
        try:
            async for number, piece in pieces:
                choice = self.event_choice(number, piece, outcomes[number])
                outcomes[number].add(piece)
                if choice is not None:
                    if filters:
                        choice["content_filter_results"] = {} if piece.finish_reason else SAFE
                    yield server_sent({**head, "choices": [choice]})
        except EngineError as error:
            yield server_sent(server_error(str(error)).body)
            return
        if self.include_usage:
            yield server_sent({**head, "choices": [], "usage": self._usage(outcomes)})
        yield "data: [DONE]\n\n"

    def _head(self, kind: str, model: str) -> dict[str, Any]:
        answer_id, created = self.id_prefix + secrets.token_hex(14), int(time.time())
        return {"id": answer_id, "object": kind, "created": created, "model": model}

    def _prompt_filters(self) -> list[dict[str, Any]]:
        numbers = range(len(self.tasks) // self.candidates)
        return [{"prompt_index": number, "content_filter_results": SAFE} for number in numbers]

    def _usage(self, outcomes: Sequence[Outcome]) -> dict[str, int]:
        """Count each prompt once, and all candidates, also the discarded ones."""
        prompt = sum(outcome.usage[0] for outcome in outcomes[:: self.candidates])
        completion = sum(outcome.usage[1] for outcome in outcomes)
        total = prompt + completion
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": total,
        }


def server_sent(payload: dict[str, Any], name: str = "") -> str:
    """Return a server-sent event."""
    data = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n"
