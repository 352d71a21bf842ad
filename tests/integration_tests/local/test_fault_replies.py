"""What is answered when something goes wrong, and which prompts a request carries."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest

from langchain_azure_llms.local import Fault, LocalEndpoints, Scenario

_AZURE = "/openai/deployments/gpt-35-turbo-instruct/completions?api-version=2024-10-21"
_WAITS: dict[Fault, dict[str, str]] = {
    Fault.RATE_LIMITED_SECONDS: {"retry-after": "4"},
    Fault.RATE_LIMITED_MS: {"retry-after-ms": "4000"},
    Fault.RATE_LIMITED_RESET_REQUESTS: {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "4",
    },
    Fault.RATE_LIMITED_RESET_TOKENS: {
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "4",
    },
    Fault.RATE_LIMITED_OLD_RESET: {"x-rate-limit-reset-tokens": "4"},
    Fault.RATE_LIMITED_MESSAGE: {},
}
_MESSAGES = [{"role": "system", "content": "s"}, {"role": "user", "content": "p"}]
_PARTS = [
    {"role": "user", "content": [{"type": "text", "text": "p"}, {"type": "text", "text": "q"}]}
]


def reply(fault: Fault, path: str = _AZURE, *, stream: bool = False) -> httpx2.Response:
    body = {"prompt": "p", "stream": stream}
    with LocalEndpoints(engine="echo", scenario=Scenario(fault, wait=4)) as endpoints:
        return httpx2.post(endpoints.url + path, json=body)


@pytest.mark.parametrize("fault", _WAITS)
def test_each_429_names_its_wait_in_its_own_place(fault: Fault) -> None:
    """Or in its message alone."""
    found = reply(fault)
    error = found.json()["error"]
    assert (429, "429") == (found.status_code, error["code"])
    assert _WAITS[fault].items() <= dict(found.headers).items()
    assert (fault is Fault.RATE_LIMITED_MESSAGE) == ("retry after 4 seconds" in error["message"])


def test_a_date_is_never_sooner_than_the_wait() -> None:
    """It is a whole second."""
    headers = reply(Fault.RATE_LIMITED_DATE).headers
    told, now = (parsedate_to_datetime(headers[name]) for name in ("retry-after", "date"))
    assert 4 <= (told - now).total_seconds() <= 6


def test_the_filter_names_what_it_found() -> None:
    """As Azure OpenAI does; the front door of `/score` makes it a 424."""
    found, behind = reply(Fault.FILTER), reply(Fault.FILTER, "/score")
    error = found.json()["error"]
    assert (400, "content_filter") == (found.status_code, error["code"])
    assert error["innererror"]["content_filter_result"]["violence"]["filtered"]
    status = behind.headers["ms-azureml-model-error-statuscode"]
    assert (424, "400") == (behind.status_code, status)


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (Fault.CONTAINER_BUSY, "503", "model_error"),
        (Fault.CONTAINER_NOT_READY, "502", "model_not_ready"),
        (Fault.CONTAINER_FAILED, "400", "model_error"),
    ],
)
def test_a_424_says_what_the_container_answered(fault: Fault, status: str, reason: str) -> None:
    """In two headers."""
    found = reply(fault, "/score")
    names = ("ms-azureml-model-error-statuscode", "ms-azureml-model-error-reason")
    assert (424, status, reason) == (found.status_code, *(found.headers[name] for name in names))


def test_an_error_inside_a_200_has_its_services_shape() -> None:
    """An object, an event, or that of Azure ML's model server."""
    whole, event = (reply(Fault.ERROR_INSIDE_200, stream=stream) for stream in (False, True))
    assert (200, "server_error") == (whole.status_code, whole.json()["error"]["type"])
    assert event.headers["content-type"].startswith("text/event-stream")
    assert "server_error" == json.loads(event.text.removeprefix("data: "))["error"]["type"]
    score = reply(Fault.ERROR_INSIDE_200, "/score").json()
    assert (None, 503) == (score["output"], score["error"]["status_code"])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (_AZURE, lambda answer: answer.json()["error"]["code"] == "Unauthorized"),
        ("/v1/completions", lambda answer: answer.json()["statusCode"] == 401),
        ("/score", lambda answer: answer.text == "token_auth_access_denied"),
    ],
)
def test_an_expired_token_is_refused_in_its_services_shape(path: str, code: Any) -> None:
    """A 401 in each."""
    found = reply(Fault.EXPIRED_TOKEN, path)
    assert (401, True) == (found.status_code, code(found))


@pytest.mark.parametrize("stream", [False, True])
def test_garbage_is_no_json(stream: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Nor is an event of it."""
    body = reply(Fault.GARBAGE, stream=stream).content.removeprefix(b"data: ").split(b"\n\n")[0]
    with pytest.raises(ValueError, match=r"utf-8|Expecting"):
        json.loads(body)


@pytest.mark.parametrize(
    ("body", "prompts"),
    [
        ({"prompt": "p"}, ["p"]),
        ({"prompt": ["p", "q"]}, ["p", "q"]),
        ({"prompt": [1, 2]}, ["1 2"]),
        ({"prompt": [[1, 2], [3]]}, ["1 2", "3"]),
        ({"messages": _MESSAGES}, ["p"]),
        ({"messages": _PARTS}, ["pq"]),
        ({"input": "p"}, ["p"]),
        ({"input": _MESSAGES}, ["p"]),
        ({"inputs": ["p"]}, ["p"]),
        ({"inputs": {"input_string": ["p"]}}, ["p"]),
        ({"input_data": ["p"], "params": {}}, ["p"]),
        ({"input_data": {"input_string": ["p", "q"], "parameters": {}}}, ["p", "q"]),
        ({"input_data": {"input_string": _MESSAGES}}, ["p"]),
        ({}, []),
        ([], []),
        (None, []),
        ({"prompt": None}, []),
        ({"prompt": []}, []),
        ({"messages": []}, []),
        ({"inputs": {"a": {}}}, []),
    ],
    ids=str,
)
def test_the_prompts_are_found_in_every_schema(body: Any, prompts: list[str]) -> None:
    """A conversation's is its last message."""
    never = Scenario("unavailable", matching="^never$")
    with LocalEndpoints(engine="echo", scenario=never) as endpoints:
        httpx2.post(f"{endpoints.url}/completions", json=body)
        assert prompts == list(endpoints.prompts_seen)


def test_the_longest_refusal_counts() -> None:
    """Scenarios are given by name or made ready."""
    scenarios: list[str | Scenario] = [
        Scenario("refused", wait=0),
        "filter",
        Scenario("refused", wait=60),
    ]
    with (
        LocalEndpoints(engine="echo", scenario=scenarios) as endpoints,
        pytest.raises(httpx2.ConnectError),
    ):
        httpx2.get(endpoints.url)
