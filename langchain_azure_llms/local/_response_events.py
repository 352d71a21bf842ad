"""The typed events of a streamed response. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from langchain_azure_llms.local._chat import without_ids
from langchain_azure_llms.local._json import dumps
from langchain_azure_llms.local._pieces import Outcome, Piece
from langchain_azure_llms.local._response_object import ResponseObject, final_status, part


@dataclass
class ResponseEvents:
    """The server-sent events of one response (see `Events`).

    Every event has a name, and its number in the stream; no `[DONE]` follows the last one.
    """

    response: ResponseObject
    _outcome: Outcome = field(init=False, default_factory=Outcome)
    _numbers: "count[int]" = field(init=False, default_factory=count)

    def opening(self) -> Iterator[str]:
        """Yield the beginnings: of the response, its message, and the message's text."""
        yield self._event("response.created", response=self.response.begun())
        yield self._event("response.in_progress", response=self.response.begun())
        yield self._item_event("response.output_item.added", self.response.item("in_progress", []))
        yield self._text_event("response.content_part.added", part=part(""))

    def piece(self, number: int, piece: Piece) -> Iterator[str]:  # noqa: ARG002 (there is one task)
        """Yield the event for a piece that has text."""
        self._outcome.add(piece)
        if piece.text:
            logprobs = without_ids(piece.logprobs)
            yield self._text_event(
                "response.output_text.delta", delta=piece.text, logprobs=logprobs
            )

    def closing(self) -> Iterator[str]:
        """Yield the ends: of the text, the message, and the response."""
        status, content = (
            final_status(self._outcome),
            part(self._outcome.text, self._outcome.logprobs),
        )
        whole = {"text": content["text"], "logprobs": content["logprobs"]}
        yield self._text_event("response.output_text.done", **whole)
        yield self._text_event("response.content_part.done", part=content)
        yield self._item_event("response.output_item.done", self.response.item(status, [content]))
        yield self._event(f"response.{status}", response=self.response.finished(self._outcome))

    def failure(self, message: str) -> str:
        """Return the event that ends the stream when the model failed."""
        return self._event("response.failed", response=self.response.failed(message))

    def _text_event(self, kind: str, **payload: Any) -> str:
        place = {"item_id": self.response.item_id, "output_index": 0, "content_index": 0}
        return self._event(kind, **place, **payload)

    def _item_event(self, kind: str, item: dict[str, Any]) -> str:
        return self._event(kind, output_index=0, item=item)

    def _event(self, kind: str, **payload: Any) -> str:
        event = {"type": kind, "sequence_number": next(self._numbers), **payload}
        return f"event: {kind}\ndata: {dumps(event)}\n\n"
