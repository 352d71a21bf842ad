"""The driver for asyncio: does what an exchange asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping
from contextlib import suppress
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

AsyncGetToken = Callable[[SecretStr | None, str | None], Awaitable[SecretStr]]


async def run(
    steps: Steps, request: HttpRequest, client: httpx2.AsyncClient, get_token: AsyncGetToken
) -> Reply:
    """Do what the exchange asks for until it returns a reply or raises."""
    outcome: Reply | Failure | TokenFailure | SecretStr | None = None
    while True:
        try:
            command = steps.send(outcome)
        except StopIteration as stop:
            reply: Reply = stop.value
            return reply
        match command:
            case Send():
                outcome = await send(client, request, command.headers)
                log_outcome(request, outcome)
            case Sleep():
                log_wait(request, command)
                await asyncio.sleep(command.seconds)
                outcome = None
            case FetchToken():
                outcome = await _token(get_token, command)


async def send(
    client: httpx2.AsyncClient, request: HttpRequest, headers: Mapping[str, str]
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
        response = await client.send(message, stream=True, follow_redirects=False)
        if _reading.is_event_stream(request, response):
            return Reply(response.status_code, response.headers, source=response)
        try:
            body = _reading.Body(message)
            parts = cast("AsyncIterable[bytes]", response.stream)
            if not _reading.is_plain(response):
                parts = _reading.bounded(response, body).aiter_bytes()
            async for part in parts:
                if (failure := body.take(part)) is not None:
                    return failure
            return body.reply(response)
        finally:
            await response.aclose()
    except _reading.HTTP_ERRORS as error:
        return failure_of(error)
    finally:
        sending.reset(sent)


async def events(reply: Reply) -> AsyncGenerator[str]:
    """Yield the data of each server-sent event.

    Raises:
        StreamInterruptedError: When the connection breaks.
    """
    try:
        async for event in _reading.event_source(reply.source):
            yield _reading.data_of(event)
    except httpx2.HTTPError as error:
        raise _reading.interrupted(reply, error) from None
    finally:
        await reply.source.aclose()


async def drain(reply: Reply, rest: AsyncGenerator[str]) -> None:
    """Read what follows a stream's end marker, so that its connection can serve again.

    Not for long: a server may keep the stream open.
    """
    if not _reading.ends_by_itself(reply.source):
        return
    with suppress(AzureLLMError, TimeoutError):  # everything had arrived
        async with asyncio.timeout(_reading.DRAIN_SECONDS):
            ends = time.monotonic() + _reading.DRAIN_SECONDS
            async for _ in rest:
                if time.monotonic() > ends:  # events that are there already come without a pause
                    break


async def _token(get_token: AsyncGetToken, command: FetchToken) -> SecretStr | TokenFailure:
    try:
        return await get_token(command.refused, command.claims)
    except AzureLLMError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a user's provider raises
        return TokenFailure(error)
