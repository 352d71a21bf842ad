"""Chat completions: reading a request, shaping what the model produced."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_azure_llms.local._answer import AnsweredInChoices
from langchain_azure_llms.local._fields import Fields, InvalidFieldError
from langchain_azure_llms.local._pieces import Outcome, Piece, Task
from langchain_azure_llms.local._sampling import MOST_TOKENS, candidates, read_sampling, read_seed

DEFAULT_MAX_TOKENS = 256
"""Azure has no limit but the context's; the local model sometimes never stops, so it has one."""

_MOST_CHOICES = 128
_MOST_LOGPROBS = 20
# The model's own template knows the older name only.
_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
}


@dataclass(frozen=True, kw_only=True)
class ChatCall(AnsweredInChoices):
    """A parsed request for chat completions (see `Call` and `ChoicesCall`)."""

    prompt_field: ClassVar[str] = "messages"
    id_prefix: ClassVar[str] = "chatcmpl-"
    answer_object: ClassVar[str] = "chat.completion"
    event_object: ClassVar[str] = "chat.completion.chunk"
    prompt_count: ClassVar[int] = 1

    messages: list[dict[str, str]]
    n: int
    stream: bool
    include_usage: bool
    seed: int | None
    sampling: dict[str, Any]

    @property
    def candidates(self) -> int:
        """Texts to generate for the conversation."""
        return self.n

    def tasks(self) -> list[Task]:
        """Return one task for each choice."""
        body = {**self.sampling, "messages": self.messages}
        return [Task("chat", choice) for choice in candidates(body, self.n, self.seed)]

    def choices(self, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
        """Shape each outcome into a choice."""
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
        """Shape a piece: the first event of a choice tells the role, the last one why it ended."""
        if before.pieces and not piece.text and piece.finish_reason is None:
            return None
        delta: dict[str, Any] = {} if before.pieces else {"role": "assistant", "content": ""}
        if piece.text:
            delta["content"] = piece.text
        return {
            "index": number,
            "finish_reason": piece.finish_reason,
            "logprobs": _logprobs(piece.logprobs),
            "delta": delta,
        }


def read_chat_call(body: Any) -> ChatCall:
    """Read the body of a request for chat completions.

    Raises:
        InvalidFieldError: When a field has a wrong type or value.
    """
    fields = Fields(body)
    sampling = read_sampling(fields)
    # The newer name is the only one that reasoning models take; both mean the same here.
    limits = [
        fields.integer(name, 1, MOST_TOKENS) for name in ("max_completion_tokens", "max_tokens")
    ]
    sampling["max_tokens"] = limits[0] or limits[1] or DEFAULT_MAX_TOKENS
    if fields.flag("logprobs"):
        sampling["logprobs"] = True
        sampling["top_logprobs"] = fields.integer("top_logprobs", 0, _MOST_LOGPROBS) or 0
    return ChatCall(
        messages=read_messages(fields.get("messages")),
        n=fields.integer("n", 1, _MOST_CHOICES) or 1,
        stream=fields.flag("stream"),
        include_usage=fields.object("stream_options").flag("include_usage"),
        seed=read_seed(fields),
        sampling=sampling,
    )


def read_messages(messages: Any) -> list[dict[str, str]]:
    """Read a conversation: every message has a role and text.

    Raises:
        InvalidFieldError: When it is not a non-empty list of such messages.
    """
    if not isinstance(messages, list) or not messages:
        raise InvalidFieldError("messages must be a list of at least one message.", "messages")
    return [_read_message(Fields(message)) for message in messages]


def _read_message(message: Fields) -> dict[str, str]:
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        known = ", ".join(_ROLES)
        raise InvalidFieldError(f"The role of a message must be one of {known}.", "messages")
    return {"role": _ROLES[role], "content": _read_content(message.get("content"))}


def _read_content(content: Any) -> str:
    """Read text, or a list of text parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [None]
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidFieldError("The content of a message must be text.", "messages")
    return "".join(str(text) for text in texts)


def without_ids(tokens: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep of llama.cpp's tokens what Azure has: all but the token ids."""
    return [_without_id(token) for token in tokens]


def _logprobs(tokens: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    return {"content": without_ids(tokens), "refusal": None} if tokens else None


def _without_id(token: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in token.items() if name != "id"}
    if "top_logprobs" in kept:
        kept["top_logprobs"] = without_ids(kept["top_logprobs"])
    return kept
