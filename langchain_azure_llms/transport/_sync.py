"""The driver for threads: does what an exchange asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping

import httpx2

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

GetToken = Callable[[bool], str]


def run(steps: Steps, request: HttpRequest, client: httpx2.Client, get_token: GetToken) -> Reply:
    """Do what the exchange asks for until it returns a reply or raises."""
    outcome: Reply | Failure | TokenFailure | str | None = None
    try:
        while True:
            command = steps.send(outcome)
            match command:
                case Send():
                    outcome = send(client, request, command.headers)
                case Sleep():
                    time.sleep(command.seconds)
                    outcome = None
                case FetchToken():
                    outcome = _token(get_token, refresh=command.refresh)
    except StopIteration as stop:
        reply: Reply = stop.value
        return reply


def send(
    client: httpx2.Client, request: HttpRequest, headers: Mapping[str, str]
) -> Reply | Failure:
    """Send the request once. An event stream is handed over unread."""
    timeout = httpx2.USE_CLIENT_DEFAULT if request.timeout is None else request.timeout
    try:
        message = client.build_request(
            "POST", request.url, content=request.body, headers=headers, timeout=timeout
        )
        response = client.send(message, stream=True, follow_redirects=False)
        if _reading.is_event_stream(request, response):
            return Reply(response.status_code, response.headers, source=response)
        try:
            parts, size = [], 0
            for part in response.iter_bytes():
                parts.append(part)
                if (size := size + len(part)) > _reading.MAX_BYTES:
                    return _reading.too_large()
            return _reading.reply_of(response, parts)
        finally:
            response.close()
    except _reading.HTTP_ERRORS as error:
        return failure_of(error)


def events(reply: Reply) -> Generator[str]:
    """Yield the data of each server-sent event.

    Raises:
        StreamInterruptedError: When the connection breaks.
    """
    try:
        for event in _reading.event_source(reply.source):
            yield event.data
    except httpx2.HTTPError as error:
        raise _reading.interrupted(reply, error) from None
    finally:
        reply.source.close()


def _token(get_token: GetToken, *, refresh: bool) -> str | TokenFailure:
    try:
        return get_token(refresh)
    except AzureLLMError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a user's provider raises
        return TokenFailure(error)
