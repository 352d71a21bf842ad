"""GPT-2 and other text-generation models of the older model catalogue."""

from __future__ import annotations

import warnings
from typing import Any

from langchain_azure_llms.formatters.score import ScoreContentFormatter


class GPT2ContentFormatter(ScoreContentFormatter):
    """For GPT-2 and similar models: `{"inputs": {"input_string": [prompt]}, "parameters": {...}}`.

    The response is `[{"0": text}]`. The schema is that of langchain-community's class of this name,
    for models deployed in 2023; a server that refuses `inputs` expects that of
    `MLflowContentFormatter`.
    """

    expected_response = '[{"0": text}]'

    def payload(self, prompt: str, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the request payload for a prompt."""
        return {"inputs": {"input_string": [prompt]}, "parameters": model_kwargs}


class OSSContentFormatter(GPT2ContentFormatter):
    """Deprecated name of `GPT2ContentFormatter`."""

    def __init__(self) -> None:
        warnings.warn(
            "OSSContentFormatter is deprecated: use GPT2ContentFormatter, which does the same.",
            DeprecationWarning,
            stacklevel=2,
        )
