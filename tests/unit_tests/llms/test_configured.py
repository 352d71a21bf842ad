"""An LLM that is its settings, where users derive from it, nest it, or pass what is none."""

import json
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from pydantic import BaseModel, Field

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, GPT2ContentFormatter
from langchain_azure_llms.exceptions import ConfigurationError, LoadError, ServerError
from langchain_azure_llms.loading import load_llm_from_config
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, echo

Calls = SyncCalls | AsyncCalls
_URL = "https://e.westeurope.inference.ml.azure.com/score"


def _azure(**settings: Any) -> AzureOpenAI:
    base = {
        "azure_endpoint": "https://r.openai.azure.com",
        "azure_deployment": "d",
        "api_version": "2024-10-21",
        "api_key": "k",
    }
    return AzureOpenAI(**{**base, **settings})


def _ml(**settings: Any) -> AzureMLOnlineEndpoint:
    base = {"endpoint_url": _URL, "endpoint_api_key": "k"}
    return AzureMLOnlineEndpoint(
        **{**base, "content_formatter": GPT2ContentFormatter(), **settings}
    )


both = pytest.mark.parametrize("make", [_azure, _ml])


def _no_tokens() -> list[str]:
    raise ConfigurationError("There are no regions.")


class _Regional(AzureOpenAI):
    regions: list[str] = Field(default_factory=_no_tokens)


def test_what_a_subclass_finds_out_comes_out_as_it_is() -> None:
    """Without the frames that hold what was passed."""
    with pytest.raises(ConfigurationError) as raised:
        _Regional(azure_endpoint="https://r.example", azure_deployment="d", api_key="s3cret")
    assert "There are no regions." == str(raised.value)
    shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    ours = [frame for frame in shown.stack if frame.filename.endswith("_configured.py")]
    assert ours
    assert "s3cret" not in str([frame.locals for frame in ours])


@both
def test_an_llm_within_a_model_stays_the_same_object(make: Callable[[], AzureLLM]) -> None:
    """As LangChain's chains hold theirs."""

    class Chain(BaseModel):
        llm: AzureLLM
        named: AzureOpenAI | AzureMLOnlineEndpoint

    llm = make()
    chain = Chain(llm=llm, named=llm)
    assert llm is chain.llm is chain.named


@both
def test_no_credential_is_none(make: Callable[..., AzureLLM]) -> None:
    """Old code passes what it has."""
    headers = [llm.endpoint.authorization.headers() for llm in (make(), make(credential=None))]
    assert headers[0] == headers[1] != {}


def test_an_address_of_the_environment_travels_in_a_pickle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is no secret, and the child's may be another."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://parents.openai.azure.com")
    pickled = pickle.dumps(AzureOpenAI(azure_deployment="d", api_version="2024-10-21", api_key="k"))
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://childs.openai.azure.com")
    assert "https://parents.openai.azure.com" == pickle.loads(pickled).azure_endpoint


def _refuses_b(request: httpx2.Request) -> httpx2.Response:
    refused = json.loads(request.content)["prompt"] == ["b"]
    return httpx2.Response(500) if refused else echo(request)


def test_an_llm_that_is_not_to_be_cached_is_not(calls: Calls) -> None:
    """Whatever cache all others share, and whatever becomes of the other prompts."""
    service = Service([_refuses_b])
    set_llm_cache(cache := InMemoryCache())
    try:
        llm = _azure(cache=False, api="completions", batch_size=1, max_retries=0, **service.clients)
        for _ in range(2):
            answers: list[Any] = calls.batch(llm, ["a", "b"], return_exceptions=True)
            assert ["a!", ServerError] == [answers[0], type(answers[1])]
    finally:
        set_llm_cache(None)
    assert (4, {}) == (len(service.requests), cache._cache)


def test_hosts_that_an_endpoints_key_may_go_to() -> None:
    """Those of `allowed_hosts` alone."""
    config = {"_type": "azureml_endpoint", "endpoint_url": _URL}
    given: dict[str, Any] = {
        "endpoint_api_key": "k",
        "content_formatter": GPT2ContentFormatter(),
    }
    host = "e.westeurope.inference.ml.azure.com"
    llm = load_llm_from_config(config, allowed_hosts=[host], **given)
    assert isinstance(llm, AzureMLOnlineEndpoint)
    assert llm.endpoint_url == _URL
    with pytest.raises(LoadError, match=host):
        load_llm_from_config(config, allowed_hosts=["elsewhere.example"], **given)
