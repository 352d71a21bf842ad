"""Models that follow OpenAI's schema, such as Llama, on dedicated and on serverless endpoints."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from langchain_core.outputs import Generation, GenerationChunk

from langchain_azure_llms.formatters.base import AzureMLEndpointApiType, ContentFormatterBase
from langchain_azure_llms.formatters.score import parse_score
from langchain_azure_llms.openai_api import completions
from langchain_azure_llms.openai_api.choices import ANY_NUMBER
from langchain_azure_llms.openai_api.json_body import encode_json
from langchain_azure_llms.openai_api.llm_output import with_usage
from langchain_azure_llms.openai_api.stream import OPENAI_ENDING


class CustomOpenAIContentFormatter(ContentFormatterBase):
    """For models with OpenAI's schema.

    * dedicated: `{"input_data": {"input_string": [prompt], "parameters": {...}}}`
    * serverless: `{"prompt": prompt, ...}`, and it streams

    The responses are `[{"0": text}]` or `{"output": text, ...}`, and OpenAI's text completion.
    Sources: the model cards of Llama 2 and similar models; what Microsoft's model server answers
    today; Microsoft's pages on serverless deployments.
    """

    stream_end_marker = OPENAI_ENDING.marker

    @property
    def supported_api_types(self) -> Sequence[AzureMLEndpointApiType]:
        """Both."""
        return [AzureMLEndpointApiType.dedicated, AzureMLEndpointApiType.serverless]

    @property
    def streaming_api_types(self) -> Sequence[AzureMLEndpointApiType]:
        """Serverless endpoints stream."""
        return [AzureMLEndpointApiType.serverless]

    def format_request_payload(
        self,
        prompt: str,
        model_kwargs: dict[str, Any],
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.dedicated,
    ) -> bytes:
        """Return the request body for a prompt.

        Raises:
            ConfigurationError: If a model argument is not JSON.
        """
        if api_type == AzureMLEndpointApiType.serverless:
            return completions.build_payload(prompt, model_kwargs)
        return encode_json({"input_data": {"input_string": [prompt], "parameters": model_kwargs}})

    def format_response_payload(
        self,
        output: bytes,
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.dedicated,
    ) -> Generation | list[Generation]:
        """Return the completion; of a serverless endpoint, all completions of the prompt.

        Raises:
            ResponseFormatError: If there is none.
        """
        reader = type(self).__name__
        if api_type == AzureMLEndpointApiType.serverless:
            return with_usage(completions.parse_response(output, n=ANY_NUMBER, reader=reader))
        return parse_score(output, reader, '[{"0": text}]')

    def format_stream_event(
        self,
        data: str,
        api_type: AzureMLEndpointApiType = AzureMLEndpointApiType.serverless,  # noqa: ARG002 - the base's
    ) -> GenerationChunk:
        """Return what an event of a stream adds.

        Raises:
            ResponseFormatError: If it is not JSON.
        """
        return completions.parse_event(data, type(self).__name__).chunk()


class LlamaContentFormatter(CustomOpenAIContentFormatter):
    """Deprecated name of `CustomOpenAIContentFormatter`."""

    def __init__(self) -> None:
        warnings.warn(
            "LlamaContentFormatter is deprecated: use CustomOpenAIContentFormatter, which does "
            "the same.",
            DeprecationWarning,
            stacklevel=2,
        )
