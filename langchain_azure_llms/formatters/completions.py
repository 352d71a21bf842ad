"""OpenAI's text completions: `{"prompt": ...}` -> `{"choices": [{"text": ...}]}`."""

from __future__ import annotations

from functools import partial
from typing import Any

from langchain_azure_llms.formatters import _openai
from langchain_azure_llms.formatters._json import dump, refuse_own
from langchain_azure_llms.formatters.base import Answer, Event

READER = "The completions format"


def payload(prompt: str | list[str], params: dict[str, Any]) -> bytes:
    """Return the request body for a prompt, or for several.

    Raises:
        ConfigurationError: If a parameter is not JSON, or stands in the prompt's place.
    """
    refuse_own("prompt", params)
    return dump({"prompt": prompt, **params})


def read_answer(body: bytes, prompts: int = 1, n: int = 1, reader: str = READER) -> Answer:
    """Return the answer to a request that carried `prompts` prompts and asked for `n` of each.

    Choices are placed by their `index`, which counts `prompt x n`; their order is not fixed.

    Raises:
        ResponseFormatError: If it is not a completion, or a prompt has none.
    """
    return _openai.read_answer(body, prompts, n, _text_of, reader)


def read_event(data: str, reader: str = READER) -> Event:
    """Return what an event of a stream adds.

    Raises:
        ResponseFormatError: If it is not JSON.
    """
    return _openai.read_event(data, _event_text_of, reader)


def _text_of(choice: dict[str, Any], reader: str, *, event: bool = False) -> str:
    if "text" not in choice:
        return _openai.no_text(choice, reader, event=event)
    return _openai.plain_text(choice["text"], choice, reader)


_event_text_of = partial(_text_of, event=True)
