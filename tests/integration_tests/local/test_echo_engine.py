"""The echo answers on every route, without a model."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from langchain_azure_llms.local import LocalEndpoints

_AZURE = "/openai/deployments/gpt-35-turbo-instruct/completions?api-version=2024-10-21"
_USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
_CHAT = {"model": "local-chat", "messages": [{"role": "user", "content": "hi you"}]}

# Where llama.cpp cannot be imported, and no weights are to be had.
_BARE = """
import sys, time
sys.modules["xllamacpp"] = None
from langchain_azure_llms.local import LocalEndpoints
with LocalEndpoints(engine="echo"):
    pass
started = time.monotonic()
with LocalEndpoints(engine="echo") as endpoints:
    print(endpoints.url.startswith("http://127.0.0.1:"), time.monotonic() - started < 1)
"""


@pytest.fixture(scope="module")
def echo() -> Iterator[httpx2.Client]:
    """A client of endpoints that echo."""
    with LocalEndpoints(engine="echo", api_key="k") as endpoints:
        headers = {"api-key": "k", "authorization": "Bearer k"}
        with httpx2.Client(base_url=endpoints.url, headers=headers) as client:
            yield client


def asked(echo: httpx2.Client, path: str, body: Any) -> Any:
    headers = {"authorization": ""} if path.startswith("/openai/deployments") else {}
    return echo.post(path, json=body, headers=headers).raise_for_status().json()


@pytest.mark.parametrize("path", [_AZURE, "/openai/v1/completions", "/completions"])
def test_completions_are_echoed_with_their_counts(echo: httpx2.Client, path: str) -> None:
    """In the name of no other model."""
    answer = asked(echo, path, {"model": "gpt-35-turbo-instruct", "prompt": "hi you"})
    choice = answer["choices"][0]
    assert ("echo", "echo: hi you", "stop", _USAGE) == (
        answer["model"],
        choice["text"],
        choice["finish_reason"],
        answer["usage"],
    )


def test_each_prompt_of_a_list_and_each_choice_is_its_own(echo: httpx2.Client) -> None:
    """In the prompts' order."""
    body = {"prompt": ["a", "b"], "n": 2, "best_of": 3, "logprobs": 1}
    choices = asked(echo, _AZURE, body)["choices"]
    assert ["echo: a", "echo: a", "echo: b", "echo: b"] == [one["text"] for one in choices]
    assert ["echo:", " a"] == choices[0]["logprobs"]["tokens"]


def test_a_stream_comes_word_by_word(echo: httpx2.Client) -> None:
    """And ends with its marker."""
    body = {"prompt": "hi you", "stream": True}
    with echo.stream("POST", "/completions", json=body) as answer:
        events = [line for line in answer.iter_lines() if line]
    assert ("data: [DONE]", 5) == (events[-1], len(events))
    assert '"text":" you"' in events[2]


def test_chat_and_responses_are_echoed(echo: httpx2.Client) -> None:
    """By the last message."""
    chat = asked(echo, "/openai/v1/chat/completions", _CHAT)
    assert ("echo", "echo: hi you") == (chat["model"], chat["choices"][0]["message"]["content"])
    body = {"model": "local-responses", "input": "hi you"}
    response = asked(echo, "/openai/v1/responses", body)
    said = response["output"][0]["content"][0]["text"]
    assert ("echo", "echo: hi you", 3) == (
        response["model"],
        said,
        response["usage"]["output_tokens"],
    )


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"inputs": {"input_string": ["p"]}, "parameters": {}}, [{"0": "echo: p"}]),
        ({"inputs": ["p"], "parameters": {}}, [{"0": {"generated_text": "echo: p"}}]),
        ({"inputs": ["p"], "parameters": {}, "options": {}}, [{"summary_text": "echo: p"}]),
        ({"input_data": {"input_string": ["p", "q"]}}, ["echo: p", "echo: q"]),
        ({"input_data": {"input_string": ["p"], "parameters": {}}}, [{"0": "echo: p"}]),
        (
            {"input_data": {"input_string": _CHAT["messages"], "parameters": {}}},
            {"output": "echo: hi you"},
        ),
        ({"input_data": ["p"], "params": {}}, ["echo: p"]),
    ],
    ids=str,
)
def test_every_schema_of_score_is_echoed(echo: httpx2.Client, body: Any, answer: Any) -> None:
    """In the schema's own form."""
    assert answer == asked(echo, "/score", body)


def test_a_refused_operation_names_the_echo(echo: httpx2.Client) -> None:
    """Like Azure, it names the model."""
    body = {"model": "local-chat", "prompt": "p"}
    error = echo.post("/openai/v1/completions", json=body).json()["error"]
    assert error["message"].endswith("the model echo does.")


def test_it_needs_no_llama_and_starts_at_once() -> None:
    """In well under a second."""
    done = subprocess.run(
        [sys.executable, "-c", _BARE], capture_output=True, text=True, check=False
    )
    assert ("True True\n", "") == (done.stdout, done.stderr)
