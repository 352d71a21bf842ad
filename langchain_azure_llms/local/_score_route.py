"""`POST /score`: the score script, behind the front door of a managed online endpoint.

The script answers as it does under Microsoft's scoring server. The front door checks the key, and
turns every answer of the container that is not 200 into 424 with the container's status in a
header (Microsoft's page on troubleshooting online endpoints).
"""

import asyncio
import logging
import threading
import time
import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from langchain_azure_llms.local import score
from langchain_azure_llms.local._credentials import Credentials
from langchain_azure_llms.local._generation import (
    Cancellation,
    ClientGoneError,
    Engine,
    unless_gone,
)

_logger = logging.getLogger(__name__)

_LONGEST_REQUEST_ID = 100
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


def score_route(engine: Engine, credentials: Credentials, stopped: threading.Event) -> Route:
    """Return the route."""

    async def front_door(request: Request) -> Response:
        if not credentials.has_bearer(request.headers):
            sent = "authorization" in request.headers
            reason = "key_auth_access_denied" if sent else "key_auth_bad_header_forbidden"
            return PlainTextResponse(reason, 401)
        response = await _container(request, engine, Cancellation(stopped))
        request_id = request.headers.get("x-request-id") or str(uuid.uuid4())
        response.headers["x-request-id"] = response.headers["x-ms-request-id"] = request_id
        if client_id := request.headers.get("x-ms-client-request-id"):
            response.headers["x-ms-client-request-id"] = client_id
            response.headers["x-ms-request-id"] = client_id
        if response.status_code != 200:
            response.headers["ms-azureml-model-error-statuscode"] = str(response.status_code)
            response.headers["ms-azureml-model-error-reason"] = "model_error"
            response.status_code = 424
        return response

    return Route("/score", front_door, methods=["POST"])


async def _container(request: Request, engine: Engine, cancelled: Cancellation) -> Response:
    """Answer as Microsoft's scoring server does."""
    if len(request.headers.get("x-ms-client-request-id", "")) > _LONGEST_REQUEST_ID:
        message = f"A request id has at most {_LONGEST_REQUEST_ID} characters."
        return JSONResponse({"message": message}, 431)
    # Microsoft's server reads a form as a form, whatever it holds, and hands the script an empty
    # body. It happens to clients that set no content type: urllib and curl announce a form then.
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    try:
        raw_data = (await request.body()).decode()
    except UnicodeDecodeError as error:
        return JSONResponse({"message": f"The body is not UTF-8: {error}"}, 400)
    raw_data = "" if content_type in _FORMS else raw_data
    started, failed = time.perf_counter(), False
    try:
        answering = asyncio.to_thread(score.answer, raw_data, engine, cancelled)
        answer = await unless_gone(request.receive, answering, cancelled)
    except ClientGoneError:
        raise
    except Exception:
        _logger.exception("The score script failed")
        message, failed = "The score script failed; the log tells why.", True
        answer = score.AMLResponse({"message": message}, 500, json_str=True)
    milliseconds = (time.perf_counter() - started) * 1000
    headers = {
        "x-ms-run-function-failed": str(failed),
        "x-ms-run-fn-exec-ms": f"{milliseconds:.3f}",
    }
    if isinstance(answer, score.AMLResponse):
        return Response(answer.get_data(), answer.status_code, headers, "application/json")
    return JSONResponse(answer, headers=headers)
