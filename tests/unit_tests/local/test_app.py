"""The local endpoints' application: who may call what, and a model that fails."""

import json
import logging
from typing import Any

import pytest

from langchain_azure_llms.local._generation import Piece
from tests.unit_tests.local.scripted_engine import (
    COMPLETIONS,
    ENDED,
    RESPONSES,
    ScriptedEngine,
    events_of,
    post,
)

ROUTES = [COMPLETIONS, "/openai/v1/completions", "/completions", "/score"]


@pytest.mark.parametrize(
    ("headers", "opened"),
    [
        ({}, []),
        ({"api-key": "key"}, ROUTES[:3]),
        ({"api-key": "token"}, []),
        ({"api-key": ""}, []),
        ({"api-key": "ké".encode()}, []),
        ({"authorization": "Bearer key"}, ROUTES[1:]),
        ({"authorization": "bearer token"}, ROUTES),
        ({"authorization": "Bearer"}, []),
        ({"authorization": "Basic token"}, []),
        ({"authorization": "token"}, []),
        ({"api-key": "wrong", "authorization": "Bearer token"}, ROUTES[2:]),
    ],
    ids=str,
)
async def test_each_credential_opens_the_routes_that_take_it(
    headers: dict[str, Any], opened: list[str]
) -> None:
    """The key in its header, a token as a bearer token, either as a bearer token."""
    body = {"prompt": "p", "model": "text", "inputs": ["p"], "parameters": {}}
    answers = {path: await post(ScriptedEngine(ENDED), path, body, headers) for path in ROUTES}
    expected = {path: 200 if path in opened else 401 for path in ROUTES}
    assert expected == {path: answer.status_code for path, answer in answers.items()}


@pytest.mark.parametrize(
    ("deployment", "statuses"),
    [("text", [200, 400]), ("talk", [400, 200]), ("both", [200, 200]), ("other", [404, 404])],
)
async def test_a_deployment_does_what_it_is_listed_for(
    deployment: str, statuses: list[int]
) -> None:
    """And nothing when it is not listed."""
    body = {"model": deployment, "prompt": "p", "messages": [{"role": "user", "content": "p"}]}
    paths = ("/openai/v1/completions", "/openai/v1/chat/completions")
    answers = [await post(ScriptedEngine(ENDED), path, body) for path in paths]
    assert statuses == [answer.status_code for answer in answers]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_model_that_fails_before_its_first_word_is_a_500(stream: bool) -> None:  # noqa: FBT001
    """Also where a stream was asked for: it has not begun."""
    answer = await post(ScriptedEngine(fails=True), COMPLETIONS, {"prompt": "p", "stream": stream})
    assert answer.status_code == 500
    assert "fell over" in answer.text


async def test_a_model_that_fails_in_the_middle_ends_the_stream_with_an_error() -> None:
    """The status has been sent; no end marker follows."""
    engine = ScriptedEngine(Piece("word "), Piece("word "), fails=True)
    answer = await post(engine, COMPLETIONS, {"prompt": "p", "stream": True})
    error = events_of(answer)[-1]["error"]
    assert (200, "The model fell over.") == (answer.status_code, error["message"])
    assert "server_error" == error["type"]
    assert "[DONE]" not in answer.text


async def test_a_response_that_fails_in_the_middle_says_so_in_a_response() -> None:
    """With the error where a success has null."""
    engine = ScriptedEngine(Piece("word "), fails=True)
    answer = await post(engine, RESPONSES, {"model": "answer", "input": "p", "stream": True})
    last = events_of(answer)[-1]
    assert ("response.failed", "failed") == (last["type"], last["response"]["status"])
    expected = {"code": "server_error", "message": "The model fell over."}
    assert expected == last["response"]["error"]


async def test_a_score_script_that_fails_is_a_424(caplog: pytest.LogCaptureFixture) -> None:
    """The container's status stands in a header; the reason stands in the log alone."""
    with caplog.at_level(logging.ERROR):
        answer = await post(ScriptedEngine(fails=True), "/score", {"inputs": ["p"]})
    headers = answer.headers
    assert (424, "500") == (answer.status_code, headers["ms-azureml-model-error-statuscode"])
    assert "True" == headers["x-ms-run-function-failed"]
    assert "fell over" not in answer.text
    assert "fell over" in caplog.text


async def test_a_call_of_the_v1_api_names_its_deployment() -> None:
    """Its URL does not."""
    answer = await post(ScriptedEngine(), "/openai/v1/completions", {"prompt": "p"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
async def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    """Whatever else JSON can say."""
    answer = await post(ScriptedEngine(), COMPLETIONS, body)
    assert 400 == answer.status_code
    assert "JSON object" in json.loads(answer.text)["error"]["message"]


async def test_what_nobody_foresaw_is_a_500_in_azures_shape() -> None:
    """A server that fails answers all the same."""
    engine = ScriptedEngine(each=[[]])
    engine.tasks.append({})  # it has nothing to say of a second one
    answer = await post(engine, COMPLETIONS, {"prompt": "p"}, raises=False)
    assert (500, "server_error") == (answer.status_code, answer.json()["error"]["type"])
