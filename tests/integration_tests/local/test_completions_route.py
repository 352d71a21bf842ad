"""Text completions, as a plain HTTP client sees them."""

import json
from typing import Any

import httpx2
import pytest

COMPLETIONS = "/openai/deployments/gpt-35-turbo-instruct/completions?api-version=2024-10-21"
GREEDY = {"prompt": "One two three", "max_tokens": 4, "temperature": 0}
SAFE = {
    "hate": {"filtered": False, "severity": "safe"},
    "self_harm": {"filtered": False, "severity": "safe"},
    "sexual": {"filtered": False, "severity": "safe"},
    "violence": {"filtered": False, "severity": "safe"},
}


def complete(client: httpx2.Client, **body: Any) -> Any:
    return client.post(COMPLETIONS, json=GREEDY | body).raise_for_status().json()


def texts(answer: Any) -> list[str]:
    return [choice["text"] for choice in answer["choices"]]


def events(client: httpx2.Client, path: str = COMPLETIONS, **body: Any) -> list[Any]:
    """Return the events of a stream, which must end in `[DONE]`."""
    answer = client.post(path, json=GREEDY | {"stream": True} | body).raise_for_status()
    *lines, last = answer.text.removesuffix("\n\n").split("\n\n")
    assert last == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_an_answer_has_the_keys_of_azure_openai(client: httpx2.Client) -> None:
    """No key is missing, none is added, and the model is named instead of the deployment."""
    answer = complete(client)
    created, text, answer_id = answer["created"], texts(answer)[0], answer["id"]
    assert {
        "id": answer_id,
        "object": "text_completion",
        "created": created,
        "model": "smollm2-135m-instruct",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
        "choices": [
            {
                "text": text,
                "index": 0,
                "finish_reason": "length",
                "logprobs": None,
                "content_filter_results": SAFE,
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    } == answer
    assert answer_id.startswith("cmpl-")


def test_a_request_is_answered_with_its_ids(client: httpx2.Client) -> None:
    """Azure's own id is always there; the client's comes back."""
    sent = {"x-ms-client-request-id": "mine"}
    headers = client.post(COMPLETIONS, json=GREEDY, headers=sent).headers
    assert headers["x-ms-client-request-id"] == "mine"
    assert len(headers["apim-request-id"]) == 36


@pytest.mark.parametrize(
    "path",
    [
        COMPLETIONS,
        "/openai/deployments/gpt-35-turbo-instruct-0914/completions?api-version=2023-05-15",
        "/openai/v1/completions",
        "/completions?api-version=2024-05-01-preview",
        "/v1/completions",
    ],
)
def test_every_route_gives_the_same_text(client: httpx2.Client, path: str) -> None:
    """The routes differ in their envelopes, never in the text."""
    body = GREEDY | {"model": "gpt-35-turbo-instruct"}
    assert texts(complete(client)) == texts(client.post(path, json=body).json())


def test_a_serverless_answer_has_no_filter_results(client: httpx2.Client) -> None:
    """It counts the tokens in headers instead."""
    answer = client.post("/v1/completions", json=GREEDY)
    assert set(answer.json()) == {"id", "object", "created", "model", "choices", "usage"}
    assert answer.headers["prompt_token_len"] == "3"
    assert answer.headers["sampling_token_len"] == "4"


def test_sixteen_tokens_are_the_default(client: httpx2.Client) -> None:
    """Azure stops there when no limit is given."""
    answer = complete(client, max_tokens=None)
    assert answer["usage"]["completion_tokens"] == 16


def test_each_prompt_of_a_list_has_its_choices_in_order(client: httpx2.Client) -> None:
    """Choices stand as prompt * n + candidate, and all tokens are counted."""
    answer = complete(client, prompt=["One two three", "Red green"], n=2, echo=True)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    starts = [text.split(" ")[0] for text in texts(answer)]
    assert starts == ["One", "One", "Red", "Red"]
    assert answer["usage"] == {"prompt_tokens": 5, "completion_tokens": 16, "total_tokens": 21}


def test_best_of_counts_what_it_discards(client: httpx2.Client) -> None:
    """One choice comes back, three were generated."""
    answer = complete(client, best_of=3, n=1, temperature=1)
    assert len(answer["choices"]) == 1
    assert answer["usage"]["completion_tokens"] == 12


def test_best_of_keeps_the_likeliest_candidate(client: httpx2.Client) -> None:
    """It ranks by the mean log-probability of the tokens."""
    body = {"temperature": 1.5, "seed": 5, "logprobs": 0}
    several = complete(client, n=3, **body)["choices"]
    best = complete(client, n=1, best_of=3, **body)["choices"][0]
    likeliest = max(several, key=lambda choice: sum(choice["logprobs"]["token_logprobs"]))
    assert likeliest["text"] == best["text"]


def test_a_seed_repeats_the_texts_and_tells_candidates_apart(client: httpx2.Client) -> None:
    """Each candidate has a seed of its own, derived from the given one."""
    first, second = (complete(client, seed=7, n=2, temperature=1.5) for _ in range(2))
    assert texts(first) == texts(second)
    assert len(set(texts(first))) == 2


def test_logprobs_are_parallel_lists(client: httpx2.Client) -> None:
    """Tokens, their logprobs, their likeliest rivals and their places, as completions have them."""
    choice = complete(client, logprobs=2)["choices"][0]
    logprobs = choice["logprobs"]
    assert "".join(logprobs["tokens"]) == choice["text"]
    assert [len(rivals) for rivals in logprobs["top_logprobs"]] == [2, 2, 2, 2]
    assert logprobs["text_offset"][0] == len("One two three")
    assert logprobs["token_logprobs"][0] == max(logprobs["top_logprobs"][0].values())


def test_a_stop_sequence_ends_the_text_and_is_not_part_of_it(client: httpx2.Client) -> None:
    """The finish reason says so."""
    whole = texts(complete(client))[0]
    choice = complete(client, stop=[whole[-2:]])["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert choice["text"] == whole[: whole.index(whole[-2:])]


def test_a_biased_token_is_not_chosen(client: httpx2.Client) -> None:
    """The ids are those of the model's own vocabulary (29 is a hyphen)."""
    plain, biased = (
        texts(complete(client, prompt="Hi", max_tokens=1, logit_bias=bias))[0]
        for bias in ({}, {"29": -100})
    )
    assert plain == "-"
    assert biased != plain


def test_half_a_surrogate_pair_is_replaced(client: httpx2.Client) -> None:
    """JSON can spell it, no model can read it."""
    body = rb'{"prompt": "a\ud800b\ud83c\udf89", "max_tokens": 1, "echo": true}'
    answer = client.post(COMPLETIONS, content=body).json()
    assert texts(answer)[0].startswith("a\N{REPLACEMENT CHARACTER}b\N{PARTY POPPER}")


def test_a_stream_begins_with_filter_results_and_ends_with_an_empty_text(
    client: httpx2.Client,
) -> None:
    """One event per prompt opens it; the last event of a choice says why it ended."""
    received = events(client, prompt=["One two", "Red green"])
    openings = [event["prompt_filter_results"][0]["prompt_index"] for event in received[:2]]
    assert openings == [0, 1]
    assert [event["choices"] for event in received[:2]] == [[], []]
    finals = [e["choices"][0] for e in received[2:] if e["choices"][0]["finish_reason"]]
    assert {(final["index"], final["text"]) for final in finals} == {(0, ""), (1, "")}
    assert finals[0]["content_filter_results"] == {}


def test_a_stream_adds_up_to_the_whole_answer(client: httpx2.Client) -> None:
    """Text, echo and logprobs are those of the answer in one piece."""
    streamed = [e["choices"][0] for e in events(client, logprobs=1)[1:]]
    whole = complete(client, logprobs=1)["choices"][0]
    offsets = [
        o for piece in streamed if piece["logprobs"] for o in piece["logprobs"]["text_offset"]
    ]
    assert "".join(piece["text"] for piece in streamed) == whole["text"]
    assert offsets == whole["logprobs"]["text_offset"]


def test_an_echoed_prompt_is_streamed_once(client: httpx2.Client) -> None:
    """It stands before the first token."""
    streamed = [e["choices"][0]["text"] for e in events(client, echo=True)[1:]]
    assert "".join(streamed) == texts(complete(client, echo=True))[0]


def test_a_stream_counts_its_tokens_only_when_asked(client: httpx2.Client) -> None:
    """The count is an event without choices, right before the end."""
    counted = events(client, stream_options={"include_usage": True})
    assert counted[-1]["choices"] == []
    assert counted[-1]["usage"] == complete(client)["usage"]
    assert counted[1]["usage"] is None
    assert not any("usage" in event for event in events(client))


def test_a_serverless_stream_has_only_text(client: httpx2.Client) -> None:
    """No filter results, neither of prompts nor of choices."""
    received = events(client, "/completions")
    assert all("prompt_filter_results" not in event for event in received)
    assert all("content_filter_results" not in event["choices"][0] for event in received)
