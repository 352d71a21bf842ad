"""One score script, two servers: Microsoft's own, and the local `/score` route."""

import json
from typing import Any

import httpx2
import pytest

from langchain_azure_llms.local import LocalEndpoints

GREEDY = {"max_new_tokens": 4, "do_sample": False}

REQUESTS: dict[str, dict[str, Any]] = {
    "gpt2": {"inputs": {"input_string": ["One two three"]}, "parameters": GREEDY},
    "hf": {"inputs": ["One two three"], "parameters": GREEDY},
    "summary": {"inputs": ["One two three"], "parameters": GREEDY, "options": {"use_cache": False}},
    "dolly": {"input_data": {"input_string": ["One two three"]}, "parameters": GREEDY},
    "llama": {"input_data": {"input_string": ["One two three"], "parameters": GREEDY}},
    "mlflow": {"input_data": ["One two three"], "params": GREEDY},
    "chat": {
        "input_data": {
            "input_string": [{"role": "user", "content": "Hi"}],
            "parameters": GREEDY,
        }
    },
    "lone surrogate": {"inputs": ["\ud800 one two"], "parameters": GREEDY},
    "several prompts": {"input_data": ["One two", "Red green"], "params": GREEDY},
    "full text": {"inputs": ["One two"], "parameters": {**GREEDY, "return_full_text": True}},
}

WRONG_REQUESTS = {
    "no schema": {"prompt": "One"},
    "no prompts": {"inputs": [], "parameters": {}},
    "wrong type": {"inputs": ["One"], "parameters": {"temperature": "hot"}},
    "too long": {"inputs": ["one " * 3000], "parameters": {}},
}


def post(url: str, body: Any, key: str = "any") -> httpx2.Response:
    """Post JSON in ASCII: only escaped can half of a surrogate pair travel."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return httpx2.post(f"{url}/score", content=json.dumps(body), headers=headers, timeout=60)


def score(endpoints: LocalEndpoints, body: Any) -> httpx2.Response:
    return post(endpoints.url, body, endpoints.api_key)


@pytest.mark.parametrize("name", REQUESTS)
def test_both_servers_give_the_same_answer(
    endpoints: LocalEndpoints, scoring_server: str, name: str
) -> None:
    """The script runs unchanged behind either server."""
    theirs = post(scoring_server, REQUESTS[name])
    ours = score(endpoints, REQUESTS[name])
    assert (theirs.status_code, theirs.json()) == (ours.status_code, ours.json())
    assert ours.status_code == 200


@pytest.mark.parametrize("name", WRONG_REQUESTS)
def test_the_front_door_turns_the_containers_400_into_424(
    endpoints: LocalEndpoints, scoring_server: str, name: str
) -> None:
    """The body is the container's; its status moves to a header."""
    theirs = post(scoring_server, WRONG_REQUESTS[name])
    ours = score(endpoints, WRONG_REQUESTS[name])
    assert (theirs.status_code, ours.status_code) == (400, 424)
    assert ours.headers["ms-azureml-model-error-statuscode"] == "400"
    assert theirs.json() == ours.json()


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("gpt2", lambda answer: [answer[0]["0"]]),
        ("hf", lambda answer: [answer[0]["0"]["generated_text"]]),
        ("summary", lambda answer: [answer[0]["summary_text"]]),
        ("dolly", list),
        ("llama", lambda answer: [answer[0]["0"]]),
        ("mlflow", list),
    ],
)
def test_every_schema_carries_the_same_text(
    endpoints: LocalEndpoints, name: str, texts: Any
) -> None:
    """The schema decides the envelope, never the text."""
    headers = {"api-key": endpoints.api_key}
    body = {"prompt": "One two three", "max_tokens": 4, "temperature": 0}
    completion = httpx2.post(f"{endpoints.url}/completions", json=body, headers=headers, timeout=60)
    expected = [completion.json()["choices"][0]["text"]]
    assert expected == texts(score(endpoints, REQUESTS[name]).json())


@pytest.mark.parametrize("header", ["x-ms-run-function-failed", "x-ms-client-request-id"])
def test_both_servers_send_the_same_headers(
    endpoints: LocalEndpoints, scoring_server: str, header: str
) -> None:
    """A client finds what it logs in the same place."""
    sent = {"Authorization": f"Bearer {endpoints.api_key}", "x-ms-client-request-id": "abc"}
    answers = [
        httpx2.post(f"{url}/score", json=REQUESTS["gpt2"], headers=sent, timeout=60)
        for url in (scoring_server, endpoints.url)
    ]
    assert answers[0].headers[header] == answers[1].headers[header]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("text/plain", 200),
        ("application/x-www-form-urlencoded", 400),
        ("multipart/form-data; boundary=x", 400),
    ],
)
def test_a_body_announced_as_a_form_never_reaches_the_script(
    endpoints: LocalEndpoints, scoring_server: str, content_type: str, status: int
) -> None:
    """Clients that set no content type announce a form; every other type is read as it is."""
    sent = {"Authorization": f"Bearer {endpoints.api_key}", "Content-Type": content_type}
    body = json.dumps(REQUESTS["hf"]).encode()
    theirs, ours = (
        httpx2.post(f"{url}/score", content=body, headers=sent, timeout=60)
        for url in (scoring_server, endpoints.url)
    )
    assert (theirs.status_code, theirs.json()) == (status, ours.json())
    assert ours.headers.get("ms-azureml-model-error-statuscode", "200") == str(status)


def test_a_body_that_is_not_utf_8_is_refused(
    endpoints: LocalEndpoints, scoring_server: str
) -> None:
    """Before the script runs, by either server."""
    sent = {"Authorization": f"Bearer {endpoints.api_key}", "Content-Type": "application/json"}
    theirs, ours = (
        httpx2.post(f"{url}/score", content=b'{"inputs": ["\xff"]}', headers=sent, timeout=60)
        for url in (scoring_server, endpoints.url)
    )
    assert (theirs.status_code, ours.status_code) == (400, 424)
    assert ours.headers["ms-azureml-model-error-statuscode"] == "400"


def test_a_request_id_that_is_too_long_is_refused(
    endpoints: LocalEndpoints, scoring_server: str
) -> None:
    """Both refuse it with 431, which the front door hides behind 424."""
    sent = {
        "Authorization": f"Bearer {endpoints.api_key}",
        "x-ms-client-request-id": "x" * 101,
    }
    theirs, ours = (
        httpx2.post(f"{url}/score", json=REQUESTS["gpt2"], headers=sent, timeout=60)
        for url in (scoring_server, endpoints.url)
    )
    assert (theirs.status_code, ours.status_code) == (431, 424)
    assert ours.headers["ms-azureml-model-error-statuscode"] == "431"


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc"])
def test_the_front_door_wants_the_key(endpoints: LocalEndpoints, authorization: str | None) -> None:
    """Only a bearer token opens it; `api-key` does not count here."""
    headers = {"api-key": endpoints.api_key}
    if authorization:
        headers["Authorization"] = authorization
    answer = httpx2.post(f"{endpoints.url}/score", json=REQUESTS["gpt2"], headers=headers)
    assert answer.status_code == 401


def test_the_front_door_takes_an_accepted_token(endpoints: LocalEndpoints) -> None:
    """A token stands for Microsoft Entra ID's."""
    headers = {"Authorization": f"Bearer {endpoints.tokens[0]}"}
    answer = httpx2.post(
        f"{endpoints.url}/score", json=REQUESTS["mlflow"], headers=headers, timeout=60
    )
    assert answer.status_code == 200
