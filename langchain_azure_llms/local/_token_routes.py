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

_ANY_PERMISSION = "/.default"
_NO_CACHING = {"cache-control": "no-store, no-cache", "pragma": "no-cache"}
_REFUSALS = {  # Microsoft's number of a reason: the status, and OAuth's name for it
    70003: (400, "unsupported_grant_type"),
    70011: (400, "invalid_scope"),
    900144: (400, "invalid_request"),
    1002012: (400, "invalid_scope"),
    7000215: (401, "invalid_client"),
    7000218: (401, "invalid_client"),
}


def token_routes(credentials: Credentials) -> list[Route]:
    """Return the routes that give out tokens, and tell clients how to get there."""

    async def application(request: Request) -> Response:
        """Answer an application that asks with its secret."""
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        refusal = _refusal(form, credentials.client_secret)
        if refusal is not None:
            return _refuse(request, *refusal)
        token, seconds = credentials.issue_for(form["scope"]), int(credentials.token_lifetime)
        lifetime = {"expires_in": seconds, "ext_expires_in": seconds}
        return _json({"token_type": "Bearer", **lifetime, "access_token": token})

    async def machine(request: Request) -> Response:
        """Answer a machine that has an identity, as the instance metadata service does."""
        if request.headers.get("metadata", "").lower() != "true":
            return _bad_request("The header Metadata must be true.")
        for name in ("api-version", "resource"):
            if not request.query_params.get(name):
                return _bad_request(f"The query parameter {name} is missing.")
        resource, now = request.query_params["resource"], int(time.time())
        seconds = int(credentials.token_lifetime)
        body = {
            "access_token": credentials.issue_for(resource),
            "expires_in": str(seconds),
            "expires_on": str(now + seconds),
            "not_before": str(now),
            "resource": resource,
            "token_type": "Bearer",
        }
        return _json(body)

    return [
        Route("/{tenant}/oauth2/v2.0/token", application, methods=["POST"]),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", _configuration),
        Route("/common/discovery/instance", _instance),
        Route("/metadata/identity/oauth2/token", machine),
    ]


async def _configuration(request: Request) -> Response:
    """Tell where a tenant's tokens are given out."""
    tenant = f"{request.base_url}{request.path_params['tenant']}"
    body = {
        "issuer": f"{tenant}/v2.0",
        "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
        "token_endpoint": f"{tenant}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }
    return _json(body)


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


def _refusal(form: Mapping[str, str], client_secret: str) -> tuple[int, str] | None:
    """Return Microsoft's number for why an application is refused, and a message."""
    for name in ("grant_type", "client_id", "scope"):
        if not form.get(name):
            return 900144, f"{name} is missing."
    scope, secret = form["scope"], form.get("client_secret", "")
    if form["grant_type"] != "client_credentials":
        return 70003, "Applications are given tokens here by client_credentials only."
    if len(scope.split()) != 1:
        return 70011, f"A token is for one resource, not for {scope!r}."
    if scope == _ANY_PERMISSION or not scope.endswith(_ANY_PERMISSION):
        return 1002012, f"The scope {scope!r} must be a resource and {_ANY_PERMISSION}."
    if not secret:
        return 7000218, "client_secret is missing."
    if not same(secret, client_secret):
        return 7000215, f"The secret is not that of the application {form['client_id']!r}."
    return None


def _refuse(request: Request, number: int, message: str) -> Response:
    status, error = _REFUSALS[number]
    trace_id = str(uuid.uuid4())
    correlation_id = request.headers.get("client-request-id") or str(uuid.uuid4())
    timestamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
    ids = f"Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {timestamp}"
    body = {
        "error": error,
        "error_description": f"AADSTS{number}: {message} {ids}",
        "error_codes": [number],
        "timestamp": timestamp,
        "trace_id": trace_id,
        "correlation_id": correlation_id,
    }
    return _json(body, status)


def _bad_request(message: str) -> Response:
    return _json({"error": "invalid_request", "error_description": message}, 400)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(body, status, _NO_CACHING)
