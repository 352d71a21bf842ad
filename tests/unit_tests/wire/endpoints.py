"""LLMs that lead to a scripted service, each under a host of its own.

Callers of one address wait for each other's rate limits; tests should not.
"""

import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx2

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
)
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls
from tests.unit_tests.wire.parts import Parts

Calls = SyncCalls | AsyncCalls
_numbers = itertools.count()


def azure(service: Service, **settings: Any) -> AzureOpenAI:
    """Return an Azure OpenAI deployment of text completions that is asked once."""
    base = {
        "azure_endpoint": f"https://resource-{next(_numbers)}.example",
        "azure_deployment": "lantern",
        "api_version": "2024-10-21",
        "api_key": "k",
        "api": "completions",
        "max_retries": 0,
    }
    return AzureOpenAI(**{**base, **service.clients, **settings})


def scoring(service: Service, path: str = "/score", **settings: Any) -> AzureMLOnlineEndpoint:
    """Return an online endpoint that is asked once."""
    base = {
        "endpoint_url": f"https://endpoint-{next(_numbers)}.example{path}",
        "endpoint_api_key": "k",
        "content_formatter": CustomOpenAIContentFormatter(),
        "max_retries": 0,
    }
    return AzureMLOnlineEndpoint(**{**base, **service.clients, **settings})


def in_parts(
    parts: Parts, content_type: str = "text/event-stream"
) -> Callable[[httpx2.Request], httpx2.Response]:
    """Return a service's way to answer with a body that comes in parts."""
    return lambda _request: httpx2.Response(
        200, headers={"content-type": content_type}, stream=parts
    )


def framed(*events: Any) -> bytes:
    """Return events as Azure frames them; texts stand for themselves."""
    shown = (event if isinstance(event, str) else json.dumps(event) for event in events)
    return "".join(f"data: {event}\n\n" for event in shown).encode()
