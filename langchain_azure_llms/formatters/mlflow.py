"""MLflow models, the form of today's model catalogue."""

from __future__ import annotations

from typing import Any

from langchain_azure_llms.formatters._score import ScoreContentFormatter


class MLflowContentFormatter(ScoreContentFormatter):
    """For MLflow deployments: `{"input_data": [prompt], "params": {...}}`.

    The answer is `[text]`. That is the form which the model catalogue's cards of Dolly, GPT-2, BART
    and their like show today.
    """

    answer_form = "[text]"

    def payload(self, prompt: str, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the request payload for a prompt."""
        return {"input_data": [prompt], "params": model_kwargs}
