"""The web application: Azure's routes, in front of the model.

Each route checks in the order that Azure's front doors do: credential, API version, deployment,
operation, body. What a route cannot answer it raises; the handlers of `create_app` shape errors.
"""

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from langchain_azure_llms.local import score
from langchain_azure_llms.local._batches import Batches
from langchain_azure_llms.local._choices import ChoicesCall, read_chat, read_completions
from langchain_azure_llms.local._credentials import Credentials
from langchain_azure_llms.local._errors import ApiError, api_error, invalid_request, wrong_token
from langchain_azure_llms.local._generation import Engine, begin, outcomes_of, unless_gone
from langchain_azure_llms.local._parameters import Fields, loads
from langchain_azure_llms.local._responses import ResponsesCall, read_responses
from langchain_azure_llms.local._scenario import Script
from langchain_azure_llms.local._token_routes import token_routes

Deployments = Mapping[str, Sequence[str]]  # names for each operation; "*" is any other name
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_READERS: dict[str, Callable[[Fields], ChoicesCall | ResponsesCall]] = {
    "completions": read_completions,
    "chat": read_chat,
    "responses": read_responses,
}


def create_app(
    engine: Engine,
    credentials: Credentials,
    deployments: Deployments,
    stopped: threading.Event,
    script: Script | None = None,
) -> Starlette:
    routes = _Routes(engine, credentials, deployments, stopped)
    table = {
        "/openai/deployments/{deployment}/completions": (routes.azure_openai, "completions"),
        "/openai/deployments/{deployment}/chat/completions": (routes.azure_openai, "chat"),
        "/openai/v1/completions": (routes.azure_openai_v1, "completions"),
        "/openai/v1/chat/completions": (routes.azure_openai_v1, "chat"),
        "/openai/v1/responses": (routes.azure_openai_v1, "responses"),
        "/completions": (routes.serverless, "completions"),
        "/v1/completions": (routes.serverless, "completions"),
        "/chat/completions": (routes.serverless, "chat"),
        "/v1/chat/completions": (routes.serverless, "chat"),
    }
    served = [
        Route(path, partial(answer, operation=operation), methods=["POST"])
        for path, (answer, operation) in table.items()
    ]
    served.append(Route("/score", routes.score, methods=["POST"]))
    batches = Batches(routes.check_v1, routes.answer_of_batch, routes.serves, script)
    return Starlette(
        routes=[*served, *batches.routes(), *token_routes(credentials)],
        exception_handlers=dict.fromkeys((ApiError, HTTPException, Exception), _refuse),
    )


@dataclass(frozen=True)
class _Routes:
    """Azure OpenAI, with the deployment in the path or (v1) in the body; serverless endpoints."""

    engine: Engine
    credentials: Credentials
    deployments: Deployments
    stopped: threading.Event

    async def azure_openai(self, request: Request, operation: str) -> Response:
        self._check_credential(request, key_as_bearer=False)
        if not _API_VERSION.fullmatch(request.query_params.get("api-version", "")):
            raise _not_found()
        self._check_deployment(request.path_params["deployment"], operation)
        return await self._answer(request, operation, await _json_of(request))

    async def azure_openai_v1(self, request: Request, operation: str) -> Response:
        self.check_v1(request)
        body = await _json_of(request)
        deployment = body.get("model") if isinstance(body, dict) else None
        if not isinstance(deployment, str):
            raise invalid_request("The deployment's name is missing in model.", "model")
        self._check_deployment(deployment, operation)
        return await self._answer(request, operation, body)

    async def serverless(self, request: Request, operation: str) -> Response:
        headers = request.headers
        if not self.credentials.has_key(headers) and not self.credentials.has_bearer(headers):
            raise wrong_token(serverless=True)
        return await self._answer(request, operation, await _json_of(request), is_serverless=True)

    async def score(self, request: Request) -> Response:
        """Answer as a managed endpoint, whose front door makes a 424 of its container's errors."""
        if not self.credentials.has_bearer(request.headers):
            sent = "authorization" in request.headers
            reason = "key_auth_access_denied" if sent else "key_auth_bad_header_forbidden"
            return PlainTextResponse(reason, 401)
        response = await _container(request, self.engine, self.stopped)
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

    def check_v1(self, request: Request) -> None:
        """Check the credential of a request to the v1 API."""
        # OpenAI's own client calls this route, and knows no other place for a key.
        self._check_credential(request, key_as_bearer=True)

    def serves(self, name: str) -> bool:
        """Return whether there is a deployment of a name."""
        names = set().union(*self.deployments.values())
        return name in names or "*" in names

    async def answer_of_batch(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one request of a batch."""
        self._check_deployment(body["model"], operation)
        call = _READERS[operation](Fields(body))
        if call.stream:
            raise invalid_request("A request of a batch cannot be streamed.", "stream")
        outcomes = await outcomes_of(self.engine, call.tasks, self.stopped)
        return call.whole(outcomes, self.engine.name, filters=True)

    def _check_credential(self, request: Request, *, key_as_bearer: bool) -> None:
        headers, credentials = request.headers, self.credentials
        if "api-key" in headers or "authorization" not in headers:
            if not credentials.has_key(headers):
                raise api_error(401, "401", "Access denied: the api-key is missing or wrong.")
        elif not credentials.has_bearer(headers, or_key=key_as_bearer):
            raise wrong_token(expired=credentials.knows_bearer(headers))

    def _check_deployment(self, name: str, operation: str) -> None:
        names = set().union(*self.deployments.values())
        listed = name if name in names else "*"
        offered = {each for each, those in self.deployments.items() if listed in those}
        if not offered:
            message = f"There is no deployment {name!r} here; see those that the endpoints serve."
            raise api_error(404, "DeploymentNotFound", message)
        if operation in offered:
            return
        asked = {"completions": "completion", "chat": "chatCompletion"}.get(operation, operation)
        message = f"The {asked} operation is not one that the model {self.engine.name} does."
        # Of a model that does Responses alone, Azure says nothing, on the chat route not even a
        # code: clients have to know both.
        if offered == {"responses"}:
            message = "The requested operation is unsupported."
            if operation == "chat":
                raise invalid_request(message)
        raise api_error(400, "OperationNotSupported", message)

    async def _answer(
        self, request: Request, operation: str, body: Any, *, is_serverless: bool = False
    ) -> Response:
        call, name = _READERS[operation](Fields(body)), self.engine.name
        to_generate = (self.engine, call.tasks, self.stopped)
        headers = _headers(request)
        if is_serverless:
            headers = {"x-request-id": str(uuid.uuid4()), "azureml-model-group": name}
        pieces = outcomes = None
        try:
            if call.stream:
                pieces = await unless_gone(request.receive, begin(*to_generate))
            else:
                outcomes = await unless_gone(request.receive, outcomes_of(*to_generate))
        except ApiError as error:
            if error.body["error"]["code"] == "context_length_exceeded":
                error.body["error"]["param"] = call.prompt_field
            raise
        if pieces is not None:
            headers["x-accel-buffering"] = "no"
            events = call.events(pieces, name, filters=not is_serverless)
            return StreamingResponse(events, headers=headers, media_type="text/event-stream")
        if outcomes is None:
            return Response(status_code=499)  # the client is gone
        answer = call.whole(outcomes, name, filters=not is_serverless)
        if is_serverless:
            headers["prompt_token_len"] = str(answer["usage"]["prompt_tokens"])
            headers["sampling_token_len"] = str(answer["usage"]["completion_tokens"])
        return JSONResponse(answer, headers=headers)


async def _container(request: Request, engine: Engine, stopped: threading.Event) -> Response:
    """Answer as Microsoft's scoring server does."""
    if len(request.headers.get("x-ms-client-request-id", "")) > 100:
        return JSONResponse({"message": "The request id is too long."}, 431)
    try:
        raw_data = (await request.body()).decode()
    except UnicodeDecodeError as error:
        return JSONResponse({"message": f"The body is not UTF-8: {error}"}, 400)
    # Microsoft's server reads a form as a form, whatever it holds, and hands the script an empty
    # body. It happens to clients that set no content type: urllib and curl announce a form then.
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        raw_data = ""
    started = time.perf_counter()
    try:
        answer = await unless_gone(request.receive, score.answer(raw_data, engine, stopped))
    except Exception:
        logging.getLogger(__name__).exception("The score script failed")
        body = {"message": "The score script failed; the log tells why."}
        return JSONResponse(body, 500, {"x-ms-run-function-failed": "True"})
    if answer is None:
        return Response(status_code=499)  # the client is gone
    status, body = answer
    took = f"{(time.perf_counter() - started) * 1000:.3f}"
    headers = {"x-ms-run-function-failed": "False", "x-ms-run-fn-exec-ms": took}
    return JSONResponse(body, status, headers)


async def _json_of(request: Request) -> Any:
    try:
        return loads(await request.body())
    except ValueError as error:
        raise invalid_request("The body is not JSON.") from error


def _not_found() -> ApiError:
    return api_error(404, "404", "Resource not found")


def _refuse(request: Request, error: Exception) -> Response:
    """Return an error as a response; Azure OpenAI's headers stand on those of other paths too."""
    if isinstance(error, HTTPException):  # a path or a method that there is not
        error = _not_found()
    elif not isinstance(error, ApiError):
        error = api_error(500, None, "The server failed.", type="server_error", param=None)
    headers = _headers(request) | (error.headers or {})
    return JSONResponse(error.body, error.status, headers)


def _headers(request: Request) -> dict[str, str]:
    """Return what Azure OpenAI puts on every answer."""
    request_id, client_id = str(uuid.uuid4()), request.headers.get("x-ms-client-request-id")
    ids = {"apim-request-id": request_id, "x-ms-client-request-id": client_id or request_id}
    return {"x-request-id": request_id, "x-content-type-options": "nosniff"} | ids
