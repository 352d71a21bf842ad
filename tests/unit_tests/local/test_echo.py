"""The echo answers with the prompt."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.local._echo import EchoEngine
from langchain_azure_llms.local._generation import Outcome, Piece


def outcome_of(**task: Any) -> Outcome:
    outcome = Outcome()
    said: list[Piece | Exception | None] = []
    EchoEngine().start({"max_tokens": 999, **task}, said.append, lambda: False)
    *pieces, end = said
    assert end is None
    for piece in pieces:
        assert isinstance(piece, Piece)
        outcome.add(piece)
    return outcome


@given(st.text(max_size=500))
def test_the_text_is_the_prompt_behind_a_mark(prompt: str) -> None:
    """To the last blank."""
    assert f"echo: {prompt}" == outcome_of(prompt=prompt).text


def test_a_word_is_a_token() -> None:
    """Prompt and completion are counted."""
    outcome = outcome_of(prompt="  two words\n")
    assert ("stop", (3, 4)) == (outcome.finish_reason, outcome.usage)


@pytest.mark.parametrize(
    ("settings", "text", "reason"),
    [
        ({"max_tokens": 2}, "echo: one", "length"),
        ({"max_tokens": 4}, "echo: one two three", "stop"),
        ({"stop": ["two", "three"]}, "echo: one ", "stop"),
        ({"stop": ["never"]}, "echo: one two three", "stop"),
    ],
    ids=str,
)
def test_limits_and_stops_hold(settings: dict[str, Any], text: str, reason: str) -> None:
    """As for a model."""
    outcome = outcome_of(prompt="one two three", **settings)
    assert (text, reason) == (outcome.text, outcome.finish_reason)


def test_a_conversation_is_answered_by_its_last_message() -> None:
    """What stands before it is not repeated."""
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "p"}]
    assert "echo: p" == outcome_of(messages=messages).text


def test_token_ids_and_an_empty_prompt_are_repeated_too() -> None:
    """The start of a document stands for an empty prompt."""
    assert "echo: 1 22" == outcome_of(prompt=[1, 22]).text
    assert "echo: " == outcome_of(prompt="<|endoftext|>").text


def test_log_probabilities_are_told_where_asked_for() -> None:
    """There is no doubt."""
    tokens = outcome_of(prompt="p", logprobs=1).logprobs
    assert [("echo:", 0.0), (" p", 0.0)] == [(one["token"], one["logprob"]) for one in tokens]
    assert [] == outcome_of(prompt="p").logprobs
