"""LLMs travel: through LangChain's serialization, pickles and copies."""

import copy
import json
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from langchain_core._api import LangChainBetaWarning
from langchain_core.load import dumps, loads
from langchain_core.prompts import PromptTemplate
from langchain_core.runnables import RunnableSequence

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    DollyContentFormatter,
    GPT2ContentFormatter,
)
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    MissingCredentialError,
)
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import requests_of

_SECRETS = {
    "AZURE_OPENAI_API_KEY": "k",
    "AZUREML_ENDPOINT_API_KEY": "k",
    "AZURE_OPENAI_AD_TOKEN": "t",
}


def _azure(**settings: Any) -> AzureOpenAI:
    base = {"azure_endpoint": "https://r.example", "azure_deployment": "d", "api_version": "v1"}
    return AzureOpenAI(**{**base, "api_key": "k", **settings})


def _ml(**settings: Any) -> AzureMLOnlineEndpoint:
    base = {"endpoint_url": "https://h.example/score", "endpoint_api_key": "k"}
    return AzureMLOnlineEndpoint(
        **{
            **base,
            "content_formatter": DollyContentFormatter(),
            "model_kwargs": {"t": 1},
            **settings,
        }
    )


both = pytest.mark.parametrize("make", [_azure, _ml])


def _loaded(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LangChainBetaWarning)
        return loads(
            text,
            allowed_objects=[AzureOpenAI, AzureMLOnlineEndpoint, RunnableSequence, PromptTemplate],
            valid_namespaces=["langchain_azure_llms"],
            secrets_map=_SECRETS,
        )


@both
def test_an_llm_comes_back_from_langchains_serialization(make: Callable[..., AzureLLM]) -> None:
    """Secrets travel as references."""
    text = dumps(make())
    assert '"k"' not in text
    assert _loaded(text) == make()


@both
def test_a_chain_comes_back_too(make: Callable[..., AzureLLM]) -> None:
    """With the LLM in it."""
    chain = PromptTemplate.from_template("Say {word}") | make()
    loaded = _loaded(dumps(chain))
    assert loaded.last == make()


def test_a_token_in_use_is_the_one_that_is_referred_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that also stands in the environment would conflict with it."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "t")
    loaded = _loaded(dumps(_azure(api_key=None)))
    assert loaded.endpoint.authorization.headers() == {"Authorization": "Bearer t"}


def test_clients_are_left_out_and_formatters_travel_by_name() -> None:
    """As in saved files."""
    kwargs = json.loads(dumps(_ml(http_client=httpx2.Client())))["kwargs"]
    assert kwargs["content_formatter"] == {"_type": "dolly"}
    assert "http_client" not in kwargs


def test_an_unregistered_formatter_does_not_break_tracing() -> None:
    """LangChain dumps every LLM that runs."""

    class Mine(GPT2ContentFormatter):
        pass

    assert json.loads(dumps(_ml(content_formatter=Mine())))["type"] == "not_implemented"


_travels = pytest.mark.parametrize(
    "travel",
    [
        lambda llm: pickle.loads(pickle.dumps(llm)),
        copy.deepcopy,
        copy.copy,
        lambda llm: llm.model_copy(),
        lambda llm: llm.model_copy(deep=True),
    ],
    ids=["pickle", "deepcopy", "copy", "model_copy", "model_copy deep"],
)


@both
@_travels
def test_copies_are_equal_and_usable(make: Callable[..., AzureLLM], travel: Any) -> None:
    """An explicit key travels with them."""
    llm = make()
    copied = travel(llm)
    assert copied == llm
    calls = [requests_of(one, ["x"])[0] for one in (llm, copied)]
    assert calls[0] == calls[1]


@_travels
def test_copies_after_a_call(travel: Any) -> None:
    """What a call left behind does not matter."""
    llm = _azure()
    before = requests_of(llm, ["x"])
    assert llm.endpoint is not None
    assert requests_of(travel(llm), ["x"]) == before


def test_a_key_of_the_environment_does_not_travel_in_a_pickle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other process reads its own."""
    monkeypatch.setenv("AZUREML_ENDPOINT_API_KEY", "env-key-1")
    pickled = pickle.dumps(_ml(endpoint_api_key=None))
    assert b"env-key-1" not in pickled
    monkeypatch.setenv("AZUREML_ENDPOINT_API_KEY", "env-key-2")
    headers = pickle.loads(pickled).endpoint.authorization.headers()
    assert headers == {"Authorization": "Bearer env-key-2"}


def test_a_process_without_the_key_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its first call at the latest."""
    monkeypatch.setenv("AZUREML_ENDPOINT_API_KEY", "env-key")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "env-key")
    pickles = [pickle.dumps(_ml(endpoint_api_key=None)), pickle.dumps(_azure(api_key=None))]
    monkeypatch.delenv("AZUREML_ENDPOINT_API_KEY")
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    for pickled in pickles:
        llm = pickle.loads(pickled)
        with pytest.raises(MissingCredentialError):
            llm.invoke("x")


def test_an_explicit_key_travels_in_a_pickle() -> None:
    """Such a pickle is a secret, the documentation says."""
    assert b"s3cret" in pickle.dumps(_ml(endpoint_api_key="s3cret"))


@pytest.mark.parametrize(
    "settings",
    [
        {"http_client": httpx2.Client()},
        {"http_async_client": httpx2.AsyncClient()},
        {"api_key": None, "azure_ad_token_provider": lambda: "t"},
    ],
    ids=["client", "async client", "provider"],
)
def test_what_cannot_be_pickled_is_named(settings: dict[str, Any]) -> None:
    """Instead of `cannot pickle '_thread.RLock' object`."""
    name = list(settings)[-1]
    with pytest.raises(ConfigurationError, match=f"{name} cannot be pickled"):
        pickle.dumps(_azure(**settings))


def test_deep_copies_within_a_process_share_clients_and_providers() -> None:
    """They keep everything."""
    llm = _azure(http_client=httpx2.Client(), http_async_client=httpx2.AsyncClient())
    copied = copy.deepcopy(llm)
    assert copied.http_client is llm.http_client
    assert copied.http_async_client is llm.http_async_client
    assert copied.metadata is not llm.metadata


def test_the_environments_proxy_stays_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its URL may hold a password: the child reads its own environment."""
    monkeypatch.setenv("OPENAI_PROXY", "http://user:hidden@proxy.example")
    pickled = pickle.dumps(_azure())
    assert b"hidden" not in pickled
    monkeypatch.setenv("OPENAI_PROXY", "http://other.example")
    assert "http://other.example" == pickle.loads(pickled).openai_proxy
    passed = pickle.dumps(_azure(openai_proxy="http://passed.example"))
    assert "http://passed.example" == pickle.loads(passed).openai_proxy
