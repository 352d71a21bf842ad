"""Log probabilities of tokens, in the shape that text completions have."""

from __future__ import annotations

from typing import Any


def completion_logprobs(logprobs: dict[str, Any]) -> dict[str, Any] | None:
    """Return those of a choice of a completion, or of a chat completion."""
    if "content" not in logprobs or "tokens" in logprobs:
        return logprobs
    content = logprobs["content"]
    return from_tokens(content) if isinstance(content, list) else None


def from_tokens(entries: list[Any]) -> dict[str, Any] | None:
    """Return the list of tokens of a chat or of Responses in the shape of text completions.

    It has no `text_offset`: a token's offset follows from the tokens before it.
    """
    tokens = [entry for entry in entries if isinstance(entry, dict)]
    if not tokens:
        return None
    return {
        "tokens": [token.get("token") for token in tokens],
        "token_logprobs": [token.get("logprob") for token in tokens],
        "top_logprobs": [_alternatives(token.get("top_logprobs")) for token in tokens],
    }


def _alternatives(entries: Any) -> dict[str, Any]:
    if not isinstance(entries, list):
        return {}
    known = (entry for entry in entries if isinstance(entry, dict))
    return {str(entry.get("token")): entry.get("logprob") for entry in known}
