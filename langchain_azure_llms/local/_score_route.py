"""`POST /score`: the score script, behind the front door of a managed online endpoint.

The script itself runs as it does under Microsoft's scoring server. The front door checks the key,
and turns every answer of the container that is not 200 into 424 with the container's status in a
header (Microsoft's page on troubleshooting online endpoints).
"""

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from langchain_azure_llms.local import score
from langchain_azure_llms.local._access import Access
from langchain_azure_llms.local._aml_response import AMLResponse
from langchain_azure_llms.local._cancellations import Cancellations
from langchain_azure_llms.local._engine import cancellation
from langchain_azure_llms.local._generation import ClientGoneError, unless_gone
from langchain_azure_llms.local._json import dumps

_logger = logging.getLogger(__name__)

_OK = 200
_BAD_REQUEST = 400
_HEADERS_TOO_LARGE = 431
_FAILED_DEPENDENCY = 424
_LONGEST_REQUEST_ID = 100
ScoreScript = Callable[[str], Any]

_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


@dataclass(frozen=True)
class _ContainerAnswer:
    """What the container answers, before the front door."""

    status: int
    body: str | bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoreRoute:
    """The front door and the container behind it.

    Attributes:
        access: The accepted credentials, sent as bearer tokens.
        cancellations: Where calls are stopped.
        run: The score script.
    """

    access: Access
    cancellations: Cancellations
    run: ScoreScript = score.run

    async def answer(self, request: Request) -> Response:
        """Answer a request to `/score`."""
        if not self.access.has_bearer(request.headers):
            return _unauthorized(request)
        answer = await _run_container(request, self.run, self.cancellations.new())
        headers = {**answer.headers, **_identity_headers(request)}
        if answer.status == _OK:
            return Response(answer.body, headers=headers, media_type="application/json")
        headers["ms-azureml-model-error-statuscode"] = str(answer.status)
        headers["ms-azureml-model-error-reason"] = "model_error"
        return Response(answer.body, _FAILED_DEPENDENCY, headers, "application/json")


def _unauthorized(request: Request) -> Response:
    sent = "authorization" in request.headers
    reason = "key_auth_access_denied" if sent else "key_auth_bad_header_forbidden"
    return PlainTextResponse(reason, 401)


def _identity_headers(request: Request) -> dict[str, str]:
    request_id = request.headers.get("x-request-id") or str(uuid.uuid4())
    headers = {"x-request-id": request_id, "x-ms-request-id": request_id}
    if client_id := request.headers.get("x-ms-client-request-id"):
        headers["x-ms-client-request-id"] = headers["x-ms-request-id"] = client_id
    return headers


async def _run_container(
    request: Request, run: ScoreScript, cancelled: threading.Event
) -> _ContainerAnswer:
    if len(request.headers.get("x-ms-client-request-id", "")) > _LONGEST_REQUEST_ID:
        message = f"A request id has at most {_LONGEST_REQUEST_ID} characters."
        return _ContainerAnswer(_HEADERS_TOO_LARGE, dumps({"message": message}))
    try:
        raw_data = await _read_raw_data(request)
    except UnicodeDecodeError as error:
        return _ContainerAnswer(_BAD_REQUEST, dumps({"message": f"The body is not UTF-8: {error}"}))
    started = time.perf_counter()
    answer = await _run_script(request, run, raw_data, cancelled)
    milliseconds = (time.perf_counter() - started) * 1000
    answer.headers["x-ms-run-fn-exec-ms"] = f"{milliseconds:.3f}"
    return answer


async def _read_raw_data(request: Request) -> str:
    body = await request.body()
    # Microsoft's server reads a form as a form, whatever it holds, and hands the script an empty
    # body. It happens to clients that set no content type: urllib and curl announce a form then.
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    return "" if content_type in _FORMS else body.decode()


async def _run_script(
    request: Request, run: ScoreScript, raw_data: str, cancelled: threading.Event
) -> _ContainerAnswer:
    cancellation.set(cancelled)  # a request has a context of its own, and `to_thread` copies it
    try:
        result = await unless_gone(request, asyncio.to_thread(run, raw_data), cancelled)
    except ClientGoneError:
        raise
    except Exception:
        _logger.exception("The score script failed")
        body = dumps({"message": "The score script failed; the log tells why."})
        return _ContainerAnswer(500, body, {"x-ms-run-function-failed": "True"})
    return _read_result(result)


def _read_result(result: Any) -> _ContainerAnswer:
    headers = {"x-ms-run-function-failed": "False"}
    if isinstance(result, AMLResponse):
        return _ContainerAnswer(result.status_code, result.get_data(), headers)
    return _ContainerAnswer(_OK, dumps(result), headers)
