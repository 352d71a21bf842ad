"""Odd servers and odd callers: every call ends, in its own answer or in an error that tells why."""

import asyncio
import gzip
import json
import signal
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Any

import httpx2
import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler

from langchain_azure_llms import AzureOpenAI
from langchain_azure_llms.exceptions import EndpointTimeoutError
from langchain_azure_llms.llms import _waiting
from langchain_azure_llms.transport import _driven, _reading
from tests.integration_tests.wire import Connection, WireServer

_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-encoding: gzip\r\n"


def _choice(text: str, finish: str | None = "stop") -> dict[str, Any]:
    return {"choices": [{"text": text, "index": 0, "finish_reason": finish}]}


class _Service:
    """Answers completions; slow streams have twenty events, and a word in the path is a habit."""

    def __init__(self) -> None:
        self.gateways: list[str | None] = []

    async def __call__(self, connection: Connection) -> None:
        while (request := await connection.request()) is not None:
            self.gateways.append(request["headers"].get("x-gateway"))
            habit = request["line"].split("/")[1]
            if habit == "empties":
                await self._drip_nothing(connection)
            elif habit == "bomb":
                await self._explode(connection)
            elif request["body"].get("stream"):
                await connection.begin_stream()
                for number in range(20 if habit == "slow" else 1):
                    await connection.event(_choice(f"{number}", None))
                    await asyncio.sleep(0.02 if habit == "slow" else 0)
                await connection.event(_choice(""))
                await connection.event("[DONE]")
                await connection.end_stream()
            else:
                prompts = request["body"]["prompt"]
                await connection.reply(_choice(f"{prompts[0]}!"))

    @staticmethod
    async def _drip_nothing(connection: Connection) -> None:
        """Send a compressed body whose parts decode to nothing."""
        await connection.send(_HEAD + b"content-type: application/json\r\n\r\n")
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        begun = packer.compress(b"{") + packer.flush(zlib.Z_SYNC_FLUSH)
        for part in (begun, *[b"\x00\x00\x00\xff\xff"] * 200):
            await connection.send(b"%x\r\n%s\r\n" % (len(part), part))
            await asyncio.sleep(0.02)

    @staticmethod
    async def _explode(connection: Connection) -> None:
        """Send a whole answer, its end marker, and millions of events behind that."""
        answer = f"data: {json.dumps(_choice('hello'))}\n\ndata: [DONE]\n\n".encode()
        packed = gzip.compress(answer + b"data: x\n\n" * 4_000_000, 1)
        await connection.send(_HEAD + b"content-type: text/event-stream\r\n\r\n")
        await connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed))


@pytest.fixture(scope="module")
def service() -> _Service:
    return _Service()


@pytest.fixture(scope="module")
def url(service: _Service) -> Iterator[str]:
    with WireServer(service) as server:
        yield server.url


def _llm(url: str, **settings: Any) -> AzureOpenAI:
    base = {
        "azure_deployment": "d",
        "api_version": "2024-10-21",
        "api": "completions",
        "max_retries": 0,
        "timeout": 5,
    }
    who = {} if "credential" in settings else {"api_key": "k"}
    return AzureOpenAI(azure_endpoint=url, **{**base, **who, **settings})


async def _astreamed(llm: AzureOpenAI) -> str:
    return "".join([text async for text in llm.astream("x")])


class _Leaves(BaseCallbackHandler):
    """Ends the program at the first token."""

    def __init__(self, way: BaseException) -> None:
        self._way: BaseException | None = way

    def on_llm_new_token(self, *_: Any, **__: Any) -> None:
        way, self._way = self._way, None
        if way is not None:
            raise way


@pytest.mark.parametrize("way", [SystemExit(3), KeyboardInterrupt()])
def test_a_callback_may_end_the_program(url: str, way: BaseException) -> None:
    """What it raises comes out as it is, and the next batch is none the worse."""
    llm = _llm(url, streaming=True)
    with pytest.raises(type(way)) as raised:
        llm.batch(["a", "b", "c"], {"callbacks": [_Leaves(way)]})
    assert way is raised.value
    assert threading.current_thread() not in _driven._loops
    assert ["0", "0", "0"] == llm.batch(["a", "b", "c"])


def test_closing_waits_for_the_calls_under_way(url: str) -> None:
    """In threads as in asyncio, a stream that has begun comes to its end."""
    llm = _llm(f"{url}/slow")
    texts = llm.stream("x")
    first = next(texts)
    llm.close()
    assert "".join(str(number) for number in range(20)) == first + "".join(texts)

    async def main() -> str:
        task = asyncio.create_task(_astreamed(llm))
        await asyncio.sleep(0.1)
        await llm.aclose()
        return await task

    assert "".join(str(number) for number in range(20)) == asyncio.run(main())


def test_closing_one_object_never_closes_anothers_connection(url: str) -> None:
    """Objects with the same network settings share a client; one may leave as another comes."""

    def come_and_go(_number: int) -> str:
        llm = _llm(url)
        answer = llm.invoke("x")
        llm.close()
        return answer

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert {"x!"} == set(pool.map(come_and_go, range(400)))
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("call", ["sync", "async"])
def test_parts_that_decode_to_nothing_are_bounded_too(
    url: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compressed body may come in parts that nobody sees."""
    monkeypatch.setattr(_reading, "BODY_SECONDS", 0.3)
    llm = _llm(f"{url}/empties", timeout=0.2)
    with pytest.raises(EndpointTimeoutError, match="did not end"):
        llm.invoke("x") if call == "sync" else asyncio.run(llm.ainvoke("x"))


@pytest.mark.parametrize("call", ["sync", "async"])
def test_what_follows_an_end_marker_is_not_read_for_long(
    url: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is whole; millions of packed events behind it are nobody's."""
    monkeypatch.setattr(_reading, "DRAIN_SECONDS", 0.1)
    llm = _llm(f"{url}/bomb", timeout=30)
    text = "".join(llm.stream("x")) if call == "sync" else asyncio.run(_astreamed(llm))
    assert "hello" == text


class _AsksElsewhere(BaseCallbackHandler):
    """Asks the same LLM at each token, in another thread, and waits for it."""

    def __init__(self, llm: AzureOpenAI, pool: ThreadPoolExecutor) -> None:
        self._llm, self._pool = llm, pool
        self.answers: list[str] = []

    def on_llm_new_token(self, *_: Any, **__: Any) -> None:
        self.answers.append(self._pool.submit(self._llm.invoke, "inner").result(20))


def test_a_callback_may_wait_for_another_threads_call(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the first call still finds out what the deployment speaks."""
    monkeypatch.setattr(_waiting, "PROBE_SECONDS", 0.1)
    llm = _llm(url, api="auto", streaming=True)
    with ThreadPoolExecutor(1) as pool:
        asking = _AsksElsewhere(llm, pool)
        assert "0" == llm.invoke("outer", {"callbacks": [asking]})
    assert {"0"} == set(asking.answers)


class _Keeps(BaseCallbackHandler):
    """Keeps the context it was called in, as those do who go on later."""

    def __init__(self) -> None:
        self.contexts: list[Context] = []

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.contexts.append(copy_context())


@pytest.mark.parametrize("early", [True, False])
def test_a_context_may_outlive_its_batch(url: str, *, early: bool) -> None:
    """What is asked in it later is asked, however the batch ended."""
    keeps, llm = _Keeps(), _llm(url)
    with httpx2.Client(trust_env=False) as own:
        done = _llm(url, http_client=own).batch_as_completed(
            ["a", "b", "c"], {"callbacks": [keeps], "max_concurrency": 2}
        )
        next(done) if early else list(done)
        done.close()  # type: ignore[attr-defined]
        for thread in threading.enumerate():
            if thread.name.startswith("azure-llm_"):  # it waits for a reply of the client's
                thread.join(10)
    assert "later!" == keeps.contexts[0].run(llm.invoke, "later")


class _AsksAnother(AsyncCallbackHandler):
    """Asks another LLM at each token."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def on_llm_new_token(self, *_: Any, **__: Any) -> None:
        async with httpx2.AsyncClient(headers={"x-gateway": "mine"}, trust_env=False) as own:
            await _llm(self._url, http_async_client=own).ainvoke("inner")


def test_a_callbacks_own_llm_goes_through_its_own_client(url: str, service: _Service) -> None:
    """Within a sync batch too: that client may be the only way through a gateway."""
    service.gateways.clear()
    _llm(url, streaming=True).batch(["a", "b"], {"callbacks": [_AsksAnother(url)]})
    assert 2 == service.gateways.count(None)
    assert len(service.gateways) - 2 == service.gateways.count("mine") > 0


def test_ctrl_c_does_not_wait_for_a_credential(url: str) -> None:
    """One may wait for a person in front of a browser."""
    never = threading.Event()

    def provider() -> str:
        never.wait(30)
        return "token"

    caller = threading.get_ident()
    interrupt = threading.Timer(0.3, lambda: signal.pthread_kill(caller, signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    begun = time.monotonic()
    interrupt.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            _llm(url, credential=provider, batch_size=1).batch(["a", "b"])
    finally:
        signal.signal(signal.SIGINT, before)
        interrupt.join()
        never.set()
    assert time.monotonic() - begun < 20
