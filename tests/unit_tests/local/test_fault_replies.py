"""What is answered when something goes wrong."""

import json
from typing import Any

import pytest

from langchain_azure_llms.local import Fault
from langchain_azure_llms.local._fault_replies import FaultReply, Place, reply_to

_NOW = 1_700_000_000.25
_AZURE = "/openai/deployments/d/completions"
_WAITS = {
    Fault.RATE_LIMITED_SECONDS: {"retry-after": "4"},
    Fault.RATE_LIMITED_DATE: {"retry-after": "Tue, 14 Nov 2023 22:13:25 GMT"},
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


def reply(fault: Fault, path: str = _AZURE, *, stream: bool = False) -> FaultReply:
    found = reply_to(fault, Place(path, stream, 4, _NOW))
    assert found is not None
    return found


def body_of(fault: Fault, path: str = _AZURE) -> Any:
    return json.loads(reply(fault, path).body)


@pytest.mark.parametrize("fault", _WAITS)
def test_each_429_names_its_wait_in_its_own_place(fault: Fault) -> None:
    """A date is a whole second, never sooner than the wait."""
    found = reply(fault)
    assert (429, "429") == (found.status, body_of(fault)["error"]["code"])
    assert _WAITS[fault].items() <= found.headers.items()
    in_words = "retry after 4 seconds" in body_of(fault)["error"]["message"]
    assert (fault is Fault.RATE_LIMITED_MESSAGE) == in_words


def test_the_filter_names_what_it_found() -> None:
    """As Azure OpenAI does; the front door of `/score` makes it a 424."""
    error = body_of(Fault.FILTER)["error"]
    assert (400, "content_filter") == (reply(Fault.FILTER).status, error["code"])
    assert error["innererror"]["content_filter_result"]["violence"]["filtered"]
    behind = reply(Fault.FILTER, "/score")
    assert (424, "400") == (behind.status, behind.headers["ms-azureml-model-error-statuscode"])


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
    assert 424 == found.status
    assert {
        "ms-azureml-model-error-statuscode": status,
        "ms-azureml-model-error-reason": reason,
    } == found.headers


def test_an_error_inside_a_200_has_its_services_shape() -> None:
    """An object, an event, or that of Azure ML's model server."""
    assert "server_error" == body_of(Fault.ERROR_INSIDE_200)["error"]["type"]
    event = reply(Fault.ERROR_INSIDE_200, stream=True)
    assert ("text/event-stream", b'data: {"error":') == (event.media_type, event.body[:15])
    score = body_of(Fault.ERROR_INSIDE_200, "/score")
    assert (None, 503) == (score["output"], score["error"]["status_code"])
    assert 200 == reply(Fault.ERROR_INSIDE_200).status


@pytest.mark.parametrize(
    ("path", "start"),
    [
        (_AZURE, b'{"error":{"code":"Unauthorized"'),
        ("/v1/completions", b'{"statusCode":401'),
        ("/score", b"token_auth"),
    ],
)
def test_an_expired_token_is_refused_in_its_services_shape(path: str, start: bytes) -> None:
    """A 401 in each."""
    found = reply(Fault.EXPIRED_TOKEN, path)
    assert (401, start) == (found.status, found.body[: len(start)])


@pytest.mark.parametrize("stream", [False, True])
def test_garbage_is_no_json(stream: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Nor is an event of it."""
    body = reply(Fault.GARBAGE, stream=stream).body.removeprefix(b"data: ").split(b"\n\n")[0]
    with pytest.raises(ValueError, match=r"utf-8|Expecting"):
        json.loads(body)


def test_what_is_no_answer_has_no_reply() -> None:
    """Connections break, or take their time."""
    quiet = {Fault.SLOW, Fault.REFUSED, Fault.HUNG_UP, Fault.RESET_MID_BODY, Fault.CUT_MID_STREAM}
    assert quiet == {fault for fault in Fault if reply_to(fault, Place("/", False, 0, 0)) is None}  # noqa: FBT003
