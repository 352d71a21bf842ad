"""Whole answers and stream events in choices, with what Azure adds around them. No I/O."""

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_azure_llms.local._call import MODEL, ChoicesCall, Events
from langchain_azure_llms.local._json import dumps
from langchain_azure_llms.local._pieces import Outcome, Piece, total_usage

STREAM_END = "data: [DONE]\n\n"

_CATEGORIES = ("hate", "self_harm", "sexual", "violence")


class AnsweredInChoices:
    """How completions and chat are answered; the rest of `Call` is their own."""

    def whole(
        self: ChoicesCall, outcomes: Sequence[Outcome], *, filters: bool, model: str = MODEL
    ) -> dict[str, Any]:
        """Shape what the tasks produced into a whole answer."""
        return whole_answer(self, outcomes, filters=filters, model=model)

    def events(self: ChoicesCall, *, filters: bool, model: str = MODEL) -> Events:
        """Return the maker of the answer's events."""
        return EventStream(self, filters, model)


def whole_answer(
    call: ChoicesCall, outcomes: Sequence[Outcome], *, filters: bool, model: str = MODEL
) -> dict[str, Any]:
    """Shape a whole answer.

    Args:
        call: The request.
        outcomes: What its tasks produced.
        filters: Whether the service tells what its content filter found, as Azure OpenAI does.
        model: The name of the model that answers.
    """
    choices = call.choices(outcomes)
    answer = _head(call.id_prefix, call.answer_object, model)
    if filters:
        choices = [{**choice, "content_filter_results": nothing_found()} for choice in choices]
        answer["prompt_filter_results"] = [_prompt_filter(i) for i in range(call.prompt_count)]
    return {**answer, "choices": choices, "usage": total_usage(outcomes, call.candidates)}


@dataclass
class EventStream:
    """The server-sent events of one answer in choices (see `Events`)."""

    call: ChoicesCall
    filters: bool
    model: str = MODEL
    outcomes: list[Outcome] = field(init=False)
    _head: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = [Outcome() for _ in self.call.tasks()]
        self._head = _head(self.call.id_prefix, self.call.event_object, self.model)
        if self.call.include_usage:
            self._head["usage"] = None  # on every event but the last, once it was asked for

    def opening(self) -> Iterator[str]:
        """Yield what comes before any text: one event per prompt, with its filter results."""
        if not self.filters:
            return
        for number in range(self.call.prompt_count):
            empty = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
            yield _event({**empty, "prompt_filter_results": [_prompt_filter(number)]})

    def piece(self, number: int, piece: Piece) -> Iterator[str]:
        """Yield the event for a piece of task `number`, when it has one."""
        choice = self.call.event_choice(number, piece, self.outcomes[number])
        self.outcomes[number].add(piece)
        if choice is None:
            return
        if self.filters:
            choice["content_filter_results"] = {} if piece.finish_reason else nothing_found()
        yield _event({**self._head, "choices": [choice]})

    def closing(self) -> Iterator[str]:
        """Yield what comes after the last text: the token counts when asked for, and the end."""
        if self.call.include_usage:
            usage = total_usage(self.outcomes, self.call.candidates)
            yield _event({**self._head, "choices": [], "usage": usage})
        yield STREAM_END

    @staticmethod
    def failure(message: str) -> str:
        """Return the event of an error after the 200 was sent."""
        error = {"message": message, "type": "server_error", "param": None, "code": None}
        return _event({"error": error})


def _head(id_prefix: str, kind: str, model: str) -> dict[str, Any]:
    return {
        "id": id_prefix + secrets.token_hex(14),
        "object": kind,
        "created": int(time.time()),
        "model": model,
    }


def _event(payload: dict[str, Any]) -> str:
    return f"data: {dumps(payload)}\n\n"


def nothing_found() -> dict[str, Any]:
    """Return the results of a content filter that found nothing."""
    return {category: {"filtered": False, "severity": "safe"} for category in _CATEGORIES}


def _prompt_filter(number: int) -> dict[str, Any]:
    return {"prompt_index": number, "content_filter_results": nothing_found()}
