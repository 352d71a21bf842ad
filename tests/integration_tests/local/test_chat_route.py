"""Chat completions, as a plain HTTP client sees them."""

import json
from typing import Any

import httpx2
import pytest

CHAT = "/openai/deployments/local-chat/chat/completions?api-version=2024-10-21"
GREEDY = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3, "temperature": 0}


def chat(client: httpx2.Client, **body: Any) -> Any:
    return client.post(CHAT, json=GREEDY | body).raise_for_status().json()


def contents(answer: Any) -> list[str]:
    return [choice["message"]["content"] for choice in answer["choices"]]


def test_an_answer_has_the_keys_of_azure_openai(client: httpx2.Client) -> None:
    """The message is the assistant's, and the filter's results stand beside it."""
    answer = chat(client)
    assert set(answer) == {
        "id",
        "object",
        "created",
        "model",
        "prompt_filter_results",
        "choices",
        "usage",
    }
    choice = answer["choices"][0]
    assert (answer["object"], choice["message"]["role"]) == ("chat.completion", "assistant")
    assert answer["usage"]["completion_tokens"] == 3
    assert choice["content_filter_results"]["hate"] == {"filtered": False, "severity": "safe"}


@pytest.mark.parametrize(
    "path", ["/openai/v1/chat/completions", "/chat/completions", "/v1/chat/completions"]
)
def test_every_route_gives_the_same_text(client: httpx2.Client, path: str) -> None:
    """The routes differ in their envelopes, never in the text."""
    answer = client.post(path, json=GREEDY | {"model": "local-chat"}).json()
    assert contents(chat(client)) == contents(answer)


def test_several_choices_share_one_prompt(client: httpx2.Client) -> None:
    """Its tokens are counted once."""
    one, two = chat(client), chat(client, n=2)
    assert len(two["choices"]) == 2
    assert one["usage"]["prompt_tokens"] == two["usage"]["prompt_tokens"]
    assert two["usage"]["completion_tokens"] == 6


def test_the_newer_limit_counts_too(client: httpx2.Client) -> None:
    """Reasoning models take no other."""
    answer = chat(client, max_tokens=None, max_completion_tokens=2)
    assert answer["usage"]["completion_tokens"] == 2


def test_text_parts_and_developers_are_understood(client: httpx2.Client) -> None:
    """A list of parts is their text; a developer is what used to be the system."""
    older = [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]
    parts = [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]
    newer = [{"role": "developer", "content": "Be brief"}, {"role": "user", "content": parts}]
    answers = [chat(client, messages=messages) for messages in (older, newer)]
    assert contents(answers[0]) == contents(answers[1])


def test_logprobs_are_one_object_per_token(client: httpx2.Client) -> None:
    """With the keys Azure has, and not llama.cpp's ids."""
    logprobs = chat(client, logprobs=True, top_logprobs=2)["choices"][0]["logprobs"]
    first = logprobs["content"][0]
    assert set(first) == {"token", "bytes", "logprob", "top_logprobs"}
    assert [set(rival) for rival in first["top_logprobs"]] == [{"token", "bytes", "logprob"}] * 2


def test_a_stream_adds_up_to_the_whole_answer(client: httpx2.Client) -> None:
    """Role first, then text, then the reason, then the count, then the end."""
    body = GREEDY | {"stream": True, "stream_options": {"include_usage": True}}
    *lines, end = client.post(CHAT, json=body).text.removesuffix("\n\n").split("\n\n")
    filters, *received, count = [json.loads(line.removeprefix("data: ")) for line in lines]
    choices = [event["choices"][0] for event in received]
    whole = chat(client)
    assert (filters["choices"], end) == ([], "data: [DONE]")
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert (choices[-1]["delta"], choices[-1]["finish_reason"]) == ({}, "length")
    assert "".join(choice["delta"].get("content", "") for choice in choices) == contents(whole)[0]
    assert count["usage"] == whole["usage"]
