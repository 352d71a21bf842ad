"""Reading requests for a response, and shaping what the model produced."""

import json
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from langchain_azure_llms.local._fields import InvalidFieldError
from langchain_azure_llms.local._pieces import Outcome, Piece, Usage
from langchain_azure_llms.local._responses import read_responses_call

EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
TOKEN = {"id": 7, "token": "a", "bytes": [97], "logprob": -1.0, "top_logprobs": []}
PIECES = [
    Piece(),
    Piece("On", (TOKEN,)),
    Piece("e", (TOKEN,)),
    Piece("", (), "stop"),
    Piece(usage=Usage(3, 2)),
]


def read(**body: Any) -> Any:
    return read_responses_call({"input": "Hi", **body})


def payloads(lines: list[str]) -> list[dict[str, Any]]:
    """Return the events' data, checking that each is named as it says."""
    events = [line.removesuffix("\n\n").split("\ndata: ") for line in lines]
    datas = [json.loads(data) for _, data in events]
    assert [name for name, _ in events] == [f"event: {data['type']}" for data in datas]
    return datas


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
def test_the_input_becomes_a_conversation(value: Any, expected: list[tuple[str, str]]) -> None:
    """A text is the user's; a list is read message by message."""
    messages = read(input=value).tasks()[0].body["messages"]
    assert expected == [(message["role"], message["content"]) for message in messages]


def test_instructions_come_first() -> None:
    """As the system's message."""
    assert read(instructions="Be brief").messages == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Hi"},
    ]


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
def test_input_that_is_not_text_is_refused(value: Any) -> None:
    """Chat's parts among it, which are called otherwise here."""
    with pytest.raises(InvalidFieldError):
        read(input=value)


@pytest.mark.parametrize("name", ["stop", "n", "max_tokens", "seed", "messages", "logprobs"])
@pytest.mark.parametrize("value", [None, 1])
def test_an_unknown_parameter_is_refused_by_name(name: str, value: Any) -> None:
    """Also with `null`; several are chat's or completions'."""
    with pytest.raises(InvalidFieldError) as caught:
        read(**{name: value})
    assert (caught.value.name, caught.value.code) == (name, "unknown_parameter")
    assert str(caught.value) == f"Unknown parameter: '{name}'."


def test_an_unknown_parameter_inside_another_is_refused_by_its_path() -> None:
    """The counts come in any case, so there is no such option."""
    with pytest.raises(InvalidFieldError, match=r"'stream_options\.include_usage'"):
        read(stream=True, stream_options={"include_usage": True})


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
def test_a_wrong_field_is_named(body: dict[str, Any], name: str, code: str | None) -> None:
    """And what the model cannot do is not passed over in silence."""
    with pytest.raises(InvalidFieldError) as caught:
        read(**body)
    assert (caught.value.name, caught.value.code) == (name, code)


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
def test_what_changes_nothing_is_taken(body: dict[str, Any]) -> None:
    """Clients send such fields with their defaults."""
    assert read() == read(**body)


@pytest.mark.parametrize(("limit", "expected"), [(None, 256), (16, 16), (300, 300)])
def test_there_is_always_a_limit(limit: int | None, expected: int) -> None:
    """The small model may never stop."""
    assert expected == read(max_output_tokens=limit).tasks()[0].body["max_tokens"]


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
def test_logprobs_are_told_when_included(body: dict[str, Any], expected: dict[str, Any]) -> None:
    """How many rivals each token has is asked for apart."""
    sampling = read(**body).sampling
    assert expected == {name: sampling[name] for name in sampling if "logprobs" in name}


@pytest.mark.parametrize(
    ("finish_reason", "status", "details"),
    [("stop", "completed", None), ("length", "incomplete", {"reason": "max_output_tokens"})],
)
def test_the_status_says_how_the_text_ended(
    finish_reason: str, status: str, details: dict[str, str] | None
) -> None:
    """Of the response, and of the message in it."""
    outcome = Outcome("One", [], finish_reason, Usage(3, 2))
    answer = read().whole([outcome], filters=True)
    assert (answer["status"], answer["incomplete_details"]) == (status, details)
    assert answer["output"][0]["status"] == status


def test_a_response_is_one_in_the_eyes_of_openais_package() -> None:
    """Its types are strict about what must be there, and where."""
    asked = {"metadata": {"a": "b"}, "instructions": "x", "user": "me", "store": False}
    outcome = Outcome("One", [TOKEN], "stop", Usage(3, 2))
    answer = read(**asked, top_p=0.5, temperature=0).whole([outcome], filters=True)
    parsed = Response.model_validate_json(json.dumps(answer))
    assert parsed.output_text == "One"
    assert parsed.usage is not None
    assert (parsed.usage.input_tokens, parsed.usage.output_tokens) == (3, 2)
    assert (parsed.temperature, parsed.top_p) == (0, 0.5)
    assert asked == {name: answer[name] for name in asked}
    assert "id" not in answer["output"][0]["content"][0]["logprobs"][0]


def test_the_filters_are_told_by_azure_openai_alone() -> None:
    """Those of the prompt and of the completion."""
    told, untold = (read().whole([Outcome("One")], filters=filters) for filters in (True, False))
    assert [found["source_type"] for found in told["content_filters"]] == ["prompt", "completion"]
    assert untold["content_filters"] is None


def test_events_are_typed_numbered_and_add_up() -> None:
    """Openings, one event for each piece with text, and the ends; no `[DONE]`."""
    events = read().events(filters=True)
    lines = [*events.opening()]
    for piece in PIECES:
        lines += events.piece(0, piece)
    lines += events.closing()
    datas = payloads(lines)
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
    assert [data["delta"] for data in datas if "delta" in data] == ["On", "e"]
    assert {data["item_id"] for data in datas if "item_id" in data} == {datas[2]["item"]["id"]}
    last = datas[-1]["response"]
    assert last["output"] == [datas[-2]["item"]]
    assert (last["usage"]["total_tokens"], last["id"]) == (5, datas[0]["response"]["id"])


def test_a_stream_that_reached_the_limit_ends_incomplete() -> None:
    """Its last event says so by its name."""
    events = read().events(filters=True)
    list(events.piece(0, Piece("One", (), "length")))
    assert payloads([*events.closing()])[-1]["type"] == "response.incomplete"


def test_a_stream_that_failed_says_so_in_a_response() -> None:
    """With the error where a success has null."""
    (failed,) = payloads([read().events(filters=True).failure("No more.")])
    assert EVENT.validate_json(json.dumps(failed)).type == "response.failed"
    assert failed["response"]["error"] == {"code": "server_error", "message": "No more."}
    assert failed["response"]["status"] == "failed"
