"""Where tokens come from: Microsoft Entra ID's routes, and those of the metadata service.

Tenants and applications of every name exist, and share one secret.
"""

import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from langchain_azure_llms.local._credentials import Credentials, same


def token_routes(credentials: Credentials) -> list[Route]:
    """Return the routes that give out tokens, and tell clients how to get there."""

    def issued(scope: str, **more: Any) -> Response:
        credentials.scopes.append(scope)
        token = credentials.issue(credentials.token_lifetime)
        return _json({"token_type": "Bearer", "access_token": token, **more})

    async def application(request: Request) -> Response:
        """Answer an application that asks with its secret."""
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        refusal = _refusal(form, credentials.client_secret)
        if refusal is not None:
            return _refuse(request, *refusal)
        seconds = int(credentials.token_lifetime)
        return issued(form["scope"], expires_in=seconds, ext_expires_in=seconds)

    async def machine(request: Request) -> Response:
        """Answer a machine that has an identity, as the instance metadata service does."""
        if request.headers.get("metadata", "").lower() != "true":
            return _bad_request("The header Metadata must be true.")
        for name in ("api-version", "resource"):
            if not request.query_params.get(name):
                return _bad_request(f"The query parameter {name} is missing.")
        resource, now = request.query_params["resource"], int(time.time())
        seconds = int(credentials.token_lifetime)
        times = {"expires_in": str(seconds), "expires_on": str(now + seconds)}
        return issued(resource, resource=resource, not_before=str(now), **times)

    return [
        Route("/{tenant}/oauth2/v2.0/token", application, methods=["POST"]),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", _configuration),
        Route("/common/discovery/instance", _instance),
        Route("/metadata/identity/oauth2/token", machine),
    ]


async def _configuration(request: Request) -> Response:
    """Tell where a tenant's tokens are given out."""
    tenant = f"{request.base_url}{request.path_params['tenant']}"
    endpoints = {
        "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
        "token_endpoint": f"{tenant}/oauth2/v2.0/token",
    }
    methods = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    return _json({"issuer": f"{tenant}/v2.0"} | endpoints | methods)


async def _instance(request: Request) -> Response:
    """Tell that this host is one of the directory's, and where it tells more about a tenant."""
    authority = urlsplit(request.query_params.get("authorization_endpoint", ""))
    tenant = authority.path.strip("/").split("/")[0]
    if not tenant:
        return _bad_request("The query parameter authorization_endpoint names no tenant.")
    host = request.url.netloc
    discovery = f"{request.base_url}{tenant}/v2.0/.well-known/openid-configuration"
    hosts = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
    return _json({"tenant_discovery_endpoint": discovery, "api-version": "1.1", "metadata": hosts})


def _refusal(form: Mapping[str, str], client_secret: str) -> tuple[int, str, int, str] | None:
    """Return why an application is refused: status, OAuth's name, Microsoft's number, message."""
    for name in ("grant_type", "client_id", "scope"):
        if not form.get(name):
            return 400, "invalid_request", 900144, f"{name} is missing."
    scope, bad_scope = form["scope"], "invalid_scope"
    if form["grant_type"] != "client_credentials":
        return 400, "unsupported_grant_type", 70003, "grant_type must be client_credentials."
    if len(scope.split()) != 1:
        return 400, bad_scope, 70011, f"A token is for one resource, not for {scope!r}."
    if scope == "/.default" or not scope.endswith("/.default"):
        return 400, bad_scope, 1002012, f"The scope {scope!r} must be a resource and /.default."
    if not same(form.get("client_secret", ""), client_secret):
        number = 7000215 if form.get("client_secret") else 7000218
        return 401, "invalid_client", number, "client_secret is not that of the application."
    return None


def _refuse(request: Request, status: int, error: str, number: int, message: str) -> Response:
    ids = {
        "trace_id": str(uuid.uuid4()),
        "correlation_id": request.headers.get("client-request-id") or str(uuid.uuid4()),
        "timestamp": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}",
    }
    told = " ".join(f"{name.replace('_', ' ').title()}: {value}" for name, value in ids.items())
    description = f"AADSTS{number}: {message} {told}"
    body = {"error": error, "error_description": description, "error_codes": [number]}
    return _json(body | ids, status)


def _bad_request(message: str) -> Response:
    return _json({"error": "invalid_request", "error_description": message}, 400)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    no_caching = {"cache-control": "no-store, no-cache", "pragma": "no-cache"}
    return JSONResponse(body, status, no_caching)
