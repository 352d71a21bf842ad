"""What of an exchange a cassette may hold: nothing secret, nothing that always differs. Pure.

Every function gives the same when it is applied twice: a cassette's exchanges pass through again
when it is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from vcr.request import Request  # type: ignore[import-untyped]

ORIGIN = "https://recorded.example"
"""The place of every service in a cassette."""
REDACTED = "REDACTED"
"""The place of every secret."""
RECORDED_ID = "recorded"
MOMENT = 1767225600
"""The first second of 2026, when everything in a cassette happened."""

_SECRET_HEADERS = {"api-key", "authorization", "ocp-apim-subscription-key"}
# How a message is carried, which the library says and not we; it differs from engine to engine.
_CARRYING_HEADERS = {"accept-encoding", "connection", "content-length", "host"}
_IDENTITY_PATH = re.compile(r"/oauth2/|/\.well-known/|/metadata/identity/|^/common/discovery/")

# Of an answer, what is known to hold nothing of who asked.
_ANSWER_HEADERS = re.compile(
    r"content-(type|length)|transfer-encoding|server|retry-after(-ms)?|allow"
    r"|x-rate-?limit-(limit|remaining|reset|renewalperiod)-[a-z-]+"
    r"|ms-azureml-model-error-[a-z]+|x-ms-error-(code|reason)"
    r"|x-ms-(server-version|run-function-failed)"
    r"|(apim|x|x-ms|x-ms-client)-request-id|x-ms-run-fn-exec-ms|date"
)
_STEADY_HEADERS = {"date": "Thu, 01 Jan 2026 00:00:00 GMT", "x-ms-run-fn-exec-ms": "0"}

_GUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
_STEADY_TEXTS = (
    (re.compile(r"https?://[^/\s\"\\<>]+"), ORIGIN),
    (_GUID, RECORDED_ID),
    (
        re.compile(r'("(?:id|item_id|response_id)":\s*")((?:[a-z]+[-_])?)[^"]+'),
        rf"\g<1>\g<2>{RECORDED_ID}",
    ),
    (re.compile(r'("(?:created|created_at|completed_at)":\s*)[1-9]\d*'), rf"\g<1>{MOMENT}"),
    (
        re.compile(r'("(?:access_token|id_token|refresh_token|client_secret)":\s*")[^"]+'),
        rf"\g<1>{REDACTED}",
    ),
    (re.compile(r'("obfuscation":\s*")[^"]+'), rf"\g<1>{RECORDED_ID}"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"), "2026-01-01 00:00:00Z"),
)


def scrubbed_request(request: Request, hidden: Mapping[str, str], *, moved: bool) -> Request:
    """Return a request as a cassette holds it.

    Args:
        request: What is sent.
        hidden: Texts that are replaced, by what replaces them.
        moved: Whether its service's address is replaced too. Not in a replay: there, a request to
            another address must not pass for the recorded one.
    """
    path = urlsplit(request.uri).path
    uri = _without(request.uri, hidden)
    parts = urlsplit(uri)
    if moved:
        uri = ORIGIN + uri[len(f"{parts.scheme}://{parts.netloc}") :]
    body = request.body
    if isinstance(body, dict):  # a form, as aiohttp takes it
        body = urlencode(body)
    if isinstance(body, bytes):
        body = body.decode()
    if body is not None:
        body = re.sub(r"(client_secret|client_assertion)=[^&]+", rf"\1={REDACTED}", body)
        body = _without(body, hidden)
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    kept = _identity_headers(headers) if _IDENTITY_PATH.search(path) else _our_headers(headers)
    scrubbed = {name: _without(value, hidden) for name, value in sorted(kept.items())}
    return Request(request.method, uri, body, scrubbed)


def scrubbed_response(response: dict[str, Any], hidden: Mapping[str, str]) -> dict[str, Any]:
    """Return a response as a cassette holds it."""
    body = response["body"].get("string") or b""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "surrogateescape")
    body = _steady(_without(body, hidden)).encode("utf-8", "surrogateescape")
    headers: dict[str, list[str]] = {}
    for name, values in sorted(response["headers"].items(), key=lambda pair: pair[0].lower()):
        if _ANSWER_HEADERS.fullmatch(name.lower()):
            headers[name.lower()] = [_steady_header(name.lower(), value) for value in values]
    if "content-length" in headers:
        headers["content-length"] = [str(len(body))]
    return {**response, "headers": headers, "body": {"string": body}}


def _our_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return all that we decide to send; of a secret its kind, and of our name no version."""
    kept = {name: value for name, value in headers.items() if name not in _CARRYING_HEADERS}
    for name in kept.keys() & _SECRET_HEADERS:
        scheme, space, _ = kept[name].rpartition(" ")
        kept[name] = f"{scheme}{space}{REDACTED}"
    if "user-agent" in kept:
        kept["user-agent"] = kept["user-agent"].partition("/")[0]
    return kept


def _identity_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what a token service reads; azure-identity also sends details of the machine."""
    return {name: value for name, value in headers.items() if name == "content-type"}


def _steady_header(name: str, value: str) -> str:
    if name.endswith("-request-id"):
        return RECORDED_ID
    if name == "retry-after" and value.endswith("GMT"):
        return _STEADY_HEADERS["date"]
    return _STEADY_HEADERS.get(name, value)


def _steady(text: str) -> str:
    for pattern, replacement in _STEADY_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def _without(text: str, hidden: Mapping[str, str]) -> str:
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, hidden[secret])
    return text


def _text(value: Any) -> str:
    value = value[0] if isinstance(value, list | tuple) else value
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
