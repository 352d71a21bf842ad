"""Requests that fail with a whole answer, and how: what `test_errors.py` sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_azure_llms import exceptions
from langchain_azure_llms.exceptions import AzureLLMError
from langchain_azure_llms.local import Scenario
from tests.cassettes.places import CHATTING, Service, Wanted

WITHOUT_ANSWER = {
    exceptions.EndpointConnectionError,
    exceptions.EndpointTimeoutError,
    exceptions.StreamInterruptedError,
}
"""A cassette holds whole answers."""
FROM_NO_SERVER_HERE = {exceptions.PermissionDeniedError}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A request that fails, and how.

    Attributes:
        error: The class of the error.
        status: The status of the last answer.
        settings: Of the LLM.
        wanted: What is needed.
        attributes: Attributes of the error.
        methods: The methods of the LLM that are called.
    """

    error: type[AzureLLMError]
    status: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    wanted: Wanted = field(default_factory=lambda: Wanted(local_only=True))
    attributes: Mapping[str, Any] = field(default_factory=dict)
    methods: tuple[str, ...] = ("invoke", "ainvoke")


STREAMED = ("stream", "astream")


def _scenario(name: str, path: str = "", formatter: str = "hf") -> Wanted:
    """Return what goes wrong at Azure OpenAI, or at a path of an online endpoint."""
    if not path:
        return Wanted(scenario=Scenario(name))
    return Wanted(
        service="online-endpoint", path=path, formatter=formatter, scenario=Scenario(name)
    )


def _endpoint(path: str, formatter: str = "hf", *, service: Service = "online-endpoint") -> Wanted:
    return Wanted(service=service, path=path, formatter=formatter, local_only=True)


_LIMITS = {
    f"azure-openai-{name}": Refusal(
        error=exceptions.RateLimitError,
        status=429,
        wanted=_scenario(name),
        attributes={} if name.endswith("date") else {"retry_after": 1.0},
    )
    for name in (
        "rate-limited-seconds",
        "rate-limited-date",
        "rate-limited-ms",
        "rate-limited-reset-requests",
        "rate-limited-reset-tokens",
        "rate-limited-old-reset",
        "rate-limited-message",
    )
}
_SERVERLESS = "/v1/completions", "custom_openai"

REFUSALS: dict[str, Refusal] = {
    **_LIMITS,
    "azure-openai-bad-request": Refusal(
        error=exceptions.BadRequestError, status=400, settings={"temperature": 99}
    ),
    "azure-openai-filtered": Refusal(
        error=exceptions.ContentFilterError,
        status=400,
        wanted=_scenario("filter"),
        attributes={"code": "content_filter"},
    ),
    "azure-openai-filtered-stream": Refusal(
        error=exceptions.ContentFilterError,
        status=400,
        wanted=_scenario("filter"),
        methods=STREAMED,
    ),
    "azure-openai-only-chats": Refusal(
        error=exceptions.OperationNotSupportedError,
        status=400,
        settings={"api": "completions"},
        wanted=Wanted(deployment=CHATTING, local_only=True),
    ),
    "azure-openai-only-embeds": Refusal(
        error=exceptions.OperationNotSupportedError,
        status=400,
        wanted=Wanted(deployment="local-embedding", local_only=True),
    ),
    "azure-openai-wrong-key": Refusal(
        error=exceptions.AuthenticationError, status=401, settings={"api_key": "wrong"}
    ),
    "azure-openai-wrong-token": Refusal(
        error=exceptions.AuthenticationError,
        status=401,
        settings={"api_key": None, "azure_ad_token": "wrong"},
    ),
    "azure-openai-no-such-deployment": Refusal(
        error=exceptions.DeploymentNotFoundError,
        status=404,
        wanted=Wanted(deployment="nowhere", local_only=True),
        attributes={"code": "DeploymentNotFound"},
    ),
    "azure-openai-no-such-version": Refusal(
        error=exceptions.DeploymentNotFoundError,
        status=404,
        settings={"api": "completions", "api_version": "soon"},
    ),
    "azure-openai-unavailable": Refusal(
        error=exceptions.ServerError, status=503, wanted=_scenario("unavailable")
    ),
    "azure-openai-error-inside": Refusal(
        error=exceptions.ServerError, status=200, wanted=_scenario("error-inside-200")
    ),
    "azure-openai-error-inside-stream": Refusal(
        error=exceptions.ServerError,
        status=200,
        wanted=_scenario("error-inside-200"),
        methods=STREAMED,
    ),
    "azure-openai-garbage": Refusal(
        error=exceptions.ResponseFormatError, status=200, wanted=_scenario("garbage")
    ),
    "azure-openai-garbage-stream": Refusal(
        error=exceptions.ResponseFormatError,
        status=200,
        wanted=_scenario("garbage"),
        methods=STREAMED,
    ),
    "azure-openai-empty-object": Refusal(
        error=exceptions.ResponseFormatError, status=200, wanted=_scenario("empty-object")
    ),
    "score-wrong-key": Refusal(
        error=exceptions.AuthenticationError,
        status=401,
        settings={"endpoint_api_key": "wrong"},
        wanted=_endpoint("/score"),
    ),
    "score-container-failed": Refusal(
        error=exceptions.ModelContainerError,
        status=424,
        wanted=_scenario("container-failed", "/score"),
        attributes={"model_status_code": 400, "model_error_reason": "model_error"},
    ),
    "score-container-busy": Refusal(
        error=exceptions.ModelContainerError,
        status=424,
        wanted=_scenario("container-busy", "/score"),
        attributes={"model_status_code": 503},
    ),
    "score-container-not-ready": Refusal(
        error=exceptions.ModelContainerError,
        status=424,
        wanted=_scenario("container-not-ready", "/score"),
        attributes={"model_error_reason": "model_not_ready"},
    ),
    "score-filtered": Refusal(
        error=exceptions.ModelContainerError,
        status=424,
        wanted=_scenario("filter", "/score"),
        attributes={"model_status_code": 400},
    ),
    "score-error-inside": Refusal(
        error=exceptions.ServerError,
        status=200,
        wanted=_scenario("error-inside-200", "/score"),
    ),
    "score-empty-object": Refusal(
        error=exceptions.ResponseFormatError,
        status=200,
        wanted=_scenario("empty-object", "/score"),
    ),
    "score-garbage": Refusal(
        error=exceptions.ResponseFormatError, status=200, wanted=_scenario("garbage", "/score")
    ),
    "score-rate-limited": Refusal(
        error=exceptions.RateLimitError,
        status=429,
        wanted=_scenario("rate-limited-seconds", "/score"),
        attributes={"retry_after": 1.0},
    ),
    "score-unavailable": Refusal(
        error=exceptions.ServerError, status=503, wanted=_scenario("unavailable", "/score")
    ),
    "serverless-wrong-key": Refusal(
        error=exceptions.AuthenticationError,
        status=401,
        settings={"endpoint_api_key": "wrong"},
        wanted=_endpoint(*_SERVERLESS),
    ),
    "serverless-filtered": Refusal(
        error=exceptions.ContentFilterError,
        status=400,
        wanted=_scenario("filter", *_SERVERLESS),
    ),
    "serverless-error-inside-stream": Refusal(
        error=exceptions.ServerError,
        status=200,
        wanted=_scenario("error-inside-200", *_SERVERLESS),
        methods=STREAMED,
    ),
    "serverless-no-such-route": Refusal(
        error=exceptions.DeploymentNotFoundError,
        status=404,
        wanted=_endpoint("/elsewhere/completions", formatter="custom_openai"),
    ),
    "scoring-server-bad-parameter": Refusal(
        error=exceptions.BadRequestError,
        status=400,
        settings={"model_kwargs": {"temperature": "warm"}},
        wanted=_endpoint("/score", service="scoring-server"),
    ),
    "scoring-server-no-such-route": Refusal(
        error=exceptions.DeploymentNotFoundError,
        status=404,
        wanted=_endpoint("/elsewhere", service="scoring-server"),
    ),
    "scoring-server-long-id": Refusal(
        error=exceptions.StatusError,
        status=431,
        settings={"default_headers": {"x-ms-client-request-id": "i" * 101}},
        wanted=_endpoint("/score", service="scoring-server"),
    ),
}
