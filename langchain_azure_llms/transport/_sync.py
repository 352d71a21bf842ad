"""The driver for threads: does what an exchange asks for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import cast

import httpx2
from pydantic import SecretStr

from langchain_azure_llms.exceptions import AzureLLMError
from langchain_azure_llms.transport import _reading
from langchain_azure_llms.transport._exchange import (
    Failure,
    FetchToken,
    HttpRequest,
    Reply,
    Send,
    Sleep,
    Steps,
    TokenFailure,
)
from langchain_azure_llms.transport._failures import failure_of
from langchain_azure_llms.transport._log import log_outcome, log_wait, sending

GetToken = Callable[[SecretStr | None, str | None], SecretStr]


class Waiting:
    """Whether somebody waits for the work that this context is for.

    Args:
        gone: Set when nobody does.
    """

    def __init__(self, gone: threading.Event) -> None:
        self._gone = gone
        self.is_over = False

    @property
    def is_in_vain(self) -> bool:
        """Whether what is done here is for nobody."""
        return self._gone.is_set() and not self.is_over

    def sleep(self, seconds: float) -> None:
        """Wait some seconds, or until nobody waits any more."""
        if self.is_over:
            time.sleep(seconds)
        else:
            self._gone.wait(seconds)


abandoned: ContextVar[Waiting | None] = ContextVar("abandoned", default=None)
"""For whom this context works, if somebody may cease to wait for it."""


class AbandonedError(Exception):
    """Nobody waits for this request any more."""


def run(steps: Steps, request: HttpRequest, client: httpx2.Client, get_token: GetToken) -> Reply:
    """Do what the exchange asks for until it returns a reply or raises."""
    outcome: Reply | Failure | TokenFailure | SecretStr | None = None
    try:
        while True:
            command = steps.send(outcome)
            waiting = abandoned.get()
            if waiting is not None and waiting.is_in_vain:
                raise AbandonedError
            match command:
                case Send():
                    outcome = send(client, request, command.headers)
                    log_outcome(request, outcome)
                case Sleep():
                    log_wait(request, command)
                    (waiting.sleep if waiting is not None else time.sleep)(command.seconds)
                    outcome = None
                case FetchToken():
                    outcome = _token(get_token, command)
    except StopIteration as stop:
        reply: Reply = stop.value
        return reply


def send(
    client: httpx2.Client, request: HttpRequest, headers: Mapping[str, str]
) -> Reply | Failure:
    """Send the request once. An event stream is handed over unread."""
    timeout = httpx2.USE_CLIENT_DEFAULT if request.timeout is None else request.timeout
    sent = sending.set(True)
    try:
        url = _reading.parsed(request.url)
        message = client.build_request(
            "POST",
            url,
            params=_reading.query_for(client.params, url),
            content=request.body,
            headers=headers,
            timeout=timeout,
        )
        response = client.send(message, stream=True, follow_redirects=False)
        if _reading.is_event_stream(request, response):
            return Reply(response.status_code, response.headers, source=response)
        try:
            body = _reading.Body(message)
            parts = cast("Iterable[bytes]", response.stream)
            if not _reading.is_plain(response):
                parts = _reading.bounded(response, body).iter_bytes()
            for part in parts:
                if (failure := body.take(part)) is not None:
                    return failure
            return body.reply(response)
        finally:
            response.close()
    except _reading.HTTP_ERRORS as error:
        return failure_of(error)
    finally:
        sending.reset(sent)


def events(reply: Reply) -> Generator[str]:
    """Yield the data of each server-sent event.

    Raises:
        StreamInterruptedError: When the connection breaks.
    """
    try:
        for event in _reading.event_source(reply.source):
            yield _reading.data_of(event)
    except httpx2.HTTPError as error:
        raise _reading.interrupted(reply, error) from None
    finally:
        reply.source.close()


def drain(reply: Reply, rest: Generator[str]) -> None:
    """Read what follows a stream's end marker, so that its connection can serve again.

    Not for long: a server may keep the stream open. A read cannot be interrupted from this thread,
    so another one reads, and the socket is shut when the time is up.
    """
    if not _reading.ends_by_itself(reply.source):
        return
    late = threading.Event()
    reader = threading.Thread(target=_read_out, args=(rest, late), daemon=True)
    reader.start()
    reader.join(_reading.DRAIN_SECONDS)
    late.set()
    stream = reply.source.extensions.get("network_stream")
    if reader.is_alive() and stream is not None:
        with suppress(OSError):
            stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        reader.join()


def _read_out(rest: Generator[str], late: threading.Event) -> None:
    with suppress(AzureLLMError):  # everything had arrived
        for _ in rest:
            if late.is_set():
                break


def _token(get_token: GetToken, command: FetchToken) -> SecretStr | TokenFailure:
    try:
        return get_token(command.refused, command.claims)
    except AzureLLMError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a user's provider raises
        return TokenFailure(error)
