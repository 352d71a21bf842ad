"""What the services answer when something goes wrong. Their shapes and headers; our words."""

import json
import math
import time
import uuid
from email.utils import formatdate
from typing import Any

from starlette.responses import JSONResponse, Response

from langchain_azure_llms.local._choices import SAFE, server_sent
from langchain_azure_llms.local._errors import (
    ApiError,
    api_error,
    expired_token,
    server_error,
    wrong_serverless_credential,
)
from langchain_azure_llms.local._scenario import Fault

_NOT_JSON = b'<html><body>The gateway is \xff\xfe lost</body> {"choices": [{"te'
_CONTAINERS = {
    Fault.CONTAINER_BUSY: (503, "model_error", "All workers are busy."),
    Fault.CONTAINER_NOT_READY: (502, "model_not_ready", "The model is still being loaded."),
    Fault.CONTAINER_FAILED: (400, "model_error", "The script could not read the request."),
}


def reply_to(fault: Fault, path: str, wait: float, *, stream: bool) -> Response | None:
    """Return what is answered in place of the real answer; None if a fault changes no content."""
    reply = _reply(fault, path, wait, stream=stream)
    if reply is not None:
        request_id = str(uuid.uuid4())
        reply.headers["apim-request-id"] = reply.headers["x-request-id"] = request_id
    return reply


def _reply(fault: Fault, path: str, wait: float, *, stream: bool) -> Response | None:
    is_score = path.endswith("/score")
    if fault.startswith("rate-limited"):
        return _rate_limited(fault, wait)
    if fault is Fault.UNAVAILABLE:
        message = "The service cannot take requests at this moment."
        return _error(api_error(503, "ServiceUnavailable", message))
    if fault is Fault.GARBAGE:
        event = b"data: " + _NOT_JSON + b"\n\ndata: [DONE]\n\n"
        return _success(event if stream else _NOT_JSON, stream=stream)
    if fault is Fault.ERROR_INSIDE_200:
        return _error_inside(is_score=is_score, stream=stream)
    if fault is Fault.EMPTY_OBJECT:
        return JSONResponse({})
    if fault is Fault.FILTER:
        return _filtered(is_score=is_score)
    if fault is Fault.EXPIRED_TOKEN:
        if is_score:
            return Response("token_auth_access_denied", 401, media_type="text/plain")
        is_azure_openai = path.startswith("/openai/")
        return _error(expired_token() if is_azure_openai else wrong_serverless_credential())
    if fault in _CONTAINERS:
        status, reason, message = _CONTAINERS[fault]
        return _container(status, reason, {"message": message})
    return None


def _rate_limited(fault: Fault, wait: float) -> Response:
    seconds = f"{wait:g}"
    date = formatdate(math.ceil(time.time() + wait), usegmt=True)
    headers = {
        Fault.RATE_LIMITED_SECONDS: {"retry-after": seconds},
        Fault.RATE_LIMITED_DATE: {"retry-after": date},
        Fault.RATE_LIMITED_MS: {"retry-after-ms": f"{wait * 1000:g}"},
        Fault.RATE_LIMITED_RESET_REQUESTS: _limits(requests=seconds, tokens="0"),
        Fault.RATE_LIMITED_RESET_TOKENS: _limits(requests="0", tokens=seconds),
        Fault.RATE_LIMITED_OLD_RESET: {"x-rate-limit-reset-tokens": seconds},
    }
    message = "The limit of this deployment is used up for now."
    if fault is Fault.RATE_LIMITED_MESSAGE:
        message += f" Please retry after {seconds} seconds."
    return _error(api_error(429, "429", message), headers.get(fault))


def _limits(requests: str, tokens: str) -> dict[str, str]:
    """Return the headers of a limit that is used up, where there are seconds until its reset."""
    return {
        "x-ratelimit-remaining-requests": "90" if requests == "0" else "0",
        "x-ratelimit-remaining-tokens": "9000" if tokens == "0" else "0",
        "x-ratelimit-reset-requests": requests,
        "x-ratelimit-reset-tokens": tokens,
    }


def _error_inside(*, is_score: bool, stream: bool) -> Response:
    if is_score:
        inner = json.dumps({"message": "The engine behind the server failed.", "code": 503})
        return JSONResponse({"output": None, "error": {"status_code": 503, "body": inner}})
    error = server_error("The model failed at this text.").body
    return _success(server_sent(error), stream=True) if stream else JSONResponse(error)


def _filtered(*, is_score: bool) -> Response:
    found = {**SAFE, "violence": {"filtered": True, "severity": "medium"}}
    message = "The content filter of this deployment refuses the prompt: change it."
    error = api_error(400, "content_filter", message, type=None, param="prompt")
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found}
    error.body["error"] |= {"status": 400, "innererror": inner}
    # What a container answers beside 200, its front door makes a 424.
    return _container(400, "model_error", error.body) if is_score else _error(error)


def _container(status: int, reason: str, body: Any) -> Response:
    headers = {
        "ms-azureml-model-error-statuscode": str(status),
        "ms-azureml-model-error-reason": reason,
    }
    return JSONResponse(body, 424, headers)


def _error(error: ApiError, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(error.body, error.status, headers or error.headers)


def _success(body: str | bytes, *, stream: bool) -> Response:
    return Response(body, media_type="text/event-stream" if stream else "application/json")
