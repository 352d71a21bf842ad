"""Which URL a call goes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from langchain_azure_llms._redact import public_url, shortened
from langchain_azure_llms.exceptions import ConfigurationError

V1_VERSIONS = frozenset({"v1", "latest", "preview"})
"""Values of `api_version` that mean the v1 API (Microsoft: "Azure OpenAI v1 API")."""

# Patterns are texts, compiled with their first use: an import need not wait for them.
_DEPLOYMENT = r"(?i)(?P<root>.*?)(?:/openai)?/deployments(?:/(?P<name>[^/]+)(?:/.*)?)?\Z"
_V1 = r"(?i)(?P<root>.*?)/openai/v1(?:/.*)?\Z"
_RESOURCE = r"(?i)(?P<root>.*?)(?:/openai(?:/responses)?)?\Z"
_MODELS = r"(?i)(?P<root>https://[^/]+\.services\.ai\.azure\.com)/models(?:/.*)?\Z"
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


@lru_cache(maxsize=256)
def check_url(url: str, name: str, *, allow_plain_http: bool = False) -> SplitResult:
    """Return a URL's parts if requests with credentials can go there.

    Args:
        url: The URL.
        name: The setting's name, for the error.
        allow_plain_http: Whether credentials may travel unencrypted beyond this machine.

    Raises:
        ConfigurationError: If it has no scheme or no host, or would send credentials in the open.
    """
    parts, host = _split(url)
    odd = not url.isprintable() or any(mark in url for mark in " <>\\")
    if "<" in url:
        raise ConfigurationError(
            f"{name} is {public_url(url)!r}: put your own names in place of those in <>."
        )
    if parts.scheme not in {"http", "https"} or not host or odd or not _can_be_looked_up(host):
        raise ConfigurationError(
            f"{name} is {public_url(url)!r}, expected a whole URL such as https://example.com/path."
        )
    if parts.username or parts.password or "@" in parts.path + parts.fragment:
        raise ConfigurationError(
            f"{name} has a user name or password, which would travel in place of the key: pass "
            "credentials as arguments, or as default_headers."
        )
    if parts.scheme == "http" and not allow_plain_http and not is_loopback(host):
        raise ConfigurationError(
            f"{name} is {public_url(url)!r}: prompts and credentials would travel unencrypted. Use "
            "https, or pass allow_plain_http=True if the network between is yours."
        )
    return parts


def check_azure_openai(url: str, name: str) -> None:
    """Refuse addresses of other services that people paste; a key must not go there.

    Raises:
        ConfigurationError: If it is one of them.
    """
    host = (_split(url)[1] or "").lower().rstrip(".")  # a dot at the end changes no name
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


def check_proxy(url: str, name: str) -> None:
    """Refuse what is no proxy's URL; it may hold a user name and password.

    Raises:
        ConfigurationError: If its scheme or its host is missing or unknown.
    """
    parts, host = _split(url)
    if parts.scheme not in {"http", "https", "socks5", "socks5h"} or not host:
        shown = repr(public_url(url)) if host else "no whole URL"
        raise ConfigurationError(
            f"{name} is {shown}, expected a proxy's URL such as http://proxy:3128."
        )


def _split(url: str) -> tuple[SplitResult, str | None]:
    try:
        parts = urlsplit(url)
        _ = parts.port  # only looking at it finds a port that is none
    except ValueError:
        return SplitResult("", "", "", "", ""), None
    return parts, parts.hostname


def _can_be_looked_up(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:  # empty labels, labels over 63 characters
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def with_query(url: str, query: Mapping[str, object]) -> str:
    """Return the URL with more query parameters; one that it has already is replaced."""
    if not query:
        return url
    added = [pair for name, value in query.items() for pair in _pairs(name, value)]
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in query]
    return urlunsplit(parts._replace(query=urlencode([*kept, *added]), fragment=""))


def _pairs(name: str, value: object) -> list[tuple[str, str]]:
    """Return a parameter as OpenAI's own client writes it: lists in brackets, None not at all."""
    if isinstance(value, list | tuple):
        return [pair for item in value for pair in _pairs(f"{name}[]", item)]
    if isinstance(value, bool):
        return [(name, str(value).lower())]
    return [] if value is None else [(name, str(value))]


def with_headers(ours: Mapping[str, str], users: Mapping[str, str] | None) -> dict[str, str]:
    """Return our headers with the user's over them, whatever the case of their names."""
    if not users:
        return dict(ours)
    named = {name.lower() for name in users}
    kept = {name: value for name, value in ours.items() if name.lower() not in named}
    return {**kept, **users}


class AzureOpenAIRoute(NamedTuple):
    """Where an Azure OpenAI resource is, in whatever form its address was given.

    Attributes:
        root: The address before `/openai`, without a trailing slash: gateways have a path here.
        deployment: The deployment that the address itself names, if it does.
        api_version: The version that travels in the query; None for the v1 API.
        is_v1: Whether the v1 API is meant: the deployment's name travels as `model`.
        exact: Whether the root is used as it is.
        query: Other query parameters that the address has.
    """

    root: str
    deployment: str | None = None
    api_version: str | None = None
    is_v1: bool = False
    exact: bool = False
    query: tuple[tuple[str, str], ...] = ()

    def url(self, operation: str, deployment: str) -> str:
        """Return the URL of an operation such as `completions` on a deployment."""
        return _operation_url(self, operation, deployment)

    def _url(self, operation: str, deployment: str) -> str:
        if deployment in {".", ".."}:  # a path's own signs, which no escape makes a name
            raise ConfigurationError(f"{deployment!r} cannot be the name of a deployment.")
        name = quote(deployment, safe="")
        if self.exact:
            place = "" if "/deployments/" in self.root else f"/deployments/{name}"
            base = f"{self.root}{place}/{operation}"
        elif self.is_v1:
            base = f"{self.root}/openai/v1/{operation}"
        else:
            base = f"{self.root}/openai/deployments/{name}/{operation}"
        version = {"api-version": self.api_version} if self.api_version else {}
        return with_query(base, {**dict(self.query), **version})

    @property
    def responses_url(self) -> str:
        """The URL of Responses: it has no deployment route, and is part of the v1 API alone."""
        matches = (re.match(pattern, self.root) for pattern in (_DEPLOYMENT, _V1, _RESOURCE))
        found = next(filter(None, matches), None)
        root = found["root"] if found else self.root
        version = {"api-version": self.api_version} if self.is_v1 and self.api_version else {}
        return with_query(f"{root}/openai/v1/responses", {**dict(self.query), **version})


_operation_url = lru_cache(maxsize=256)(AzureOpenAIRoute._url)  # noqa: SLF001 - made once for each


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
            deployment URL behind it, or a gateway with a path of its own.
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
    in_deployment, in_v1 = re.match(_DEPLOYMENT, base), re.match(_V1, base)
    is_v1 = version in V1_VERSIONS or bool(in_v1 and not (version and version_is_explicit))
    if is_v1:
        version = version if version in V1_VERSIONS - {"v1"} else None
    elif not version:
        raise ConfigurationError(
            "No API version: pass api_version, such as '2024-10-21', or set OPENAI_API_VERSION; or "
            "use the v1 API with api_version='v1'."
        )
    found = in_deployment or in_v1 or re.match(_MODELS, base) or re.match(_RESOURCE, base)
    root = found["root"] if found else base
    named = in_deployment["name"] if in_deployment else None
    deployment = unquote(named) if named else None
    rest = tuple((key, value) for key, value in query.items() if key != "api-version")
    return AzureOpenAIRoute(base if exact else root, deployment, version, is_v1, exact, rest)
