"""Unusual servers and callers: each call ends, in its answer or in an error that says why."""

import asyncio
import gzip
import json
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
from tests.integration_tests.ways import Way
from tests.integration_tests.wire import Connection, WireServer
from tests.support.engines import limit_bodies, limit_draining

_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-encoding: gzip\r\n"


def _choice(text: str, finish: str | None = "stop") -> dict[str, Any]:
    return {"choices": [{"text": text, "index": 0, "finish_reason": finish}]}


class _Service:
    """Answers completions; the first word of the path chooses an unusual way to do so."""

    def __init__(self) -> None:
        self.gateways: list[str | None] = []

    async def __call__(self, connection: Connection) -> None:
        while (request := await connection.request()) is not None:
            self.gateways.append(request["headers"].get("x-gateway"))
            kind = request["line"].split("/")[1]
            if kind == "empties":
                await self._send_empty_parts(connection)
            elif kind == "bomb":
                await self._send_bomb(connection)
            elif request["body"].get("stream"):
                await connection.begin_stream()
                await connection.event(_choice("0", None))
                await connection.event(_choice(""))
                await connection.event("[DONE]")
                await connection.end_stream()
            else:
                prompts = request["body"]["prompt"]
                await connection.reply(_choice(f"{prompts[0]}!"))

    @staticmethod
    async def _send_empty_parts(connection: Connection) -> None:
        """Send a compressed body whose parts decode to nothing."""
        await connection.send(_HEAD + b"content-type: application/json\r\n\r\n")
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        begun = packer.compress(b"{") + packer.flush(zlib.Z_SYNC_FLUSH)
        for part in (begun, *[b"\x00\x00\x00\xff\xff"] * 200):
            await connection.send(b"%x\r\n%s\r\n" % (len(part), part))
            await asyncio.sleep(0.02)

    @staticmethod
    async def _send_bomb(connection: Connection) -> None:
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
        "api_key": "k",
        "api": "completions",
        "max_retries": 0,
        "timeout": 5,
    }
    return AzureOpenAI(azure_endpoint=url, **{**base, **settings})


class _Raises(BaseCallbackHandler):
    """Raises at the first token."""

    def __init__(self, error: BaseException) -> None:
        self._error: BaseException | None = error

    def on_llm_new_token(self, *_: Any, **__: Any) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=["exit", "ctrl-c"])
def test_a_callback_handler_may_end_the_program(url: str, error: BaseException) -> None:
    """The batch raises what the handler raised, and the next batch works."""
    llm = _llm(url, streaming=True)
    with pytest.raises(type(error)) as raised:
        llm.batch(["a", "b", "c"], {"callbacks": [_Raises(error)]})
    assert raised.value is error
    assert llm.batch(["a", "b", "c"]) == ["0", "0", "0"]


each_way = pytest.mark.parametrize("way", ["sync", "async"])


@each_way
def test_parts_that_decode_to_nothing_are_bounded_too(
    url: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compressed body may come in parts from which no bytes come out."""
    limit_bodies(monkeypatch, seconds=0.3)
    with pytest.raises(EndpointTimeoutError):
        Way(way).invoke(_llm(f"{url}/empties", timeout=0.2))


@each_way
def test_what_follows_an_end_marker_is_not_read_for_long(
    url: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is whole; millions of compressed events after it are not read."""
    limit_draining(monkeypatch, 0.1)
    assert Way(way).stream(_llm(f"{url}/bomb", timeout=30)) == "hello"


class _AsksElsewhere(BaseCallbackHandler):
    """Asks the same LLM at each token, in another thread, and waits for it."""

    def __init__(self, llm: AzureOpenAI, pool: ThreadPoolExecutor) -> None:
        self._llm, self._pool = llm, pool
        self.answers: list[str] = []

    def on_llm_new_token(self, *_: Any, **__: Any) -> None:
        self.answers.append(self._pool.submit(self._llm.invoke, "inner").result(20))


def test_a_callback_handler_may_wait_for_another_threads_call(url: str) -> None:
    """Even if the first call still finds out which API the deployment speaks."""
    llm = _llm(url, api="auto", streaming=True)
    with ThreadPoolExecutor(1) as pool:
        asking = _AsksElsewhere(llm, pool)
        assert llm.invoke("outer", {"callbacks": [asking]}) == "0"
    assert set(asking.answers) == {"0"}


class _Keeps(BaseCallbackHandler):
    """Keeps the context in which it was called, as code does that continues later."""

    def __init__(self) -> None:
        self.contexts: list[Context] = []

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.contexts.append(copy_context())


@pytest.mark.parametrize("early", [True, False])
def test_a_context_may_outlive_its_batch(url: str, *, early: bool) -> None:
    """A later call in it works, however the batch ended: also one in threads."""
    keeps, llm = _Keeps(), _llm(url)
    answer = httpx2.Response(200, json=_choice("in memory"))
    with httpx2.Client(transport=httpx2.MockTransport(lambda _: answer)) as own:
        done = _llm(url, http_client=own).batch_as_completed(
            ["a", "b", "c"], {"callbacks": [keeps], "max_concurrency": 2}
        )
        next(done) if early else list(done)
        done.close()  # type: ignore[attr-defined]
    assert keeps.contexts[0].run(llm.invoke, "later") == "later!"


class _AsksAnother(AsyncCallbackHandler):
    """Asks another LLM at each token."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def on_llm_new_token(self, *_: Any, **__: Any) -> None:
        async with httpx2.AsyncClient(headers={"x-gateway": "mine"}, trust_env=False) as own:
            await _llm(self._url, http_async_client=own).ainvoke("inner")


def test_a_callbacks_own_llm_goes_through_its_own_client(url: str, service: _Service) -> None:
    """Within a sync batch too: only that client may be able to pass a gateway."""
    service.gateways.clear()
    _llm(url, streaming=True).batch(["a", "b"], {"callbacks": [_AsksAnother(url)]})
    assert service.gateways.count(None) == 2
    assert service.gateways.count("mine") == len(service.gateways) - 2 > 0
