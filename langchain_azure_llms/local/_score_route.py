"""`POST /score`: the score script, behind the front door of a managed online endpoint.

The script answers as it does under Microsoft's scoring server. The front door checks the key, and
turns every answer of the container that is not 200 into 424 with the container's status in a
header (Microsoft's page on troubleshooting online endpoints).
"""

import logging
import threading
import time
import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from langchain_azure_llms.local import score
from langchain_azure_llms.local._credentials import Credentials
from langchain_azure_llms.local._generation import Engine, unless_gone

_logger = logging.getLogger(__name__)

_LONGEST_REQUEST_ID = 100
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


def score_route(engine: Engine, credentials: Credentials, stopped: threading.Event) -> Route:

    async def front_door(request: Request) -> Response:
        if not credentials.has_bearer(request.headers):
            sent = "authorization" in request.headers
            reason = "key_auth_access_denied" if sent else "key_auth_bad_header_forbidden"
            return PlainTextResponse(reason, 401)
        response = await _container(request, engine, stopped)
        headers, client_id = response.headers, request.headers.get("x-ms-client-request-id")
        headers["x-request-id"] = request.headers.get("x-request-id") or str(uuid.uuid4())
        headers["x-ms-request-id"] = client_id or headers["x-request-id"]
        if client_id:
            headers["x-ms-client-request-id"] = client_id
        if response.status_code != 200:
            headers["ms-azureml-model-error-statuscode"] = str(response.status_code)
            headers["ms-azureml-model-error-reason"] = "model_error"
            response.status_code = 424
        return response

    return Route("/score", front_door, methods=["POST"])


async def _container(request: Request, engine: Engine, stopped: threading.Event) -> Response:
    """Answer as Microsoft's scoring server does."""
    if len(request.headers.get("x-ms-client-request-id", "")) > _LONGEST_REQUEST_ID:
        return JSONResponse({"message": "The request id is too long."}, 431)
    try:
        raw_data = (await request.body()).decode()
    except UnicodeDecodeError as error:
        return JSONResponse({"message": f"The body is not UTF-8: {error}"}, 400)
    # Microsoft's server reads a form as a form, whatever it holds, and hands the script an empty
    # body. It happens to clients that set no content type: urllib and curl announce a form then.
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    raw_data = "" if content_type in _FORMS else raw_data
    started = time.perf_counter()
    try:
        answer = await unless_gone(request.receive, score.answer(raw_data, engine, stopped))
    except Exception:
        _logger.exception("The score script failed")
        body = {"message": "The score script failed; the log tells why."}
        return JSONResponse(body, 500, {"x-ms-run-function-failed": "True"})
    if answer is None:
        return Response(status_code=499)  # the client is gone
    status, body = answer
    took = f"{(time.perf_counter() - started) * 1000:.3f}"
    headers = {"x-ms-run-function-failed": "False", "x-ms-run-fn-exec-ms": took}
    return JSONResponse(body, status, headers)
