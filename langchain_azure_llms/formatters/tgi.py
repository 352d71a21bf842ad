"""Hugging Face's Text Generation Inference, in a container of your own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.outputs import GenerationChunk

from langchain_azure_llms.formatters.base import AzureMLEndpointApiType
from langchain_azure_llms.formatters.score import ScoreContentFormatter
from langchain_azure_llms.openai_api.json_body import decode_json, unexpected


class TGIContentFormatter(ScoreContentFormatter):
    """For Text Generation Inference: `{"inputs": prompt, "parameters": {...}}`, and it streams.

    The response is `{"generated_text": text}`, or a list of it; each event of a stream has the text
    of one token. Source: Hugging Face, "Text Generation Inference", API reference, `/generate` and
    `/generate_stream`.
    """

    expected_response = '{"generated_text": text}'

    @property
    def streaming_api_types(self) -> Sequence[AzureMLEndpointApiType]:
        """Dedicated endpoints stream."""
        return [AzureMLEndpointApiType.dedicated]

    def payload(self, prompt: str, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the request payload for a prompt."""
        params = {name: value for name, value in model_kwargs.items() if name != "stream"}
        stream = {"stream": True} if model_kwargs.get("stream") else {}
        return {"inputs": prompt, "parameters": params, **stream}

    def format_stream_event(
        self,
        data: str,
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.dedicated,  # noqa: ARG002 - the base's
    ) -> GenerationChunk:
        """Return the text of one token; special tokens, such as the end of the text, have none.

        Raises:
            ResponseFormatError: If there is no token.
        """
        value = decode_json(data, type(self).__name__)
        token = value.get("token") if isinstance(value, dict) else None
        if not isinstance(token, dict) or not isinstance(token.get("text"), str):
            unexpected(data, type(self).__name__, 'an event with a "token"')
        details = value.get("details")
        finish = details.get("finish_reason") if isinstance(details, dict) else None
        text = "" if token.get("special") else token["text"]
        return GenerationChunk(
            text=text, generation_info={"finish_reason": finish} if finish else None
        )
