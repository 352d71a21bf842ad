"""Bearer tokens that expire, at every route."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from langchain_azure_llms.local import LocalEndpoints

PROMPT = {"prompt": "Hi", "max_tokens": 1}
MESSAGES = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
RESPONSE = {"model": "local-responses", "input": "Hi", "max_output_tokens": 16}
SCORE = {"inputs": ["Hi"], "parameters": {"max_new_tokens": 1}}
VERSION = "api-version=2024-10-21"
AZURE_OPENAI: list[tuple[str, Any]] = [
    (f"/openai/deployments/gpt-35-turbo-instruct/completions?{VERSION}", PROMPT),
    (f"/openai/deployments/local-chat/chat/completions?{VERSION}", MESSAGES),
    ("/openai/v1/completions", PROMPT | {"model": "gpt-35-turbo-instruct"}),
    ("/openai/v1/chat/completions", MESSAGES | {"model": "local-chat"}),
    ("/openai/v1/responses", RESPONSE),
]
SERVERLESS: list[tuple[str, Any]] = [("/v1/completions", PROMPT), ("/chat/completions", MESSAGES)]
ONLINE: list[tuple[str, Any]] = [("/score", SCORE)]
EVERYWHERE = AZURE_OPENAI + SERVERLESS + ONLINE


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mine(endpoints: LocalEndpoints, clock: Clock) -> Iterator[LocalEndpoints]:
    """Endpoints of the test's own, with its clock; the model is loaded already."""
    with LocalEndpoints(tokens=["lasting"], clock=clock) as running:
        yield running


def post(endpoints: LocalEndpoints, token: str, route: tuple[str, Any]) -> httpx2.Response:
    path, body = route
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.post(endpoints.url + path, json=body, headers=headers, timeout=60)


@pytest.mark.parametrize("route", EVERYWHERE, ids=lambda route: route[0].partition("?")[0])
def test_a_token_is_taken_until_it_expires(
    mine: LocalEndpoints, clock: Clock, route: tuple[str, Any]
) -> None:
    """The lasting one goes on being taken."""
    token = mine.issue_token(lifetime=60)
    assert post(mine, token, route).status_code == 200
    clock.now = 60
    assert post(mine, token, route).status_code == 401
    assert post(mine, "lasting", route).status_code == 200


@pytest.mark.parametrize("route", EVERYWHERE, ids=lambda route: route[0].partition("?")[0])
def test_revoking_makes_room_for_a_fresh_one(mine: LocalEndpoints, route: tuple[str, Any]) -> None:
    """What a client that asks for another token after a 401 meets."""
    token = mine.issue_token()
    mine.revoke_tokens()
    assert post(mine, token, route).status_code == 401
    assert post(mine, mine.issue_token(), route).status_code == 200
    assert mine.tokens_issued == 2


@pytest.mark.parametrize("route", AZURE_OPENAI, ids=lambda route: route[0].partition("?")[0])
def test_azure_openai_tells_an_expired_token_from_a_wrong_one(
    mine: LocalEndpoints, route: tuple[str, Any]
) -> None:
    """By the code; both are plain JSON."""
    answers = [post(mine, token, route) for token in (mine.issue_token(lifetime=0), "wrong")]
    assert [answer.json()["error"]["code"] for answer in answers] == ["Unauthorized", "401"]


def test_the_other_services_do_not(mine: LocalEndpoints) -> None:
    """A serverless endpoint has its flat body, an online endpoint its word."""
    token = mine.issue_token(lifetime=0)
    serverless, online = (post(mine, token, routes[0]) for routes in (SERVERLESS, ONLINE))
    assert serverless.json()["statusCode"] == 401
    assert serverless.headers["x-ms-error-reason"] == "Invalid JWT."
    assert online.text == "key_auth_access_denied"


def test_tokens_are_issued_before_the_endpoints_are_open() -> None:
    """And by each for itself."""
    first, second = LocalEndpoints(), LocalEndpoints()
    token = first.issue_token()
    route = ("/v1/completions", PROMPT)
    with first, second:
        statuses = [post(running, token, route).status_code for running in (first, second)]
    assert statuses == [200, 401]
