"""The record of one prompt."""

import pickle
from dataclasses import FrozenInstanceError

import pytest
from langchain_core.outputs import Generation

from langchain_azure_llms.bulk.record import PromptRecord, answered, failed
from langchain_azure_llms.exceptions import RateLimitError

KEYS = [
    "id",
    "text",
    "finish_reason",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "error",
    "error_message",
    "status_code",
    "is_retryable",
    "attempts",
    "seconds",
]


def test_has_the_documented_keys_in_their_order() -> None:
    assert list(PromptRecord(id=1).as_dict()) == KEYS


def test_of_an_answer_holds_its_first_generation_and_its_counts() -> None:
    generations = [
        Generation(text="a", generation_info={"finish_reason": "stop"}),
        Generation(text="b"),
    ]
    record = answered("x", generations, {"prompt_tokens": 3, "cached_tokens": 2}, model="m")
    expected = PromptRecord(
        id="x",
        text="a",
        finish_reason="stop",
        model="m",
        prompt_tokens=3,
        cached_tokens=2,
        attempts=1,
    )
    assert record == expected


def test_of_an_error_holds_its_class_message_and_status() -> None:
    record = failed(7, RateLimitError("too many", status_code=429), attempts=2, seconds=0.5)
    expected = PromptRecord(
        id=7,
        error="RateLimitError",
        error_message="too many",
        status_code=429,
        is_retryable=True,
        attempts=2,
        seconds=0.5,
    )
    assert record == expected


def test_of_an_error_of_another_package_is_not_retryable() -> None:
    assert failed(0, ValueError("odd")).is_retryable is False


def test_cannot_be_changed_and_pickles() -> None:
    record = PromptRecord(id="x", text="a")
    with pytest.raises(FrozenInstanceError):
        record.text = "b"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(record)) == record
