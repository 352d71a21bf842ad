"""Copies and pickles of LLMs that were used answer too, also in another process."""

import asyncio
import copy
import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    load_llm,
)
from tests.integration_tests.wire import Connection, WireServer
from tests.support.llms import AzureLLM

Make = Callable[[str], AzureLLM]


async def _tells_who_asks(connection: Connection) -> None:
    """Answer with the credential that was sent."""
    while request := await connection.request():
        headers = request["headers"]
        sent = headers.get("api-key") or headers["authorization"].removeprefix("Bearer ")
        choices = [{"text": sent, "index": 0, "finish_reason": "stop"}]
        await connection.reply({"choices": choices})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The server's address."""
    with WireServer(_tells_who_asks) as server:
        yield server.url


def _azure(url: str, **settings: Any) -> AzureOpenAI:
    base = {"azure_endpoint": url, "azure_deployment": "d", "api_version": "2024-10-21"}
    return AzureOpenAI(**{**base, **settings})


def _ml(url: str, **settings: Any) -> AzureMLOnlineEndpoint:
    base = {"endpoint_url": f"{url}/v1/completions", "max_retries": 2}
    return AzureMLOnlineEndpoint(
        **{**base, "content_formatter": CustomOpenAIContentFormatter(), **settings}
    )


_EXPLICIT: list[Make] = [
    lambda url: _azure(url, api_key="explicit"),
    lambda url: _ml(url, endpoint_api_key="explicit"),
]
each_class = pytest.mark.parametrize(
    "make", _EXPLICIT, ids=["AzureOpenAI", "AzureMLOnlineEndpoint"]
)


def _invoked(llm: AzureLLM) -> str:
    return llm.invoke("x")


def _ainvoked(llm: AzureLLM) -> str:
    return asyncio.run(llm.ainvoke("x"))


@each_class
@pytest.mark.parametrize("call", [_invoked, _ainvoked])
@pytest.mark.parametrize(
    "travel",
    [
        lambda llm: pickle.loads(pickle.dumps(llm)),
        copy.deepcopy,
        copy.copy,
        lambda llm: llm.model_copy(),
    ],
    ids=["pickle", "deepcopy", "copy", "model_copy"],
)
def test_a_copy_of_an_llm_in_use_answers(
    url: str, make: Make, call: Callable[[AzureLLM], str], travel: Any
) -> None:
    """And so does the original, afterwards."""
    llm = make(url)
    assert call(llm) == "explicit"
    assert call(travel(llm)) == "explicit"
    assert call(llm) == "explicit"


@each_class
@pytest.mark.parametrize("call", [_invoked, _ainvoked])
def test_an_llm_answers_in_another_process(
    url: str, make: Make, call: Callable[[AzureLLM], str]
) -> None:
    """With the explicit key that came along."""
    llm = make(url)
    call(llm)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(call, llm).result(60) == "explicit"


def test_a_child_process_reads_its_own_key(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of the environment does not travel; the child's environment holds another."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "the-parents")
    llm = _azure(url)
    assert _invoked(llm) == "the-parents"
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "the-childs")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(_invoked, llm).result(60) == "the-childs"


def test_a_saved_llm_answers_when_it_is_loaded(
    url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the environment's key."""
    monkeypatch.setenv("AZUREML_ENDPOINT_API_KEY", "of the environment")
    _ml(url).save(tmp_path / "llm.yaml")
    assert load_llm(tmp_path / "llm.yaml").invoke("x") == "of the environment"
