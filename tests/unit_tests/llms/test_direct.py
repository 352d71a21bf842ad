"""Where nobody listens, a call takes a shorter way; whoever listens sees all, and gets the same."""

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from unittest.mock import Mock, patch

import httpx2
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackHandler, CallbackManager
from langchain_core.globals import set_debug, set_llm_cache
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import GenerationChunk, LLMResult
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.context import collect_runs
from langchain_core.tracers.stdout import ConsoleCallbackHandler
from langsmith import tracing_context

from langchain_azure_llms import AzureOpenAI
from langchain_azure_llms.exceptions import AzureLLMError, ContentFilterError
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import (
    AsyncCalls,
    Service,
    SyncCalls,
    azure_openai,
    completion,
    echo,
    stream,
    text_event,
)

Calls = SyncCalls | AsyncCalls
WAYS = ("invoke", "batch", "stream")
_GENERATING = ("generate", "_generate", "_generate_helper")


class Listener(BaseCallbackHandler):
    """Notes what it is told of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_llm_start(self, *_: Any, **__: Any) -> None:
        self.told.append("start")

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.told.append("end")

    def on_llm_error(self, *_: Any, **__: Any) -> None:
        self.told.append("error")


_openai = partial(azure_openai, api="completions")


def _call(calls: Calls, way: str, llm: AzureLLM, prompt: Any = "x", **kwargs: Any) -> Any:
    if way == "batch":
        return calls.batch(llm, [prompt], **kwargs)
    return getattr(calls, way)(llm, prompt, **kwargs)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Leave no cache and no debugging to other tests."""
    yield
    set_llm_cache(None)
    set_debug(False)


def _answer(request: httpx2.Request) -> httpx2.Response:
    if b'"stream":true' in request.content:
        return stream(text_event("a"), text_event("b"), text_event("", "stop"))
    return echo(request)


def _seen(calls: Calls, way: str, llm: AzureLLM, service: Service, **kwargs: Any) -> Any:
    """Return what a call returns or raises, and what it sent."""
    before = len(service.requests)
    try:
        found = _call(calls, way, llm, **kwargs)
    except (AzureLLMError, TypeError) as error:
        found = (type(error), str(error))
    sent = [(r.url, sorted(r.headers.items()), r.content) for r in service.requests[before:]]
    return found, sent


@pytest.mark.parametrize("way", WAYS)
def test_every_listener_is_heard(calls: Calls, way: str) -> None:
    """Those of the call, as a list or a manager, of the object, and of a parent."""
    service = Service([_answer])
    listener = Listener()
    llm = _openai(service)
    _call(calls, way, llm, config={"callbacks": [listener]})
    _call(calls, way, llm, config={"callbacks": CallbackManager([listener])})
    _call(calls, way, _openai(service, callbacks=[listener]))
    RunnableLambda(lambda _: _call(SyncCalls(), way, llm)).invoke(
        1, {"callbacks": CallbackManager([], inheritable_handlers=[])}
    )
    assert ["start", "end"] * 3 == listener.told
    RunnableLambda(lambda _: _call(SyncCalls(), way, llm)).invoke(1, {"callbacks": [listener]})
    assert ["start", "end"] * 4 == listener.told


def test_each_config_of_a_batch_is_heard(calls: Calls) -> None:
    """One that listens is enough for all, and hears of its own prompt alone."""
    service = Service([_answer])
    listener = Listener()
    configs: Any = [{}, {"callbacks": [listener]}, {}]
    assert ["a!", "b!", "c!"] == calls.batch(_openai(service), ["a", "b", "c"], config=configs)
    assert ["start", "end"] == listener.told
    assert ["a!", "b!"] == calls.batch(_openai(service), ["a", "b"], config=[{}, {}])


class _Tracer(ConsoleCallbackHandler):
    """Stands for LangSmith's, which would send what it is told."""

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def copy_with_metadata_defaults(self, **_: Any) -> "_Tracer":
        return self


@pytest.mark.parametrize("way", WAYS)
def test_what_langchain_listens_with_itself_is_heard(
    calls: Calls, way: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debugging, collected runs, and tracing by the environment."""
    llm = _openai(Service([_answer]))
    with collect_runs() as runs:
        _call(calls, way, llm)
    assert 1 == len(runs.traced_runs)
    capsys.readouterr()
    set_debug(True)
    _call(calls, way, llm)
    set_debug(False)
    assert "[llm/end]" in capsys.readouterr().out
    monkeypatch.setattr("langchain_core.tracers.langchain.LangChainTracer", _Tracer)
    with tracing_context(enabled=True):
        _call(calls, way, llm)
    assert "[llm/end]" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["invoke", "batch"])
def test_a_cache_is_asked(calls: Calls, way: str) -> None:
    """The object's own, and LangChain's global one."""
    service = Service([_answer])
    for llm in (_openai(service, cache=InMemoryCache()), _openai(service)):
        if llm.cache is None:
            set_llm_cache(InMemoryCache())
        before = len(service.requests)
        assert _call(calls, way, llm) == _call(calls, way, llm)
        assert before + 1 == len(service.requests)
    without = _openai(service, cache=False)
    _call(calls, way, without)
    _call(calls, way, without)
    assert before + 3 == len(service.requests)


@pytest.mark.parametrize("way", ["invoke", "batch"])
def test_a_cache_that_is_missing_is_an_error(calls: Calls, way: str) -> None:
    """As LangChain has it."""
    with pytest.raises(ValueError, match="cache"):
        _call(calls, way, _openai(Service([_answer]), cache=True))


_SEEN: list[str] = []


class Overriding(AzureOpenAI):
    """A user's subclass that looks at what is generated."""

    def generate(self, *args: Any, **kwargs: Any) -> LLMResult:
        _SEEN.append("generate")
        return super().generate(*args, **kwargs)

    async def agenerate(self, *args: Any, **kwargs: Any) -> LLMResult:
        _SEEN.append("generate")
        return await super().agenerate(*args, **kwargs)

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[GenerationChunk]:
        _SEEN.append("generate")
        yield from super()._stream(*args, **kwargs)

    async def _astream(self, *args: Any, **kwargs: Any) -> Any:
        _SEEN.append("generate")
        async for chunk in super()._astream(*args, **kwargs):
            yield chunk


@pytest.mark.parametrize("way", WAYS)
def test_a_subclass_methods_are_called(calls: Calls, way: str) -> None:
    """Whether somebody listens or not."""
    _SEEN.clear()
    _call(calls, way, _openai(Service([_answer]), Overriding))
    assert ["generate"] == _SEEN


def _wrapped_plainly(method: Any, note: Callable[[], None]) -> Any:
    def around(*args: Any, **kwargs: Any) -> Any:
        note()
        return method(*args, **kwargs)

    return around


def _wrapped_in_disguise(method: Any, note: Callable[[], None]) -> Any:
    return functools.wraps(method)(_wrapped_plainly(method, note))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrap", [_wrapped_plainly, _wrapped_in_disguise])
@pytest.mark.parametrize("where", [BaseLLM, AzureOpenAI])
def test_instruments_see_their_calls(
    calls: Calls, way: str, wrap: Any, where: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Monitoring puts its own in the place of LangChain's methods, well disguised."""
    told: list[int] = []
    method = "stream" if way == "stream" else "generate"
    name = f"a{method}" if isinstance(calls, AsyncCalls) else method
    monkeypatch.setattr(where, name, wrap(getattr(where, name), lambda: told.append(1)))
    _call(calls, way, _openai(Service([_answer])))
    assert told


def test_a_stream_that_is_left_is_closed(calls: Calls) -> None:
    """Its connection serves again."""
    llm = _openai(Service([_answer]))
    found = llm.stream("x")
    assert "a" == next(found)
    del found
    assert ["a", "b", ""] == calls.stream(llm, "x")


def test_a_batch_that_is_asked_within_a_batch_has_its_own_limits() -> None:
    """A rate limiter, say, may ask the same object."""
    service = Service([echo])
    asked: list[str] = []

    class Limiter(InMemoryRateLimiter):
        def acquire(self, *, blocking: bool = True) -> bool:
            if not asked:
                asked.append("once")
                asked.extend(llm.batch(["inner", "most"], {"max_concurrency": 1}))
            return blocking

    llm = _openai(service, rate_limiter=Limiter(), batch_size=1)
    assert ["outer!", "other!"] == llm.batch(["outer", "other"], {"max_concurrency": 1})
    assert ["once", "inner!", "most!"] == asked


class _Odd(AzureOpenAI):
    """Overrides as LangChain allows them: without a run manager, and no generator."""

    def _generate(self, prompts: list[str], stop: Any = None) -> LLMResult:
        return super()._generate([f"<{prompt}>" for prompt in prompts], stop)

    async def _agenerate(self, prompts: list[str], stop: Any = None) -> LLMResult:
        return await super()._agenerate([f"<{prompt}>" for prompt in prompts], stop)

    def _stream(self, prompt: str, *_: Any, **__: Any) -> Iterator[GenerationChunk]:
        return iter([GenerationChunk(text=f"<{prompt}>!")])

    async def _astream(self, *args: Any, **kwargs: Any) -> Any:
        for chunk in self._stream(*args, **kwargs):
            yield chunk


@pytest.mark.parametrize("way", WAYS)
def test_odd_subclasses_work_as_with_langchain(calls: Calls, way: str) -> None:
    """With a listener and without."""
    llm = _openai(Service([_answer]), _Odd)
    for config in ({}, {"callbacks": [Listener()]}):
        assert "<x>!" == "".join(_call(calls, way, llm, config=config))


@pytest.mark.parametrize(
    ("way", "method"),
    [
        *((way, name) for way in ("invoke", "batch") for name in _GENERATING),
        *(("stream", name) for name in ("stream", "_stream")),
    ],
)
def test_mocks_with_a_specification_are_called(way: str, method: str) -> None:
    """They are functions without a module."""
    llm = _openai(Service([_answer]))
    with patch.object(AzureOpenAI, method, autospec=True) as mocked, suppress(Exception):
        _call(SyncCalls(), way, llm)
    assert mocked.called


@pytest.mark.parametrize("way", WAYS)
def test_a_method_of_one_object_is_called(calls: Calls, way: str) -> None:
    """Put there behind pydantic's back."""
    llm = _openai(Service([_answer]))
    method = "_stream" if way == "stream" else "generate"
    name = f"a{method}" if isinstance(calls, AsyncCalls) else method
    mocked = Mock(side_effect=ZeroDivisionError)
    vars(llm)[name.replace("a_", "_a")] = mocked
    with pytest.raises(ZeroDivisionError):
        _call(calls, way, llm)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["configure", "on_llm_start"])
def test_instruments_of_callback_managers_see_their_calls(
    calls: Calls, way: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the class that would tell listeners."""
    manager = AsyncCallbackManager if isinstance(calls, AsyncCalls) else CallbackManager
    original, told, listener = getattr(manager, method), [], Listener()

    def configure(*args: Any, **kwargs: Any) -> Any:
        configured = original(*args, **kwargs)
        configured.add_handler(listener)
        return configured

    def start(*args: Any, **kwargs: Any) -> Any:
        told.append(1)
        return original(*args, **kwargs)

    around = staticmethod(configure) if method == "configure" else start
    monkeypatch.setattr(manager, method, around)
    _call(calls, way, _openai(Service([_answer])))
    assert told or listener.told


def test_a_cache_that_comes_meanwhile_keeps_calls_apart(calls: Calls) -> None:
    """An answer goes into it under the arguments that it was asked with."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        set_llm_cache(cache)
        if b"bad" in request.content:
            return httpx2.Response(400, json={"error": {"code": "content_filter"}})
        return completion(f"at {json.loads(request.content)['temperature']}")

    cache = InMemoryCache()
    llm = _openai(Service([answer]), batch_size=1)
    with pytest.raises(ContentFilterError):
        calls.batch(llm, ["p", "bad"], temperature=2.0)
    assert "at 0.7" == calls.invoke(llm, "p")
    assert "at 2.0" == calls.invoke(llm, "p", temperature=2.0)
