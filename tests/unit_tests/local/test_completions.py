"""Reading requests for completions, and shaping what the model produced."""

from typing import Any

import pytest

from langchain_azure_llms.local._generation import Piece
from tests.unit_tests.local.scripted_engine import (
    COMPLETIONS,
    ENDED,
    ScriptedEngine,
    events_of,
    post,
    task_of,
)


def piece(text: str, *logprobs: float, rivals: tuple[str, ...] = ()) -> Piece:
    tokens = [
        {
            "id": 1,
            "token": text,
            "logprob": logprob,
            "top_logprobs": [{"token": one, "logprob": logprob} for one in (text, *rivals)],
        }
        for logprob in logprobs
    ]
    return Piece(text, tokens)


async def answered(engine: ScriptedEngine, **body: Any) -> Any:
    return (await post(engine, COMPLETIONS, body)).raise_for_status().json()


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (None, ["<|endoftext|>"]),
        ("", ["<|endoftext|>"]),
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1], [2]], [[1], [2]]),
        (["a", [1]], ["a", [1]]),
    ],
)
async def test_every_form_of_prompt_is_read(prompt: Any, expected: list[Any]) -> None:
    """A list of numbers is one prompt, a list of anything else is several."""
    engine = ScriptedEngine(ENDED)
    await answered(engine, prompt=prompt)
    assert expected == [task["prompt"] for task in engine.tasks]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": ["a", 5]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": True}, "n"),
        ({"n": "2"}, "n"),
        ({"n": 129}, "n"),
        ({"n": 2, "best_of": 1}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"logprobs": 6}, "logprobs"),
        ({"logprobs": 0, "echo": True}, "logprobs"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": [1]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": True}, "stream_options"),
        ({"suffix": "end"}, "suffix"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "1"),
        ({"seed": 0.5}, "seed"),
    ],
    ids=str,
)
async def test_a_wrong_field_is_named(body: dict[str, Any], name: str) -> None:
    """The error says which field it is about."""
    answer = await post(ScriptedEngine(), COMPLETIONS, body)
    assert (400, name) == (answer.status_code, answer.json()["error"]["param"])
    assert name in answer.json()["error"]["message"]


async def test_null_means_the_default() -> None:
    """Clients send null for what they leave open."""
    names = ("n", "best_of", "max_tokens", "temperature", "stop", "stream", "echo", "logit_bias")
    without = await task_of(COMPLETIONS, {})
    assert without == await task_of(COMPLETIONS, dict.fromkeys(names))
    assert (16, 1.0) == (without["max_tokens"], without["temperature"])


async def test_there_is_a_task_for_each_candidate_of_each_prompt() -> None:
    """With its own seed, and in the prompts' order."""
    engine = ScriptedEngine(piece("x", -1.0), ENDED)
    await answered(engine, prompt=["a", "b"], best_of=2, seed=7)
    tasks = [(task["prompt"], task["seed"]) for task in engine.tasks]
    assert [("a", 7), ("a", 8), ("b", 7), ("b", 8)] == tasks


async def test_the_seed_that_means_no_seed_is_never_passed_on() -> None:
    """llama.cpp takes the largest 32-bit number for a request to choose one."""
    assert 0 == (await task_of(COMPLETIONS, {"prompt": "a", "seed": 2**32 - 1}))["seed"]


async def test_best_of_keeps_the_likeliest_per_token() -> None:
    """A longer text is not less likely for its length; logprobs that nobody asked for are left."""
    texts = [piece("bad", -3.0), piece("long", -1.0, -1.0, -1.0), piece("short", -2.0)]
    engine = ScriptedEngine(each=[[text, ENDED] for text in texts])
    choices = (await answered(engine, prompt="p", n=1, best_of=3))["choices"]
    assert [("long", None)] == [(choice["text"], choice["logprobs"]) for choice in choices]


async def test_a_prompt_counts_once_however_many_candidates_it_has() -> None:
    """Every candidate's tokens count."""
    answer = await answered(ScriptedEngine(ENDED), prompt=["a", "b"], n=2)
    expected = {"prompt_tokens": 6, "completion_tokens": 8, "total_tokens": 14}
    assert expected == answer["usage"]


async def test_offsets_count_characters_from_the_prompts_end() -> None:
    """Tokens may be longer than one character."""
    pieces = [piece("ab", -1.0, rivals=("x",)), piece("c", -2.0, rivals=("y",)), ENDED]
    answer = await answered(ScriptedEngine(*pieces), prompt="0123456789", logprobs=1)
    expected = {
        "tokens": ["ab", "c"],
        "token_logprobs": [-1.0, -2.0],
        "top_logprobs": [{"ab": -1.0}, {"c": -2.0}],
        "text_offset": [10, 12],
    }
    assert expected == answer["choices"][0]["logprobs"]


async def test_no_rivals_are_listed_for_zero_logprobs() -> None:
    """Zero asks for the chosen tokens alone."""
    answer = await answered(ScriptedEngine(piece("a", -1.0), ENDED), prompt="p", logprobs=0)
    assert answer["choices"][0]["logprobs"]["top_logprobs"] is None


async def test_an_event_without_text_is_left_out_unless_it_ends_the_choice() -> None:
    """llama.cpp sends some, Azure does not; an echoed prompt is told once all the same."""
    engine = ScriptedEngine(Piece(), Piece(), Piece("a"), Piece(), ENDED)
    body = {"prompt": "p", "stream": True}
    plain = events_of(await post(engine, COMPLETIONS, body))[1:]
    echoed = events_of(await post(engine, COMPLETIONS, {**body, "echo": True}))[1:]
    assert ["a", ""] == [event["choices"][0]["text"] for event in plain]
    assert ["p", "a", ""] == [event["choices"][0]["text"] for event in echoed]
