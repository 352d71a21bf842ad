"""What an application must say to get a token."""

from typing import Any

import pytest

from langchain_azure_llms.local._directory import Directory, GrantRefusedError, refusal
from langchain_azure_llms.local._tokens import IssuedTokens

FORM = {
    "grant_type": "client_credentials",
    "client_id": "app",
    "client_secret": "secret",
    "scope": "https://cognitiveservices.azure.com/.default",
}


@pytest.fixture
def directory() -> Directory:
    return Directory("secret", 90.5, IssuedTokens())


def test_the_right_secret_gets_a_token(directory: Directory) -> None:
    """With its lifetime in whole seconds, and the scope is remembered."""
    granted = directory.grant(FORM)
    assert (granted["token_type"], granted["expires_in"], granted["ext_expires_in"]) == (
        "Bearer",
        90,
        90,
    )
    assert directory.tokens.is_good(granted["access_token"])
    assert list(directory.scopes) == [FORM["scope"]]


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
    directory: Directory, change: dict[str, str], expected: tuple[Any, ...]
) -> None:
    """With Microsoft's number for the reason; no token is given out."""
    with pytest.raises(GrantRefusedError) as caught:
        directory.grant(FORM | change)
    assert expected == (caught.value.status, caught.value.error, caught.value.code)
    assert (directory.tokens.count, list(directory.scopes)) == (0, [])


def test_a_refusal_tells_reason_time_and_ids() -> None:
    """The description repeats them, as people paste nothing else."""
    body = refusal(GrantRefusedError(401, "invalid_client", 7000215, "Wrong."), "my-id")
    assert (body["error"], body["error_codes"], body["correlation_id"]) == (
        "invalid_client",
        [7000215],
        "my-id",
    )
    assert body["error_description"].startswith("AADSTS7000215: Wrong. ")
    assert all(body[name] in body["error_description"] for name in ("trace_id", "timestamp"))
    assert refusal(GrantRefusedError(400, "x", 1, "y"), None)["correlation_id"]


def test_the_oldest_scopes_are_forgotten(directory: Directory) -> None:
    """A client that asks for ever makes nothing grow."""
    for number in range(1025):
        directory.issue(str(number))
    assert (len(directory.scopes), directory.scopes[0]) == (1024, "1")
