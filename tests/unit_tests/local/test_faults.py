"""Requests that come in parts, or not at all."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from langchain_azure_llms.local import Scenario
from langchain_azure_llms.local._faults import CONNECTION, Faulty
from langchain_azure_llms.local._generation import unless_gone
from langchain_azure_llms.local._scenario import Script

_PART = {"type": "http.request", "body": b'{"prompt": ', "more_body": True}
_END = {"type": "http.request", "body": b'"p"}'}
_GONE = {"type": "http.disconnect"}


class Receive:
    """Gives messages as a web server does, and then waits for ever."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._messages = list(messages)

    async def __call__(self) -> dict[str, Any]:
        if not self._messages:
            await asyncio.Event().wait()
        return self._messages.pop(0)


async def requests_of(scope: dict[str, Any], *messages: dict[str, Any]) -> tuple[list[Any], Any]:
    """Return what reaches the application, and the prompts that were counted."""
    script, seen = Script([]), list[Any]()

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        seen.append([await receive() for _ in messages])

    async def send(_message: Any) -> None:
        raise AssertionError("there is nothing to send")

    await Faulty(app, script, threading.Event())(scope, Receive(*messages), send)
    return seen, list(script.records)


async def test_a_body_in_parts_is_read_and_given_on() -> None:
    """And its prompts are counted."""
    scope = {"type": "http", "method": "POST", "path": "/"}
    assert ([[_PART, _END]], ["p"]) == await requests_of(scope, _PART, _END)


@pytest.mark.parametrize("messages", [(_PART, _GONE), (_GONE,)])
async def test_a_request_that_was_cut_is_answered_by_nobody(messages: Any) -> None:
    """There is no one to read it."""
    scope = {"type": "http", "method": "POST", "path": "/"}
    assert ([], []) == await requests_of(scope, *messages)


@pytest.mark.parametrize("scope", [{"type": "http", "method": "GET"}, {"type": "lifespan"}])
async def test_what_asks_for_no_text_goes_to_the_application(scope: dict[str, Any]) -> None:
    """As it came."""
    assert ([[_END]], []) == await requests_of(scope, _END)


async def test_only_a_disconnect_ends_the_work() -> None:
    """Parts of a body that still come do not."""
    never = asyncio.Event().wait()
    assert await unless_gone(Receive(_PART, _END, _GONE), never) is None


def _body(data: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": True}


@pytest.mark.parametrize(
    ("status", "arrives", "ends"),
    [(200, [b"one", b"two", b"th"], ["closed"]), (401, [b"one", b"two", b"three", b"four"], [])],
)
async def test_a_stream_is_cut_in_its_third_event_and_an_error_is_not(
    status: int, arrives: list[bytes], ends: list[str]
) -> None:
    """Nothing follows the cut, whatever the application goes on to say."""
    sent, ended = list[Any](), list[str]()

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": status, "headers": []})
        for data in (b"one", b"two", b"three", b"four"):
            await send(_body(data))

    async def send(message: Any) -> None:
        sent.append(message.get("body"))

    transport = SimpleNamespace(close=lambda: ended.append("closed"))
    scope = {"type": "http", "method": "POST", "path": "/", "state": {CONNECTION: transport}}
    asked = {"type": "http.request", "body": b'{"prompt": "p", "stream": true}'}
    faulty = Faulty(app, Script([Scenario("cut-mid-stream")]), threading.Event())
    await faulty(scope, Receive(asked, _GONE), send)
    assert ([None, *arrives], ends) == (sent, ended)
