"""GPT-2 and other text-generation models of the older model catalogue."""

from __future__ import annotations

import warnings
from typing import Any

from langchain_azure_llms.formatters._score import ScoreContentFormatter


class GPT2ContentFormatter(ScoreContentFormatter):
    """For GPT-2 and its like: `{"inputs": {"input_string": [prompt]}, "parameters": {...}}`."""

    answer_form = '[{"0": text}]'

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
