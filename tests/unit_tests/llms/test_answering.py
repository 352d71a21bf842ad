"""How an LLM answers at the edges: no prompts, streams cut behind their end, callers in one."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx2
import pytest

from langchain_azure_llms import AzureOpenAI
from langchain_azure_llms.llms._forms import LearnedForms
from tests.unit_tests.llms.scripted import (
    AsyncCalls,
    Service,
    SyncCalls,
    azure_openai,
    completion,
    stream,
)

Calls = SyncCalls | AsyncCalls
Answer = Callable[[httpx2.Request], httpx2.Response]


def test_no_prompts_have_no_answers(calls: Calls, service: Service) -> None:
    """And nobody is asked."""
    assert [] == calls.generate(azure_openai(service), []).generations
    assert [] == service.requests


class _Broken(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body whose connection breaks behind it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        raise httpx2.ReadError("reset")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part


def test_a_connection_may_break_behind_a_streams_last_event(calls: Calls) -> None:
    """The answer is whole."""
    whole = {"status": "completed", "output": []}
    events = [
        {"type": "response.output_text.delta", "delta": "Hello"},
        {"type": "response.completed", "response": whole},
    ]
    sent = stream(*events, done=False)
    service = Service(
        [lambda _: httpx2.Response(200, headers=sent.headers, stream=_Broken(sent.content))]
    )
    assert "Hello" == "".join(calls.stream(azure_openai(service, api="responses"), "hi"))


# --- several callers find out one deployment's form -------------------------------------------


def _chat(request: httpx2.Request) -> httpx2.Response:
    """Answer a chat's message with itself and a mark; refuse completions."""
    if not request.url.path.endswith("/chat/completions"):
        error = {"code": "OperationNotSupported", "message": "It does not work with gpt-9."}
        return httpx2.Response(400, json={"error": error})
    body = json.loads(request.content)
    text = body["messages"][0]["content"] + "!"
    if body.get("stream"):
        return stream({"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]})
    message = {"message": {"content": text}, "index": 0, "finish_reason": "stop"}
    return httpx2.Response(200, json={"choices": [message]})


def _probes(service: Service) -> int:
    """Return how often the form that the deployment does not speak was tried."""
    return sum("chat" not in request.url.path for request in service.requests)


class _Watched(LearnedForms):
    """Tells when somebody is to wait for another caller."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def begin(self, deployment: object) -> Future[None] | None:
        waiting = super().begin(deployment)
        if waiting is not None:
            self._tell()
        return waiting


def test_a_stream_waits_for_the_thread_that_finds_out() -> None:
    """One probe is enough for both."""
    probing, waits = threading.Event(), threading.Event()

    def answer(request: httpx2.Request) -> httpx2.Response:
        if "chat" not in request.url.path:
            probing.set()
            assert waits.wait(20)
        return _chat(request)

    service = Service([answer])
    llm = azure_openai(service)
    llm._learned = _Watched(waits.set)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(llm.invoke, "a")
        assert probing.wait(20)
        assert "b!" == "".join(llm.stream("b"))
        assert "a!" == first.result(20)
    assert 1 == _probes(service)


def test_a_stream_waits_for_the_task_that_finds_out() -> None:
    """The same in asyncio."""
    probing, waits = asyncio.Event(), asyncio.Event()
    service = Service([_chat])

    async def answer(request: httpx2.Request) -> httpx2.Response:
        if "chat" not in request.url.path:
            probing.set()
            await asyncio.wait_for(waits.wait(), 20)
        return service(request)

    async def main() -> tuple[str, str]:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        llm = azure_openai(service, http_async_client=client)
        llm._learned = _Watched(waits.set)
        first = asyncio.ensure_future(llm.ainvoke("a"))
        await asyncio.wait_for(probing.wait(), 20)
        return "".join([text async for text in llm.astream("b")]), await first

    assert ("b!", "a!") == asyncio.run(main())
    assert 1 == _probes(service)


class _NeverWaitedFor(Future[None]):
    """What a caller must not wait for, in a thread or in asyncio."""

    def result(self, timeout: float | None = None) -> None:
        raise AssertionError("somebody waits")

    def add_done_callback(self, fn: Callable[[Future[None]], object]) -> None:
        raise AssertionError("somebody waits")


class _Asking(LearnedForms):
    """Another caller finds out, for those who ask within him."""

    def begin(self, deployment: object) -> Future[None] | None:
        return _NeverWaitedFor() if super().begin(deployment) is not None else None


class _Credential:
    """Asks the LLM's own deployment for a token, as it is told."""

    def __init__(self, inner: AzureOpenAI, *, streams: bool) -> None:
        self._inner, self._streams = inner, streams

    def give(self) -> str:
        return "".join(self._inner.stream("t")) if self._streams else self._inner.invoke("t")

    async def agive(self) -> str:
        if self._streams:
            return "".join([text async for text in self._inner.astream("t")])
        return await self._inner.ainvoke("t")


@pytest.mark.parametrize("streams", [True, False])
def test_a_credential_that_asks_does_not_wait_for_its_caller(
    calls: Calls, *, streams: bool
) -> None:
    """Who waits for it: that would never end."""
    service = Service([_chat])
    inner = azure_openai(service)
    credential = _Credential(inner, streams=streams)
    asks = credential.give if isinstance(calls, SyncCalls) else credential.agive
    outer = azure_openai(service, api_key=None, credential=asks)
    outer._learned = inner._learned = _Asking()
    answer = "".join(calls.stream(outer, "hi")) if streams else calls.invoke(outer, "hi")
    assert "hi!" == answer
    assert "Bearer t!" == service.requests[-1].headers["authorization"]


# --- nobody waits any more ----------------------------------------------------------------------


def test_what_nobody_waits_for_is_not_tried_again() -> None:
    """A batch that is left early leaves its retries."""
    refused, asked = threading.Event(), []

    def answer(request: httpx2.Request) -> httpx2.Response:
        (prompt,) = json.loads(request.content)["prompt"]
        asked.append(prompt)
        if prompt == "late":
            refused.set()
            return httpx2.Response(503, headers={"retry-after": "30"})
        assert refused.wait(20)
        return completion(f"{prompt}!")

    llm = azure_openai(Service([answer]), api="completions", batch_size=1, max_retries=3)
    before = set(threading.enumerate())
    answers = llm.batch_as_completed(["late", "early"], config={"max_concurrency": 2})
    assert (1, "early!") == next(answers)
    answers.close()  # type: ignore[attr-defined]
    for worker in set(threading.enumerate()) - before:
        worker.join(20)
        assert not worker.is_alive()
    assert ["early", "late"] == sorted(asked)
