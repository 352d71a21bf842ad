"""`with_retry`: the prompts that may pass are asked again, and no answer is lost or misplaced."""

import asyncio
import json
from collections import Counter
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.runnables.retry import RunnableRetry

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter
from langchain_azure_llms.exceptions import AzureLLMError, BadRequestError, ServerError
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, echo

Calls = SyncCalls | AsyncCalls


class _Endpoint:
    """Answers each prompt with itself and a mark; says by the prompt's own words how it fails.

    "bad" is refused for good; "down 2" fails twice and then answers.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        told = json.loads(request.content)["prompt"]
        prompt = told if isinstance(told, str) else told[0]
        self.asked[prompt] += 1
        kind, _, times = prompt.partition(" ")
        if kind == "bad":
            return httpx2.Response(400, json={"error": {"message": "no"}})
        if kind == "down" and self.asked[prompt] <= int(times.split("#")[0]):
            return httpx2.Response(503, json={"error": {"message": "busy"}})
        return echo(request)


def _azure(endpoint: _Endpoint) -> AzureOpenAI:
    return AzureOpenAI(
        azure_endpoint="https://r.example",
        azure_deployment="d",
        api_version="v1",
        api="completions",
        api_key="k",
        max_retries=0,
        batch_size=1,
        **Service([endpoint]).clients,
    )


def _ml(endpoint: _Endpoint) -> AzureMLOnlineEndpoint:
    return AzureMLOnlineEndpoint(
        endpoint_url="https://h.example/v1/completions",
        endpoint_api_key="k",
        max_retries=0,
        content_formatter=CustomOpenAIContentFormatter(),
        **Service([endpoint]).clients,
    )


both = pytest.mark.parametrize("make", [_azure, _ml])


def _retrying(llm: Any, **options: Any) -> Any:
    return llm.with_retry(wait_exponential_jitter=False, **options)


def _named(found: list[Any]) -> list[str]:
    return [text if isinstance(text, str) else type(text).__name__ for text in found]


@both
def test_one_refused_prompt_loses_no_answer(make: Any, calls: Calls) -> None:
    """What may pass is asked again, what may not is its prompt's error, the rest is kept."""
    endpoint = _Endpoint()
    prompts = ["a", "bad", "down 1", "b", "down 9"]
    found = calls.batch(_retrying(make(endpoint)), prompts, return_exceptions=True)
    assert ["a!", "BadRequestError", "down 1!", "b!", "ServerError"] == _named(found)
    assert {"a": 1, "bad": 1, "down 1": 2, "b": 1, "down 9": 3} == endpoint.asked


@given(
    prompts=st.lists(
        st.sampled_from(["ok", "bad", "down 1", "down 2", "down 3"]), min_size=1, max_size=8
    )
)
def test_every_prompt_has_its_own_outcome(prompts: list[str]) -> None:
    """In whatever order they fail, sync and async alike."""
    distinct = [f"{prompt}#{number}" for number, prompt in enumerate(prompts)]
    expected = [
        "BadRequestError" if p == "bad" else "ServerError" if p == "down 3" else f"{q}!"
        for p, q in zip(prompts, distinct, strict=True)
    ]
    distinct = [d if p != "bad" else f"bad {d}" for d, p in zip(distinct, prompts, strict=True)]
    for calls in (SyncCalls(), AsyncCalls()):
        llm = _retrying(_ml(_Endpoint()))
        assert expected == _named(calls.batch(llm, distinct, return_exceptions=True))


@both
def test_without_collecting_the_first_error_is_raised(make: Any, calls: Calls) -> None:
    """After what may pass was tried again."""
    endpoint = _Endpoint()
    with pytest.raises(BadRequestError):
        calls.batch(_retrying(make(endpoint)), ["a", "bad", "down 1"])
    assert {"a": 1, "bad": 1, "down 1": 2} == endpoint.asked


@both
def test_other_errors_are_retried_where_asked_for(make: Any, calls: Calls) -> None:
    """`retry_if_exception_type` and `stop_after_attempt` mean what they mean to LangChain."""
    endpoint = _Endpoint()
    llm = _retrying(make(endpoint), retry_if_exception_type=(AzureLLMError,), stop_after_attempt=2)
    found = calls.batch(llm, ["bad", "a"], return_exceptions=True)
    assert ["BadRequestError", "a!"] == _named(found)
    assert {"bad": 2, "a": 1} == endpoint.asked


@both
def test_a_chain_keeps_its_answers_too(make: Any, calls: Calls) -> None:
    """A retrying LLM stands in a chain."""
    chain: Runnable[str, str] = RunnableLambda(str) | _retrying(make(_Endpoint()))
    found = calls.batch(chain, ["a", "bad", "down 1"], return_exceptions=True)  # type: ignore[arg-type]
    assert ["a!", "BadRequestError", "down 1!"] == _named(found)


def _completed(llm: Any, prompts: list[str]) -> dict[int, Any]:
    return dict(llm.batch_as_completed(prompts, return_exceptions=True))


def _acompleted(llm: Any, prompts: list[str]) -> dict[int, Any]:
    async def collect() -> dict[int, Any]:
        done = llm.abatch_as_completed(prompts, return_exceptions=True)
        return {number: text async for number, text in done}

    return asyncio.run(collect())


@both
@pytest.mark.parametrize("collect", [_completed, _acompleted])
def test_completions_as_they_come_are_retried(make: Any, collect: Any) -> None:
    """Each prompt by itself."""
    found = collect(_retrying(make(_Endpoint())), ["a", "bad", "down 1", "down 9"])
    expected = ["a!", "BadRequestError", "down 1!", "ServerError"]
    assert expected == _named([found[number] for number in range(4)])


@both
def test_a_call_is_retried(make: Any, calls: Calls) -> None:
    """One prompt, three attempts."""
    endpoint = _Endpoint()
    assert "down 2!" == calls.invoke(_retrying(make(endpoint)), "down 2")
    with pytest.raises(ServerError):
        calls.invoke(_retrying(make(endpoint)), "down 3")


def test_langchains_files_name_its_own_class() -> None:
    """What `dumps` writes, any LangChain loads."""
    assert RunnableRetry.lc_id() == _retrying(_azure(_Endpoint())).lc_id()
