"""URLs and headers that users pass: checked, and put together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from langchain_azure_llms._redaction import public_url
from langchain_azure_llms.exceptions import ConfigurationError


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
    parts, host = split_url(url)
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


def check_proxy(url: str, name: str) -> None:
    """Refuse what is no proxy's URL; it may hold a user name and password.

    Raises:
        ConfigurationError: If its scheme or its host is missing or unknown.
    """
    parts, host = split_url(url)
    if parts.scheme not in {"http", "https", "socks5", "socks5h"} or not host:
        shown = repr(public_url(url)) if host else "no whole URL"
        raise ConfigurationError(
            f"{name} is {shown}, expected a proxy's URL such as http://proxy:3128."
        )


def split_url(url: str) -> tuple[SplitResult, str | None]:
    """Return a URL's parts and its host; None for a host where it is not a URL."""
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
