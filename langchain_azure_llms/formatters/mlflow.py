"""MLflow models: the schema of today's model catalogue."""

from __future__ import annotations

from typing import Any

from langchain_azure_llms.formatters.score import ScoreContentFormatter


class MLflowContentFormatter(ScoreContentFormatter):
    """For MLflow deployments: `{"input_data": [prompt], "params": {...}}`.

    The response is `[text]`. This is the form that the model catalogue's cards of Dolly, GPT-2,
    BART and similar models show today.
    """

    expected_response = "[text]"

    def payload(self, prompt: str, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the request payload for a prompt."""
        return {"input_data": [prompt], "params": model_kwargs}
