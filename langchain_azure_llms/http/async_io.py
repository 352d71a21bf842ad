"""The driver for asyncio: carries out the steps of a flow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from typing import Any

import httpx2
from pydantic import SecretStr

from langchain_azure_llms.exceptions import AzureLLMError
from langchain_azure_llms.http import messages
from langchain_azure_llms.http.charset import UndecodableBodyError
from langchain_azure_llms.http.endpoint import Endpoint, ResultT
from langchain_azure_llms.http.failures import HTTP_ERRORS, failure_of
from langchain_azure_llms.http.logging import log_outcome, log_wait
from langchain_azure_llms.http.request import (
    AcquirePermit,
    FetchToken,
    HttpRequest,
    HttpResponse,
    Send,
    Sleep,
    Step,
    TokenFailure,
    TransportFailure,
)
from langchain_azure_llms.http.transports import async_transport


async def run(flow: Generator[Step, Any, ResultT], endpoint: Endpoint) -> ResultT:
    """Carry out the steps of a flow until it returns or raises."""
    outcome: HttpResponse | TransportFailure | TokenFailure | SecretStr | None = None
    while True:
        try:
            step = flow.send(outcome)
        except StopIteration as stop:
            result: ResultT = stop.value
            return result
        outcome = None
        match step:
            case Send():
                outcome = await _send(step, endpoint)
                log_outcome(step.request, outcome)
            case Sleep():
                log_wait(step)
                await asyncio.sleep(step.seconds)
            case FetchToken():
                outcome = await _fetch_token(step, endpoint)
            case AcquirePermit():
                if endpoint.rate_limiter is not None:
                    await endpoint.rate_limiter.aacquire(blocking=True)


async def _send(step: Send, endpoint: Endpoint) -> HttpResponse | TransportFailure:
    """Send a request once. An event stream is handed over unread."""
    response_began = False
    try:
        client = endpoint.http_async_client
        if client is None:
            message = messages.built_for_transport(step)
            transport = await async_transport(endpoint.network)
            sending = transport.handle_async_request(message)
        else:
            message = messages.built_for_client(step, client)
            sending = client.send(message, stream=True, follow_redirects=False)
        async with asyncio.timeout(messages.seconds_until_response(message)):
            response = await sending
        response.request = message  # transports leave that to their caller
        response_began = True
        if messages.is_streamed(step.request, response):
            return HttpResponse(response.status_code, response.headers, stream=response)
        try:
            body = messages.BodyReader(message)
            async with asyncio.timeout(body.seconds):
                async for part in response.aiter_bytes():
                    body.add(part)
            return body.response(response)
        finally:
            await response.aclose()
    except TimeoutError:
        late_part = "body did not end" if response_began else "response did not begin"
        late = httpx2.ReadTimeout(f"the {late_part} in time")
        return failure_of(late, response_began=response_began)
    except HTTP_ERRORS as error:
        return failure_of(error, response_began=response_began)


async def _fetch_token(step: FetchToken, endpoint: Endpoint) -> SecretStr | TokenFailure:
    try:
        return await endpoint.authorization.aget_token(step.refused, step.claims)
    except AzureLLMError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a user's provider raises
        return TokenFailure(error)


async def pieces(response: httpx2.Response, request: HttpRequest) -> AsyncGenerator[str]:
    """Yield the pieces of a streamed response: the data of each event, lines, or text as it comes.

    Raises:
        StreamInterruptedError: When the connection breaks.
        ResponseFormatError: If the body is in another form, or not in its encoding.
    """
    reader = messages.PieceReader(request, response)
    try:
        if request.stream == "events":
            async for event in reader.events(
                reader.decoded(data) async for data in response.aiter_bytes()
            ):
                yield reader.data_of(event)
            reader.refuse_other_than_events()
            return
        async for data in response.aiter_bytes():
            for piece in reader.pieces(data):
                yield piece
        for piece in reader.pieces(b"", is_last=True):
            yield piece
    except (httpx2.HTTPError, UndecodableBodyError) as error:
        raise messages.interrupted(request.url, error) from None
    finally:
        await response.aclose()


async def drain(response: httpx2.Response, rest: AsyncGenerator[str]) -> None:
    """Read what follows a stream's end marker, so that its connection can be used again.

    Not for long: a server may keep the stream open.
    """
    if messages.end_is_marked(response):
        with suppress(AzureLLMError, TimeoutError):  # the whole answer has arrived
            async with asyncio.timeout(messages.DRAIN_SECONDS):
                ends = time.monotonic() + messages.DRAIN_SECONDS
                async for _ in rest:
                    if time.monotonic() > ends:  # events that are there already come at once
                        break
