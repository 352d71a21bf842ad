"""Formatters for `/score`, and what scoring servers answer.

The same request is answered in several forms, depending on when the model was deployed: the older
servers of the model catalogue answer `[{"0": text}]`, today's
`{"output": [text], "finish_reason", ...}`, MLflow's own server wraps both into
`{"predictions": ...}`; containers of one's own answer as Ollama (`{"response": text}`), Triton
(`{"text_output": text}`, `{"outputs": [{"data": [text]}]}`) or OpenAI (`{"choices": [...]}`) do,
and custom score scripts as they like. All of them contain one text for the one prompt that was
sent.
"""

from __future__ import annotations

from typing import Any

from langchain_core.outputs import Generation

from langchain_azure_llms.formatters.base import AzureMLEndpointApiType, ContentFormatterBase
from langchain_azure_llms.openai_api.json_body import decode_json, encode_json, unexpected
from langchain_azure_llms.openai_api.llm_output import llm_output_of

_TEXT_KEYS = (
    "output",
    "predictions",
    "0",
    "generated_text",
    "summary_text",
    "translation_text",
    "text",
    "response",  # Ollama, "Generate a completion"
    "text_output",  # NVIDIA Triton, "Generate extension"
)
_MAX_DEPTH = 6
"""No known server nests deeper."""


class ScoreContentFormatter(ContentFormatterBase):
    """A formatter for `/score`; its subclasses define the request.

    Attributes:
        expected_response: The form that the response should have, for the error.
    """

    expected_response: str = ""

    def payload(self, prompt: str, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the request payload for a prompt."""
        raise NotImplementedError(f"{type(self).__name__} must define payload.")

    def format_request_payload(
        self,
        prompt: str,
        model_kwargs: dict[str, Any],
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.dedicated,  # noqa: ARG002 - the base's
    ) -> bytes:
        """Return the request body for a prompt.

        Raises:
            ConfigurationError: If a model argument is not JSON.
        """
        return encode_json(self.payload(prompt, model_kwargs))

    def format_response_payload(
        self,
        output: bytes,
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.dedicated,  # noqa: ARG002 - the base's
    ) -> Generation:
        """Return the text of a scoring response.

        Raises:
            ResponseFormatError: If it has none.
        """
        return parse_score(output, type(self).__name__, self.expected_response)


def parse_score(body: bytes, reader: str, expected: str) -> Generation:
    """Return the text of a scoring response.

    Args:
        body: The response body.
        reader: The formatter's class name, for the error.
        expected: The form that the response should have, for the error.

    Raises:
        ResponseFormatError: If no text is found.
    """
    value = decode_json(body, reader)
    if isinstance(value, dict) and value.get("error"):
        unexpected(body, reader, "no error beside the text")
    text = _find_text(value)
    if text is None:
        unexpected(body, reader, expected)
    return Generation(text=text, generation_info=_info_of(value) or None)


def _find_text(value: Any) -> str | None:
    for _ in range(_MAX_DEPTH):
        match value:
            case str():
                return value
            case [first, *_]:
                value = first
            case {"choices": [{"message": {"content": str() as text}}, *_]}:  # OpenAI's, by vLLM
                return text
            case {"choices": [{"text": str() as text}, *_]}:
                return text
            case {"outputs": [{"data": [str() as text, *_]}, *_]}:  # Triton, "Inference protocol"
                return text
            case dict():
                value = next((value[key] for key in _TEXT_KEYS if key in value), None)
            case _:
                return None
    return None


def _info_of(value: Any) -> dict[str, Any]:
    """Return what today's model server sends beside the text."""
    if not isinstance(value, dict):
        return {}
    finish = value.get("finish_reason")
    return {**({"finish_reason": finish} if finish is not None else {}), **llm_output_of(value)}
