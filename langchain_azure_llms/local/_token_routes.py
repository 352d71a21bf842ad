"""Where tokens come from: Microsoft Entra ID's routes, and those of the metadata service."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from langchain_azure_llms.local._directory import Directory, GrantRefusedError, refusal
from langchain_azure_llms.local._json import dumps

_BAD_REQUEST = 400
_NO_CACHING = {"cache-control": "no-store, no-cache", "pragma": "no-cache"}


@dataclass(frozen=True)
class TokenRoutes:
    """Routes that give out the tokens of a directory, and tell clients how to get there.

    Attributes:
        directory: Whose tokens.
    """

    directory: Directory

    def all(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/{tenant}/oauth2/v2.0/token", self.grant, methods=["POST"]),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", configuration),
            Route("/common/discovery/instance", instance),
            Route("/metadata/identity/oauth2/token", self.managed_identity),
        ]

    async def grant(self, request: Request) -> Response:
        """Answer an application that has a secret."""
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        try:
            return _json(self.directory.grant(form))
        except GrantRefusedError as error:
            body = refusal(error, request.headers.get("client-request-id"))
            return _json(body, error.status)

    async def managed_identity(self, request: Request) -> Response:
        """Answer a machine that has an identity, as the instance metadata service does."""
        if request.headers.get("metadata", "").lower() != "true":
            return _bad_request("The header Metadata must be true.")
        for name in ("api-version", "resource"):
            if not request.query_params.get(name):
                return _bad_request(f"The query parameter {name} is missing.")
        resource, seconds = request.query_params["resource"], int(self.directory.lifetime)
        begins = int(time.time())
        return _json(
            {
                "access_token": self.directory.issue(resource),
                "expires_in": str(seconds),
                "expires_on": str(begins + seconds),
                "not_before": str(begins),
                "resource": resource,
                "token_type": "Bearer",
            }
        )


async def configuration(request: Request) -> Response:
    """Tell where a tenant's tokens are given out."""
    tenant = f"{request.base_url}{request.path_params['tenant']}"
    return _json(
        {
            "issuer": f"{tenant}/v2.0",
            "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{tenant}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
    )


async def instance(request: Request) -> Response:
    """Tell that this host is one of the directory's, and where it tells more about a tenant."""
    authority = urlsplit(request.query_params.get("authorization_endpoint", ""))
    tenant = authority.path.strip("/").split("/")[0]
    if not tenant:
        return _bad_request("The query parameter authorization_endpoint names no tenant.")
    host = request.url.netloc
    discovery = f"{request.base_url}{tenant}/v2.0/.well-known/openid-configuration"
    aliases = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
    return _json(
        {"tenant_discovery_endpoint": discovery, "api-version": "1.1", "metadata": [aliases]}
    )


def _bad_request(message: str) -> Response:
    return _json({"error": "invalid_request", "error_description": message}, _BAD_REQUEST)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(dumps(body), status, _NO_CACHING, "application/json")
