"""Batches keep what they paid for: every prompt has its own answer or error, in its place."""

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import Generation, LLMResult
from langchain_core.prompts import PromptTemplate

from langchain_azure_llms import AzureOpenAI
from langchain_azure_llms.exceptions import (
    AuthenticationError,
    AzureLLMError,
    ConfigurationError,
    ContentFilterError,
    ContextLengthError,
    ServerError,
)
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import (
    AsyncCalls,
    Service,
    SyncCalls,
    azure_ml,
    completion,
    echo,
    stream,
    text_event,
)

Calls = SyncCalls | AsyncCalls
Answer = Callable[[httpx2.Request], httpx2.Response]


def _azure(service: Service, **settings: Any) -> AzureOpenAI:
    base = {
        "azure_endpoint": "https://r.example",
        "azure_deployment": "d",
        "api_version": "v1",
        "api": "completions",
        "max_retries": 0,
    }
    return AzureOpenAI(**{**base, "api_key": "k", **service.clients, **settings})


both = pytest.mark.parametrize("make", [_azure, azure_ml])
WAYS: list[Calls] = [SyncCalls(), AsyncCalls()]
each_call = pytest.mark.parametrize("calls", WAYS, ids=["sync", "async"])


def _prompts_in(request: httpx2.Request) -> list[str]:
    prompt = json.loads(request.content)["prompt"]
    return prompt if isinstance(prompt, list) else [prompt]


_FILTERED = {"error": {"code": "content_filter", "message": "filtered", "status": 400}}
_TOO_LONG = {"error": {"code": "context_length_exceeded", "message": "too long"}}


def _answering(bad: set[str], body: Any = None) -> Service:
    """Return a service that refuses a request as a whole for each of these prompts."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if bad.intersection(_prompts_in(request)):
            return httpx2.Response(400, json=body or _FILTERED)
        return echo(request)

    return Service([answer])


@both
@each_call
@pytest.mark.parametrize(
    ("body", "error"), [(_FILTERED, ContentFilterError), (_TOO_LONG, ContextLengthError)]
)
def test_one_bad_prompt_among_two_hundred_loses_exactly_one(
    make: Callable[..., AzureLLM], calls: Calls, body: Any, error: type[Exception]
) -> None:
    """The request that carried it is split until it stands alone."""
    prompts = [f"p{number}" for number in range(200)]
    service = _answering({"p57"}, body)
    found: list[Any] = calls.batch(make(service), prompts, return_exceptions=True)
    assert [f"{p}!" for p in prompts if p != "p57"] == [t for t in found if isinstance(t, str)]
    assert error is type(found[57])
    assert len(service.requests) <= (200 if make is azure_ml else 10 + 2 * 5)


@given(st.sets(st.integers(0, 40)), st.integers(1, 12), st.integers(1, 5), st.sampled_from(WAYS))
def test_exactly_the_bad_prompts_fail(
    bad: set[int], batch_size: int, limit: int, calls: Calls
) -> None:
    """Whichever they are, and however they were packed."""
    prompts = [f"p{number}" for number in range(41)]
    llm = _azure(_answering({f"p{n}" for n in bad}), batch_size=batch_size, max_concurrency=limit)
    found = calls.batch(llm, prompts, return_exceptions=True)
    expected = ["ContentFilterError" if n in bad else f"p{n}!" for n in range(41)]
    assert expected == [t if isinstance(t, str) else type(t).__name__ for t in found]


@both
@each_call
def test_without_return_exceptions_the_first_error_names_its_prompt(
    make: Callable[..., AzureLLM], calls: Calls
) -> None:
    """So that the caller can take it out."""
    prompts = [f"p{number}" for number in range(30)]
    llm = make(_answering({"p17"}))
    with pytest.raises(ContentFilterError, match="It was prompt 17 of 30, counted from 0"):
        calls.batch(llm, prompts)
    with pytest.raises(ContentFilterError) as raised:
        calls.invoke(llm, "p17")
    assert "It was prompt" not in str(raised.value)


@each_call
def test_an_error_of_the_whole_request_is_that_of_each_prompt(calls: Calls) -> None:
    """Other requests are none the worse."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        broken = "p3" in _prompts_in(request)
        return httpx2.Response(500, json={"message": "broken"}) if broken else echo(request)

    llm = _azure(Service([answer]), batch_size=2)
    found = calls.batch(llm, [f"p{n}" for n in range(6)], return_exceptions=True)
    assert ["p0!", "p1!", "ServerError", "ServerError", "p4!", "p5!"] == [
        t if isinstance(t, str) else type(t).__name__ for t in found
    ]


@both
@each_call
def test_what_is_no_prompt_is_its_own_error(make: Callable[..., AzureLLM], calls: Calls) -> None:
    """The others are asked all the same."""
    found = calls.batch(make(Service([echo])), ["a", 5, "b"], return_exceptions=True)  # type: ignore[list-item]
    assert ["a!", "ConfigurationError", "b!"] == [
        t if isinstance(t, str) else type(t).__name__ for t in found
    ]
    with pytest.raises(ConfigurationError, match="The prompt is a int"):
        calls.batch(make(Service([echo])), ["a", 5, "b"])  # type: ignore[list-item]


@both
@each_call
def test_a_call_that_cannot_be_made_is_every_prompts_error(
    make: Callable[..., AzureLLM], calls: Calls
) -> None:
    """As LangChain does."""
    found: list[Any] = calls.batch(
        make(Service([echo])), ["a", "b"], return_exceptions=True, stream=True
    )
    assert [ConfigurationError] * 2 == [type(error) for error in found]
    assert [] == calls.batch(make(Service([echo])), [], return_exceptions=True)


# --- how many at once ---------------------------------------------------------------------------


class _Gauge:
    """Measures how many requests are in flight at most; answers once so many were."""

    def __init__(self, expected: int) -> None:
        self.now = self.most = 0
        self._expected, self._lock = expected, threading.Lock()

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self._enter()
        while self._is_waited_for():
            time.sleep(0.002)
        self._leave()
        return echo(request)

    async def aanswer(self, request: httpx2.Request) -> httpx2.Response:
        self._enter()
        while self._is_waited_for():  # noqa: ASYNC110 - an event belongs to one loop
            await asyncio.sleep(0.002)
        self._leave()
        return echo(request)

    def _is_waited_for(self) -> bool:
        return self.most < self._expected and time.monotonic() < self._latest

    def _enter(self) -> None:
        with self._lock:
            self._latest = time.monotonic() + 5
            self.now += 1
            self.most = max(self.most, self.now)

    def _leave(self) -> None:
        with self._lock:
            self.now -= 1

    @property
    def clients(self) -> dict[str, Any]:
        return {
            "http_client": httpx2.Client(transport=httpx2.MockTransport(self)),
            "http_async_client": httpx2.AsyncClient(transport=httpx2.MockTransport(self.aanswer)),
        }


@both
@each_call
@pytest.mark.parametrize(
    ("field", "config", "expected"),
    [({}, None, 16), ({"max_concurrency": 3}, None, 3), ({"max_concurrency": 3}, 7, 7), ({}, 1, 1)],
)
def test_requests_in_flight_are_counted(
    make: Callable[..., AzureLLM],
    calls: Calls,
    field: dict[str, Any],
    config: int | None,
    expected: int,
) -> None:
    """The run's config comes before the field; the prompts of one request count once."""
    gauge = _Gauge(expected)
    service = Service([echo])
    llm = make(
        service, **{**field, **gauge.clients, **({"batch_size": 2} if make is _azure else {})}
    )
    prompts = [f"p{number}" for number in range(48)]
    told: Any = None if config is None else {"max_concurrency": config}
    assert [f"{p}!" for p in prompts] == calls.batch(llm, prompts, config=told)
    assert expected == gauge.most


@both
@each_call
def test_the_window_slides(make: Callable[..., AzureLLM], calls: Calls) -> None:
    """One slow prompt holds up no other: nothing waits for a chunk to be full."""
    others = threading.Semaphore(0)

    def answer(request: httpx2.Request) -> httpx2.Response:
        if _prompts_in(request) == ["slow"]:
            for _ in range(9):
                assert others.acquire(timeout=5)
        else:
            others.release()
        return echo(request)

    async def aanswer(request: httpx2.Request) -> httpx2.Response:
        return await asyncio.to_thread(answer, request)

    clients = {
        "http_client": httpx2.Client(transport=httpx2.MockTransport(answer)),
        "http_async_client": httpx2.AsyncClient(transport=httpx2.MockTransport(aanswer)),
    }
    size = {"batch_size": 1} if make is _azure else {}
    llm = make(Service([echo]), **{**clients, **size}, max_concurrency=2)
    prompts = ["slow", *(f"p{number}" for number in range(9))]
    assert [f"{p}!" for p in prompts] == calls.batch(llm, prompts)


# --- as completed -------------------------------------------------------------------------------


def _as_completed(calls: Calls, llm: AzureLLM, prompts: Any, **options: Any) -> list[Any]:
    if isinstance(calls, SyncCalls):
        return list(llm.batch_as_completed(prompts, **options))

    async def collect() -> list[Any]:
        return [one async for one in llm.abatch_as_completed(prompts, **options)]

    return asyncio.run(collect())


@both
@each_call
def test_completions_come_with_their_prompts_number(
    make: Callable[..., AzureLLM], calls: Calls
) -> None:
    """In the order of their completion, each once; errors too, where that is wanted."""
    llm = make(_answering({"p3"}))
    prompts = [f"p{number}" for number in range(9)]
    found = dict(_as_completed(calls, llm, prompts, return_exceptions=True))
    assert list(range(9)) == sorted(found)
    assert "ContentFilterError" == type(found.pop(3)).__name__
    assert {n: f"p{n}!" for n in range(9) if n != 3} == found
    with pytest.raises(ContentFilterError):
        _as_completed(calls, llm, prompts)
    assert [] == _as_completed(calls, llm, [])


@both
def test_nothing_runs_ahead_of_a_slow_taker(make: Callable[..., AzureLLM]) -> None:
    """At most as many as may be in flight are begun and not yet taken."""
    service = Service([echo])
    llm = make(service, max_concurrency=4)
    prompts = [f"p{number}" for number in range(100)]
    for taken, _ in enumerate(llm.batch_as_completed(prompts), 1):
        if taken == 5:
            time.sleep(0.1)
            assert len(service.requests) <= taken + 4
            break

    async def main() -> None:
        taken = 0
        found = llm.abatch_as_completed(prompts)
        begun = len(service.requests)
        async for _ in found:
            taken += 1
            if taken == 5:
                await asyncio.sleep(0.05)
                assert len(service.requests) - begun <= taken + 4
                break
        await found.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())


# --- who is told what -------------------------------------------------------------------------


class _Listener(BaseCallbackHandler):
    """Remembers what it is told of each prompt."""

    def __init__(self) -> None:
        self.prompts: dict[UUID, str] = {}
        self.ends: list[tuple[str, LLMResult]] = []
        self.errors: list[tuple[str, BaseException]] = []
        self.tokens: dict[str, str] = defaultdict(str)

    def on_llm_start(self, serialized: Any, prompts: list[str], **kwargs: Any) -> None:
        (self.prompts[kwargs["run_id"]],) = prompts

    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.tokens[self.prompts[kwargs["run_id"]]] += token

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.ends.append((self.prompts[kwargs["run_id"]], response))

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.errors.append((self.prompts[kwargs["run_id"]], error))


@both
@each_call
def test_each_prompts_listeners_are_told_its_own_outcome(
    make: Callable[..., AzureLLM], calls: Calls
) -> None:
    """In the end: a refused request is sent again in halves."""
    prompts = [f"p{number}" for number in range(25)]
    for config_for in (lambda one: one, lambda one: [one] * 25):
        listener = _Listener()
        config: Any = config_for({"callbacks": [listener]})
        calls.batch(make(_answering({"p7"})), prompts, return_exceptions=True, config=config)
        told = {prompt: result.generations[0][0].text for prompt, result in listener.ends}
        assert {p: f"{p}!" for p in prompts if p != "p7"} == told
        assert 24 == len(listener.ends)
        assert ("p7", "ContentFilterError") in [
            (prompt, type(error).__name__) for prompt, error in listener.errors
        ]


@both
@each_call
def test_they_are_told_as_soon_as_it_is_done(make: Callable[..., AzureLLM], calls: Calls) -> None:
    """Not when the batch is."""
    listener = _Listener()

    def answer(request: httpx2.Request) -> httpx2.Response:
        if _prompts_in(request) == ["slow"]:
            deadline = time.monotonic() + 5
            while len(listener.ends) < 3 and time.monotonic() < deadline:
                time.sleep(0.002)
        return echo(request)

    async def aanswer(request: httpx2.Request) -> httpx2.Response:
        return await asyncio.to_thread(answer, request)

    clients = {
        "http_client": httpx2.Client(transport=httpx2.MockTransport(answer)),
        "http_async_client": httpx2.AsyncClient(transport=httpx2.MockTransport(aanswer)),
    }
    size = {"batch_size": 1, "api": "completions"} if make is _azure else {}
    llm = make(Service([echo]), **{**clients, **size})
    calls.batch(llm, ["slow", "a", "b", "c"], config={"callbacks": [listener]})
    assert "slow" == listener.ends[-1][0]
    assert 4 == len(listener.ends)


@pytest.mark.parametrize("batch_size", [1, 4])
@each_call
def test_usage_is_counted_once(calls: Calls, batch_size: int) -> None:
    """LangChain gives the first prompt's run the count of them all."""
    listener = _Listener()
    llm = _azure(Service([echo]), batch_size=batch_size)
    result = calls.generate(llm, [f"p{n}" for n in range(8)], callbacks=[listener])
    counts = [(r.llm_output or {})["token_usage"].get("total_tokens", 0) for _, r in listener.ends]
    assert 24 == sum(counts) == (result.llm_output or {})["token_usage"]["total_tokens"]
    assert {"served"} == {(r.llm_output or {})["model_name"] for _, r in listener.ends}
    assert 8 == len(result.run or [])


@each_call
def test_several_prompts_stream_to_their_own_listeners(calls: Calls) -> None:
    """With `streaming=True`, each prompt's tokens reach its own run."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        (prompt,) = _prompts_in(request)
        return stream(*(text_event(c) for c in f"{prompt}!"), text_event("", "stop"))

    listener = _Listener()
    prompts = [f"p{number}" for number in range(6)]
    llm = _azure(Service([answer]), streaming=True)
    assert [f"{p}!" for p in prompts] == calls.batch(llm, prompts, config={"callbacks": [listener]})
    assert {p: f"{p}!" for p in prompts} == dict(listener.tokens)


@both
@each_call
def test_an_error_reaches_those_who_wait_too(make: Callable[..., AzureLLM], calls: Calls) -> None:
    """Every run that began ends."""
    listener = _Listener()
    llm = make(Service([httpx2.Response(401, json={})]), max_concurrency=2)
    with pytest.raises(AuthenticationError):
        calls.batch(llm, [f"p{n}" for n in range(30)], config={"callbacks": [listener]})
    assert 1 <= len(listener.errors) <= len(listener.prompts)


# --- the cache ----------------------------------------------------------------------------------


@both
@each_call
def test_good_answers_go_into_the_cache_although_one_is_bad(
    make: Callable[..., AzureLLM], calls: Calls
) -> None:
    """They were paid for: the next call asks for the bad one alone."""
    service = _answering({"p3"})
    llm = make(service, cache=InMemoryCache(), max_concurrency=1)
    prompts = [f"p{number}" for number in range(8)]
    for _ in range(2):
        calls.batch(llm, prompts, return_exceptions=True)
    asked = [prompt for request in service.requests for prompt in _prompts_in(request)]
    assert 1 == asked[-1:].count("p3") == len({*_prompts_in(service.requests[-1])})
    assert ["p7!", "p0!"] == [calls.invoke(llm, "p7"), calls.invoke(llm, "p0")]
    assert "p3" == asked[-1]


@both
@each_call
def test_cached_and_failing_prompts_stand_in_their_places(
    make: Callable[..., AzureLLM], calls: Calls
) -> None:
    """Also prompts that come twice."""
    service = _answering({"bad"})
    llm = make(service, cache=InMemoryCache())
    calls.batch(llm, ["a", "c"])
    prompts = ["a", "bad", "b", "a", "bad", "c", "b"]
    found = calls.batch(llm, prompts, return_exceptions=True)
    assert ["a!", "ContentFilterError", "b!", "a!", "ContentFilterError", "c!", "b!"] == [
        t if isinstance(t, str) else type(t).__name__ for t in found
    ]
    sent = len(service.requests)
    assert ["a!", "b!", "c!"] == calls.batch(llm, ["a", "b", "c"])
    assert sent == len(service.requests)


@each_call
def test_what_concerns_them_all_ends_it(calls: Calls) -> None:
    """A refused key is refused for every prompt, cache or not."""
    service = Service([httpx2.Response(401, json={})])
    llm = _azure(service, cache=InMemoryCache(), batch_size=1, max_concurrency=2)
    with pytest.raises(AuthenticationError):
        calls.generate(llm, [f"p{number}" for number in range(40)])
    assert len(service.requests) <= 6


# --- in chains, and beside LangChain's own code ---------------------------------------------------


@both
def test_batches_of_chains_keep_their_answers(make: Callable[..., AzureLLM]) -> None:
    """LCEL hands `return_exceptions` on."""
    chain = PromptTemplate.from_template("p{n}") | make(_answering({"p2"})) | StrOutputParser()
    inputs = [{"n": number} for number in range(5)]
    for found in (
        chain.batch(inputs, return_exceptions=True),
        asyncio.run(chain.abatch(inputs, return_exceptions=True)),
    ):
        assert ["p0!", "p1!", "ContentFilterError", "p3!", "p4!"] == [
            t if isinstance(t, str) else type(t).__name__ for t in found
        ]


@both
@each_call
def test_retrying_a_batch_asks_for_what_failed_alone(
    make: Callable[..., AzureLLM], calls: Calls
) -> None:
    """`with_retry` looks at each prompt's own error."""
    failed: set[str] = set()

    def answer(request: httpx2.Request) -> httpx2.Response:
        prompts = _prompts_in(request)
        if "p1" in prompts and "p1" not in failed:
            failed.add("p1")
            return httpx2.Response(503, json={})
        return echo(request)

    service = Service([answer])
    size = {"batch_size": 1} if make is _azure else {}
    llm = make(service, **size).with_retry(
        retry_if_exception_type=(ServerError,), wait_exponential_jitter=False
    )
    assert ["p0!", "p1!", "p2!"] == calls.batch(llm, ["p0", "p1", "p2"])  # type: ignore[arg-type]
    assert 4 == len(service.requests)


@both
@each_call
@pytest.mark.parametrize(
    ("response", "attempts"),
    [
        (httpx2.Response(503, json={}), 3),
        (httpx2.Response(401, json={}), 1),
        (httpx2.Response(400, json=_FILTERED), 1),
        (httpx2.Response(424, headers={"ms-azureml-model-error-statuscode": "503"}), 3),
        (httpx2.Response(424, headers={"ms-azureml-model-error-statuscode": "400"}), 1),
        (httpx2.Response(429, headers={"retry-after": "86400"}), 1),
        (httpx2.ConnectError("refused"), 3),
    ],
)
def test_with_retry_retries_only_what_may_pass(
    make: Callable[..., AzureLLM], calls: Calls, response: Any, attempts: int
) -> None:
    """Without arguments; with them, what they say."""
    service = Service([response])
    llm = make(service).with_retry(wait_exponential_jitter=False)
    with pytest.raises(AzureLLMError):
        calls.invoke(llm, "x")
    assert attempts == len(service.requests)
    other = make(service).with_retry(
        retry_if_exception_type=(AzureLLMError,),
        wait_exponential_jitter=False,
        stop_after_attempt=2,
    )
    with pytest.raises(AzureLLMError):
        calls.invoke(other, "x")
    assert attempts + 2 == len(service.requests)


class _Own(AzureOpenAI):
    """A user's class, with an answer of its own."""

    def _generate(self, prompts: list[str], *_args: Any, **_kwargs: Any) -> LLMResult:
        return LLMResult(generations=[[Generation(text=f"own {prompt}")] for prompt in prompts])


def test_a_subclass_that_answers_itself_is_asked() -> None:
    """Its `_generate` counts, as LangChain promises."""
    llm = _Own(
        azure_endpoint="https://r.example", azure_deployment="d", api_version="v1", api_key="k"
    )
    assert ("own a", ["own a", "own b"]) == (llm.invoke("a"), llm.batch(["a", "b"]))


def test_a_callback_may_call_another_batch() -> None:
    """It has its own limit, and its own outcomes."""
    inner = _azure(_answering({"b"}))
    found: list[Any] = []

    class Asking(BaseCallbackHandler):
        def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
            if len(found) < 3:
                found.append(inner.batch(["a", "b"], return_exceptions=True))

    outer = _azure(Service([echo]), batch_size=1, max_concurrency=2)
    config: Any = {"callbacks": [Asking()]}
    assert ["x!", "y!"] == outer.batch(["x", "y"], config=config, return_exceptions=True)
    assert [["a!", "ContentFilterError"]] * 2 == [
        [t if isinstance(t, str) else type(t).__name__ for t in one] for one in found
    ]


@each_call
def test_a_completion_is_empty_where_the_service_says_so(calls: Calls) -> None:
    """An empty text is an answer."""
    llm = _azure(Service([completion("", "", "")]))
    assert ["", "", ""] == calls.batch(llm, ["a", "b", "c"], return_exceptions=True)


@both
@each_call
def test_a_callback_may_ask_the_same_llm_before_the_batch_begins(
    make: Callable[..., AzureLLM], calls: Calls
) -> None:
    """Its question is none of the batch."""
    llm = make(_answering({"bad"}))

    class Asking(BaseCallbackHandler):
        def on_llm_start(self, serialized: Any, prompts: list[str], **kwargs: Any) -> None:
            assert "inner!" == llm.invoke("inner")

    config: Any = {"callbacks": [Asking()]}
    found = calls.batch(llm, ["a", "bad", "c"], return_exceptions=True, config=config)
    assert ["a!", "ContentFilterError", "c!"] == [
        t if isinstance(t, str) else type(t).__name__ for t in found
    ]


@both
@each_call
def test_the_first_prompts_error_is_the_first(make: Callable[..., AzureLLM], calls: Calls) -> None:
    """Also when it has the number 0."""
    llm = make(_answering({"p0", "p2"}), cache=InMemoryCache(), max_concurrency=1)
    with pytest.raises(ContentFilterError, match="It was prompt 0 of 4"):
        calls.batch(llm, [f"p{number}" for number in range(4)])


@pytest.mark.parametrize("collects", [True, False])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_there_is_one_config_or_one_for_each(calls: Calls, count: int, *, collects: bool) -> None:
    """A list of another length is a mistake, not something to be cut or stretched."""
    configs = [{"tags": ["t"]}] * count
    with pytest.raises(ConfigurationError, match=f"{count} configs for 2 inputs"):
        calls.batch(_azure(Service([])), ["a", "b"], config=configs, return_exceptions=collects)


@pytest.mark.parametrize("limit", [0, -1, "8", 2.5, float("inf"), True])
def test_the_limit_is_a_number_of_requests(calls: Calls, limit: Any) -> None:
    """What is none is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match="max_concurrency is"):
        calls.batch(_azure(Service([])), ["a", "b"], config={"max_concurrency": limit})


class _Runs(BaseCallbackHandler):
    """Notes the runs that began."""

    def __init__(self) -> None:
        self.ids: list[UUID] = []

    def on_llm_start(self, *_: Any, run_id: UUID, **__: Any) -> None:
        self.ids.append(run_id)


def test_runs_have_the_ids_that_they_were_given(calls: Calls) -> None:
    """One config's id is the first prompt's; each of several is its own prompt's."""
    runs, ids = _Runs(), [UUID(int=number) for number in (1, 2, 3)]
    llm = _azure(Service([echo]))
    calls.batch(llm, ["a", "b"], config={"run_id": ids[0], "callbacks": [runs]})
    assert ids[0] == runs.ids[0]
    assert runs.ids[1] not in ids
    runs.ids.clear()
    calls.batch(llm, ["a", "b", "c"], config=[{"run_id": one, "callbacks": [runs]} for one in ids])
    assert ids == runs.ids


class _Strict(BaseCallbackHandler):
    """Raises when it hears of an error."""

    raise_error = True

    def __init__(self) -> None:
        self.heard = 0

    def on_llm_error(self, *_: Any, **__: Any) -> None:
        self.heard += 1
        raise RuntimeError("a listener failed")


def test_a_listener_that_raises_keeps_no_other_from_hearing(calls: Calls) -> None:
    """Every run that began is told its end."""
    strict = _Strict()
    with pytest.raises((RuntimeError, AuthenticationError)):
        calls.batch(
            _azure(Service([httpx2.Response(401, json={})]), batch_size=1, max_concurrency=1),
            ["a", "b", "c", "d"],
            config={"callbacks": [strict]},
        )
    assert strict.heard


@both
@pytest.mark.parametrize("take", ["batch_as_completed", "abatch_as_completed"])
def test_an_error_as_they_come_names_its_prompt(make: Callable[..., AzureLLM], take: str) -> None:
    """In its words, and as a number."""
    llm = make(_answering({"p2"}), max_concurrency=1)

    async def taken() -> None:
        async for _ in llm.abatch_as_completed(["p0", "p1", "p2"]):
            pass

    def sync_taken() -> None:
        list(llm.batch_as_completed(["p0", "p1", "p2"]))

    with pytest.raises(ContentFilterError, match="prompt 2 of 3") as raised:
        sync_taken() if take == "batch_as_completed" else asyncio.run(taken())
    assert 2 == raised.value.prompt_index


def _collected(llm: AzureLLM, way: str, prompts: Any) -> None:
    async def taken() -> None:
        found: Any = getattr(llm, way)(prompts)
        if way == "abatch":
            await found
        else:
            _ = [one async for one in found]

    if way.startswith("a"):
        asyncio.run(taken())
    else:
        list(getattr(llm, way)(prompts))


@pytest.mark.parametrize("way", ["batch", "abatch", "batch_as_completed", "abatch_as_completed"])
def test_prompts_that_cannot_be_counted_are_refused(way: str) -> None:
    """A generator is an obvious input, and no sequence; nothing is sent."""
    service = Service([echo])
    with pytest.raises(ConfigurationError, match="a generator, expected a list"):
        _collected(_azure(service), way, (prompt for prompt in ["a"]))
    assert [] == service.requests


def test_a_prompt_that_is_none_is_named_by_its_number(calls: Calls) -> None:
    """Of many thousands, which?"""
    prompts: Any = ["a", 5, "c"]
    with pytest.raises(ConfigurationError, match="prompt 1 of 3") as caught:
        calls.batch(_azure(Service([echo])), prompts)
    assert 1 == caught.value.prompt_index
