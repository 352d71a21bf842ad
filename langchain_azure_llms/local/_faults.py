"""The layer in front of the application where things go wrong as the scenarios say."""

import asyncio
import socket
import struct
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from langchain_azure_llms.local._fault_replies import reply_to
from langchain_azure_llms.local._generation import until_disconnect
from langchain_azure_llms.local._parameters import loads
from langchain_azure_llms.local._scenario import Fault, Script

CONNECTION = "connection"
"""Where a request's state holds the transport of its connection."""

_POLL = 0.05  # seconds between two looks at whether the server stops
_ON_THE_WAY = 0.02  # seconds for half an answer to arrive, before its connection ends
_WHOLE_EVENTS = 2  # of a stream that is cut


@dataclass(frozen=True)
class Faulty:
    """An application in front of `app`, which answers some requests otherwise."""

    app: ASGIApp
    script: Script
    stopped: threading.Event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        if messages[-1]["type"] == "http.disconnect":
            return
        body = b"".join(message.get("body", b"") for message in messages)

        async def receive_again() -> Message:
            return messages.pop(0) if messages else await receive()

        prompts, stream = _read_request(body)
        fault, wait = self.script.begin(scope["path"], prompts) or (None, 0)
        reply = reply_to(fault, scope["path"], wait, stream=stream) if fault else None
        if reply is not None:
            await reply(scope, receive, send)
        elif fault is Fault.HUNG_UP:
            await _end(scope, receive)
        elif fault in {Fault.RESET_MID_BODY, Fault.CUT_MID_STREAM}:
            half = _Half(scope, receive, send, with_reset=fault is Fault.RESET_MID_BODY)
            await self.app(scope, receive_again, half)
        elif not wait or not await self._is_gone_within(wait, receive):
            await self.app(scope, receive_again, _Counted(self.script, prompts, send))

    async def _is_gone_within(self, seconds: float, receive: Receive) -> bool:
        """Wait; return whether the client hung up meanwhile."""
        leaving = asyncio.ensure_future(until_disconnect(receive))
        ends = time.monotonic() + seconds
        try:
            while (left := ends - time.monotonic()) > 0 and not self.stopped.is_set():
                await asyncio.wait({leaving}, timeout=min(left, _POLL))
                if leaving.done():
                    return True
            return False
        finally:
            leaving.cancel()


@dataclass
class _Counted:
    """Passes an answer on, and counts it when it was a whole one."""

    script: Script
    prompts: Sequence[str]
    send: Send
    status: int = 0

    async def __call__(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        is_last = message["type"] == "http.response.body" and not message.get("more_body")
        if is_last and self.status == 200:  # counted before anybody can have read it
            self.script.answered(self.prompts)
        await self.send(message)


@dataclass
class _Half:
    """Passes half of an answer on, or some events of a stream; then ends the connection.

    An answer that is not a success is passed on whole.
    """

    scope: Scope
    receive: Receive
    send: Send
    with_reset: bool
    whole: float = 0  # bodies to pass on before the one that is cut
    has_ended: bool = False

    async def __call__(self, message: Message) -> None:
        if self.has_ended:
            return
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            is_stream = headers[b"content-type"].startswith(b"text/event-stream")
            self.whole = _WHOLE_EVENTS if is_stream else 0
            if message["status"] != 200:
                self.whole = float("inf")
        elif self.whole > 0:
            self.whole -= 1
        else:
            body = message.get("body", b"")
            await self.send({**message, "body": body[: len(body) // 2], "more_body": True})
            self.has_ended = True
            await asyncio.sleep(_ON_THE_WAY)
            await _end(self.scope, self.receive, with_reset=self.with_reset)
            return
        await self.send(message)


async def _end(scope: Scope, receive: Receive, *, with_reset: bool = False) -> None:
    """Close or reset the request's connection, and wait until the server knows."""
    transport: Any = scope["state"][CONNECTION]
    if with_reset:
        # As a machine does that lost the connection: what is on the way is lost too.
        if sys.platform != "win32":  # there `struct linger` has other fields
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
        transport.abort()
    else:
        transport.close()
    await until_disconnect(receive)


def _read_request(body: bytes) -> tuple[list[str], bool]:
    """Return a request's prompts, and whether it asks for a stream."""
    try:
        value = loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return [], False
    given = next((value[name] for name in _PROMPT_FIELDS if value.get(name) is not None), None)
    if isinstance(given, dict):
        given = given.get("input_string")
    return _prompts_in(given), value.get("stream") is True


_PROMPT_FIELDS = ("messages", "prompt", "input", "inputs", "input_data")


def _prompts_in(given: Any) -> list[str]:
    """Return texts, token ids as texts, and the last message of a conversation."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        return []
    if isinstance(given[-1], dict):
        content = given[-1].get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        return ["".join(text for text in texts if isinstance(text, str))]
    if all(isinstance(one, int) for one in given):
        return [" ".join(map(str, given))]
    return [text for one in given for text in _prompts_in(one)]
