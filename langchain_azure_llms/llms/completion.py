"""From prompts to a completion: which API to use, what to send, how to parse the response.

Everything here decides and does no I/O: `open_pack` and `complete_pack` are generators whose steps
a driver carries out (see `langchain_azure_llms.http.request`). They run with LangChain's callbacks
around them, or without.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from langchain_core.outputs import Generation, GenerationChunk

from langchain_azure_llms._completion import CompletionResponse, StreamDelta
from langchain_azure_llms._redaction import public_url
from langchain_azure_llms.exceptions import (
    AzureLLMError,
    BadRequestError,
    ConfigurationError,
    ContentFilterError,
    ContextLengthError,
    DeploymentNotFoundError,
    OperationNotSupportedError,
    StatusError,
    StreamInterruptedError,
)
from langchain_azure_llms.http.error_in_success import ErrorInside, error_inside
from langchain_azure_llms.http.errors import from_response
from langchain_azure_llms.http.request import (
    HttpRequest,
    HttpResponse,
    Step,
    Surroundings,
    send_with_retries,
)
from langchain_azure_llms.llms.api_cache import api_cache
from langchain_azure_llms.llms.empty_texts import warn_of_empty_text
from langchain_azure_llms.openai_api.llm_output import usage_metadata, with_headers
from langchain_azure_llms.openai_api.stream import OPENAI_ENDING, Ending, StreamReader
from langchain_azure_llms.openai_api.tool_calls import called_tools

PROMPT_ERRORS = (ContentFilterError, ContextLengthError)
"""Refusals of one prompt: they say nothing about the other prompts of a request."""


class CompletionRequest(NamedTuple):
    """One HTTP request of an LLM call, and how its response is parsed.

    Attributes:
        prompts: The prompts it carries.
        request: What is sent.
        parse_response: Parses the body of a whole response.
        parse_event: Parses the data of one event of a streamed response.
        stop: Texts to end a streamed response at, where the API has no such parameter.
        ending: How a streamed response says that it is complete.
    """

    prompts: Sequence[str]
    request: HttpRequest
    parse_response: Callable[[bytes], CompletionResponse]
    parse_event: Callable[[str], StreamDelta | GenerationChunk | None]
    stop: Sequence[str] = ()
    ending: Ending = OPENAI_ENDING

    def stream_reader(self) -> StreamReader:
        """Return what puts the events of the response together."""
        return StreamReader(self.parse_event, self.stop, self.ending)

    def whole_chunk(self, response: HttpResponse) -> GenerationChunk:
        """Return a response that was not streamed as the only chunk of a stream."""
        parsed = self.parse_response(response.body)
        first = parsed.generations[0][0]
        info = with_headers(parsed.llm_output, response.notable_headers())
        return self._described(first.text, {**(first.generation_info or {}), **info})

    def next_chunk(
        self, reader: StreamReader, data: str, response: HttpResponse
    ) -> GenerationChunk | None:
        """Return the chunk that an event adds to a stream, or None if it adds no text.

        Raises:
            StatusError: If the event carries an error.
            ResponseFormatError: If it cannot be parsed.
        """
        find = self.request.find_error or error_inside
        if (inner := find(data)) is None:
            return reader.feed(data)
        if inner.has_reason:
            raise self._error_of(inner, reader, response) from None
        reader.failure = inner  # an event that follows may say why
        return None

    def _error_of(
        self, inner: ErrorInside, reader: StreamReader, response: HttpResponse
    ) -> StatusError:
        return from_response(
            HttpResponse(inner.status, response.headers, inner.body),
            url=self.request.url,
            now=None,
            max_wait=self.request.policy.max_wait,
            text_so_far=reader.text,
        )

    def last_chunk(self, reader: StreamReader, response: HttpResponse) -> GenerationChunk:
        """Return the chunk that ends a stream whose connection ended.

        Raises:
            StatusError: If the stream said that it had failed.
            StreamInterruptedError: If it did not say that it was complete.
        """
        if reader.failure is not None:
            raise self._error_of(reader.failure, reader, response)
        if not reader.is_complete:
            url = public_url(self.request.url)
            raise StreamInterruptedError(
                f"The stream of {url} ended before its end marker; the text that had arrived is "
                "in text_so_far.",
                text_so_far=reader.text,
                url=url,
            )
        chunk = reader.last()
        info = with_headers(chunk.generation_info or {}, response.notable_headers())
        if not reader.text and (tools := info.get("tool_calls")):
            raise called_tools(tools, "The stream")
        return self._described(chunk.text, info, has_text=bool(reader.text))

    def _described(
        self, text: str, info: dict[str, Any], *, has_text: bool = False
    ) -> GenerationChunk:
        """Return the last chunk of a stream, with its token counts in LangChain's shape, too."""
        if counts := info.get("token_usage"):
            info["usage_metadata"] = usage_metadata(counts)
        if not text and not has_text:
            warn_of_empty_text(Generation(text="", generation_info=info), info, self.request)
        return GenerationChunk(text=text, generation_info=info or None)


class RequestBuilder(Protocol):
    """Makes the HTTP requests of one LLM call. Each LLM class has its own."""

    @property
    def apis(self) -> tuple[str, ...]:
        """The APIs to try, in this order."""
        ...

    @property
    def deployment(self) -> Hashable:
        """Identifies the deployment: what was learned of one says nothing about another."""
        ...

    @property
    def name(self) -> str:
        """The deployment's name, for messages."""
        ...

    def pack_size(self, api: str) -> int:
        """Return how many prompts one request can carry."""
        ...

    def build(self, api: str, prompts: Sequence[str]) -> CompletionRequest:
        """Return the request for some prompts."""
        ...

    def substitute_for(self, error: BadRequestError, api: str) -> tuple[str, str] | None:
        """Return a parameter that was refused, and what to send in its place; None if nothing."""
        ...

    def add_hint(self, error: StatusError) -> None:
        """Add to an error's message what only the LLM object knows."""
        ...


class PackResult(NamedTuple):
    """The response for the first prompts of a pack.

    Attributes:
        prompt_count: How many of the pack's prompts the response is for: all of them, unless the
            deployment turned out to speak an API whose requests carry fewer.
        response: The response.
    """

    prompt_count: int
    response: CompletionResponse


PackFlow = Generator[Step, Any, PackResult]
OpenFlow = Generator[Step, Any, tuple[CompletionRequest, HttpResponse]]


def complete_pack(
    builder: RequestBuilder, prompts: Sequence[str], surroundings: Surroundings
) -> PackFlow:
    """Complete the prompts of one request.

    Args:
        builder: Makes the request.
        prompts: The prompts of one pack.
        surroundings: Clocks, randomness and rate limits.

    Yields:
        The next step, for a driver.

    Raises:
        AzureLLMError: If the request fails or its response cannot be parsed.
    """
    call, response = yield from open_pack(builder, prompts, surroundings)
    parsed = call.parse_response(response.body)
    for first, *_ in parsed.generations:
        if not first.text:
            warn_of_empty_text(first, parsed.llm_output, call.request)
    output = with_headers(parsed.llm_output, response.notable_headers())
    return PackResult(len(call.prompts), CompletionResponse(parsed.generations, output))


def open_pack(
    builder: RequestBuilder, prompts: Sequence[str], surroundings: Surroundings
) -> OpenFlow:
    """Send the request for a pack, by the API that its deployment speaks.

    A streamed response is returned unread. Arguments and steps are those of `complete_pack`.
    """
    api = api_cache.get(builder)
    if api is not None:
        try:
            return (yield from _send(builder, api, prompts, surroundings))
        except OperationNotSupportedError:
            if len(builder.apis) == 1:
                raise
            api_cache.forget(builder)
    return (yield from detect_api(builder, prompts, surroundings))


def detect_api(
    builder: RequestBuilder, prompts: Sequence[str], surroundings: Surroundings
) -> OpenFlow:
    """Send the request for a pack by one API after the other, until one is not refused.

    No text-completion model is left in Azure OpenAI, and some deployments refuse chat completions
    too; only a request shows which API a deployment speaks.
    """
    refusals: dict[str, StatusError] = {}
    for api in builder.apis:
        try:
            found = yield from _send(builder, api, prompts, surroundings)
        except OperationNotSupportedError as error:
            refusals[api] = error
        except DeploymentNotFoundError as error:
            if not error.may_be_route or len(builder.apis) == 1:
                raise
            refusals[api] = error
        except PROMPT_ERRORS:
            api_cache.remember(builder, api, refusals)
            raise
        except AzureLLMError as error:
            if refusals:
                reason = f"{api} was tried because the deployment refused {' and '.join(refusals)}."
                error.args = (f"{error} ({reason})",)
            raise
        else:
            api_cache.remember(builder, api, refusals)
            return found
    raise _all_refused(builder, refusals)


def _send(
    builder: RequestBuilder, api: str, prompts: Sequence[str], surroundings: Surroundings
) -> OpenFlow:
    """Send the request by an API; again, where a parameter was refused that has a substitute."""
    substituted: set[str] = set()
    while True:
        call = builder.build(api, prompts[: builder.pack_size(api)])
        try:
            return call, (yield from send_with_retries(call.request, surroundings))
        except StatusError as error:
            found = None
            if isinstance(error, BadRequestError) and error.is_unsupported:
                found = builder.substitute_for(error, api)
            if found is None or found[0] in substituted:
                builder.add_hint(error)
                raise
            substituted.update(found)
            api_cache.substitute(builder, *found)


def _all_refused(builder: RequestBuilder, refusals: dict[str, StatusError]) -> StatusError:
    """Return the error of a deployment that speaks none of the APIs, which lists them all."""
    listed = " ".join(f"{api}: {error}" for api, error in refusals.items())
    found = list(refusals.values())
    missing = [error for error in found if isinstance(error, DeploymentNotFoundError)]
    reason = (
        "nothing is there: check the endpoint, the API version, and gateways in between"
        if missing
        else "it may hold a model for embeddings or images"
    )
    message = f"The deployment {builder.name!r} refuses every API for text generation; {reason}."
    error = (missing or found)[-1]
    error.args = (f"{message} {listed}",)
    return error


def packs(prompts: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    """Return prompts in packs of a size."""
    return (prompts[start : start + size] for start in range(0, len(prompts), size))


def refuse_other_than_text(prompts: Iterable[Any]) -> None:
    """Refuse prompts that are not text.

    Raises:
        ConfigurationError: If one is something else.
    """
    for number, prompt in enumerate(prompts):
        if not isinstance(prompt, str):
            raise ConfigurationError(
                f"Prompt {number} is a {type(prompt).__name__}, expected text (str)."
            )


def with_prompt_number(error: Exception, number: int, count: int) -> Exception:
    """Return an error that says which of several prompts it belongs to."""
    if count > 1:
        message = f"It was prompt {number} of {count}, counted from 0."
        if isinstance(error, AzureLLMError):
            error.args = (f"{error} {message}",)
            error.prompt_index = number
        else:
            error.add_note(message)
    return error
