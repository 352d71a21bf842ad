"""The layer in front of the application where things go wrong as the scenarios say."""

import asyncio
import socket
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from langchain_azure_llms.local._fault_replies import FaultReply, Place, reply_to
from langchain_azure_llms.local._json import loads
from langchain_azure_llms.local._prompts import prompts_in
from langchain_azure_llms.local._scenario import Fault
from langchain_azure_llms.local._script import Script

CONNECTION = "connection"
"""Where a request's state holds the transport of its connection."""

_OK = 200
_GLANCE = 0.05  # seconds between two looks at whether the server stops
_ON_THE_WAY = 0.02  # seconds for half an answer to arrive, before its connection ends
_WHOLE_EVENTS = 2  # of a stream that is cut
_BREAKS = {Fault.RESET_MID_BODY, Fault.CUT_MID_STREAM}


@dataclass(frozen=True)
class Scripted:
    """An application in front of another, which answers some requests otherwise.

    Attributes:
        app: The other one.
        script: What happens to which request.
        stopped: Set when the server stops: nothing is to be waited for then.
    """

    app: ASGIApp
    script: Script
    stopped: threading.Event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:  # the client is gone
            return
        replayed = _Replayed(body, receive)
        prompts, stream = _read_request(body)
        mishap = self.script.begin(scope["path"], prompts)
        counted = _Counted(self.script, prompts, send)
        if mishap is None:
            await self.app(scope, replayed, counted)
            return
        place = Place(scope["path"], stream, mishap.wait, time.time())
        reply = reply_to(mishap.fault, place)
        if reply is not None:
            await _send_reply(reply, send)
        elif mishap.fault in _BREAKS:
            await self._break(mishap.fault, scope, replayed, send)
        elif mishap.fault is Fault.HUNG_UP:
            await _end(_close, scope, receive)
        elif not await self._gone_within(mishap.wait, receive):
            await self.app(scope, replayed, counted)

    async def _break(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        half = _Halved(send, asyncio.Event())
        answering = asyncio.ensure_future(self.app(scope, receive, half))
        breaking = asyncio.ensure_future(half.reached.wait())
        try:
            await asyncio.wait({answering, breaking}, return_when=asyncio.FIRST_COMPLETED)
            if half.reached.is_set():  # pragma: no branch - else there is nothing to break
                await asyncio.sleep(_ON_THE_WAY)
                await _end(_reset if fault is Fault.RESET_MID_BODY else _close, scope, receive)
            await answering
        finally:
            breaking.cancel()
            answering.cancel()

    async def _gone_within(self, seconds: float, receive: Receive) -> bool:
        """Wait; return whether the client hung up meanwhile."""
        leaving = asyncio.ensure_future(_until_disconnect(receive))
        ends = time.monotonic() + seconds
        try:
            while (left := ends - time.monotonic()) > 0 and not self.stopped.is_set():
                await asyncio.wait({leaving}, timeout=min(left, _GLANCE))
                if leaving.done():
                    return True
            return False
        finally:
            leaving.cancel()


async def _read(receive: Receive) -> bytes | None:
    body: bytes = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body
    return None


def _read_request(body: bytes) -> tuple[list[str], bool]:
    """Return a request's prompts, and whether it asks for a stream."""
    try:
        value = loads(body)
    except ValueError:
        return [], False
    return prompts_in(value), isinstance(value, dict) and value.get("stream") is True


@dataclass
class _Replayed:
    """Gives a body that was read once more, then what else comes."""

    body: bytes
    receive: Receive
    is_read: bool = False

    async def __call__(self) -> Message:
        if self.is_read:
            return await self.receive()
        self.is_read = True
        return {"type": "http.request", "body": self.body, "more_body": False}


@dataclass
class _Counted:
    """Passes an answer on, and counts it when it was a whole one."""

    script: Script
    prompts: Sequence[str]
    send: Send
    status: int = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        is_last = message["type"] == "http.response.body" and not message.get("more_body")
        if is_last and self.status == _OK:  # counted before anybody can have read it
            self.script.answered(self.prompts)
        await self.send(message)


@dataclass
class _Halved:
    """Passes on a part of an answer: half of a body, or some events of a stream and half of one.

    An answer that is none of success is passed on whole.
    """

    send: Send
    reached: asyncio.Event
    status: int = 0
    bodies: int = 0
    streams: bool = False

    async def __call__(self, message: Message) -> None:
        if self.reached.is_set():
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.streams = any(value.startswith(b"text/event-") for _, value in message["headers"])
            await self.send(message)
            return
        self.bodies += 1
        if self.status != _OK or (self.streams and self.bodies <= _WHOLE_EVENTS):
            await self.send(message)
            return
        body = message.get("body", b"")
        await self.send({**message, "body": body[: len(body) // 2], "more_body": True})
        self.reached.set()


async def _send_reply(reply: FaultReply, send: Send) -> None:
    request_id = str(uuid.uuid4())
    headers = {
        "content-type": reply.media_type,
        "content-length": str(len(reply.body)),
        "apim-request-id": request_id,
        "x-request-id": request_id,
        **reply.headers,
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": reply.body})


async def _end(ending: Callable[[asyncio.Transport], None], scope: Scope, receive: Receive) -> None:
    """End the request's connection, and wait until the server knows."""
    ending(scope["state"][CONNECTION])
    await _until_disconnect(receive)


def _close(transport: asyncio.Transport) -> None:
    transport.close()


def _reset(transport: asyncio.Transport) -> None:
    """End a connection as a machine does that lost it: what is on the way is lost too."""
    if sys.platform != "win32":  # there `struct linger` has other fields
        handle: Any = transport.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
