"""What the routes refuse, with Azure's statuses, codes and shapes."""

from typing import Any

import httpx2
import pytest

from langchain_azure_llms.local import LocalEndpoints

VERSION = "api-version=2024-10-21"
COMPLETIONS = f"/openai/deployments/gpt-35-turbo-instruct/completions?{VERSION}"
CHAT = f"/openai/deployments/local-chat/chat/completions?{VERSION}"
BODY = {"prompt": "Hi", "max_tokens": 1}


def code(answer: httpx2.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["error"]["code"]


def both_routes(client: httpx2.Client, deployment: str, operation: str) -> list[httpx2.Response]:
    """Call the classic route and v1."""
    body = BODY | {"model": deployment, "messages": [{"role": "user", "content": "Hi"}]}
    paths = [f"/openai/deployments/{deployment}/{operation}?{VERSION}", f"/openai/v1/{operation}"]
    return [client.post(path, json=body) for path in paths]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "headers", [{}, {"api-key": "wrong"}, {"Authorization": "Bearer wrong"}], ids=str
)
def test_a_wrong_credential_is_401(
    anonymous: httpx2.Client, headers: dict[str, str], *, stream: bool
) -> None:
    """Also before a stream it is plain JSON, with the code as a string."""
    answer = anonymous.post(COMPLETIONS, json=BODY | {"stream": stream}, headers=headers)
    assert code(answer) == (401, "401")
    assert answer.headers["content-type"] == "application/json"
    assert "apim-request-id" in answer.headers


def test_a_wrong_serverless_credential_has_a_flat_body(anonymous: httpx2.Client) -> None:
    """No `error` object, and a header that says why."""
    answer = anonymous.post("/v1/completions", json=BODY)
    assert (answer.status_code, answer.json()["statusCode"]) == (401, 401)
    assert set(answer.json()) == {"statusCode", "message"}
    assert answer.headers["x-ms-error-reason"] == "Invalid JWT."


@pytest.mark.parametrize(
    ("path", "key_is_a_token"),
    [(COMPLETIONS, False), ("/openai/v1/completions", True), ("/v1/completions", True)],
)
def test_the_key_is_a_bearer_token_only_where_azure_takes_it(
    endpoints: LocalEndpoints, anonymous: httpx2.Client, path: str, *, key_is_a_token: bool
) -> None:
    """On the classic routes only tokens of Microsoft Entra ID are."""
    body = BODY | {"model": "gpt-35-turbo-instruct"}
    statuses = [
        anonymous.post(path, json=body, headers={"Authorization": f"Bearer {token}"}).status_code
        for token in (endpoints.tokens[0], endpoints.api_key)
    ]
    assert statuses == [200, 200 if key_is_a_token else 401]


@pytest.mark.parametrize(
    "path",
    [
        COMPLETIONS.partition("?")[0],
        COMPLETIONS.replace(VERSION, "api-version="),
        COMPLETIONS.replace(VERSION, "api-version=v1"),
        "/openai/deployments/gpt-35-turbo-instruct/complete?" + VERSION,
        "/openai/completions",
        "/",
    ],
)
def test_an_unknown_path_and_a_missing_version_look_alike(client: httpx2.Client, path: str) -> None:
    """Azure answers 404 `Resource not found` to both."""
    answer = client.post(path, json=BODY)
    assert code(answer) == (404, "404")
    assert answer.json()["error"]["message"] == "Resource not found"


def test_another_method_is_not_found_either(client: httpx2.Client) -> None:
    """There is no 405."""
    assert code(client.get(COMPLETIONS)) == (404, "404")


@pytest.mark.parametrize(
    "path", [COMPLETIONS.replace("gpt-35-turbo-instruct", "no-such"), "/openai/v1/completions"]
)
def test_an_unknown_deployment_is_404(client: httpx2.Client, path: str) -> None:
    """In the path or in the body."""
    assert code(client.post(path, json=BODY | {"model": "no-such"})) == (
        404,
        "DeploymentNotFound",
    )


@pytest.mark.parametrize(
    ("deployment", "operation"),
    [
        ("local-chat", "completions"),
        ("gpt-35-turbo-instruct", "chat/completions"),
        ("local-embedding", "completions"),
        ("local-embedding", "chat/completions"),
    ],
)
def test_a_deployment_refuses_the_other_operations(
    client: httpx2.Client, deployment: str, operation: str
) -> None:
    """On the classic route and on v1."""
    expected = [(400, "OperationNotSupported")] * 2
    assert expected == [code(answer) for answer in both_routes(client, deployment, operation)]


@pytest.mark.parametrize("deployment", ["local-chat", "gpt-35-turbo-instruct", "local-embedding"])
def test_only_the_responses_deployment_takes_responses(
    client: httpx2.Client, deployment: str
) -> None:
    """They have one route."""
    answer = client.post("/openai/v1/responses", json={"model": deployment, "input": "Hi"})
    assert code(answer) == (400, "OperationNotSupported")


@pytest.mark.parametrize(
    ("operation", "expected"),
    [("completions", "OperationNotSupported"), ("chat/completions", None)],
)
def test_the_responses_deployment_refuses_all_else_in_other_words(
    client: httpx2.Client, operation: str, expected: str | None
) -> None:
    """On the chat route there is no code to tell it by."""
    for answer in both_routes(client, "local-responses", operation):
        assert code(answer) == (400, expected)
        assert answer.json()["error"]["message"] == "The requested operation is unsupported."


def test_responses_have_no_classic_route(client: httpx2.Client) -> None:
    """The path is unknown."""
    path = f"/openai/deployments/local-responses/responses?{VERSION}"
    assert code(client.post(path, json={"input": "Hi"})) == (404, "404")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        (COMPLETIONS, "prompt", "one " * 3000),
        (CHAT, "messages", [{"role": "user", "content": "one " * 3000}]),
    ],
    ids=["completions", "chat"],
)
def test_a_prompt_longer_than_the_context_is_400(
    client: httpx2.Client, path: str, field: str, value: Any, *, stream: bool
) -> None:
    """A stream is refused before it begins."""
    answer = client.post(path, json={field: value, "stream": stream})
    assert code(answer) == (400, "context_length_exceeded")
    assert answer.json()["error"]["param"] == field


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (BODY | {"n": 0}, "n"),
        (BODY | {"temperature": "hot"}, "temperature"),
        (BODY | {"prompt": [99999999]}, None),
        ([], None),
        (None, None),
    ],
    ids=["n", "temperature", "token ids", "not an object", "not JSON"],
)
def test_a_wrong_body_is_400(client: httpx2.Client, body: Any, param: str | None) -> None:
    """In OpenAI's shape, with the field's name where there is one."""
    content = {"json": body} if body is not None else {"content": b"{"}
    answer = client.post(COMPLETIONS, **content)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"], error["code"]) == (
        400,
        "invalid_request_error",
        param,
        None,
    )
