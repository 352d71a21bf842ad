"""Reading requests for completions, and shaping what the model produced."""

from typing import Any

import pytest

from langchain_azure_llms.local._completions import parallel_logprobs, read_completion_call
from langchain_azure_llms.local._fields import InvalidFieldError
from langchain_azure_llms.local._pieces import Outcome, Piece, Usage


def token(text: str, logprob: float, *others: str) -> dict[str, Any]:
    rivals = [{"token": other, "logprob": logprob} for other in (text, *others)]
    return {"id": 1, "token": text, "logprob": logprob, "top_logprobs": rivals}


def outcome(text: str, *logprobs: float) -> Outcome:
    return Outcome(text, [token("t", logprob) for logprob in logprobs], "stop", Usage(2, 3), 1)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (None, [""]),
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1], [2]], [[1], [2]]),
        (["a", [1]], ["a", [1]]),
    ],
)
def test_every_form_of_prompt_is_read(prompt: Any, expected: list[Any]) -> None:
    """A list of numbers is one prompt, a list of anything else is several."""
    assert expected == read_completion_call({"prompt": prompt}).prompts


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
        ({"temperature": float("nan")}, "temperature"),
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
def test_a_wrong_field_is_named(body: dict[str, Any], name: str) -> None:
    """The error says which field it is about."""
    with pytest.raises(InvalidFieldError, match=name) as caught:
        read_completion_call(body)
    assert caught.value.name == name


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    """Whatever else JSON can say."""
    with pytest.raises(InvalidFieldError, match="JSON object"):
        read_completion_call(body)


def test_null_means_the_default() -> None:
    """Clients send null for what they leave open."""
    names = ("n", "best_of", "max_tokens", "temperature", "stop", "stream", "echo", "logit_bias")
    assert read_completion_call({}) == read_completion_call(dict.fromkeys(names))


def test_there_is_a_task_for_each_candidate_of_each_prompt() -> None:
    """With its own seed, and in the prompts' order."""
    call = read_completion_call({"prompt": ["a", "b"], "best_of": 2, "seed": 7})
    tasks = [(task.body["prompt"], task.body["seed"]) for task in call.tasks()]
    assert tasks == [("a", 7), ("a", 8), ("b", 7), ("b", 8)]


def test_the_seed_that_means_no_seed_is_never_passed_on() -> None:
    """llama.cpp takes the largest 32-bit number for a request to choose one."""
    call = read_completion_call({"prompt": "a", "seed": 2**32 - 1})
    assert call.tasks()[0].body["seed"] == 0


def test_an_empty_prompt_starts_a_document() -> None:
    """llama.cpp answers an empty prompt with nothing."""
    assert read_completion_call({"prompt": ""}).tasks()[0].body["prompt"] == "<|endoftext|>"


def test_best_of_keeps_the_likeliest_per_token() -> None:
    """A longer text is not less likely for its length."""
    call = read_completion_call({"prompt": "p", "n": 1, "best_of": 3})
    outcomes = [outcome("bad", -3.0), outcome("long", -1.0, -1.0, -1.0), outcome("short", -2.0)]
    assert [choice["text"] for choice in call.choices(outcomes)] == ["long"]


def test_logprobs_asked_for_by_nobody_are_not_told() -> None:
    """`best_of` needs them itself."""
    call = read_completion_call({"prompt": "p", "best_of": 2})
    assert call.choices([outcome("a", -1.0), outcome("b", -2.0)])[0]["logprobs"] is None


def test_offsets_count_characters_from_the_prompts_end() -> None:
    """Tokens may be longer than one character."""
    parallel = parallel_logprobs([token("ab", -1.0, "x"), token("c", -2.0, "y")], 1, 10)
    assert parallel == {
        "tokens": ["ab", "c"],
        "token_logprobs": [-1.0, -2.0],
        "top_logprobs": [{"ab": -1.0}, {"c": -2.0}],
        "text_offset": [10, 12],
    }


def test_no_rivals_are_listed_for_zero_logprobs() -> None:
    """Zero asks for the chosen tokens alone."""
    assert parallel_logprobs([token("a", -1.0)], 0, 0)["top_logprobs"] is None


def test_an_event_without_text_is_left_out_unless_it_ends_the_choice() -> None:
    """llama.cpp sends some, Azure does not."""
    call = read_completion_call({"prompt": "p"})
    assert call.event_choice(0, Piece(""), outcome("a")) is None
    assert call.event_choice(0, Piece("", (), "stop"), outcome("a")) is not None
