"""Reading llama.cpp's stream, and counting."""

from typing import Any

import pytest

from langchain_azure_llms.local._pieces import (
    EngineError,
    Outcome,
    Piece,
    Usage,
    read_chunk,
    total_usage,
)


def chunk(choice: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"choices": [{"finish_reason": None, **choice}], **more}


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (chunk({"text": "a", "logprobs": None}), Piece("a")),
        (chunk({"delta": {"content": "a"}}), Piece("a")),
        (chunk({"delta": {"role": "assistant", "content": None}}), Piece()),
        (chunk({"delta": {}, "finish_reason": "stop"}), Piece("", (), "stop")),
        (
            {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
            Piece(usage=Usage(1, 2)),
        ),
        (
            chunk({"text": "a", "logprobs": {"content": [{"token": "a"}]}}),
            Piece("a", ({"token": "a"},)),
        ),
    ],
)
def test_a_chunk_of_either_operation_becomes_a_piece(
    received: dict[str, Any], expected: Piece
) -> None:
    """Text, logprobs, the reason for the end, the counts."""
    assert expected == read_chunk(received)


def test_an_error_chunk_is_raised() -> None:
    """With its status and its name."""
    error = {"code": 400, "message": "too long", "type": "exceed_context_size_error"}
    with pytest.raises(EngineError, match="too long") as caught:
        read_chunk({"error": error})
    assert (caught.value.status, caught.value.exceeds_context) == (400, True)


def test_an_outcome_gathers_its_pieces() -> None:
    """A later piece without a reason or counts takes none away."""
    outcome = Outcome()
    for piece in (Piece("a", ({"logprob": -1},)), Piece("", (), "stop", Usage(1, 2)), Piece()):
        outcome.add(piece)
    assert outcome == Outcome("a", [{"logprob": -1}], "stop", Usage(1, 2), 3)


def test_a_prompt_counts_once_however_many_candidates_it_has() -> None:
    """Every candidate's tokens count."""
    outcomes = [Outcome(usage=Usage(3, count)) for count in (1, 2, 4, 8)]
    assert total_usage(outcomes, 2) == {
        "prompt_tokens": 6,
        "completion_tokens": 15,
        "total_tokens": 21,
    }
