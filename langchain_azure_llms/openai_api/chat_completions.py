"""OpenAI's chat completions, with the prompt as one user message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_azure_llms._completion import CompletionResponse, StreamDelta
from langchain_azure_llms.openai_api import choices
from langchain_azure_llms.openai_api.json_body import encode_json, refuse_reserved
from langchain_azure_llms.openai_api.parameters import drop_unsupported, rename

READER = "The chat completions format"


def build_payload(prompt: str, params: dict[str, Any]) -> bytes:
    """Return the request body for a prompt.

    Raises:
        ConfigurationError: If a parameter is not JSON, or is named as the prompt's messages are.
    """
    refuse_reserved("messages", params)
    return encode_json({"messages": [{"role": "user", "content": prompt}], **params})


def translate_parameters(
    given: Mapping[str, Any], *, limit: str = "max_completion_tokens"
) -> dict[str, Any]:
    """Return the parameters of a text completion under this API's names.

    Args:
        given: The parameters.
        limit: The name of the limit on tokens. `max_completion_tokens` replaced `max_tokens` in
            API version 2024-09-01-preview, and reasoning models accept no other name
            (Microsoft, "Azure OpenAI reasoning models").

    Raises:
        ConfigurationError: If this API has no such parameter.
    """
    params = drop_unsupported(given, ("best_of", "echo", "suffix"), READER)
    count = params.get("logprobs")
    if isinstance(count, int) and not isinstance(count, bool):
        params = {**({"top_logprobs": count} if count else {}), **params, "logprobs": True}
    return rename(params, "max_tokens", limit)


def parse_response(body: bytes, n: int = 1, reader: str = READER) -> CompletionResponse:
    """Return the response to a request that asked for `n` completions.

    Raises:
        ResponseFormatError: If it is not a chat completion.
    """
    return choices.parse_response(body, _message_of, prompts=1, n=n, reader=reader)


def parse_event(data: str, reader: str = READER) -> StreamDelta:
    """Return what an event of a stream adds.

    Raises:
        ResponseFormatError: If it is not JSON.
    """
    return choices.parse_event(data, _delta_of, reader)


def _message_of(choice: dict[str, Any]) -> Any:
    return _content_of(choice.get("message"))


def _delta_of(choice: dict[str, Any]) -> Any:
    return _content_of(choice.get("delta"))


def _content_of(message: Any) -> Any:
    """Return the message's content, or its refusal; of a list of parts, the texts.

    Reasoning models of other makers answer with parts: thinking, then text (Mistral, "Reasoning").
    """
    if not isinstance(message, dict):
        return choices.NO_TEXT
    content = message.get("content")
    if isinstance(content, list):
        return "".join(map(_text_of_part, content))
    return message.get("refusal") if content is None else content


def _text_of_part(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else ""
