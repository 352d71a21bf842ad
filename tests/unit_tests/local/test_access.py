"""Who may call, and what a deployment does."""

import pytest

from langchain_azure_llms.local._access import Access
from langchain_azure_llms.local._deployments import Deployments
from langchain_azure_llms.local._tokens import IssuedTokens

ACCESS = Access("key", ("token",))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (False, False, False)),
        ({"api-key": "key"}, (True, False, False)),
        ({"api-key": "token"}, (False, False, False)),
        ({"api-key": ""}, (False, False, False)),
        ({"api-key": "ké"}, (False, False, False)),
        ({"authorization": "Bearer key"}, (False, False, True)),
        ({"authorization": "bearer token"}, (False, True, True)),
        ({"authorization": "Bearer"}, (False, False, False)),
        ({"authorization": "Basic token"}, (False, False, False)),
        ({"authorization": "token"}, (False, False, False)),
    ],
)
def test_each_credential_opens_its_own_door(
    headers: dict[str, str], expected: tuple[bool, bool, bool]
) -> None:
    """The key in its header, a token as a bearer token, either as a bearer token."""
    opened = (ACCESS.has_api_key(headers), ACCESS.has_token(headers), ACCESS.has_bearer(headers))
    assert expected == opened


@pytest.mark.parametrize("lifetime", [10, 0])
def test_an_issued_token_opens_doors_until_it_ends(lifetime: float) -> None:
    """Then it is told from one that nobody issued."""
    access = Access("key", ("token",), IssuedTokens())
    headers = {"authorization": f"Bearer {access.issued.issue(lifetime)}"}
    good = lifetime > 0
    assert (access.has_token(headers), access.has_bearer(headers)) == (good, good)
    assert access.has_ended_token(headers) == (not good)
    assert not access.has_api_key(headers)
    assert not access.has_ended_token({"authorization": "Bearer token"})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("text", {"completions"}),
        ("talk", {"chat"}),
        ("both", {"completions", "chat"}),
        ("other", set()),
        ("local-responses", {"responses"}),
        ("local-embedding", {"embeddings"}),
    ],
)
def test_a_deployment_does_what_it_is_listed_for(name: str, expected: set[str]) -> None:
    """And nothing when it is not listed."""
    assert expected == Deployments(("text", "both"), ("talk", "both")).operations(name)


def test_a_star_stands_for_the_names_that_are_not_listed() -> None:
    """A chat deployment stays one."""
    deployments = Deployments(("*",), ("talk",))
    assert deployments.operations("any") == {"completions"}
    assert deployments.operations("talk") == {"chat"}
