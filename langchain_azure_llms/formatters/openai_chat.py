"""Endpoints that only have chat completions: serverless, or vLLM in a container of your own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.outputs import Generation, GenerationChunk

from langchain_azure_llms.formatters.base import AzureMLEndpointApiType, ContentFormatterBase
from langchain_azure_llms.openai_api import chat_completions
from langchain_azure_llms.openai_api.choices import ANY_NUMBER
from langchain_azure_llms.openai_api.llm_output import with_usage
from langchain_azure_llms.openai_api.stream import OPENAI_ENDING


class OpenAIChatContentFormatter(ContentFormatterBase):
    """For chat completions: `{"messages": [{"role": "user", "content": prompt}], ...}`.

    The response is OpenAI's chat completion. Sources: OpenAI's API reference, "Chat"; Microsoft,
    "Azure AI Model Inference REST API", "Get Chat Completions".
    """

    stream_end_marker = OPENAI_ENDING.marker

    @property
    def supported_api_types(self) -> Sequence[AzureMLEndpointApiType]:
        """Both: the schema is the same."""
        return [AzureMLEndpointApiType.dedicated, AzureMLEndpointApiType.serverless]

    @property
    def streaming_api_types(self) -> Sequence[AzureMLEndpointApiType]:
        """Both stream."""
        return self.supported_api_types

    def format_request_payload(
        self,
        prompt: str,
        model_kwargs: dict[str, Any],
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.serverless,  # noqa: ARG002 - the base's
    ) -> bytes:
        """Return the request body for a prompt.

        Raises:
            ConfigurationError: If a model argument is not JSON.
        """
        return chat_completions.build_payload(prompt, model_kwargs)

    def format_response_payload(
        self,
        output: bytes,
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.serverless,  # noqa: ARG002 - the base's
    ) -> Generation | list[Generation]:
        """Return all completions of the prompt.

        Raises:
            ResponseFormatError: If there is none.
        """
        reader = type(self).__name__
        return with_usage(chat_completions.parse_response(output, ANY_NUMBER, reader))

    def format_stream_event(
        self,
        data: str,
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.serverless,  # noqa: ARG002 - the base's
    ) -> GenerationChunk:
        """Return what an event of a stream adds.

        Raises:
            ResponseFormatError: If it is not JSON.
        """
        return chat_completions.parse_event(data, type(self).__name__).chunk()
