"""Reading requests for chat, and shaping what the model produced."""

from typing import Any

import pytest

from langchain_azure_llms.local._generation import Piece
from tests.unit_tests.local.scripted_engine import (
    CHAT,
    ENDED,
    ScriptedEngine,
    events_of,
    post,
    task_of,
)

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
async def test_messages_that_are_not_text_are_refused(messages: Any) -> None:
    """The error names the field."""
    answer = await post(ScriptedEngine(), CHAT, {"messages": messages})
    assert (400, "messages") == (answer.status_code, answer.json()["error"]["param"])


async def test_a_message_that_is_no_object_is_refused() -> None:
    """Also inside the list."""
    answer = await post(ScriptedEngine(), CHAT, {"messages": ["Hi"]})
    assert "JSON object" in answer.json()["error"]["message"]


async def test_roles_are_those_the_model_knows() -> None:
    """It was trained before there were developers, and knows no tools."""
    roles = ["system", "developer", "user", "assistant", "tool"]
    messages = [{"role": role, "content": "x"} for role in roles]
    read = (await task_of(CHAT, {"messages": messages}))["messages"]
    expected = ["system", "system", "user", "assistant", "user"]
    assert expected == [message["role"] for message in read]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, 256),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
    ],
)
async def test_the_newer_limit_wins(limits: dict[str, int], expected: int) -> None:
    """Without any there is a limit too: the small model may never stop."""
    assert expected == (await task_of(CHAT, {"messages": HI, **limits}))["max_tokens"]


async def test_the_first_event_tells_the_role_and_the_last_the_reason() -> None:
    """Those between have text, and only text; a piece without any is not told."""
    engine = ScriptedEngine(Piece(), Piece("a"), Piece(), ENDED)
    answer = await post(engine, CHAT, {"messages": HI, "stream": True})
    _, *events = events_of(answer)
    deltas = [event["choices"][0]["delta"] for event in events]
    assert [{"role": "assistant", "content": ""}, {"content": "a"}, {}] == deltas
