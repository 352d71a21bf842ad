"""Chat models on dedicated endpoints, behind `/score`."""

from __future__ import annotations

from typing import Any

from langchain_azure_llms.formatters.score import ScoreContentFormatter


class DedicatedChatContentFormatter(ScoreContentFormatter):
    """For chat models of the catalogue on dedicated endpoints, with the prompt as user message.

    `{"input_data": {"input_string": [{"role": "user", "content": prompt}], "parameters": {...}}}`

    The response is `{"output": text}`. Sources: the model cards of chat models in Azure ML's
    catalogue, and Microsoft's azureml-examples, `sample_chat_completions_score.json`.
    """

    expected_response = '{"output": text}'

    def payload(self, prompt: str, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the request payload for a prompt."""
        messages = [{"role": "user", "content": prompt}]
        return {"input_data": {"input_string": messages, "parameters": model_kwargs}}
