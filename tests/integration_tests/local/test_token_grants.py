"""What an application must say to get a token."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from langchain_azure_llms.local import LocalEndpoints

FORM = {
    "grant_type": "client_credentials",
    "client_id": "app",
    "client_secret": "secret",
    "scope": "https://cognitiveservices.azure.com/.default",
}


@pytest.fixture
def endpoints() -> Iterator[LocalEndpoints]:
    with LocalEndpoints(engine="echo", client_secret="secret", token_lifetime=90.5) as running:
        yield running


def ask(endpoints: LocalEndpoints, change: dict[str, str]) -> httpx2.Response:
    return httpx2.post(f"{endpoints.url}/tenant/oauth2/v2.0/token", data=FORM | change)


def test_the_right_secret_gets_a_token(endpoints: LocalEndpoints) -> None:
    """With its lifetime in whole seconds, and the scope is remembered."""
    granted = ask(endpoints, {}).json()
    lifetimes = (granted["expires_in"], granted["ext_expires_in"])
    assert ("Bearer", (90, 90)) == (granted["token_type"], lifetimes)
    assert (FORM["scope"],) == endpoints.scopes_requested


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"grant_type": ""}, (400, "invalid_request", 900144)),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", 70003)),
        ({"client_id": ""}, (400, "invalid_request", 900144)),
        ({"client_secret": ""}, (401, "invalid_client", 7000218)),
        ({"client_secret": "wrong"}, (401, "invalid_client", 7000215)),
        ({"client_secret": "ß"}, (401, "invalid_client", 7000215)),
        ({"scope": ""}, (400, "invalid_request", 900144)),
        ({"scope": "https://cognitiveservices.azure.com"}, (400, "invalid_scope", 1002012)),
        ({"scope": "/.default"}, (400, "invalid_scope", 1002012)),
        ({"scope": "a/.default b/.default"}, (400, "invalid_scope", 70011)),
    ],
    ids=str,
)
def test_anything_else_is_refused(
    endpoints: LocalEndpoints, change: dict[str, str], expected: tuple[Any, ...]
) -> None:
    """With Microsoft's number for the reason; no token is given out."""
    answer = ask(endpoints, change)
    body = answer.json()
    assert expected == (answer.status_code, body["error"], body["error_codes"][0])
    assert (0, ()) == (endpoints.tokens_issued, endpoints.scopes_requested)


def test_a_refusal_tells_reason_time_and_ids(endpoints: LocalEndpoints) -> None:
    """The description repeats them, as people paste nothing else."""
    body = ask(endpoints, {"client_secret": "wrong"}).json()
    assert body["error_description"].startswith("AADSTS7000215: ")
    for name in ("trace_id", "correlation_id", "timestamp"):
        assert body[name] in body["error_description"]
