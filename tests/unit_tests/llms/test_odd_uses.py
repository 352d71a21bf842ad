"""Uses that nobody plans: secrets in wrong places, LLMs mixed with others, odd copies."""

import pickle
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from typing import Any, get_type_hints

import httpx2
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.language_models.llms import LLM
from pydantic import PrivateAttr, ValidationError

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.formatters.registry import formatter_from_config
from langchain_azure_llms.llms import settings
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import (
    AsyncCalls,
    Service,
    SyncCalls,
    azure_ml,
    azure_openai,
    echo,
)

Calls = SyncCalls | AsyncCalls
SECRET = "s3cr3t-value"


class Listener(BaseCallbackHandler):
    """Does nothing, but is there."""


@pytest.mark.parametrize(
    "name",
    ["azure_api_key", "key", "subscription-key", "bearer_token", "client_secret", "Authorization"],
)
def test_what_is_called_like_a_secret_is_no_model_parameter(name: str) -> None:
    """It would be sent in bodies, shown in reprs, and saved."""
    with pytest.raises(ConfigurationError, match="may be a secret") as caught:
        azure_openai(Service([]), **{name: SECRET})
    assert SECRET not in str(caught.value)


def test_a_model_parameter_that_is_called_like_one_goes_on() -> None:
    """`prompt_cache_key` is no secret; others can be told to be none."""
    with pytest.warns(UserWarning, match="put into model_kwargs"):
        llm = azure_openai(Service([]), prompt_cache_key="a", model_kwargs={"odd_token": "b"})
    assert llm.model_kwargs == {"prompt_cache_key": "a", "odd_token": "b"}


@pytest.mark.parametrize("within", [False, True], ids=["argument", "model_kwargs"])
def test_request_options_of_the_peers_client_are_kept(calls: Calls, *, within: bool) -> None:
    """They are no parts of the body: OpenAI's client takes them out of the parameters."""
    service = Service([echo])
    options = {"extra_headers": {"x-a": "b"}, "extra_query": {"c": "d"}}
    llm = azure_openai(
        service,
        default_headers={"x-b": "e"},
        **({"model_kwargs": {**options, "user": "u"}} if within else options),
    )
    assert calls.invoke(llm, "p") == "p!"
    (request,) = service.requests
    assert (request.headers["x-a"], request.headers["x-b"]) == ("b", "e")
    assert request.url.params["c"] == "d"
    assert not {"extra_headers", "extra_query"} & service.bodies[0].keys()
    assert llm.model_kwargs == ({"user": "u"} if within else {})


@pytest.mark.parametrize("wrong", [{"extra_headers": 7}, {"model_kwargs": {"extra_query": [1]}}])
def test_request_options_are_mappings(wrong: dict[str, Any]) -> None:
    """What is none is named."""
    with pytest.raises(ConfigurationError, match="expected a mapping"):
        azure_openai(Service([]), **wrong)


class _Answering(LLM):
    @property
    def _llm_type(self) -> str:
        return "mine"

    def _call(self, prompt: str, *_: Any, **__: Any) -> str:
        return "mine"


class _MineFirst(_Answering, AzureOpenAI):
    """An LLM whose answers are its first base's."""


class _FakeFirst(FakeListLLM, AzureOpenAI):
    """A fake with our settings."""


@pytest.mark.parametrize("config", [{}, {"callbacks": [Listener()]}], ids=["nobody", "a listener"])
@pytest.mark.parametrize("way", ["invoke", "batch"])
@pytest.mark.parametrize(
    ("cls", "settings"), [(_MineFirst, {}), (_FakeFirst, {"responses": ["mine"]})]
)
def test_an_llm_mixed_in_before_ours_answers_itself(
    calls: Calls, cls: Any, settings: dict[str, Any], way: str, config: Any
) -> None:
    """Whether or not somebody listens; and nothing is sent."""
    service = Service([httpx2.Response(500)])
    llm = azure_openai(service, cls, **settings)
    prompt: Any = ["p"] if way == "batch" else "p"
    found = getattr(calls, way)(llm, prompt, config=config)
    assert "".join(found) == "mine"
    assert service.requests == []


def _failing(make: Callable[..., AzureLLM]) -> AzureLLM:
    return make(Service([httpx2.Response(500, json={"error": {"message": "no"}})]))


def test_an_object_is_valid_as_it_is() -> None:
    """`model_validate` takes mappings, and what is one already."""
    llm = azure_openai(Service([]))
    assert AzureOpenAI.model_validate(llm) is llm
    with pytest.raises(ValidationError):
        AzureOpenAI.model_validate(7)


def test_without_metadata_the_version_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen and copied packages have none."""

    def none(_name: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(settings, "version", none)
    settings.package_version.cache_clear()
    try:
        assert settings.package_version() == "unknown"
    finally:
        settings.package_version.cache_clear()


class _WithPrivate(AzureOpenAI):
    _later: int = PrivateAttr()
    _counted: int = PrivateAttr(default_factory=len)


def test_private_attributes_of_subclasses_travel_as_pydantic_has_it() -> None:
    """One that was never set is not there, and factories may look at the other values."""
    llm = _WithPrivate(
        azure_endpoint="https://r.openai.azure.com", api_key="k", api_version="2024-10-21"
    )
    copied = pickle.loads(pickle.dumps(llm))
    assert not hasattr(copied, "_later")
    assert copied._counted == llm._counted
    llm._later = 7
    assert pickle.loads(pickle.dumps(llm))._later == 7


@pytest.mark.parametrize("cls", [AzureOpenAI, AzureMLOnlineEndpoint])
def test_annotations_can_be_read(cls: type[AzureLLM]) -> None:
    """Tools ask for them by `typing.get_type_hints`."""
    assert {"max_retries", "http_client"} <= get_type_hints(cls).keys()


@pytest.mark.parametrize("name", ["custom_openai", "dolly", "gpt2", "hf", "mlflow", "openai_chat"])
def test_a_formatter_is_written_as_json(name: str) -> None:
    """As files hold it; and read again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        formatter = formatter_from_config({"_type": name})
    llm = azure_ml(Service([]), content_formatter=formatter, endpoint_url="https://h.example/score")
    shown = llm.model_dump(mode="json")["content_formatter"]
    assert shown["_type"] == name
    assert type(formatter_from_config(shown)) is type(formatter)
    assert llm.model_dump()["content_formatter"] is formatter
