"""Caches tell LLMs and calls apart whenever they could be answered differently."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.caches import BaseCache, InMemoryCache
from langchain_core.globals import set_llm_cache

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    DollyContentFormatter,
    OpenAIChatContentFormatter,
)
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, completion

Calls = SyncCalls | AsyncCalls


def _azure(service: Service, cache: BaseCache | None, **settings: Any) -> AzureOpenAI:
    base = {
        "azure_endpoint": "https://r.example",
        "azure_deployment": "d",
        "api_version": "2024-10-21",
        "api_key": "k",
        "cache": cache,
    }
    return AzureOpenAI(**{**base, **service.clients, **settings})


def _ml(service: Service, cache: BaseCache, **settings: Any) -> AzureMLOnlineEndpoint:
    base = {
        "endpoint_url": "https://h.example/v1/completions",
        "endpoint_api_key": "k",
        "content_formatter": CustomOpenAIContentFormatter(),
        "cache": cache,
    }
    return AzureMLOnlineEndpoint(**{**base, **service.clients, **settings})


def _requests_of(
    calls: Calls, make: Callable[..., AzureLLM], settings: dict[str, Any], cache: BaseCache
) -> int:
    """Ask once as it is and once with other settings; return how many requests that took."""
    service = Service([completion("a")])
    calls.invoke(make(service, cache), "x")
    calls.invoke(make(service, cache, **settings), "x")
    return len(service.requests)


@pytest.fixture(params=["memory", "sqlite"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> BaseCache:
    """LangChain's caches."""
    if request.param == "memory":
        return InMemoryCache()
    from langchain_community.cache import SQLiteCache  # noqa: PLC0415 - it warns when imported

    made: BaseCache = SQLiteCache(str(tmp_path / "cache.db"))
    return made


ignoring_the_sunset = pytest.mark.filterwarnings(
    "ignore:.*langchain-community.*:DeprecationWarning"
)


@ignoring_the_sunset
@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (_azure, {"azure_endpoint": "https://other.example"}),
        (_azure, {"azure_endpoint": "https://r.example/gateway"}),
        (_azure, {"azure_deployment": "e"}),
        (_azure, {"api_version": "v1"}),
        (_azure, {"temperature": 0.1}),
        (_azure, {"best_of": 2}),
        (_azure, {"extra_body": {"a": 1}}),
        (_azure, {"model_kwargs": {"suffix": "s"}}),
        (_azure, {"default_query": {"tenant": "b"}}),
        (_azure, {"default_headers": {"x-tenant": "b"}}),
        (_ml, {"endpoint_url": "https://other.example/v1/completions"}),
        (_ml, {"endpoint_url": "https://h.example/v1/completions?tenant=b"}),
        (_ml, {"deployment_name": "b"}),
        (_ml, {"model_kwargs": {"t": 1}}),
    ],
)
def test_whatever_could_change_the_answer_is_asked_anew(
    calls: Calls, cache: BaseCache, make: Callable[..., AzureLLM], settings: dict[str, Any]
) -> None:
    """Two endpoints never return each other's answers."""
    assert _requests_of(calls, make, settings, cache) == 2


@ignoring_the_sunset
@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (_azure, {}),
        (_azure, {"api_key": "rotated"}),
        (_azure, {"api_key": None, "azure_ad_token": "t"}),
        (_azure, {"timeout": 7, "max_retries": 9, "tags": ["a"], "max_concurrency": 2}),
        (_ml, {}),
        (_ml, {"endpoint_api_key": "rotated"}),
    ],
)
def test_the_same_settings_hit(
    calls: Calls, cache: BaseCache, make: Callable[..., AzureLLM], settings: dict[str, Any]
) -> None:
    """Also after a key was rotated."""
    assert _requests_of(calls, make, settings, cache) == 1


def test_formatters_and_their_kind_count(calls: Calls) -> None:
    """The same URL in another schema is another question."""
    memory = InMemoryCache()
    url = "https://h.example/score"
    answers = {"choices": [{"message": {"content": "chat"}}], "output": "score"}
    for formatter in (DollyContentFormatter(), OpenAIChatContentFormatter()):
        service = Service([lambda _request: completion()])
        service.answers = [_json(answers)]
        calls.invoke(_ml(service, memory, endpoint_url=url, content_formatter=formatter), "x")
        assert len(service.requests) == 1


def _json(value: Any) -> Any:
    import httpx2  # noqa: PLC0415

    return httpx2.Response(200, json=value)


def test_a_calls_own_arguments_count(calls: Calls) -> None:
    """LangChain leaves them out: 0.9 would get the answer of 0.1."""
    service = Service([completion("a")])
    llm = _azure(service, InMemoryCache())
    for call in ({}, {"temperature": 0.9}, {"stop": ["x"]}, {"echo": True}, {"temperature": 0.9}):
        calls.invoke(llm, "x", **call)
    assert len(service.requests) == 4
    calls.invoke(llm.bind(echo=True), "x")
    calls.invoke(llm.bind(user="u"), "x")
    assert len(service.requests) == 5


def test_run_arguments_do_not_count(calls: Calls) -> None:
    """Tags and names are no questions."""
    service = Service([completion("a")])
    llm = _azure(service, InMemoryCache())
    calls.invoke(llm, "x")
    calls.invoke(llm, "x", config={"tags": ["t"], "metadata": {"m": 1}, "run_name": "r"})
    assert len(service.requests) == 1


def test_the_digest_shows_no_secret() -> None:
    """What tracers and caches see holds neither headers nor queries."""
    llm = _azure(
        Service(),
        InMemoryCache(),
        default_headers={"x-key": "s3cret"},
        default_query={"k": "s3cret"},
        azure_endpoint="https://r.example/x?y=s3cret",
    )
    assert "s3cret" not in str(llm.asdict())


def test_a_global_cache_tells_llms_apart(calls: Calls) -> None:
    """As one of their own does."""
    service = Service([completion("a")])
    llm, other = (_azure(service, None, max_tokens=n, logit_bias={"1": n}) for n in (5, 6))
    set_llm_cache(InMemoryCache())
    try:
        for one in (llm, other, llm, other):
            calls.invoke(one, "x")
    finally:
        set_llm_cache(None)
    assert len(service.requests) == 2
