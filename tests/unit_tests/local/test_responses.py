"""Reading requests for a response, and shaping what the model produced."""

import json
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from langchain_azure_llms.local._generation import Piece, Task
from tests.unit_tests.local.scripted_engine import (
    RESPONSES,
    ScriptedEngine,
    events_of,
    post,
    task_of,
)

EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
TOKEN = {"token": "a", "bytes": [97], "logprob": -1.0, "top_logprobs": []}
PIECES = [
    Piece(),
    Piece("On", [TOKEN]),
    Piece("e", [TOKEN]),
    Piece("", (), "stop"),
    Piece(usage=(3, 2)),
]


async def respond(*pieces: Piece, **body: Any) -> Any:
    """Return a response, which the model answers by the given pieces."""
    engine = ScriptedEngine(*(pieces or PIECES))
    asked = {"model": "answer", "input": "Hi", **body}
    return (await post(engine, RESPONSES, asked)).raise_for_status().json()


async def read(**body: Any) -> Task:
    """Return the task that a request becomes."""
    return await task_of(RESPONSES, {"model": "answer", "input": "Hi", **body})


async def refused(**body: Any) -> Any:
    """Return why a request is refused."""
    asked = {"model": "answer", "input": "Hi", **body}
    answer = await post(ScriptedEngine(), RESPONSES, asked)
    assert 400 == answer.status_code
    return answer.json()["error"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Hi", [("user", "Hi")]),
        ([{"role": "user", "content": "Hi"}], [("user", "Hi")]),
        ([{"type": "message", "role": "developer", "content": "Hi"}], [("system", "Hi")]),
        (
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "H"},
                        {"type": "input_text", "text": "i"},
                    ],
                },
                {"role": "assistant", "content": [{"type": "output_text", "text": "Ho"}]},
            ],
            [("user", "Hi"), ("assistant", "Ho")],
        ),
    ],
    ids=["text", "message", "typed message", "parts"],
)
async def test_the_input_becomes_a_conversation(
    value: Any, expected: list[tuple[str, str]]
) -> None:
    """A text is the user's; a list is read message by message."""
    messages = (await read(input=value))["messages"]
    assert expected == [(message["role"], message["content"]) for message in messages]


async def test_instructions_come_first() -> None:
    """As the system's message."""
    expected = [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]
    assert expected == (await read(instructions="Be brief"))["messages"]


@pytest.mark.parametrize(
    "value",
    [
        [],
        5,
        ["Hi"],
        [{"content": "Hi"}],
        [{"role": ["user"], "content": "Hi"}],
        [{"role": "tool", "content": "Hi"}],
        [{"role": "user"}],
        [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        [{"role": "user", "content": [{"type": "input_text"}]}],
        [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}],
        [{"role": "user", "content": ["Hi"]}],
        [{"type": "item_reference", "id": "x"}],
        [{"type": ["message"], "role": "user", "content": "Hi"}],
    ],
    ids=str,
)
async def test_input_that_is_not_text_is_refused(value: Any) -> None:
    """Chat's parts among it, which are called otherwise here."""
    assert "invalid_request_error" == (await refused(input=value))["type"]


@pytest.mark.parametrize("name", ["stop", "n", "max_tokens", "seed", "messages", "logprobs"])
@pytest.mark.parametrize("value", [None, 1])
async def test_an_unknown_parameter_is_refused_by_name(name: str, value: Any) -> None:
    """Also with `null`; several are chat's or completions'."""
    error = await refused(**{name: value})
    assert (name, "unknown_parameter") == (error["param"], error["code"])
    assert f"Unknown parameter: '{name}'." == error["message"]


async def test_an_unknown_parameter_inside_another_is_refused_by_its_path() -> None:
    """The counts come in any case, so there is no such option."""
    error = await refused(stream=True, stream_options={"include_usage": True})
    assert "'stream_options.include_usage'" in error["message"]


@pytest.mark.parametrize(
    ("body", "name", "code"),
    [
        ({"input": None}, "input", "missing_required_parameter"),
        ({"max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
        ({"max_output_tokens": "16"}, "max_output_tokens", None),
        ({"temperature": 3}, "temperature", None),
        ({"top_p": 2}, "top_p", None),
        ({"top_logprobs": 21}, "top_logprobs", None),
        ({"stream": "yes"}, "stream", None),
        ({"store": 1}, "store", None),
        ({"instructions": 1}, "instructions", None),
        ({"user": 1}, "user", None),
        ({"metadata": []}, "metadata", None),
        ({"reasoning": "high"}, "reasoning", None),
        ({"text": {"format": {"type": "json_object"}}}, "text.format", None),
        ({"text": {"format": {"type": ["text"]}}}, "text.format", None),
        ({"tools": [{"type": "function"}]}, "tools", None),
        ({"previous_response_id": "resp_1"}, "previous_response_id", None),
        ({"background": True}, "background", None),
    ],
    ids=str,
)
async def test_a_wrong_field_is_named(body: dict[str, Any], name: str, code: str | None) -> None:
    """And what the model cannot do is not passed over in silence."""
    error = await refused(**body)
    assert (name, code) == (error["param"], error["code"])


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "max_tool_calls": None},
        {"previous_response_id": None, "conversation": None, "prompt": None, "background": False},
        {"service_tier": "default", "truncation": "disabled", "safety_identifier": "x"},
        {"prompt_cache_key": "x", "stream_options": {"include_obfuscation": False}},
    ],
    ids=str,
)
async def test_what_changes_nothing_is_taken(body: dict[str, Any]) -> None:
    """Clients send such fields with their defaults."""
    assert await read() == await read(**body)


@pytest.mark.parametrize(("limit", "expected"), [(None, 256), (16, 16), (300, 300)])
async def test_there_is_always_a_limit(limit: int | None, expected: int) -> None:
    """The small model may never stop."""
    assert expected == (await read(max_output_tokens=limit))["max_tokens"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {}),
        ({"top_logprobs": 2}, {}),
        (
            {"top_logprobs": 2, "include": ["message.output_text.logprobs"]},
            {"logprobs": True, "top_logprobs": 2},
        ),
    ],
    ids=str,
)
async def test_logprobs_are_told_when_included(
    body: dict[str, Any], expected: dict[str, Any]
) -> None:
    """How many rivals each token has is asked for apart."""
    task = await read(**body)
    assert expected == {name: task[name] for name in task if "logprobs" in name}


@pytest.mark.parametrize(
    ("finish_reason", "status", "details"),
    [("stop", "completed", None), ("length", "incomplete", {"reason": "max_output_tokens"})],
)
async def test_the_status_says_how_the_text_ended(
    finish_reason: str, status: str, details: dict[str, str] | None
) -> None:
    """Of the response, and of the message in it."""
    answer = await respond(Piece("One", (), finish_reason, (3, 2)))
    assert (status, details) == (answer["status"], answer["incomplete_details"])
    assert status == answer["output"][0]["status"]


async def test_a_response_is_one_in_the_eyes_of_openais_package() -> None:
    """Its types are strict about what must be there, and where."""
    asked = {"metadata": {"a": "b"}, "instructions": "x", "user": "me", "store": False}
    answer = await respond(**asked, top_p=0.5, temperature=0)
    parsed = Response.model_validate_json(json.dumps(answer))
    assert "One" == parsed.output_text
    assert parsed.usage is not None
    assert (3, 2) == (parsed.usage.input_tokens, parsed.usage.output_tokens)
    assert (0, 0.5) == (parsed.temperature, parsed.top_p)
    assert asked == {name: answer[name] for name in asked}


async def test_the_filters_of_prompt_and_completion_are_told() -> None:
    """As Azure OpenAI does."""
    sources = [found["source_type"] for found in (await respond())["content_filters"]]
    assert ["prompt", "completion"] == sources


async def test_events_are_typed_numbered_and_add_up() -> None:
    """Openings, one event for each piece with text, and the ends; no `[DONE]`."""
    body = {"model": "answer", "input": "Hi", "stream": True}
    answer = await post(ScriptedEngine(*PIECES), RESPONSES, body)
    datas = events_of(answer)
    names = [line.removeprefix("event: ") for line in answer.text.splitlines() if "event: " in line]
    assert names == [data["type"] for data in datas]
    assert [EVENT.validate_json(json.dumps(data)).type for data in datas] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert list(range(len(datas))) == [data["sequence_number"] for data in datas]
    assert ["On", "e"] == [data["delta"] for data in datas if "delta" in data]
    assert {datas[2]["item"]["id"]} == {data["item_id"] for data in datas if "item_id" in data}
    last = datas[-1]["response"]
    assert [datas[-2]["item"]] == last["output"]
    assert (5, datas[0]["response"]["id"]) == (last["usage"]["total_tokens"], last["id"])


async def test_a_stream_that_reached_the_limit_ends_incomplete() -> None:
    """Its last event says so by its name."""
    body = {"model": "answer", "input": "Hi", "stream": True}
    answer = await post(ScriptedEngine(Piece("One", (), "length")), RESPONSES, body)
    assert "response.incomplete" == events_of(answer)[-1]["type"]
