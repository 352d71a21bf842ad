"""The web application: Azure's routes, in front of the model.

Each route checks in the order that Azure's front doors do: credential, API version, deployment,
operation, body. What a route cannot answer it raises; the handlers at the end of this file give
errors their shape.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from langchain_azure_llms.local._access import Access
from langchain_azure_llms.local._azure_errors import (
    AzureError,
    deployment_not_found,
    ended_token,
    from_invalid_field,
    invalid_request,
    model_error,
    operation_not_supported,
    resource_not_found,
    wrong_key,
    wrong_serverless_credential,
    wrong_token,
)
from langchain_azure_llms.local._call import Call
from langchain_azure_llms.local._cancellations import Cancellations
from langchain_azure_llms.local._chat import read_chat_call
from langchain_azure_llms.local._completions import read_completion_call
from langchain_azure_llms.local._deployments import Deployments, Operation
from langchain_azure_llms.local._directory import Directory
from langchain_azure_llms.local._fields import InvalidFieldError
from langchain_azure_llms.local._generation import ClientGoneError
from langchain_azure_llms.local._json import loads
from langchain_azure_llms.local._respond import Responder, error_response
from langchain_azure_llms.local._responses import read_responses_call
from langchain_azure_llms.local._score_route import ScoreRoute, ScoreScript
from langchain_azure_llms.local._text_engine import TextEngine
from langchain_azure_llms.local._token_routes import TokenRoutes

Endpoint = Callable[[Request], Awaitable[Response]]

_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_READERS: dict[Operation, Callable[[Any], Call]] = {
    "completions": read_completion_call,
    "chat": read_chat_call,
    "responses": read_responses_call,
}
# Responses have a path at Azure OpenAI's v1 only.
_PATHS: dict[Operation, str] = {"completions": "completions", "chat": "chat/completions"}
_CLIENT_CLOSED_REQUEST = 499  # nobody will read it


def create_app(
    engine: TextEngine,
    score_script: ScoreScript,
    access: Access,
    deployments: Deployments,
    directory: Directory,
    cancellations: Cancellations,
) -> Starlette:
    """Return the application.

    Args:
        engine: What generates the texts.
        score_script: What answers `/score`, with the same engine.
        access: The accepted credentials.
        deployments: Azure OpenAI's deployments.
        directory: What gives out tokens.
        cancellations: Where the server stops calls.
    """
    azure_openai = Responder(engine, cancellations, azure_openai=True)
    resource = _AzureOpenAIResource(azure_openai, access, deployments)
    serverless = _ServerlessEndpoint(Responder(engine, cancellations, azure_openai=False), access)
    routes = [
        _post("/score", ScoreRoute(access, cancellations, score_script).answer),
        _post("/openai/v1/responses", resource.v1("responses")),
        *TokenRoutes(directory).all(),
    ]
    for operation, path in _PATHS.items():
        routes += [
            _post(f"/openai/deployments/{{deployment}}/{path}", resource.classic(operation)),
            _post(f"/openai/v1/{path}", resource.v1(operation)),
            _post(f"/{path}", serverless.route(operation)),
            _post(f"/v1/{path}", serverless.route(operation)),
        ]
    return Starlette(routes=routes, exception_handlers=_error_handlers(azure_openai))


class _AzureOpenAIResource:
    """Azure OpenAI: deployments in the path (classic) or in the body (v1)."""

    def __init__(self, responder: Responder, access: Access, deployments: Deployments) -> None:
        self._responder = responder
        self._access = access
        self._deployments = deployments

    def classic(self, operation: Operation) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            self._check_credential(request, key_as_bearer=False)
            if not _API_VERSION.fullmatch(request.query_params.get("api-version", "")):
                raise resource_not_found()
            self._check_deployment(request.path_params["deployment"], operation)
            call = _READERS[operation](await _read_json(request))
            return await self._responder.respond(request, call)

        return endpoint

    def v1(self, operation: Operation) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            # OpenAI's own client calls this route, and knows no other place for a key.
            self._check_credential(request, key_as_bearer=True)
            body = await _read_json(request)
            deployment = body.get("model") if isinstance(body, dict) else None
            if not isinstance(deployment, str):
                raise invalid_request("The deployment's name is missing in model.", "model")
            self._check_deployment(deployment, operation)
            return await self._responder.respond(request, _READERS[operation](body))

        return endpoint

    def _check_credential(self, request: Request, *, key_as_bearer: bool) -> None:
        headers, access = request.headers, self._access
        if "api-key" in headers or "authorization" not in headers:
            if not access.has_api_key(headers):
                raise wrong_key()
        elif not (access.has_bearer(headers) if key_as_bearer else access.has_token(headers)):
            raise ended_token() if access.has_ended_token(headers) else wrong_token()

    def _check_deployment(self, name: str, operation: Operation) -> None:
        operations = self._deployments.operations(name)
        if not operations:
            raise deployment_not_found(name)
        if operation not in operations:
            raise operation_not_supported(operation, operations, self._responder.engine.name)


class _ServerlessEndpoint:
    """A serverless endpoint: one model, so `model` and `api-version` do not matter."""

    def __init__(self, responder: Responder, access: Access) -> None:
        self._responder = responder
        self._access = access

    def route(self, operation: Operation) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            headers, access = request.headers, self._access
            if not access.has_api_key(headers) and not access.has_bearer(headers):
                raise wrong_serverless_credential()
            call = _READERS[operation](await _read_json(request))
            return await self._responder.respond(request, call)

        return endpoint


def _post(path: str, endpoint: Endpoint) -> Route:
    return Route(path, endpoint, methods=["POST"])


async def _read_json(request: Request) -> Any:
    try:
        return loads(await request.body())
    except ValueError as error:
        raise invalid_request("The body is not JSON.") from error


def _error_handlers(responder: Responder) -> dict[Any, Any]:
    """Return what shapes the errors; Azure OpenAI's headers stand on those of unknown paths too."""

    def shaped(describe: Callable[[Any], AzureError]) -> Callable[[Request, Exception], Any]:
        async def handler(request: Request, error: Exception) -> Response:
            return error_response(describe(error), responder.headers(request))

        return handler

    async def gone(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return Response(status_code=_CLIENT_CLOSED_REQUEST)

    return {
        AzureError: shaped(lambda error: error),
        InvalidFieldError: shaped(from_invalid_field),
        404: shaped(lambda _: resource_not_found()),
        405: shaped(lambda _: resource_not_found()),
        500: shaped(lambda _: model_error(500, "The server failed.", kind="server_error")),
        ClientGoneError: gone,
    }
