"""A warning where a completion is empty because its limit on tokens was used up."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from langchain_core.outputs import Generation

from langchain_azure_llms._redaction import public_url
from langchain_azure_llms.http.request import HttpRequest

_logger = logging.getLogger("langchain_azure_llms")
_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens", "max_new_tokens")


def warn_of_empty_text(
    generation: Generation, output: Mapping[str, Any], request: HttpRequest
) -> None:
    """Log, at WARNING, that a limit left no room for text: reasoning counts, and is not returned.

    Args:
        generation: A generation without a text.
        output: The `llm_output` of its response.
        request: What was sent.
    """
    if (generation.generation_info or {}).get("finish_reason") != "length":
        return
    usage = output.get("token_usage", {})
    details = usage.get("completion_tokens_details") or {}
    _logger.warning(
        "%s: a completion is empty, for its limit (%s) was used up: %s of %s tokens went into "
        "reasoning. Raise the limit, or lower reasoning_effort.",
        public_url(request.url),
        _limit_of(request.body),
        details.get("reasoning_tokens", "an unknown number"),
        usage.get("completion_tokens", "an unknown number of"),
    )


def _limit_of(body: bytes) -> str:
    """Return the limit that a request had, by its own name."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    for name in _LIMITS:
        if isinstance(found, dict) and name in found:
            return f"{name}={found[name]}"
    return "the model's own"
