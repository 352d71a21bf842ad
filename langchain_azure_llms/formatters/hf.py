"""Text-generation models of the Hugging Face collection."""

from __future__ import annotations

from typing import Any

from langchain_azure_llms.formatters.score import ScoreContentFormatter


class HFContentFormatter(ScoreContentFormatter):
    """For Hugging Face models: `{"inputs": [prompt], "parameters": {...}}`.

    The response is `[{"0": {"generated_text": text}}]`, or another of those that `/score` returns.
    The schema is that of langchain-community's class of this name.
    """

    expected_response = '[{"0": {"generated_text": text}}]'

    def payload(self, prompt: str, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the request payload for a prompt."""
        return {"inputs": [prompt], "parameters": model_kwargs}
