"""Whatever a server sends, only errors of our tree come out: any status, headers, bytes, pieces."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    DollyContentFormatter,
    GPT2ContentFormatter,
    HFContentFormatter,
    MLflowContentFormatter,
    OpenAIChatContentFormatter,
    RetryPolicy,
)
from langchain_azure_llms.exceptions import AzureLLMError
from tests.support.llms import AzureLLM

_QUICK = RetryPolicy(max_retries=1, initial_wait=0.0, max_wait=0.0)


class _Pieces(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body in pieces, for both kinds of clients."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def _clients(status: int, headers: list[tuple[str, str]], pieces: list[bytes]) -> dict[str, Any]:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers=headers, stream=_Pieces(pieces))

    transport = httpx2.MockTransport(answer)
    return {
        "http_client": httpx2.Client(transport=transport),
        "http_async_client": httpx2.AsyncClient(transport=transport),
        "retry_policy": _QUICK,
    }


def _llms(clients: dict[str, Any]) -> list[AzureLLM]:
    azure = {
        "azure_endpoint": "https://r.example",
        "azure_deployment": "d",
        "api_version": "v1",
        "api_key": "k",
        **clients,
    }
    ml = {"endpoint_api_key": "k", **clients}
    score, serverless = "https://h.example/score", "https://h.example/v1/completions"
    formatters = [
        CustomOpenAIContentFormatter(),
        DollyContentFormatter(),
        GPT2ContentFormatter(),
        HFContentFormatter(),
        MLflowContentFormatter(),
        OpenAIChatContentFormatter(),
    ]
    return [
        *(AzureOpenAI(**azure, api=api) for api in ("auto", "chat_completions", "responses")),
        *(AzureMLOnlineEndpoint(**ml, endpoint_url=score, content_formatter=f) for f in formatters),
        *(
            AzureMLOnlineEndpoint(**ml, endpoint_url=serverless, content_formatter=formatter)
            for formatter in (formatters[0], formatters[-1])
        ),
    ]


def _ask_in_every_way(llms: list[AzureLLM]) -> None:
    async def ask(llm: AzureLLM) -> None:
        with suppress(AzureLLMError):
            await llm.ainvoke("x")
        with suppress(AzureLLMError):
            async for _ in llm.astream("x"):
                pass

    async def ask_all() -> None:
        for llm in llms:
            await ask(llm)

    for llm in llms:
        with suppress(AzureLLMError):
            llm.invoke("x")
        with suppress(AzureLLMError):
            list(llm.stream("x"))
        found = llm.batch(["x", "y"], return_exceptions=True)
        assert [] == [e for e in found if not isinstance(e, str | AzureLLMError)]
    asyncio.run(ask_all())


_words = st.sampled_from(
    [
        "choices",
        "text",
        "message",
        "content",
        "delta",
        "index",
        "finish_reason",
        "usage",
        "error",
        "code",
        "status",
        "message",
        "output",
        "type",
        "response",
        "model",
        "prompt_filter_results",
        "content_filter_results",
        "logprobs",
        "0",
        "input_data",
    ]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=4),
    max_leaves=12,
)
_bodies = st.binary(max_size=80) | _json.map(lambda value: json.dumps(value).encode())
_events = st.lists(
    _bodies.map(lambda body: b"data: " + body + b"\n\n")
    | st.sampled_from([b"data: [DONE]\n\n", b": note\r\n\r\n", b"event: error\n", b"\xef\xbb\xbf"])
    | st.binary(max_size=20),
    max_size=6,
).map(b"".join)
_names = st.sampled_from(
    [
        "content-type",
        "retry-after",
        "retry-after-ms",
        "x-ratelimit-reset-tokens",
        "www-authenticate",
        "location",
        "ms-azureml-model-error-statuscode",
        "ms-azureml-model-error-reason",
        "apim-request-id",
        "content-encoding",
    ]
)
_values = st.text(
    st.characters(min_codepoint=32, max_codepoint=126), max_size=20
) | st.sampled_from(
    ["text/event-stream", "application/json; charset=x", "gzip", "-1", "1e999", "NaN", "503"]
)
_statuses = st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 408, 422, 424, 429, 500, 503])


@settings(max_examples=60, deadline=None)
@given(_statuses | st.integers(200, 599), st.lists(st.tuples(_names, _values), max_size=3), _bodies)
def test_any_reply_is_an_answer_or_an_error_of_ours(
    status: int, headers: list[tuple[str, str]], body: bytes
) -> None:
    """Of every class, formatter, form and way of calling."""
    _ask_in_every_way(_llms(_clients(status, headers, [body])))


@settings(max_examples=60, deadline=None)
@given(_events, st.lists(st.integers(0, 400), max_size=5))
def test_any_stream_in_any_pieces_is_an_answer_or_an_error_of_ours(
    stream: bytes, cuts: list[int]
) -> None:
    """Cut anywhere, characters included."""
    places = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
    pieces = [stream[a:b] for a, b in itertools.pairwise(places)]
    headers = [("content-type", "text/event-stream")]
    _ask_in_every_way(_llms(_clients(200, headers, pieces)))


@pytest.mark.parametrize("depth", [10_000, 200_000])
def test_deep_nesting_is_an_error_of_ours(depth: int) -> None:
    """No RecursionError reaches a caller."""
    for body in (b"[" * depth, b'{"error":' * depth, b'{"choices":[' * depth):
        _ask_in_every_way(_llms(_clients(200, [], [body]))[:4])
        _ask_in_every_way(_llms(_clients(400, [], [body]))[:1])
