"""The driver for threads: carries out the steps of a flow."""

from __future__ import annotations

import time
from collections.abc import Generator
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
from langchain_azure_llms.http.transports import sync_transport


def run(flow: Generator[Step, Any, ResultT], endpoint: Endpoint) -> ResultT:
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
                outcome = _send(step, endpoint)
                log_outcome(step.request, outcome)
            case Sleep():
                log_wait(step)
                time.sleep(step.seconds)
            case FetchToken():
                outcome = _fetch_token(step, endpoint)
            case AcquirePermit():
                if endpoint.rate_limiter is not None:
                    endpoint.rate_limiter.acquire(blocking=True)


def _send(step: Send, endpoint: Endpoint) -> HttpResponse | TransportFailure:
    """Send a request once. An event stream is handed over unread."""
    response_began = False
    try:
        client = endpoint.http_client
        if client is None:
            message = messages.built_for_transport(step)
            response = sync_transport(endpoint.network).handle_request(message)
        else:
            message = messages.built_for_client(step, client)
            response = client.send(message, stream=True, follow_redirects=False)
        response.request = message  # transports leave that to their caller
        response_began = True
        if messages.is_streamed(step.request, response):
            return HttpResponse(response.status_code, response.headers, stream=response)
        try:
            body = messages.BodyReader(message)
            for part in response.iter_bytes():
                body.add(part)
            return body.response(response)
        finally:
            response.close()
    except HTTP_ERRORS as error:
        return failure_of(error, response_began=response_began)


def _fetch_token(step: FetchToken, endpoint: Endpoint) -> SecretStr | TokenFailure:
    try:
        return endpoint.authorization.get_token(step.refused, step.claims)
    except AzureLLMError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a user's provider raises
        return TokenFailure(error)


def pieces(response: httpx2.Response, request: HttpRequest) -> Generator[str]:
    """Yield the pieces of a streamed response: the data of each event, lines, or text as it comes.

    Raises:
        StreamInterruptedError: When the connection breaks.
        ResponseFormatError: If the body is in another form, or not in its encoding.
    """
    reader = messages.PieceReader(request, response)
    try:
        if request.stream == "events":
            for event in reader.events(reader.decoded(data) for data in response.iter_bytes()):
                yield reader.data_of(event)
            reader.refuse_other_than_events()
            return
        for data in response.iter_bytes():
            yield from reader.pieces(data)
        yield from reader.pieces(b"", is_last=True)
    except (httpx2.HTTPError, UndecodableBodyError) as error:
        raise messages.interrupted(request.url, error) from None
    finally:
        response.close()


def drain(response: httpx2.Response, rest: Generator[str]) -> None:
    """Read what follows a stream's end marker, so that its connection can be used again.

    A server that goes on sending is left after a second; one that is silent and keeps the stream
    open is waited for as long as the read timeout says, since a read cannot be interrupted.
    """
    if messages.end_is_marked(response):
        ends = time.monotonic() + messages.DRAIN_SECONDS
        with suppress(AzureLLMError):  # the whole answer has arrived
            for _ in rest:
                if time.monotonic() > ends:
                    break
