"""The web application: Azure's routes, in front of the model.

Each route checks in the order that Azure's front doors do: credential, API version, deployment,
operation, body. What a route cannot answer it raises; the handlers of `create_app` shape errors.
"""

import asyncio
import re
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from langchain_azure_llms.local._chat import read_chat
from langchain_azure_llms.local._choices import Call
from langchain_azure_llms.local._completions import read_completions
from langchain_azure_llms.local._credentials import Credentials
from langchain_azure_llms.local._errors import (
    ApiError,
    EngineError,
    api_error,
    expired_token,
    from_engine_error,
    invalid_request,
    server_error,
    wrong_serverless_credential,
)
from langchain_azure_llms.local._generation import (
    Cancellation,
    ClientGoneError,
    Engine,
    Outcome,
    generate,
    unless_gone,
)
from langchain_azure_llms.local._parameters import loads
from langchain_azure_llms.local._responses import read_responses
from langchain_azure_llms.local._score_route import score_route
from langchain_azure_llms.local._token_routes import token_routes

Deployments = Mapping[str, Sequence[str]]
"""The names of the deployments for each operation; `"*"` stands for all that are not listed."""

_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_READERS: dict[str, Callable[[Any], Call]] = {
    "completions": read_completions,
    "chat": read_chat,
    "responses": read_responses,
}
_OPERATION_NAMES = {"completions": "completion", "chat": "chatCompletion"}


def create_app(
    engine: Engine, credentials: Credentials, deployments: Deployments, stopped: threading.Event
) -> Starlette:
    """Return the application; setting `stopped` ends what is being generated."""
    routes = _Routes(engine, credentials, deployments, stopped)
    table = [
        ("/openai/deployments/{deployment}/completions", routes.azure_openai, "completions"),
        ("/openai/deployments/{deployment}/chat/completions", routes.azure_openai, "chat"),
        ("/openai/v1/completions", routes.azure_openai_v1, "completions"),
        ("/openai/v1/chat/completions", routes.azure_openai_v1, "chat"),
        ("/openai/v1/responses", routes.azure_openai_v1, "responses"),
        ("/completions", routes.serverless, "completions"),
        ("/v1/completions", routes.serverless, "completions"),
        ("/chat/completions", routes.serverless, "chat"),
        ("/v1/chat/completions", routes.serverless, "chat"),
    ]
    return Starlette(
        routes=[
            *(
                Route(path, partial(answer, operation=operation), methods=["POST"])
                for path, answer, operation in table
            ),
            score_route(engine, credentials, stopped),
            *token_routes(credentials),
        ],
        exception_handlers={
            ApiError: _refuse,
            404: lambda request, _: _refuse(request, _not_found()),
            405: lambda request, _: _refuse(request, _not_found()),
            500: lambda request, _: _refuse(request, server_error("The server failed.")),
            ClientGoneError: lambda *_: Response(status_code=499),  # nobody will read it
        },
    )


class _Routes:
    """Azure OpenAI, with the deployment in the path or (v1) in the body; serverless endpoints."""

    def __init__(
        self,
        engine: Engine,
        credentials: Credentials,
        deployments: Deployments,
        stopped: threading.Event,
    ) -> None:
        self._engine = engine
        self._credentials = credentials
        self._deployments = deployments
        self._stopped = stopped

    async def azure_openai(self, request: Request, operation: str) -> Response:
        self._check_credential(request, key_as_bearer=False)
        if not _API_VERSION.fullmatch(request.query_params.get("api-version", "")):
            raise _not_found()
        self._check_deployment(request.path_params["deployment"], operation)
        return await self._answer(request, _READERS[operation](await _json_of(request)))

    async def azure_openai_v1(self, request: Request, operation: str) -> Response:
        # OpenAI's own client calls this route, and knows no other place for a key.
        self._check_credential(request, key_as_bearer=True)
        body = await _json_of(request)
        deployment = body.get("model") if isinstance(body, dict) else None
        if not isinstance(deployment, str):
            raise invalid_request("The deployment's name is missing in model.", "model")
        self._check_deployment(deployment, operation)
        return await self._answer(request, _READERS[operation](body))

    async def serverless(self, request: Request, operation: str) -> Response:
        headers = request.headers
        if not self._credentials.has_key(headers) and not self._credentials.has_bearer(headers):
            raise wrong_serverless_credential()
        call = _READERS[operation](await _json_of(request))
        return await self._answer(request, call, is_serverless=True)

    def _check_credential(self, request: Request, *, key_as_bearer: bool) -> None:
        headers, credentials = request.headers, self._credentials
        if "api-key" in headers or "authorization" not in headers:
            if not credentials.has_key(headers):
                raise api_error(401, "401", "Access denied: the api-key is missing or wrong.")
        elif not credentials.has_bearer(headers, or_key=key_as_bearer):
            if credentials.has_expired_bearer(headers):
                raise expired_token()
            raise api_error(401, "401", "Unauthorized: the bearer token is not accepted here.")

    def _check_deployment(self, name: str, operation: str) -> None:
        for listed in (name, "*"):
            offered = {each for each, names in self._deployments.items() if listed in names}
            if offered:
                break
        else:
            message = f"There is no deployment {name!r} here; see those that the endpoints serve."
            raise api_error(404, "DeploymentNotFound", message)
        if operation in offered:
            return
        # Of a model that does Responses alone, Azure says nothing, on the chat route not even a
        # code: clients have to know both.
        message = "The requested operation is unsupported."
        if offered == {"responses"} and operation == "chat":
            raise invalid_request(message)
        if offered != {"responses"}:
            asked, model = _OPERATION_NAMES.get(operation, operation), self._engine.name
            message = f"The {asked} operation is not one that the model {model} does."
        raise api_error(400, "OperationNotSupported", message)

    async def _answer(
        self, request: Request, call: Call, *, is_serverless: bool = False
    ) -> Response:
        """Answer a call, whole or as a stream."""
        cancelled = Cancellation(self._stopped)
        pieces = generate(self._engine, call.tasks, cancelled)
        headers = _headers(request)
        if is_serverless:
            headers = {"x-request-id": str(uuid.uuid4()), "azureml-model-group": self._engine.name}

        async def outcomes() -> list[Outcome]:
            found = [Outcome() for _ in call.tasks]
            async for number, piece in pieces:
                found[number].add(piece)
            return found

        async def events() -> AsyncIterator[str]:
            async def all_pieces() -> AsyncIterator[Any]:
                yield first
                async for item in pieces:
                    yield item
                    await asyncio.sleep(0)  # an engine without pauses would not hear of a hang-up

            async with aclosing(pieces):
                name, filters = self._engine.name, not is_serverless
                async for event in call.events(all_pieces(), name, filters=filters):
                    yield event

        try:
            if call.stream:
                # An error before the first token must be an HTTP status: it is waited for.
                first = await unless_gone(request.receive, anext(pieces), cancelled)
                headers["x-accel-buffering"] = "no"
                return StreamingResponse(events(), headers=headers, media_type="text/event-stream")
            found = await unless_gone(request.receive, outcomes(), cancelled)
        except EngineError as error:
            raise from_engine_error(error, call.prompt_field) from error
        answer = call.whole(found, self._engine.name, filters=not is_serverless)
        if is_serverless:
            headers["prompt_token_len"] = str(answer["usage"]["prompt_tokens"])
            headers["sampling_token_len"] = str(answer["usage"]["completion_tokens"])
        return JSONResponse(answer, headers=headers)


async def _json_of(request: Request) -> Any:
    try:
        return loads(await request.body())
    except ValueError as error:
        raise invalid_request("The body is not JSON.") from error


def _not_found() -> ApiError:
    """Build the error for unknown paths, and for a missing api-version: Azure tells no more."""
    return api_error(404, "404", "Resource not found")


def _refuse(request: Request, error: Exception) -> Response:
    """Return an error as a response; Azure OpenAI's headers stand on those of other paths too."""
    assert isinstance(error, ApiError)
    return JSONResponse(error.body, error.status, {**_headers(request), **(error.headers or {})})


def _headers(request: Request) -> dict[str, str]:
    """Return what Azure OpenAI puts on every answer."""
    request_id = str(uuid.uuid4())
    return {
        "apim-request-id": request_id,
        "x-request-id": str(uuid.uuid4()),
        "x-ms-client-request-id": request.headers.get("x-ms-client-request-id", request_id),
        "x-ms-region": "local",
        "x-content-type-options": "nosniff",
    }
