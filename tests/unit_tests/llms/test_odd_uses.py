"""Uses that nobody plans: secrets in wrong places, LLMs mixed with others, odd copies."""

import os
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

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    HFContentFormatter,
)
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.formatters.registry import formatter_from_config
from langchain_azure_llms.llms import settings
from langchain_azure_llms.llms.openai_settings import MODEL_PARAMETERS
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
    ["subscription-key", "bearer_token", "client_secret", "Authorization"],
)
def test_what_is_called_like_a_secret_is_no_model_parameter(name: str) -> None:
    """It would be sent in bodies, shown in reprs, and saved; within `model_kwargs`, too."""
    for given in ({name: SECRET}, {"model_kwargs": {name: SECRET}}):
        for make in (azure_openai, azure_ml):
            with pytest.raises(ConfigurationError, match=r"may be a secret|no argument") as caught:
                make(Service([]), **given)
            assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["base_address", "gateway_url", "my_endpoint", "proxy_host"])
def test_what_is_called_like_an_address_is_no_model_parameter(name: str) -> None:
    """It would be sent to the address of the environment."""
    for given in ({name: "https://other"}, {"model_kwargs": {name: "https://other"}}):
        for make in (azure_openai, azure_ml):
            with pytest.raises(ConfigurationError, match=r"may be an address|no argument"):
                make(Service([]), **given)


_OTHER_NAMES = [
    (azure_openai, "endpoint", "azure_endpoint"),
    (azure_openai, "azure_openai_endpoint", "azure_endpoint"),
    (azure_openai, "url", "azure_endpoint"),
    (azure_openai, "proxy", "openai_proxy"),
    (azure_openai, "engine", "azure_deployment"),
    (azure_openai, "deployment_id", "azure_deployment"),
    (azure_openai, "deployment", "azure_deployment"),
    (azure_openai, "key", "api_key"),
    (azure_openai, "azure_api_key", "api_key"),
    (azure_openai, "token", "azure_ad_token"),
    (azure_ml, "api_key", "endpoint_api_key"),
    (azure_ml, "key", "endpoint_api_key"),
    (azure_ml, "token", "credential"),
    (azure_ml, "url", "endpoint_url"),
    (azure_ml, "endpoint", "endpoint_url"),
    (azure_ml, "base_url", "endpoint_url"),
    (azure_ml, "azure_deployment", "deployment_name"),
]


@pytest.mark.parametrize(("make", "name", "right"), _OTHER_NAMES)
def test_another_librarys_name_of_a_setting_is_refused_with_the_right_one(
    make: Callable[..., AzureLLM], name: str, right: str
) -> None:
    """Nothing of it is sent, and its value is not shown; within `model_kwargs` neither."""
    with pytest.raises(ConfigurationError, match=f"Did you mean '{right}'") as caught:
        make(Service([]), **{name: SECRET})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["api_key", "key", "token", "url", "endpoint"])
def test_another_librarys_name_is_no_model_parameter_either(name: str) -> None:
    """Old advice was followed so."""
    with pytest.raises(
        ConfigurationError, match="does not belong into the request's body"
    ) as caught:
        azure_ml(Service([]), model_kwargs={name: SECRET})
    assert SECRET not in str(caught.value)


def test_what_is_missing_is_named_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one by one."""
    for name in [name for name in os.environ if name.startswith(("AZURE", "OPENAI"))]:
        monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError) as caught:
        AzureOpenAI()
    expected = ("No endpoint", "No API version", "No credential")
    assert [] == [part for part in expected if part not in str(caught.value)]
    with pytest.raises(ConfigurationError) as caught:
        AzureMLOnlineEndpoint()
    expected = ("No endpoint", "No content formatter", "No credential")
    assert [] == [part for part in expected if part not in str(caught.value)]


@pytest.mark.parametrize(
    "name",
    [*MODEL_PARAMETERS, "best_of"],
)
@pytest.mark.parametrize("api", ["completions", "chat_completions"])
def test_a_parameter_that_is_none_is_not_sent(calls: Calls, name: str, api: str) -> None:
    """The service's own default counts."""
    chat = {"choices": [{"index": 0, "message": {"content": "p!"}}]}
    service = Service([echo if api == "completions" else httpx2.Response(200, json=chat)])
    given: dict[str, Any] = {name: None}
    assert "p!" == calls.invoke(azure_openai(service, api=api, **given), "p")
    sent = service.bodies[0].keys()
    assert set() == sent & {name, "max_completion_tokens"}


_WRONG_ASSIGNMENTS: list[tuple[Any, str, Any, str]] = [
    (azure_openai, "http_client", httpx2.AsyncClient(), "httpx2.Client"),
    (azure_openai, "http_async_client", object(), "httpx2.AsyncClient"),
    (azure_openai, "max_retries", -1, "greater than or equal to 0"),
    (azure_openai, "temperature", "hot", "valid number"),
    (azure_openai, "request_timeout", "soon", "request_timeout|timeout"),
    (azure_openai, "credential", 7, "credential"),
    (azure_openai, "openai_api_version", "20 24", "api_version"),
    (azure_openai, "api", "chat", "chat_completions"),
    (azure_ml, "content_formatter", CustomOpenAIContentFormatter, r"pass an object"),
    (azure_ml, "content_formatter", object(), "format_request_payload"),
    (azure_ml, "timeout", -1, "timeout"),
    (azure_ml, "endpoint_api_type", "cloudy", "dedicated"),
    (azure_ml, "credential_scopes", 3, "credential_scopes"),
]


@pytest.mark.parametrize(("make", "name", "value", "message"), _WRONG_ASSIGNMENTS)
def test_an_assignment_is_checked_as_an_argument_is(
    make: Callable[..., AzureLLM], name: str, value: Any, message: str
) -> None:
    """And leaves the setting as it was."""
    llm = make(Service([]))
    before = getattr(llm, name)
    with pytest.raises(ConfigurationError, match=message):
        setattr(llm, name, value)
    assert before == getattr(llm, name)


def test_an_assignment_is_converted_as_an_argument_is() -> None:
    """Texts of files and the environment are what old code assigns."""
    llm: Any = azure_openai(Service([]))
    llm.max_tokens, llm.openai_api_version = "7", " V1 "
    assert (7, "v1") == (llm.max_tokens, llm.openai_api_version)
    other: Any = azure_ml(Service([]))
    other.content_formatter = {"_type": "hf"}
    other.endpoint_api_type = "realtime"
    assert HFContentFormatter() == other.content_formatter


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("AZURE_OPENAI_ENDPOINT", "https://r.example\n", "azure_endpoint", "https://r.example"),
        ("AZURE_OPENAI_ENDPOINT", "'https://r.example'", "azure_endpoint", "https://r.example"),
        (
            "AZURE_OPENAI_ENDPOINT",
            "\ufeffhttps://r.example ",
            "azure_endpoint",
            "https://r.example",
        ),
        ("OPENAI_API_VERSION", " V1\r\n", "openai_api_version", "v1"),
        ("OPENAI_API_VERSION", '"2024-10-21"', "openai_api_version", "2024-10-21"),
    ],
)
def test_a_value_of_the_environment_passes_the_checks_of_an_argument(
    variable: str, value: str, name: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files and shells leave blanks, line ends, quotes and marks."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://r.example")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "'k'\n")
    monkeypatch.setenv(variable, value)
    llm = AzureOpenAI(azure_deployment="d")
    assert llm.openai_api_key is not None
    assert (expected, "k") == (getattr(llm, name), llm.openai_api_key.get_secret_value())


@pytest.mark.parametrize("version", ["20 24", "v1?x=y", "https://x"])
def test_a_wrong_value_of_the_environment_is_refused(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent."""
    monkeypatch.setenv("OPENAI_API_VERSION", version)
    with pytest.raises(ConfigurationError, match="api_version"):
        AzureOpenAI(azure_endpoint="https://r.example", azure_deployment="d", api_key="k")


def test_a_model_parameter_that_is_called_like_one_goes_on() -> None:
    """`prompt_cache_key` and special tokens are no secrets; others go into `extra_body`."""
    with pytest.warns(UserWarning, match="put into model_kwargs"):
        llm = azure_openai(Service([]), prompt_cache_key="a", model_kwargs={"eos_token": "b"})
    assert llm.model_kwargs == {"prompt_cache_key": "a", "eos_token": "b"}


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
