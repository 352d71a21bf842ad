"""Chat completions: reading a request, shaping what the model produced."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_azure_llms.local._choices import ChoicesCall
from langchain_azure_llms.local._generation import Outcome, Piece
from langchain_azure_llms.local._parameters import (
    MOST_TOKENS,
    Fields,
    candidates,
    read_messages,
    read_sampling,
    read_seed,
)

DEFAULT_MAX_TOKENS = 256
"""Azure has no limit but the context's; the local model sometimes never stops, so it has one."""


@dataclass(frozen=True, kw_only=True)
class ChatCall(ChoicesCall):
    """A request for chat completions."""

    prompt_field: ClassVar[str] = "messages"
    id_prefix: ClassVar[str] = "chatcmpl-"
    answer_object: ClassVar[str] = "chat.completion"
    event_object: ClassVar[str] = "chat.completion.chunk"

    def choices(self, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
        """Return a choice for each outcome."""
        return [
            {
                "index": index,
                "finish_reason": outcome.finish_reason,
                "logprobs": _logprobs(outcome.logprobs),
                "message": {"role": "assistant", "content": outcome.text, "refusal": None},
            }
            for index, outcome in enumerate(outcomes)
        ]

    def event_choice(self, number: int, piece: Piece, before: Outcome) -> dict[str, Any] | None:
        """Return a piece: the first event of a choice tells the role, the last why it ended."""
        if before.pieces and not piece.text and piece.finish_reason is None:
            return None
        delta = {} if before.pieces else {"role": "assistant", "content": ""}
        if piece.text:
            delta["content"] = piece.text
        return {
            "index": number,
            "finish_reason": piece.finish_reason,
            "logprobs": _logprobs(piece.logprobs),
            "delta": delta,
        }


def read_chat(body: Any) -> ChatCall:
    """Read the body of a request for chat completions."""
    fields = Fields(body)
    task = {**read_sampling(fields), "messages": read_messages(fields.body.get("messages"))}
    # The newer name is the only one that reasoning models take; both mean the same here.
    newer = fields.get("max_completion_tokens", int, 1, MOST_TOKENS)
    older = fields.get("max_tokens", int, 1, MOST_TOKENS)
    task["max_tokens"] = newer or older or DEFAULT_MAX_TOKENS
    if fields.get("logprobs", bool):
        task |= {"logprobs": True, "top_logprobs": fields.get("top_logprobs", int, 0, 20) or 0}
    n = fields.get("n", int, 1, 128) or 1
    return ChatCall(
        tasks=candidates(task, n, read_seed(fields)),
        stream=bool(fields.get("stream", bool)),
        candidates=n,
        include_usage=bool(fields.object("stream_options").get("include_usage", bool)),
    )


def without_ids(tokens: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep of llama.cpp's tokens what Azure has: all but the token ids, also of their rivals."""
    kept = [{name: token[name] for name in token if name != "id"} for token in tokens]
    for token in kept:
        if "top_logprobs" in token:
            token["top_logprobs"] = without_ids(token["top_logprobs"])
    return kept


def _logprobs(tokens: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    return {"content": without_ids(tokens), "refusal": None} if tokens else None
