"""From a parsed call to an HTTP answer, whole or streamed."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from langchain_azure_llms.local._azure_errors import AzureError, from_engine_error
from langchain_azure_llms.local._call import Call, Events
from langchain_azure_llms.local._cancellations import Cancellations
from langchain_azure_llms.local._generation import generate, generate_all, unless_gone
from langchain_azure_llms.local._json import dumps
from langchain_azure_llms.local._pieces import EngineError, Piece
from langchain_azure_llms.local._text_engine import TextEngine

Pieces = AsyncGenerator[tuple[int, Piece], None]


@dataclass(frozen=True)
class Responder:
    """Answers calls in the manner of one of Azure's services.

    Attributes:
        engine: What generates the texts.
        cancellations: Where calls are stopped.
        azure_openai: Whether the service is Azure OpenAI; else it is a serverless endpoint, which
            tells no filter results and has other headers.
    """

    engine: TextEngine
    cancellations: Cancellations
    azure_openai: bool

    async def respond(self, request: Request, call: Call) -> Response:
        """Answer `call`.

        Raises:
            AzureError: When the model refuses the call, or fails before the answer began.
            ClientGoneError: When the client hung up before.
        """
        try:
            return await (self._stream if call.stream else self._whole)(request, call)
        except EngineError as error:
            raise from_engine_error(error, call.prompt_field) from error

    def headers(self, request: Request) -> dict[str, str]:
        """Return the headers that the service puts on every answer."""
        request_id = str(uuid.uuid4())
        if not self.azure_openai:
            return {"x-request-id": request_id, "azureml-model-group": self.engine.name}
        return {
            "apim-request-id": request_id,
            "x-request-id": str(uuid.uuid4()),
            "x-ms-client-request-id": request.headers.get("x-ms-client-request-id", request_id),
            "x-ms-region": "local",
            "x-content-type-options": "nosniff",
        }

    async def _whole(self, request: Request, call: Call) -> Response:
        cancelled = self.cancellations.new()
        work = generate_all(self.engine, call.tasks(), cancelled)
        outcomes = await unless_gone(request, work, cancelled)
        answer = call.whole(outcomes, filters=self.azure_openai, model=self.engine.name)
        headers = self.headers(request)
        if not self.azure_openai:
            usage = answer["usage"]
            headers["prompt_token_len"] = str(usage["prompt_tokens"])
            headers["sampling_token_len"] = str(usage["completion_tokens"])
        return Response(dumps(answer), headers=headers, media_type="application/json")

    async def _stream(self, request: Request, call: Call) -> Response:
        cancelled = self.cancellations.new()
        pieces = generate(self.engine, call.tasks(), cancelled)
        # An error before the first token must be an HTTP status, so the answer begins after it.
        first = await unless_gone(request, anext(pieces), cancelled)
        stream = call.events(filters=self.azure_openai, model=self.engine.name)
        events = self._events(stream, first, pieces)
        headers = {**self.headers(request), "x-accel-buffering": "no"}
        return StreamingResponse(events, headers=headers, media_type="text/event-stream")

    async def _events(
        self, stream: Events, first: tuple[int, Piece], rest: Pieces
    ) -> AsyncIterator[str]:
        async with aclosing(rest):
            for event in (*stream.opening(), *stream.piece(*first)):
                yield event
            try:
                async for number, piece in rest:
                    for event in stream.piece(number, piece):
                        yield event
                    await asyncio.sleep(0)  # an engine without pauses would not hear of a hang-up
            except EngineError as error:
                yield stream.failure(str(error))
                return
            for event in stream.closing():
                yield event


def error_response(error: AzureError, headers: dict[str, str]) -> Response:
    """Return `error` as an HTTP answer."""
    return Response(
        dumps(error.body), error.status, {**headers, **error.headers}, "application/json"
    )
