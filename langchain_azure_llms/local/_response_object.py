"""The `response` object of the Responses API, in each of its states. No I/O."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_azure_llms.local._answer import nothing_found
from langchain_azure_llms.local._call import MODEL
from langchain_azure_llms.local._chat import without_ids
from langchain_azure_llms.local._pieces import Outcome, total_usage

Status = Literal["in_progress", "completed", "incomplete", "failed"]


def _id_of(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(25)}"


@dataclass(frozen=True)
class ResponseObject:
    """One answer, with one message in it.

    Attributes:
        repeated: What the request asked for, which every answer repeats.
        filters: Whether to tell what the content filter found.
        model: The name of the model that answers.
        id: The response's id.
        item_id: The message's id.
        created_at: When it began.
    """

    repeated: dict[str, Any]
    filters: bool
    model: str = MODEL
    id: str = field(default_factory=lambda: _id_of("resp"))
    item_id: str = field(default_factory=lambda: _id_of("msg"))
    created_at: int = field(default_factory=lambda: int(time.time()))

    def begun(self) -> dict[str, Any]:
        """Return the response before there is any text."""
        return self._in_state("in_progress")

    def finished(self, outcome: Outcome) -> dict[str, Any]:
        """Return the response with all of its text."""
        status = final_status(outcome)
        cut = {"reason": "max_output_tokens"} if status == "incomplete" else None
        filtered = [_filter_of("prompt"), _filter_of("completion")] if self.filters else None
        return self._in_state(
            status,
            content_filters=filtered,
            incomplete_details=cut,
            output=[self.item(status, [part(outcome.text, outcome.logprobs)])],
            usage=_usage(outcome),
        )

    def failed(self, message: str) -> dict[str, Any]:
        """Return the response that came to nothing."""
        return self._in_state("failed", error={"code": "server_error", "message": message})

    def item(self, status: Status, content: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the message, the one item of the output."""
        return {
            "type": "message",
            "id": self.item_id,
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def _in_state(self, status: Status, **known: Any) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "background": False,
            "content_filters": None,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": [],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "tool_choice": "auto",
            "tools": [],
            "truncation": "disabled",
            "usage": None,
            **self.repeated,
            **known,
        }


def final_status(outcome: Outcome) -> Literal["completed", "incomplete"]:
    """Return how the text ended: by itself, or at the limit."""
    return "incomplete" if outcome.finish_reason == "length" else "completed"


def part(text: str, logprobs: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return a message's text, with the tokens' log-probabilities where they were asked for."""
    return {
        "type": "output_text",
        "text": text,
        "annotations": [],
        "logprobs": without_ids(logprobs),
    }


def _usage(outcome: Outcome) -> dict[str, Any]:
    counts = total_usage([outcome], 1)
    return {
        "input_tokens": counts["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": counts["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counts["total_tokens"],
    }


def _filter_of(source: Literal["prompt", "completion"]) -> dict[str, Any]:
    return {"blocked": False, "source_type": source, "content_filter_results": nothing_found()}
