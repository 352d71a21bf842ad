"""Which URL a call goes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from langchain_azure_llms._redact import public_url
from langchain_azure_llms.exceptions import ConfigurationError

V1_VERSIONS = frozenset({"v1", "latest", "preview"})
"""Values of `api_version` that mean the v1 API (Microsoft: "Azure OpenAI v1 API")."""

_DEPLOYMENT = re.compile(r"(?P<root>.*?)(?:/openai)?/deployments/(?P<name>[^/]+)(?:/.*)?\Z")
_V1 = re.compile(r"(?P<root>.*?)/openai/v1(?:/.*)?\Z")
_RESOURCE = re.compile(r"(?P<root>.*?)(?:/openai(?:/responses)?)?\Z")


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
    odd = not url.isprintable() or any(mark in url for mark in " <>")
    if parts.scheme not in {"http", "https"} or not host or odd or not _can_be_looked_up(host):
        raise ConfigurationError(
            f"{name} is {public_url(url)!r}, expected a whole URL such as https://example.com/path."
        )
    if parts.username or parts.password:
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
    added = {name: str(value) for name, value in query.items()}
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in added]
    return urlunsplit(parts._replace(query=urlencode([*kept, *added.items()]), fragment=""))


def with_headers(ours: Mapping[str, str], users: Mapping[str, str] | None) -> dict[str, str]:
    """Return our headers with the user's over them, whatever the case of their names."""
    if not users:
        return dict(ours)
    named = {name.lower() for name in users}
    kept = {name: value for name, value in ours.items() if name.lower() not in named}
    return {**kept, **users}


@dataclass(frozen=True, slots=True)
class AzureOpenAIRoute:
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
        found = _DEPLOYMENT.match(self.root) or _V1.match(self.root) or _RESOURCE.match(self.root)
        root = found["root"] if found else self.root
        version = {"api-version": self.api_version} if self.is_v1 and self.api_version else {}
        return with_query(f"{root}/openai/v1/responses", {**dict(self.query), **version})


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
    query = dict(parse_qsl(parts.query))
    version = api_version or query.get("api-version")
    base = urlunsplit(parts._replace(query="", fragment="")).rstrip("/")
    in_deployment, in_v1 = _DEPLOYMENT.match(base), _V1.match(base)
    is_v1 = version in V1_VERSIONS or bool(in_v1 and not (version and version_is_explicit))
    if is_v1:
        version = version if version in V1_VERSIONS - {"v1"} else None
    elif not version:
        raise ConfigurationError(
            "No API version: pass api_version, such as '2024-10-21', or set OPENAI_API_VERSION; or "
            "use the v1 API with api_version='v1'."
        )
    found = in_deployment or in_v1 or _RESOURCE.match(base)
    root = found["root"] if found else base
    deployment = unquote(in_deployment["name"]) if in_deployment else None
    rest = tuple((key, value) for key, value in query.items() if key != "api-version")
    return AzureOpenAIRoute(base if exact else root, deployment, version, is_v1, exact, rest)
