"""Reading requests for chat, and shaping what the model produced."""

from typing import Any

import pytest

from langchain_azure_llms.local._chat import read_chat_call, read_messages
from langchain_azure_llms.local._fields import InvalidFieldError
from langchain_azure_llms.local._pieces import Outcome, Piece

HI = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    "messages",
    [
        None,
        [],
        "Hi",
        [{"role": "wizard", "content": "Hi"}],
        [{"role": ["user"], "content": "Hi"}],
        [{"content": "Hi"}],
        [{"role": "user"}],
        [{"role": "user", "content": 5}],
        [{"role": "user", "content": ["Hi"]}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
    ],
    ids=str,
)
def test_messages_that_are_not_text_are_refused(messages: Any) -> None:
    """The error names the field."""
    with pytest.raises(InvalidFieldError) as caught:
        read_messages(messages)
    assert caught.value.name == "messages"


def test_a_message_that_is_no_object_is_refused() -> None:
    """Also inside the list."""
    with pytest.raises(InvalidFieldError, match="JSON object"):
        read_messages(["Hi"])


def test_roles_are_those_the_model_knows() -> None:
    """It was trained before there were developers, and knows no tools."""
    roles = ["system", "developer", "user", "assistant", "tool"]
    read = read_messages([{"role": role, "content": "x"} for role in roles])
    assert [message["role"] for message in read] == [
        "system",
        "system",
        "user",
        "assistant",
        "user",
    ]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, 256),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
    ],
)
def test_the_newer_limit_wins(limits: dict[str, int], expected: int) -> None:
    """Without any there is a limit too: the small model may never stop."""
    call = read_chat_call({"messages": HI, **limits})
    assert expected == call.sampling["max_tokens"]


def test_the_first_event_tells_the_role_and_the_last_the_reason() -> None:
    """Those between have text, and only text."""
    call = read_chat_call({"messages": HI})
    begun = Outcome("x", pieces=1)
    deltas = [
        call.event_choice(0, Piece(), Outcome()),
        call.event_choice(0, Piece("a"), begun),
        call.event_choice(0, Piece("", (), "stop"), begun),
    ]
    assert [choice and choice["delta"] for choice in deltas] == [
        {"role": "assistant", "content": ""},
        {"content": "a"},
        {},
    ]
    assert call.event_choice(0, Piece(), begun) is None
