"""The score script's schemas."""

import json
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from langchain_azure_llms.local import _engine, score
from langchain_azure_llms.local._echo import EchoEngine
from langchain_azure_llms.local._generation import Piece
from tests.unit_tests.local.scripted_engine import ENDED, ScriptedEngine

P = {"max_new_tokens": 5}


async def answer(body: Any, status: int = 200) -> tuple[list[dict[str, Any]], Any]:
    """Return what the model was asked for, and the script's answer, which must have a status."""
    engine = ScriptedEngine(Piece("t"), ENDED)
    answered = await score.answer(json.dumps(body), engine, threading.Event())
    assert status == answered[0]
    return engine.tasks, answered[1]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"inputs": {"input_string": ["p"]}, "parameters": P}, [{"0": "t"}]),
        ({"inputs": ["p"], "parameters": P}, [{"0": {"generated_text": "t"}}]),
        ({"inputs": "p", "parameters": P}, [{"0": {"generated_text": "t"}}]),
        ({"inputs": ["p"], "parameters": P, "options": {}}, [{"summary_text": "t"}]),
        ({"input_data": {"input_string": ["p"]}, "parameters": P}, ["t"]),
        ({"input_data": {"input_string": ["p"], "parameters": P}}, [{"0": "t"}]),
        ({"input_data": ["p"], "params": P}, ["t"]),
    ],
    ids=["gpt2", "hf", "one prompt", "summary", "dolly", "llama", "mlflow"],
)
async def test_a_schema_is_told_by_its_keys(body: Any, expected: Any) -> None:
    """The prompt arrives verbatim, the parameters count, the answer has the schema's shape."""
    tasks, answered = await answer(body)
    assert [("p", 5)] == [(task["prompt"], task["max_tokens"]) for task in tasks]
    assert expected == answered


async def test_messages_are_chat() -> None:
    """They come in the list that prompts come in."""
    messages = [{"role": "user", "content": "Hi"}]
    tasks, answered = await answer({"input_data": {"input_string": messages, "parameters": {}}})
    assert [messages] == [task["messages"] for task in tasks]
    assert {"output": "t"} == answered


async def test_parameters_have_the_names_of_hugging_face() -> None:
    """Unknown ones are dropped, and sampling can be switched off."""
    parameters = {
        "temperature": 0.5,
        "top_k": 3,
        "top_p": 0.9,
        "repetition_penalty": 1.1,
        "stop_strings": ["x"],
        "seed": 1,
        "unheard_of": 1,
    }
    (task,), _ = await answer({"inputs": ["p"], "parameters": parameters})
    greedy, _ = await answer({"inputs": ["p"], "parameters": {**parameters, "do_sample": False}})
    assert task == {
        "prompt": "p",
        "max_tokens": 64,
        "temperature": 0.5,
        "top_k": 3,
        "top_p": 0.9,
        "repeat_penalty": 1.1,
        "stop": ["x"],
        "seed": 1,
    }
    assert 0 == greedy[0]["temperature"]


async def test_the_full_text_begins_with_the_prompt() -> None:
    """When it is asked for."""
    body = {"input_data": ["a", "b"], "params": {"return_full_text": True}}
    assert ["at", "bt"] == (await answer(body))[1]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"inputs": []},
        {"inputs": [1]},
        {"inputs": 5},
        {"inputs": {}},
        {"input_data": {"input_string": [{"role": "user", "content": "Hi"}, "Hi"]}},
        {"inputs": ["p"], "parameters": []},
        {"inputs": ["p"], "parameters": {"temperature": "hot"}},
        {"inputs": ["p"], "parameters": {"temperature": float("nan")}},
        {"inputs": ["p"], "parameters": {"max_new_tokens": -1}},
    ],
    ids=str,
)
async def test_a_wrong_request_is_refused(body: Any) -> None:
    """Before the model sees anything of it."""
    tasks, answered = await answer(body, status=400)
    assert [] == tasks
    assert answered["message"]


def test_under_microsofts_server_a_wrong_request_is_answered_with_its_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the class that the server brings; the model is loaded once, and held."""
    held: list[str] = []
    monkeypatch.setattr(_engine, "acquire", lambda: held.append("held") or EchoEngine())
    monkeypatch.setattr(_engine, "release", held.pop)
    api = SimpleNamespace(AMLResponse=lambda body, status, json_str: (body, status, json_str))
    name = "azureml_inference_server_http"
    monkeypatch.setitem(sys.modules, name, SimpleNamespace())
    monkeypatch.setitem(sys.modules, f"{name}.api", SimpleNamespace(aml_response=api))
    score.init()
    assert ["echo: p"] == score.run('{"input_data": ["p"], "params": {}}')
    message = {"message": "The body must have inputs or input_data."}
    assert (message, 400, True) == score.run("{}")
    assert ["held"] == held
