"""What the services answer when something goes wrong. Their shapes and headers; our words. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from math import ceil
from typing import Any

from langchain_azure_llms.local._answer import nothing_found
from langchain_azure_llms.local._azure_errors import (
    AzureError,
    ended_token,
    gateway_error,
    model_error,
    wrong_serverless_credential,
)
from langchain_azure_llms.local._json import dumps
from langchain_azure_llms.local._scenario import Fault

_JSON = "application/json"
_EVENTS = "text/event-stream"
_NOT_JSON = b'<html><body>The gateway is \xff\xfe lost</body> {"choices": [{"te'


@dataclass(frozen=True)
class FaultReply:
    """An answer in place of the real one."""

    status: int
    body: bytes = b""
    media_type: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a request came in.

    Attributes:
        path: The URL's path.
        stream: Whether the request asks for a stream of events.
        wait: The seconds that belong to the scenario.
        now: Seconds since the epoch.
    """

    path: str
    stream: bool
    wait: float
    now: float

    @property
    def is_score(self) -> bool:
        """Whether the front door of an Azure ML online endpoint is here."""
        return self.path.endswith("/score")

    @property
    def is_azure_openai(self) -> bool:
        """Whether Azure OpenAI is here; else it is a serverless endpoint, or `/score`."""
        return self.path.startswith("/openai/")


def reply_to(fault: Fault, place: Place) -> FaultReply | None:
    """Return what is answered; None where the fault is none of the answer's content."""
    if fault.startswith("rate-limited"):
        return _rate_limited(fault, place)
    reply = _REPLIES.get(fault)
    return None if reply is None else reply(place)


def _rate_limited(fault: Fault, place: Place) -> FaultReply:
    seconds = f"{place.wait:g}"
    headers = {
        Fault.RATE_LIMITED_SECONDS: {"retry-after": seconds},
        Fault.RATE_LIMITED_DATE: {
            "retry-after": formatdate(ceil(place.now + place.wait), usegmt=True)
        },
        Fault.RATE_LIMITED_MS: {"retry-after-ms": f"{place.wait * 1000:g}"},
        Fault.RATE_LIMITED_RESET_REQUESTS: {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-remaining-tokens": "9000",
            "x-ratelimit-reset-requests": seconds,
            "x-ratelimit-reset-tokens": "0",
        },
        Fault.RATE_LIMITED_RESET_TOKENS: {
            "x-ratelimit-remaining-requests": "90",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-requests": "0",
            "x-ratelimit-reset-tokens": seconds,
        },
        Fault.RATE_LIMITED_OLD_RESET: {"x-rate-limit-reset-tokens": seconds},
    }
    message = "The limit of this deployment is used up for now."
    if fault is Fault.RATE_LIMITED_MESSAGE:
        message += f" Please retry after {seconds} seconds."
    return _error(gateway_error(429, "429", message), headers.get(fault, {}))


def _unavailable(_: Place) -> FaultReply:
    message = "The service cannot take requests at this moment."
    return _error(gateway_error(503, "ServiceUnavailable", message))


def _garbage(place: Place) -> FaultReply:
    if place.stream:
        return FaultReply(200, b"data: " + _NOT_JSON + b"\n\ndata: [DONE]\n\n", _EVENTS)
    return FaultReply(200, _NOT_JSON)


def _error_inside(place: Place) -> FaultReply:
    if place.is_score:
        inner = {"message": "The engine behind the server failed.", "code": 503}
        return _json({"output": None, "error": {"status_code": 503, "body": dumps(inner)}})
    error = model_error(500, "The model failed at this text.", kind="server_error").body
    if place.stream:
        return FaultReply(200, f"data: {dumps(error)}\n\n".encode(), _EVENTS)
    return _json(error)


def _filtered(place: Place) -> FaultReply:
    found = {**nothing_found(), "violence": {"filtered": True, "severity": "medium"}}
    error = {
        "message": "The content filter of this deployment refuses the prompt: change it.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found},
    }
    if place.is_score:  # what a container answers beside 200, its front door makes a 424
        return _container(400, "model_error", {"error": error})
    return _json({"error": error}, 400)


def _expired(place: Place) -> FaultReply:
    if place.is_azure_openai:
        return _error(ended_token())
    if place.is_score:
        return FaultReply(401, b"token_auth_access_denied", "text/plain")
    return _error(wrong_serverless_credential())


def _container(status: int, reason: str, body: Any) -> FaultReply:
    headers = {
        "ms-azureml-model-error-statuscode": str(status),
        "ms-azureml-model-error-reason": reason,
    }
    return FaultReply(424, dumps(body).encode(), _JSON, headers)


_REPLIES: dict[Fault, Callable[[Place], FaultReply]] = {
    Fault.UNAVAILABLE: _unavailable,
    Fault.GARBAGE: _garbage,
    Fault.ERROR_INSIDE_200: _error_inside,
    Fault.EMPTY_OBJECT: lambda _: _json({}),
    Fault.FILTER: _filtered,
    Fault.EXPIRED_TOKEN: _expired,
    Fault.CONTAINER_BUSY: lambda _: _container(
        503, "model_error", {"message": "All workers are busy."}
    ),
    Fault.CONTAINER_NOT_READY: lambda _: _container(
        502, "model_not_ready", {"message": "The model is still being loaded."}
    ),
    Fault.CONTAINER_FAILED: lambda _: _container(
        400, "model_error", {"message": "The script could not read the request."}
    ),
}


def _json(body: Any, status: int = 200) -> FaultReply:
    return FaultReply(status, dumps(body).encode())


def _error(error: AzureError, headers: dict[str, str] | None = None) -> FaultReply:
    merged = {**error.headers, **(headers or {})}
    return FaultReply(error.status, dumps(error.body).encode(), _JSON, merged)
