"""Which of an LLM's settings count for what."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from langchain_core.language_models.llms import BaseLLM

OPERATIONAL = frozenset(
    {
        "allow_plain_http",
        "allowed_special",
        "batch_size",
        "cache",
        "callbacks",
        "custom_get_token_ids",
        "disallowed_special",
        "http_async_client",
        "http_client",
        "max_concurrency",
        "max_retries",
        "metadata",
        "name",
        "openai_proxy",
        "request_timeout",
        "retry_policy",
        "stream_usage",
        "streaming",
        "tags",
        "tiktoken_model_name",
        "timeout",
        "verbose",
    }
)
"""Settings that do not change what an endpoint answers."""
HOLDS_SECRET = frozenset({"openai_proxy"})
"""Settings that are texts, and may have a password within."""


@lru_cache(maxsize=32)
def settings_alone(cls: type[Any]) -> frozenset[str]:
    """Return the names, aliases too, of settings that are no arguments of a call."""
    own = {n: f for n, f in cls.model_fields.items() if n not in BaseLLM.model_fields}
    aliases = {field.alias for field in own.values() if field.alias}
    found: frozenset[str] = frozenset({*own, *aliases}) - cls.call_arguments
    return found


@lru_cache(maxsize=32)
def telling(cls: type[Any], *secrets: str) -> tuple[str, ...]:
    """Return the names of the settings that change answers."""
    left_out = {*OPERATIONAL, *secrets, *cls.shared_resources}
    return tuple(name for name in cls.model_fields if name not in left_out)
