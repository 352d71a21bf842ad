"""OpenAI's text completions: `{"prompt": ...}` -> `{"choices": [{"text": ...}]}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_azure_llms._completion import CompletionResponse, StreamDelta
from langchain_azure_llms.openai_api import choices
from langchain_azure_llms.openai_api.json_body import encode_json, refuse_reserved

READER = "The completions format"


def build_payload(prompt: str | list[str], params: dict[str, Any]) -> bytes:
    """Return the request body for a prompt, or for several.

    Raises:
        ConfigurationError: If a parameter is not JSON, or is named as the prompt is.
    """
    refuse_reserved("prompt", params)
    return encode_json({"prompt": prompt, **params})


def translate_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as they are: they are named after this API."""
    return dict(given)


def parse_response(
    body: bytes, prompts: int = 1, n: int = 1, reader: str = READER
) -> CompletionResponse:
    """Return the response to a request that carried `prompts` prompts and asked for `n` of each.

    Raises:
        ResponseFormatError: If it is not a completion, or a prompt has none.
    """
    return choices.parse_response(body, _text_of, prompts=prompts, n=n, reader=reader)


def parse_event(data: str, reader: str = READER) -> StreamDelta:
    """Return what an event of a stream adds.

    Raises:
        ResponseFormatError: If it is not JSON.
    """
    return choices.parse_event(data, _text_of, reader)


def _text_of(choice: dict[str, Any]) -> Any:
    return choice.get("text", choices.NO_TEXT)
