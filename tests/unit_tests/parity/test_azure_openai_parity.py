"""`AzureOpenAI` is constructed as langchain-openai's class of that name."""

import inspect
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from langchain_core.language_models.llms import BaseLLM
from langchain_openai import AzureOpenAI as Peer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from langchain_azure_llms import AzureOpenAI

ENDPOINT: dict[str, Any] = {
    "azure_endpoint": "https://resource.example",
    "azure_deployment": "a-deployment",
    "api_version": "2024-10-21",
    "api_key": "a-key",
}
NOT_TAKEN = {
    "client": "holds the other SDK's own object",
    "async_client": "holds the other SDK's own object",
}
NOT_READ = {
    "OPENAI_API_BASE": "another service's address, which broke a correct azure_endpoint",
    "OPENAI_API_KEY": "another service's key, which must not be sent to Azure",
}


def answer(_: httpx2.Request) -> httpx2.Response:
    raise NotImplementedError


async def async_token() -> str:
    return "a-token"


SAMPLES: dict[str, Any] = {
    "allowed_special": {"<|endoftext|>"},
    "azure_ad_async_token_provider": async_token,
    "azure_ad_token": SecretStr("a-token"),
    "azure_ad_token_provider": lambda: "a-token",
    "azure_endpoint": "https://another.example",
    "batch_size": 3,
    "best_of": 2,
    "default_headers": {"x-team": "blue"},
    "default_query": {"team": "blue"},
    "deployment_name": "another-deployment",
    "disallowed_special": frozenset(),
    "extra_body": {"a": 1},
    "frequency_penalty": 0.5,
    "http_async_client": httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
    "http_client": httpx2.Client(transport=httpx2.MockTransport(answer)),
    "logit_bias": {"50256": -100.0},
    "logprobs": 2,
    "max_retries": 5,
    "max_tokens": -1,
    "model_kwargs": {"echo": True},
    "model_name": "davinci-002",
    "n": 2,
    "openai_api_base": "https://another.example/openai",
    "openai_api_key": SecretStr("another-key"),
    "openai_api_type": "azure_ad",
    "openai_api_version": "2023-12-01-preview",
    "openai_organization": "an-organization",
    "openai_proxy": "http://127.0.0.1:3128",
    "presence_penalty": -0.5,
    "request_timeout": (3.0, 30.0),
    "seed": 7,
    "streaming": True,
    "temperature": 0.1,
    "tiktoken_model_name": "gpt2",
    "top_p": 0.2,
    "validate_base_url": False,
}
CREDENTIALS = {
    "azure_ad_async_token_provider",
    "azure_ad_token",
    "azure_ad_token_provider",
    "openai_api_key",
}
PEER_FIELDS = {
    name: field
    for name, field in Peer.model_fields.items()
    if name not in NOT_TAKEN and name not in BaseLLM.model_fields
}
each_field = pytest.mark.parametrize("name", PEER_FIELDS)


def default(field: FieldInfo) -> Any:
    return field.get_default(call_default_factory=True, validated_data={})


def endpoint_without(name: str) -> dict[str, Any]:
    """Return the settings of an endpoint, but what stands for the same as one of the peer's."""
    settings = {**ENDPOINT}
    settings.pop(PEER_FIELDS[name].alias or name, None)
    if name in CREDENTIALS:
        settings.pop("api_key", None)
    if name == "openai_api_base":
        del settings["azure_endpoint"]
    return settings


@each_field
def test_every_argument_has_the_peers_alias_and_default(name: str) -> None:
    """With nothing in the environment."""
    ours, theirs = AzureOpenAI.model_fields[name], PEER_FIELDS[name]
    assert (ours.alias, default(ours)) == (theirs.alias, default(theirs))


@each_field
def test_every_argument_is_taken_by_its_name(name: str) -> None:
    """And kept as it was given."""
    llm = AzureOpenAI(**endpoint_without(name), **{name: SAMPLES[name]})
    assert getattr(llm, name) == SAMPLES[name]


@pytest.mark.parametrize("name", [name for name, field in PEER_FIELDS.items() if field.alias])
def test_every_argument_is_taken_by_its_alias(name: str) -> None:
    """Old code uses both."""
    alias = PEER_FIELDS[name].alias
    llm = AzureOpenAI(**endpoint_without(name), **{str(alias): SAMPLES[name]})
    assert getattr(llm, name) == SAMPLES[name]


def test_every_exception_is_still_one() -> None:
    """What is not taken over is an argument of the peer, and none of ours."""
    assert NOT_TAKEN.keys() & AzureOpenAI.model_fields.keys() == set()
    assert NOT_TAKEN.keys() - Peer.model_fields.keys() == set()


def variables(field: FieldInfo) -> list[str]:
    """Return the environment variables that a field of the peer reads."""
    factory = field.default_factory
    if not inspect.isfunction(factory):
        return []
    names = inspect.getclosurevars(factory).nonlocals.get("key", [])
    return [names] if isinstance(names, str) else list(names)


READ = [(name, variable) for name, field in PEER_FIELDS.items() for variable in variables(field)]


def test_the_peers_variables_are_found() -> None:
    """So that the tests below cannot pass for want of cases."""
    assert sorted(variable for _, variable in READ) == [
        "AZURE_OPENAI_AD_TOKEN",
        "AZURE_OPENAI_API_KEY",
        "AZURE_OPENAI_ENDPOINT",
        "OPENAI_API_BASE",
        "OPENAI_API_KEY",
        "OPENAI_API_TYPE",
        "OPENAI_API_VERSION",
        "OPENAI_ORGANIZATION",
        "OPENAI_ORG_ID",
        "OPENAI_PROXY",
    ]


@pytest.mark.parametrize(("name", "variable"), [case for case in READ if case[1] not in NOT_READ])
def test_every_variable_of_the_peers_is_read(
    name: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into the same setting."""
    value = getattr(SAMPLES[name], "get_secret_value", lambda: SAMPLES[name])()
    monkeypatch.setenv(variable, value)
    ours, theirs = (build(**endpoint_without(name)) for build in (AzureOpenAI, Peer))
    assert getattr(ours, name) == getattr(theirs, name) == SAMPLES[name]


@pytest.mark.parametrize(("name", "variable"), [case for case in READ if case[1] in NOT_READ])
def test_variables_of_another_service_are_not_read(
    name: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reasons stand beside their names."""
    monkeypatch.setenv(variable, "https://api.example/v1")
    llm = AzureOpenAI(**ENDPOINT | {"api_key": None, "azure_ad_token": "a-token"})
    assert getattr(llm, name) is None


@pytest.mark.parametrize("build", [AzureOpenAI, Peer])
def test_arguments_beat_the_environment(
    build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as both name the same setting."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://environment.example")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "environment")
    monkeypatch.setenv("OPENAI_API_VERSION", "2022-12-01")
    llm = build(**ENDPOINT)
    found = (llm.azure_endpoint, llm.openai_api_key.get_secret_value(), llm.openai_api_version)
    assert found == ("https://resource.example", "a-key", "2024-10-21")


def test_an_unknown_argument_becomes_a_model_parameter_with_a_warning() -> None:
    """Both classes take `suffix=...`."""
    with pytest.warns(UserWarning, match="suffix"):
        ours = AzureOpenAI(**ENDPOINT, suffix="end")
    with pytest.warns(UserWarning, match="suffix"):
        theirs = Peer(**ENDPOINT, suffix="end")
    assert ours.model_kwargs == theirs.model_kwargs == {"suffix": "end"}


@pytest.mark.parametrize(
    "settings",
    [{"n": 0}, {"streaming": True, "n": 2}, {"streaming": True, "best_of": 2}],
)
def test_what_the_peer_refuses_is_refused(settings: dict[str, Any]) -> None:
    """Both errors are `ValueError`s."""
    for build in (AzureOpenAI, Peer):
        with pytest.raises(ValueError, match=r"\bn\b|best_of"):
            build(**ENDPOINT, **settings)


@pytest.mark.parametrize(
    ("settings", "call"),
    [
        ({}, {}),
        ({"temperature": 0.0, "max_tokens": 9}, {}),
        ({"model_name": "davinci-002", "deployment_name": None}, {}),
        ({}, {"stop": ["\n"]}),
        ({}, {"temperature": 0.3, "max_tokens": 3}),
    ],
)
def test_tracers_get_what_the_peer_gives_them(
    settings: dict[str, Any], call: dict[str, Any]
) -> None:
    """Provider, model, temperature, token limit and stop sequences."""
    arguments = {**ENDPOINT, **settings}
    if "deployment_name" in settings:
        del arguments["azure_deployment"]
    ours, theirs = (build(**arguments) for build in (AzureOpenAI, Peer))
    assert ours._get_ls_params(**call) == theirs._get_ls_params(**call)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 0.0, "n": 2, "best_of": 3, "seed": 1, "logprobs": 2},
        {"logit_bias": {"1": 5.0}, "model_kwargs": {"echo": True}},
        {"extra_body": {"a": 1}},
    ],
)
def test_it_describes_itself_with_at_least_what_the_peer_tells(settings: dict[str, Any]) -> None:
    """The cache tells two LLMs apart by it."""
    ours, theirs = (build(**ENDPOINT, **settings) for build in (AzureOpenAI, Peer))
    expected = theirs._identifying_params
    assert {name: ours._identifying_params[name] for name in expected} == expected
    assert ours._llm_type == theirs._llm_type == "azure"
