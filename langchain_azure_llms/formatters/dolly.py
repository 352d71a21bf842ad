"""Databricks' Dolly v2."""

from __future__ import annotations

from typing import Any

from langchain_azure_llms.formatters.score import ScoreContentFormatter


class DollyContentFormatter(ScoreContentFormatter):
    """For Dolly v2: `{"input_data": {"input_string": [prompt]}, "parameters": {...}}`.

    The response is `[text]`. The schema is that of langchain-community's class of this name;
    today's model card shows that of `MLflowContentFormatter`.
    """

    expected_response = "[text]"

    def payload(self, prompt: str, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the request payload for a prompt."""
        return {"input_data": {"input_string": [prompt]}, "parameters": model_kwargs}
