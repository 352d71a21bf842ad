"""The layer in front of the application where things go wrong as the scenarios say."""

import asyncio
import json
import math
import socket
import struct
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from langchain_azure_llms.local._choices import SAFE, server_sent
from langchain_azure_llms.local._errors import ApiError, api_error, server_error, wrong_token
from langchain_azure_llms.local._generation import unless_gone, until_disconnect
from langchain_azure_llms.local._parameters import loads
from langchain_azure_llms.local._scenario import Fault, Script

CONNECTION = "connection"  # where a request's state holds the transport of its connection
_POLL = 0.05  # seconds between two looks at whether the server stops
_ON_THE_WAY = 0.02  # seconds for half an answer to arrive, before its connection ends
_NOT_JSON = b'<html><body>The gateway is \xff\xfe lost</body> {"choices": [{"te'
_PROMPT_FIELDS = ("messages", "prompt", "input", "inputs", "input_data")


def _reply_to(fault: Fault, path: str, wait: float, *, stream: bool) -> Response | None:
    """Return what is answered in place of the real answer; None if a fault changes no content."""
    is_score = path.endswith("/score")
    error = error_of(fault, path, wait, is_score=is_score)
    if error is not None:
        return JSONResponse(error.body, error.status, error.headers)
    if fault is Fault.EXPIRED_TOKEN:
        return PlainTextResponse("token_auth_access_denied", 401)
    if fault is Fault.GARBAGE:
        event = b"data: " + _NOT_JSON + b"\n\ndata: [DONE]\n\n"
        media_type = "text/event-stream" if stream else "application/json"
        return Response(event if stream else _NOT_JSON, media_type=media_type)
    if fault is Fault.ERROR_INSIDE_200:
        inside = server_error("The model failed at this text.").body
        if is_score:
            inner = json.dumps({"message": "The engine behind the server failed.", "code": 503})
            inside = {"output": None, "error": {"status_code": 503, "body": inner}}
        elif stream:
            return Response(server_sent(inside), media_type="text/event-stream")
        return JSONResponse(inside)
    return JSONResponse({}) if fault is Fault.EMPTY_OBJECT else None


def error_of(fault: Fault, path: str, wait: float, *, is_score: bool = False) -> ApiError | None:
    """Return the refusal that a fault is; None if it is something else."""
    if fault.startswith("rate-limited"):
        return _rate_limited(fault, f"{wait:g}", wait)
    if fault is Fault.EXPIRED_TOKEN and not is_score:
        return wrong_token(serverless=not path.startswith("/openai/"), expired=True)
    if fault is Fault.UNAVAILABLE:
        return api_error(503, "ServiceUnavailable", "There is no capacity for now.")
    found = SAFE | {"violence": {"filtered": True, "severity": "medium"}}
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found}
    filtered = api_error(
        400, "content_filter", "The content filter refuses the prompt.", param="prompt", type=None
    )
    filtered.body["error"] |= {"status": 400, "innererror": inner}
    if fault is Fault.FILTER and not is_score:
        return filtered
    # What a container answers beside 200, its front door makes a 424.
    containers: dict[Fault, tuple[str, str, Any]] = {
        Fault.FILTER: ("400", "model_error", filtered.body),
        Fault.CONTAINER_BUSY: ("503", "model_error", {"message": "All workers are busy."}),
        Fault.CONTAINER_NOT_READY: ("502", "model_not_ready", {"message": "It is being loaded."}),
        Fault.CONTAINER_FAILED: ("400", "model_error", {"message": "The script failed."}),
    }
    if fault not in containers:
        return None
    status, reason, body = containers[fault]
    name = "ms-azureml-model-error"
    return ApiError(424, body, {f"{name}-statuscode": status, f"{name}-reason": reason})


def _rate_limited(fault: Fault, seconds: str, wait: float) -> ApiError:
    date = formatdate(math.ceil(time.time() + wait), usegmt=True)
    left, reset = "x-ratelimit-remaining-", "x-ratelimit-reset-"
    requests_left = {f"{left}requests": "90", f"{reset}requests": "0"}
    tokens_left = {f"{left}tokens": "9000", f"{reset}tokens": "0"}
    no_requests = {f"{left}requests": "0", f"{reset}requests": seconds}
    no_tokens = {f"{left}tokens": "0", f"{reset}tokens": seconds}
    message = "The limit of this deployment is used up for now."
    if fault is Fault.RATE_LIMITED_MESSAGE:
        message += f" Please retry after {seconds} seconds."
    error = api_error(429, "429", message)
    error.headers = {
        Fault.RATE_LIMITED_SECONDS: {"retry-after": seconds},
        Fault.RATE_LIMITED_DATE: {"retry-after": date},
        Fault.RATE_LIMITED_MS: {"retry-after-ms": f"{wait * 1000:g}"},
        Fault.RATE_LIMITED_RESET_REQUESTS: no_requests | tokens_left,
        Fault.RATE_LIMITED_RESET_TOKENS: requests_left | no_tokens,
        Fault.RATE_LIMITED_OLD_RESET: {"x-rate-limit-reset-tokens": seconds},
    }.get(fault)
    return error


@dataclass(frozen=True)
class Faulty:
    """An application in front of `app`, which answers some requests otherwise."""

    app: ASGIApp
    script: Script
    stopped: threading.Event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        if messages[-1]["type"] == "http.disconnect":
            return
        prompts, stream = _read_request(b"".join(one.get("body", b"") for one in messages))

        async def receive_again() -> Message:
            return messages.pop(0) if messages else await receive()

        fault, wait = self.script.begin(scope["path"], prompts) or (None, 0)
        reply = _reply_to(fault, scope["path"], wait, stream=stream) if fault else None
        if reply is not None:
            request_id = str(uuid.uuid4())
            reply.headers.update({"apim-request-id": request_id, "x-request-id": request_id})
            await reply(scope, receive, send)
        elif fault is Fault.HUNG_UP:
            await _end(scope, receive)
        elif fault in {Fault.RESET_MID_BODY, Fault.CUT_MID_STREAM}:
            whole_events = 2 if stream else 0
            half = _Half(scope, receive, send, fault is Fault.RESET_MID_BODY, whole_events)
            await self.app(scope, receive_again, half)
        elif fault is None or await unless_gone(receive, self._waited(wait)):
            await self.app(scope, receive_again, _Counted(self.script, prompts, send))

    async def _waited(self, seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not self.stopped.is_set():  # noqa: ASYNC110 (of threads)
            await asyncio.sleep(min(max(0, ends - time.monotonic()), _POLL))
        return True


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
    """Passes on some whole events of a stream, and half of a body; then ends the connection."""

    scope: Scope
    receive: Receive
    send: Send
    with_reset: bool
    whole_events: int
    has_ended: bool = False

    async def __call__(self, message: Message) -> None:
        if self.has_ended:
            return
        if message.get("status", 200) != 200:
            self.whole_events = sys.maxsize  # an error is passed on whole
        is_body = message["type"] == "http.response.body"
        if not is_body or self.whole_events > 0:
            self.whole_events -= is_body
            await self.send(message)
            return
        body = message.get("body", b"")
        await self.send({**message, "body": body[: len(body) // 2], "more_body": True})
        self.has_ended = True
        await asyncio.sleep(_ON_THE_WAY)
        await _end(self.scope, self.receive, with_reset=self.with_reset)


async def _end(scope: Scope, receive: Receive, *, with_reset: bool = False) -> None:
    """Close or reset the request's connection, and wait until the server knows."""
    transport: Any = scope["state"][CONNECTION]
    if with_reset and sys.platform != "win32":  # there `struct linger` has other fields
        # As a machine does that lost the connection: what is on the way is lost too.
        linger, handle = struct.pack("ii", 1, 0), transport.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    (transport.abort if with_reset else transport.close)()
    await until_disconnect(receive)


def _read_request(body: bytes) -> tuple[list[str], bool]:
    """Return a request's prompts, and whether it asks for a stream."""
    try:
        value = loads(body)
    except ValueError:
        return [], False
    value = value if isinstance(value, dict) else {}
    return prompts_of(value), value.get("stream") is True


def prompts_of(body: dict[str, Any]) -> list[str]:
    """Return the prompts of a request's body."""
    given = next((body[name] for name in _PROMPT_FIELDS if body.get(name) is not None), None)
    given = given.get("input_string") if isinstance(given, dict) else given
    return _prompts_in(given)


def _prompts_in(given: Any) -> list[str]:
    """Return texts, token ids as texts, and the last message of a conversation."""
    if not isinstance(given, list) or not given:
        return [given] if isinstance(given, str) else []
    if isinstance(given[-1], dict):
        content = given[-1].get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        return ["".join(text for text in texts if isinstance(text, str))]
    if all(isinstance(one, int) for one in given):
        return [" ".join(map(str, given))]
    return [text for one in given for text in _prompts_in(one)]
