"""The LLMs that recorded traffic comes from: every setting that decides about a request is here."""

from __future__ import annotations

from functools import partial
from typing import Any

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, RetryPolicy
from tests.cassettes.calls import Make
from tests.cassettes.places import Place, Wanted

NO_RETRIES = RetryPolicy(max_retries=0)
_FEW_TOKENS = 8


def azure_openai(place: Place, **settings: Any) -> Make:
    """Return what makes an LLM of Azure OpenAI, which asks for few tokens and always the same."""
    return partial(_azure_openai, place, settings)


def online_endpoint(place: Place, wanted: Wanted, **settings: Any) -> Make:
    """Return what makes an LLM of Azure ML, with the wanted path and formatter."""
    return partial(_online_endpoint, place, wanted, settings)


def _azure_openai(place: Place, settings: dict[str, Any], credential: Any = None) -> AzureOpenAI:
    base = {
        "azure_endpoint": place.url,
        "azure_deployment": place.deployment,
        "api_version": "2024-10-21",
        "temperature": 0,
        "max_tokens": _FEW_TOKENS,
        "retry_policy": NO_RETRIES,
    }
    who = {"api_key": place.key} if credential is None else {"credential": credential}
    return AzureOpenAI(**{**base, **who, **settings})


def _online_endpoint(
    place: Place, wanted: Wanted, settings: dict[str, Any], credential: Any = None
) -> AzureMLOnlineEndpoint:
    most = "max_new_tokens" if wanted.path == "/score" else "max_tokens"
    base = {
        "endpoint_url": place.url + wanted.path,
        "content_formatter": {"_type": wanted.formatter},
        "model_kwargs": {"temperature": 0, most: _FEW_TOKENS},
        "retry_policy": NO_RETRIES,
    }
    who = {"endpoint_api_key": place.key} if credential is None else {"credential": credential}
    return AzureMLOnlineEndpoint(**{**base, **who, **settings})
