"""What no cassette may hold, and finding it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tests.cassettes.scrub import ORIGIN, REDACTED

# Scopes that tokens are asked for: they look like hosts, and belong to nobody.
_SCOPES = "https://cognitiveservices.azure.com", "https://ml.azure.com"
_AZURE = "azure|windows|microsoftonline|microsoft|azurewebsites|azure-api"

RULES = {
    "a key header with a value": re.compile(
        rf"^\s*(?:api-key|ocp-apim-subscription-key): (?!{REDACTED}$).*",
        re.MULTILINE | re.IGNORECASE,
    ),
    "an authorization with a value": re.compile(
        rf"^\s*(?:proxy-)?authorization: (?!(?:Bearer )?{REDACTED}$).*",
        re.MULTILINE | re.IGNORECASE,
    ),
    "a cookie": re.compile(r"^\s*(?:set-)?cookie:.*", re.MULTILINE | re.IGNORECASE),
    "a secret of a form": re.compile(
        rf"(?:client_secret|client_assertion|password|refresh_token)=(?!{REDACTED})[^&\s]+"
    ),
    "a secret of a body": re.compile(
        rf'"(?:access_token|id_token|refresh_token|client_secret|api_?key)":\s*"(?!{REDACTED}")[^"]+'
    ),
    "a web token": re.compile(r"\beyJ[\w-]{8,}"),
    "a key": re.compile(r"\b(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{32,}\b"),
    "an id": re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE),
    "an address": re.compile(rf"https?://(?!{re.escape(ORIGIN[8:])}[/\"\s])[^\s\"'<>\\]+"),
    "a host of Azure": re.compile(rf"\b[\w-]+(?:\.[\w-]+)*\.(?:{_AZURE})\.(?:com|net|us|cn)\b"),
    "this machine": re.compile(r"\b(?:localhost|127\.0\.0\.1|\d{1,3}(?:\.\d{1,3}){3}:\d+)\b"),
    "a path of a machine": re.compile(
        r"(?<![\w.])/(?:home|Users|root|tmp|var|work|opt|mnt|usr)/[\w.-]+|\b[A-Z]:\\\w+"
    ),
    "an e-mail address": re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"),
}


def findings(text: str, names: Iterable[str] = ()) -> Iterator[str]:
    """Yield what a text holds that it must not, with the name of what it is.

    Args:
        text: A cassette, as it is written.
        names: Names of users and machines that it must not hold either.
    """
    for scope in _SCOPES:
        escaped = scope.replace(":", "%3A").replace("/", "%2F")
        text = text.replace(f"{scope}/.default", "").replace(f"{escaped}%2F.default", "")
    for what, pattern in RULES.items():
        yield from (f"{what}: {found[0].strip()}" for found in pattern.finditer(text))
    for name in names:
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
            yield f"a name: {name}"
