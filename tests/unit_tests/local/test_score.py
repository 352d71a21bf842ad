"""The score script's schemas."""

from typing import Any

import pytest

from langchain_azure_llms.local._fields import InvalidFieldError
from langchain_azure_llms.local.score import read_request

P = {"max_new_tokens": 5}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"inputs": {"input_string": ["p"]}, "parameters": P}, [{"0": "t"}]),
        ({"inputs": ["p"], "parameters": P}, [{"0": {"generated_text": "t"}}]),
        ({"inputs": ["p"], "parameters": P, "options": {}}, [{"summary_text": "t"}]),
        ({"input_data": {"input_string": ["p"]}, "parameters": P}, ["t"]),
        ({"input_data": {"input_string": ["p"], "parameters": P}}, [{"0": "t"}]),
        ({"input_data": ["p"], "params": P}, ["t"]),
    ],
    ids=["gpt2", "hf", "summary", "dolly", "llama", "mlflow"],
)
def test_a_schema_is_told_by_its_keys(body: Any, expected: Any) -> None:
    """The prompt arrives verbatim, the parameters count, the answer has the schema's shape."""
    request = read_request(body)
    task = request.tasks[0]
    assert (task.operation, task.body["prompt"], task.body["max_tokens"]) == ("completions", "p", 5)
    assert expected == request.shape(["t"])


def test_messages_are_chat() -> None:
    """They come in the list that prompts come in."""
    messages = [{"role": "user", "content": "Hi"}]
    request = read_request({"input_data": {"input_string": messages, "parameters": {}}})
    assert [(task.operation, task.body["messages"]) for task in request.tasks] == [
        ("chat", messages)
    ]
    assert request.shape(["t"]) == {"output": "t"}


def test_parameters_have_the_names_of_hugging_face() -> None:
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
    task = read_request({"inputs": ["p"], "parameters": parameters}).tasks[0]
    greedy = read_request({"inputs": ["p"], "parameters": {**parameters, "do_sample": False}})
    assert task.body == {
        "prompt": "p",
        "max_tokens": 64,
        "temperature": 0.5,
        "top_k": 3,
        "top_p": 0.9,
        "repeat_penalty": 1.1,
        "stop": ["x"],
        "seed": 1,
    }
    assert greedy.tasks[0].body["temperature"] == 0


def test_the_full_text_begins_with_the_prompt() -> None:
    """When it is asked for."""
    body = {"inputs": ["a", "b"], "parameters": {"return_full_text": True}}
    assert read_request(body).prefixes == ["a", "b"]


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
        {"inputs": ["p"], "parameters": {"max_new_tokens": -1}},
    ],
    ids=str,
)
def test_a_wrong_request_is_refused(body: Any) -> None:
    """Before the model sees anything of it."""
    with pytest.raises(InvalidFieldError):
        read_request(body)
