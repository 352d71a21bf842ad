"""OpenAI's chat completions, with the prompt as one user message."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from langchain_azure_llms.formatters import _openai
from langchain_azure_llms.formatters._json import dump, refuse_own
from langchain_azure_llms.formatters._parameters import renamed, without_counterparts
from langchain_azure_llms.formatters.base import Answer, Event

READER = "The chat completions format"


def payload(prompt: str, params: dict[str, Any]) -> bytes:
    """Return the request body for a prompt.

    Raises:
        ConfigurationError: If a parameter is not JSON, or stands in the prompt's place.
    """
    refuse_own("messages", params)
    return dump({"messages": [{"role": "user", "content": prompt}], **params})


def parameters(given: Mapping[str, Any], *, limit: str = "max_completion_tokens") -> dict[str, Any]:
    """Return the parameters of a text completion in this form's words.

    Args:
        given: What the user set.
        limit: The name of the bound on tokens. `max_completion_tokens` took the place of
            `max_tokens` in API version 2024-09-01-preview, and reasoning models take no other
            (Microsoft, "Azure OpenAI reasoning models").

    Raises:
        ConfigurationError: If one of them has no counterpart.
    """
    params = without_counterparts(given, ("best_of", "echo", "suffix"), READER)
    count = params.get("logprobs")
    if isinstance(count, int) and not isinstance(count, bool):
        params = {**({"top_logprobs": count} if count else {}), **params, "logprobs": True}
    return renamed(params, "max_tokens", limit)


def read_answer(body: bytes, n: int = 1, reader: str = READER) -> Answer:
    """Return the answer to a request that asked for `n` completions.

    Raises:
        ResponseFormatError: If it is not a chat completion.
    """
    return _openai.read_answer(body, 1, n, _message_of, reader)


def read_event(data: str, reader: str = READER) -> Event:
    """Return what an event of a stream adds.

    Raises:
        ResponseFormatError: If it is not JSON.
    """
    return _openai.read_event(data, _delta_of, reader)


def _text_of(choice: dict[str, Any], reader: str, *, holder: str) -> str:
    """Return the message's content, or its refusal."""
    message = choice.get(holder)
    if not isinstance(message, dict):
        return _openai.no_text(choice, reader, event=holder == "delta")
    content = message.get("content")
    return _openai.plain_text(
        message.get("refusal") if content is None else content, choice, reader
    )


_message_of, _delta_of = (partial(_text_of, holder=holder) for holder in ("message", "delta"))
