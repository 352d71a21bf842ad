"""Where an LLM object's requests go, and as whom: derived once from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2
from langchain_core.rate_limiters import BaseRateLimiter

from langchain_azure_llms.auth import Authorization
from langchain_azure_llms.http.retry import RetryPolicy
from langchain_azure_llms.http.transports import NetworkSettings

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What all requests of an LLM object have in common.

    Attributes:
        headers: The headers of every request, a key's included.
        overriding: The headers that the user set: they replace the key's, too.
        query: The query parameters of every request.
        authorization: How requests prove who sends them.
        needs_token: Whether a bearer token is fetched for each request.
        identity: Tells callers apart that have rate limits of their own; holds no secret.
        network: How the network is used.
        policy: How often, and how patiently, requests are sent again.
        timeout: Seconds for each step; None for the default, or a client of the user's own.
        rate_limiter: Asked before each request.
        http_client: The user's own client for threads.
        http_async_client: The user's own client for asyncio.
    """

    headers: Mapping[str, str]
    overriding: Mapping[str, str]
    query: Mapping[str, Any]
    authorization: Authorization = field(repr=False)
    needs_token: bool
    identity: int
    network: NetworkSettings
    policy: RetryPolicy
    timeout: Mapping[str, float | None] | None = None
    rate_limiter: BaseRateLimiter | None = None
    http_client: httpx2.Client | None = None
    http_async_client: httpx2.AsyncClient | None = None

    def __deepcopy__(self, memo: object) -> Endpoint:
        return self  # nothing in it changes, and its credential and clients are shared anyway
