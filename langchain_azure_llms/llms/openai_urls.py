"""Which URL of an Azure OpenAI resource a request goes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from langchain_azure_llms._redaction import public_url, shortened
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.llms.urls import split_url, with_query

V1_VERSIONS = frozenset({"v1", "latest", "preview"})
"""Values of `api_version` that mean the v1 API (Microsoft: "Azure OpenAI v1 API")."""

NO_VERSION = (
    "No API version: pass api_version, such as '2024-10-21', or set OPENAI_API_VERSION; or use the "
    "v1 API with api_version='v1'."
)
# Patterns are texts, compiled with their first use: an import need not wait for them.
_DEPLOYMENT = r"(?i)(?P<root>.*?)(?:/openai)?/deployments(?:/(?P<name>[^/]+)(?:/.*)?)?\Z"
_V1 = r"(?i)(?P<root>.*?)/openai/v1(?:/.*)?\Z"
_RESOURCE = r"(?i)(?P<root>.*?)(?:/openai(?:/responses)?)?\Z"
_MODELS = r"(?i)(?P<root>https://[^/]+\.services\.ai\.azure\.com)/models(?:/.*)?\Z"
_PROJECT = r"(?i)(?P<root>.*?/api/projects/[^/]+)(?:/openai)?(?:/v1)?(?:/.*)?\Z"
_MANAGED = r"(?i)(?P<root>.*?/managed-deployments/(?P<name>[^/]+)/v1)(?:/.*)?\Z"
_OPERATION = r"(?i).*?/(?P<operation>chat/completions|completions|responses)\Z"
_APIS = {
    "chat/completions": "chat_completions",
    "completions": "completions",
    "responses": "responses",
}
_SLASHES = r"(?<!:)//+"
_VERSION = r"[A-Za-z0-9._-]+\Z"
_OTHERS = {
    "portal.azure.com": "that is the portal's page: copy the endpoint from it",
    "ai.azure.com": "that is the Foundry portal's page: copy the endpoint from it",
    "oai.azure.com": "that is the studio's page: copy the endpoint from it",
    "api.openai.com": "that is OpenAI's own service, and a key of Azure must not go there",
    ".inference.ml.azure.com": "that is an Azure ML endpoint: use AzureMLOnlineEndpoint",
    ".models.ai.azure.com": "that is a serverless endpoint: use AzureMLOnlineEndpoint",
}


def check_azure_openai(url: str, name: str) -> None:
    """Refuse addresses of other services that people paste; a key must not go there.

    Raises:
        ConfigurationError: If it is one of them.
    """
    host = (split_url(url)[1] or "").lower().rstrip(".")  # a dot at the end changes no name
    for known, reason in _OTHERS.items():
        if host == known or (known.startswith(".") and host.endswith(known)):
            raise ConfigurationError(
                f"{name} is {public_url(url)!r}, and {reason}. Expected an address such as "
                "https://<resource>.openai.azure.com."
            )


def check_version(version: str) -> str:
    """Return an API version as the service writes it.

    Raises:
        ConfigurationError: If it cannot be one.
    """
    if not re.match(_VERSION, version):
        raise ConfigurationError(
            f"api_version is {shortened(version, 80)!r}, expected a version such as "
            "'2024-10-21', or 'v1'."
        )
    return version.lower() if version.lower() in V1_VERSIONS else version


class AzureOpenAIRoute(NamedTuple):
    """Where an Azure OpenAI resource is, in whatever form its address was given.

    Attributes:
        root: The address before `/openai`, without a trailing slash: gateways have a path here.
        deployment: The deployment that the address itself names, if it does.
        api_version: The version that travels in the query; None for the v1 API.
        is_v1: Whether the v1 API is meant: the deployment's name travels as `model`.
        exact: Whether the root is used as it is.
        v1_path: What stands between the root and an operation of the v1 API.
        api: The API of an address that is the whole URL of one; requests go there, as it is.
        query: Other query parameters that the address has.
    """

    root: str
    deployment: str | None = None
    api_version: str | None = None
    is_v1: bool = False
    exact: bool = False
    query: tuple[tuple[str, str], ...] = ()
    v1_path: str = "/openai/v1"
    api: str | None = None

    def url(self, operation: str, deployment: str) -> str:
        """Return the URL of an operation such as `completions` on a deployment.

        Raises:
            ConfigurationError: If the deployment's name cannot be part of a path.
        """
        return _url_of(self, operation, deployment)

    @property
    def responses_url(self) -> str:
        """The URL of Responses: it has no deployment route, and is part of the v1 API alone."""
        return self.v1_url("responses") if self.api is None else self.url("responses", "")

    def v1_url(self, operation: str) -> str:
        """Return the URL of an operation without a deployment, which the v1 API has alone.

        The address must not be the whole URL of an API.
        """
        if not self.v1_path:
            return with_query(f"{self.root}/{operation}", dict(self.query))
        matches = (re.match(pattern, self.root) for pattern in (_DEPLOYMENT, _V1, _RESOURCE))
        found = next(filter(None, matches), None)
        root = found["root"] if found else self.root
        version = {"api-version": self.api_version} if self.is_v1 and self.api_version else {}
        return with_query(f"{root}/openai/v1/{operation}", {**dict(self.query), **version})


@lru_cache(maxsize=256)
def _url_of(route: AzureOpenAIRoute, operation: str, deployment: str) -> str:
    if deployment in {".", ".."}:  # a path's own signs, which no escape makes a name
        raise ConfigurationError(f"{deployment!r} cannot be the name of a deployment.")
    if route.api is not None:
        return with_query(route.root, dict(route.query))
    name = quote(deployment, safe="")
    if route.exact:
        place = "" if "/deployments/" in route.root else f"/deployments/{name}"
        base = f"{route.root}{place}/{operation}"
    elif route.is_v1:
        base = f"{route.root}{route.v1_path}/{operation}"
    else:
        base = f"{route.root}/openai/deployments/{name}/{operation}"
    version = {"api-version": route.api_version} if route.api_version else {}
    return with_query(base, {**dict(route.query), **version})


@lru_cache(maxsize=256)
def azure_openai_route(
    address: str,
    api_version: str | None,
    *,
    version_is_explicit: bool = True,
    exact: bool = False,
) -> AzureOpenAIRoute:
    """Return the route that an endpoint's address and API version stand for.

    Args:
        address: The endpoint: a resource, with or without `/openai`, `/openai/v1` or a whole
            deployment URL behind it; a Foundry project or managed deployment; a gateway with a path
            of its own, which may be the whole URL of one API.
        api_version: A dated version; `"v1"`, `"latest"` or `"preview"` for the v1 API.
        version_is_explicit: False when the version came from the environment: an address that ends
            in `/openai/v1` then means the v1 API all the same.
        exact: Use the address as it is, only adding the operation.

    Raises:
        ConfigurationError: If there is no version, and the address is not one of the v1 API.
    """
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    version = api_version or query.get("api-version")
    base = re.sub(_SLASHES, "/", urlunsplit(parts._replace(query="", fragment=""))).rstrip("/")
    rest = tuple((key, value) for key, value in query.items() if key != "api-version")
    if not exact and (foundry := _foundry_route(base, version, query)) is not None:
        return foundry
    in_deployment, in_v1 = re.match(_DEPLOYMENT, base), re.match(_V1, base)
    if not exact and (api := _api_of(base)) is not None:
        return AzureOpenAIRoute(base, is_v1=True, query=tuple(query.items()), api=api)
    is_v1 = version in V1_VERSIONS or bool(in_v1 and not (version and version_is_explicit))
    if is_v1:
        version = version if version in V1_VERSIONS - {"v1"} else None
    elif not version:
        raise ConfigurationError(NO_VERSION)
    found = in_deployment or in_v1 or re.match(_MODELS, base) or re.match(_RESOURCE, base)
    root = found["root"] if found else base
    named = in_deployment["name"] if in_deployment else None
    deployment = unquote(named) if named else None
    return AzureOpenAIRoute(base if exact else root, deployment, version, is_v1, exact, rest)


def _foundry_route(
    base: str, version: str | None, query: Mapping[str, str]
) -> AzureOpenAIRoute | None:
    """Return the route of a Foundry project, or of a managed deployment; both are v1 APIs.

    Sources: Microsoft, "Microsoft Foundry SDKs and endpoints" (`<project endpoint>/openai/v1`).
    """
    rest = tuple(query.items())
    if found := re.match(_MANAGED, base):
        name = unquote(found["name"])
        return AzureOpenAIRoute(found["root"], name, is_v1=True, query=rest, v1_path="")
    if found := re.match(_PROJECT, base):
        preview = version if version in V1_VERSIONS - {"v1"} else None
        return AzureOpenAIRoute(
            found["root"],
            api_version=preview,
            is_v1=True,
            query=rest,
        )
    return None


_CLOUDS = {
    ".azure.us": "https://cognitiveservices.azure.us/.default",
    ".azure.cn": "https://cognitiveservices.azure.cn/.default",
}


def token_scopes(address: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scope that tokens for an address have, by its cloud and its kind.

    Sources: Microsoft, "Azure Government endpoint mappings", "Azure in China developer guide",
    "Microsoft Foundry SDKs and endpoints" (projects take tokens for `https://ai.azure.com`).
    """
    parts, host = split_url(address)
    if "/api/projects/" in parts.path.lower():
        return ("https://ai.azure.com/.default",)
    for end, scope in _CLOUDS.items():
        if (host or "").lower().endswith(end):
            return (scope,)
    return default


def _api_of(base: str) -> str | None:
    """Return the API of a gateway's own URL; None for an address of Azure's own forms."""
    found = re.match(_OPERATION, base)
    azure = (_DEPLOYMENT, _V1, _MODELS)
    if found is None or any(re.match(pattern, base) for pattern in azure):
        return None
    if re.search(r"(?i)/openai/(?:responses|completions|chat/completions)\Z", base):
        return None  # a resource's own, as the portal shows it
    return _APIS[found["operation"].lower()]
