"""Ctrl-C and errors of callbacks: what was answered is kept, and nothing is swallowed."""

import asyncio
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter
from tests.integration_tests.wire import Connection, WireServer
from tests.support.engines import use_engine
from tests.support.llms import AzureLLM

_AT_ONCE = 8
_PROMPTS = [f"p{number}" for number in range(2000)]
_ROUNDS = 15
"""Enough to hit the moments between; `make drill` is for more."""


class _Server(WireServer):
    """Answers each prompt after some milliseconds, and counts the answers."""

    def __init__(self) -> None:
        self.answered = 0

        async def serve(connection: Connection) -> None:
            while (request := await connection.request()) is not None:
                await asyncio.sleep(0.005)
                prompt = request["body"]["prompt"]
                prompt = prompt[0] if isinstance(prompt, list) else prompt
                choice = {"text": f"{prompt}!", "index": 0, "finish_reason": "stop"}
                self.answered += 1
                await connection.reply({"choices": [choice]})

        super().__init__(serve)


@pytest.fixture
def server() -> Iterator[_Server]:
    """A server of the test's own: it counts."""
    with _Server() as running:
        yield running


@pytest.fixture(params=["aiohttp", "httpx2"], autouse=True)
def _engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    use_engine(request.param, monkeypatch)


def _azure(url: str, **settings: Any) -> AzureOpenAI:
    return AzureOpenAI(
        azure_endpoint=url,
        azure_deployment="d",
        api_version="2024-10-21",
        api_key="k",
        api="completions",
        batch_size=1,
        max_concurrency=_AT_ONCE,
        **settings,
    )


def _ml(url: str, **settings: Any) -> AzureMLOnlineEndpoint:
    return AzureMLOnlineEndpoint(
        endpoint_url=f"{url}/v1/completions",
        endpoint_api_key="k",
        content_formatter=CustomOpenAIContentFormatter(),
        max_concurrency=_AT_ONCE,
        **settings,
    )


def _batch(llm: AzureLLM, prompts: list[str], **more: Any) -> Any:
    return llm.batch(list(prompts), **more)


def _abatch(llm: AzureLLM, prompts: list[str], **more: Any) -> Any:
    return asyncio.run(llm.abatch(list(prompts), **more))


def _as_completed(llm: AzureLLM, prompts: list[str], **more: Any) -> Any:
    return list(llm.batch_as_completed(list(prompts), **more))


def _aas_completed(llm: AzureLLM, prompts: list[str], **more: Any) -> Any:
    async def collect() -> list[Any]:
        return [one async for one in llm.abatch_as_completed(list(prompts), **more)]

    return asyncio.run(collect())


both = pytest.mark.parametrize("make", [_azure, _ml])
each_way = pytest.mark.parametrize("way", [_batch, _abatch, _as_completed, _aas_completed])


class _Interrupt:
    """Sends this thread a SIGINT after some seconds, within a `with` block."""

    def __init__(self, seconds: float) -> None:
        caller = threading.get_ident()
        self._timer = threading.Timer(seconds, signal.pthread_kill, (caller, signal.SIGINT))

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.join()
        signal.signal(signal.SIGINT, self._before)


class _CountingCache(InMemoryCache):
    @property
    def size(self) -> int:
        return len(self._cache)


@both
@each_way
def test_an_interrupted_batch_keeps_what_was_answered(
    make: Callable[..., AzureLLM], way: Callable[..., Any], server: _Server
) -> None:
    """All answers that had arrived are in the cache, but for requests in flight."""
    cache = _CountingCache()
    llm = make(server.url, cache=cache)
    with pytest.raises(KeyboardInterrupt), _Interrupt(0.4):
        way(llm, _PROMPTS)
    time.sleep(0.05)  # the server may still be answering
    assert server.answered >= _AT_ONCE
    assert server.answered - cache.size <= _AT_ONCE
    before = server.answered
    known = cache.size
    _batch(llm, _PROMPTS[:known])
    assert server.answered - before <= _AT_ONCE


class _Raising(BaseCallbackHandler):
    """Raises at some end of a run."""

    raise_error = True

    def __init__(self, error: BaseException, after: int) -> None:
        self._error, self._left = error, after

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self._left -= 1
        if not self._left:
            raise self._error


@both
@pytest.mark.parametrize("error", [SystemExit(3), RuntimeError("a handler failed")])
def test_a_callback_that_raises_ends_a_batch_and_keeps_what_was_answered(
    make: Callable[..., AzureLLM], error: BaseException, server: _Server
) -> None:
    """It is raised as it is."""
    cache = _CountingCache()
    llm = make(server.url, cache=cache)
    with pytest.raises(type(error)) as raised:
        _batch(llm, _PROMPTS[:200], config={"callbacks": [_Raising(error, 100)]})
    assert raised.value is error
    assert server.answered - cache.size <= 2 * _AT_ONCE
    assert llm.invoke("p0") == "p0!"


def _stream(llm: AzureLLM, _prompts: list[str], **_: Any) -> Any:
    while True:
        list(llm.stream("a prompt"))


@pytest.mark.parametrize(
    ("way", "more"),
    [
        (_batch, {}),
        (_batch, {"return_exceptions": True}),
        (_batch, {"config": {"callbacks": [BaseCallbackHandler()]}}),
        (_abatch, {}),
        (_as_completed, {}),
        (_stream, {}),
    ],
    ids=["batch", "return_exceptions", "handler", "abatch", "as_completed", "stream"],
)
def test_an_interrupt_at_any_moment_is_raised(
    way: Callable[..., Any],
    more: dict[str, Any],
    server: _Server,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is never swallowed; the next call is right, nothing is printed, no thread is left."""
    llm = _ml(server.url)
    _batch(llm, _PROMPTS[:_AT_ONCE])
    threads, moments = _threads(), random.Random(7)  # noqa: S311 - moments, no secrets
    for _ in range(_ROUNDS):
        with pytest.raises(KeyboardInterrupt), _Interrupt(moments.uniform(0.001, 0.06)):
            way(llm, _PROMPTS, **more)
        assert llm.batch(["again", "and again"]) == ["again!", "and again!"]
    assert _threads() == threads
    assert capfd.readouterr().err == ""


def _threads() -> int:
    return sum(not t.name.startswith(("azure-llms", "asyncio_")) for t in threading.enumerate())
