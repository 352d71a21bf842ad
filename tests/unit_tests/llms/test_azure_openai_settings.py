"""The settings of `AzureOpenAI`: where they come from, and what is refused."""

import sys
import types
from typing import Any

import httpx
import httpx2
import pytest
from pydantic import SecretStr

from langchain_azure_llms import AzureOpenAI, RetryPolicy
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    ConflictingCredentialsError,
    MissingCredentialError,
)
from langchain_azure_llms.llms.settings import package_version
from tests.unit_tests.llms.scripted import requests_of

_BASE = {
    "azure_endpoint": "https://r.openai.azure.com",
    "azure_deployment": "d",
    "api_version": "2024-10-21",
    "api_key": "k",
}


def _llm(**settings: Any) -> AzureOpenAI:
    return AzureOpenAI(**{**_BASE, **settings})


def _headers(llm: AzureOpenAI) -> dict[str, str]:
    return dict(llm.endpoint.authorization.headers())


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment as the documentation sets it up."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://env.openai.azure.com")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "env-key")
    monkeypatch.setenv("OPENAI_API_VERSION", "2023-12-01-preview")
    return monkeypatch


def test_the_environment_is_enough(environment: pytest.MonkeyPatch) -> None:
    """The documented example names the deployment alone."""
    environment.setenv("OPENAI_PROXY", "http://proxy.example:3128")
    environment.setenv("OPENAI_ORG_ID", "org")
    llm = AzureOpenAI(deployment_name="d")
    assert llm.azure_endpoint == "https://env.openai.azure.com"
    assert llm.openai_api_version == "2023-12-01-preview"
    assert _headers(llm) == {"api-key": "env-key"}
    assert (llm.openai_proxy, llm.openai_organization) == ("http://proxy.example:3128", "org")


def test_explicit_settings_beat_the_environment(environment: pytest.MonkeyPatch) -> None:
    """Also an explicit key against a token in the environment."""
    environment.setenv("AZURE_OPENAI_AD_TOKEN", "env-token")
    llm = _llm()
    assert (llm.azure_endpoint, _headers(llm)) == (_BASE["azure_endpoint"], {"api-key": "k"})


def test_none_means_not_given(environment: pytest.MonkeyPatch) -> None:
    """Old code passes `os.getenv(...)`."""
    llm = AzureOpenAI(azure_endpoint=None, api_key=None, api_version=None, azure_deployment="d")
    assert _headers(llm) == {"api-key": "env-key"}


def test_blank_variables_are_not_set(environment: pytest.MonkeyPatch) -> None:
    """`export NAME=` unsets a setting."""
    environment.setenv("AZURE_OPENAI_AD_TOKEN", " ")
    assert _headers(AzureOpenAI(deployment_name="d")) == {"api-key": "env-key"}


@pytest.mark.parametrize("api_type", ["azure_ad", "azuread", "AZURE_AD"])
def test_the_documented_entra_flow(environment: pytest.MonkeyPatch, api_type: str) -> None:
    """The token in OPENAI_API_KEY travels as a bearer token."""
    environment.setenv("OPENAI_API_TYPE", api_type)
    environment.setenv("OPENAI_API_KEY", "token")
    environment.setenv("AZURE_OPENAI_AD_TOKEN", "other")
    assert _headers(AzureOpenAI(deployment_name="d")) == {"Authorization": "Bearer token"}


def test_a_token_in_the_environment_comes_before_a_key_there(
    environment: pytest.MonkeyPatch,
) -> None:
    """The order of the environment."""
    environment.setenv("AZURE_OPENAI_AD_TOKEN", "token")
    assert _headers(AzureOpenAI(deployment_name="d")) == {"Authorization": "Bearer token"}


def test_a_key_passed_with_the_entra_type_is_a_token() -> None:
    """As in openai 0.x, where there was one argument for both."""
    assert _headers(_llm(openai_api_type="azure_ad")) == {"Authorization": "Bearer k"}


def test_the_key_of_another_service_is_not_sent_and_the_error_says_so(
    environment: pytest.MonkeyPatch,
) -> None:
    """OPENAI_API_KEY belongs to openai.com."""
    environment.delenv("AZURE_OPENAI_API_KEY")
    environment.setenv("OPENAI_API_KEY", "sk-other")
    with pytest.raises(MissingCredentialError, match="not sent to Azure") as raised:
        AzureOpenAI(deployment_name="d")
    assert "sk-other" not in str(raised.value)


def test_without_a_credential_every_way_to_give_one_is_listed() -> None:
    """Arguments and variables."""
    with pytest.raises(MissingCredentialError) as raised:
        _llm(api_key=None)
    ways = ("api_key", "azure_ad_token", "azure_ad_token_provider", "AZURE_OPENAI_API_KEY")
    assert [] == [way for way in ways if way not in str(raised.value)]


@pytest.mark.parametrize(
    "second",
    [
        {"azure_ad_token": "t"},
        {"azure_ad_token_provider": lambda: "t"},
        {"azure_ad_async_token_provider": lambda: "t"},
    ],
)
def test_two_explicit_credentials_are_refused_by_name(second: dict[str, Any]) -> None:
    """Only one can be sent; which one would be a guess."""
    with pytest.raises(ConflictingCredentialsError) as raised:
        _llm(**second)
    assert "openai_api_key" in str(raised.value)
    assert next(iter(second)) in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temprature": 0.1}, "Did you mean 'temperature'"),
        ({"azure_deploymnt": "d"}, "Did you mean 'azure_deployment'"),
        ({"temperature": "warm"}, "temperature: Input should be a valid number"),
        ({"n": 0}, "n: Input should be greater"),
        ({"max_retries": -1}, "max_retries: Input should be greater"),
        ({"batch_size": 0}, "batch_size: Input should be greater"),
        ({"max_concurrency": 0}, "max_concurrency: Input should be greater"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"max_tokens": -2}, "max_tokens is -2"),
        ({"api_key": ""}, "api_key is empty"),
        ({"api_key": " k\n"}, "api_key has white space"),
        ({"api_key": "clé"}, "no HTTP header may hold"),
        ({"azure_endpoint": ""}, "No endpoint"),
        ({"azure_endpoint": "r.openai.azure.com"}, "expected a whole URL"),
        ({"azure_endpoint": "https://"}, "expected a whole URL"),
        ({"azure_endpoint": "https://[::1"}, "malformed URL"),
        ({"azure_endpoint": "https://host:port"}, "malformed URL"),
        ({"azure_endpoint": "ftp://host"}, "expected a whole URL"),
        ({"azure_endpoint": "https://a b"}, "expected a whole URL"),
        ({"azure_endpoint": "http://r.example"}, "would travel unencrypted"),
        ({"azure_endpoint": "https://u:s3cret@r.example"}, "has a user name or password"),
        ({"azure_endpoint": "https://<resource>.openai.azure.com"}, "put your own names"),
        ({"azure_endpoint": "https://a..b"}, "expected a whole URL"),
        ({"api_key": "Bearer k"}, "begins with 'Bearer '"),
        ({"openai_proxy": "not a proxy"}, "openai_proxy is no whole URL"),
        ({"openai_proxy": ""}, "expected a proxy's URL"),
        ({"timeout": float("inf")}, "up to a year"),
        ({"api_version": None}, "No API version"),
        ({"timeout": 0}, "expected more than 0 seconds"),
        ({"timeout": "soon"}, "expected seconds"),
        ({"timeout": object()}, "expected seconds"),
        ({"timeout": (1, 2, 3)}, "expected seconds"),
        ({"http_client": httpx.Client()}, "Pass an httpx2.Client"),
        ({"http_async_client": httpx2.Client()}, "Pass an httpx2.AsyncClient"),
        ({"streaming": True, "n": 2}, "n and best_of must be 1"),
        ({"streaming": True, "best_of": 2}, "n and best_of must be 1"),
        ({"model": "a", "model_name": "b"}, "not both"),
        ({"base_url": "https://b.example/openai"}, "azure_endpoint or base_url"),
        ({"temperature": 0.1, "model_kwargs": {"temperature": 0.2}}, "temperature is given twice"),
        ({"model_kwargs": 17}, "AzureOpenAI: model_kwargs: Input should be a valid dictionary."),
        ({"retry_policy": 17}, "retry_policy"),
    ],
)
def test_what_cannot_work_is_refused_by_the_constructor(
    settings: dict[str, Any], message: str
) -> None:
    """By ConfigurationError itself, not by pydantic's error around it."""
    with pytest.raises(ConfigurationError) as raised:
        _llm(**settings)
    assert message in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("make", [lambda s: AzureOpenAI(**s), AzureOpenAI.model_validate])
def test_an_error_never_quotes_a_value_that_may_be_secret(make: Any) -> None:
    """Not even when another setting is wrong."""
    settings = {**_BASE, "api_key": "s3cret", "temperature": "s3cret too"}
    with pytest.raises(ConfigurationError) as raised:
        make(settings)
    assert "s3cret" not in str(raised.value)


def test_an_argument_like_no_setting_is_a_model_parameter_with_a_warning() -> None:
    """As in the peer; the warning names it and points at the caller."""
    with pytest.warns(UserWarning, match="'suffix'") as caught:
        llm = _llm(suffix="end")
    assert llm.model_kwargs == {"suffix": "end"}
    assert caught[0].filename == __file__


def test_settings_inside_model_kwargs_are_settings() -> None:
    """So that they are checked, and sent once."""
    llm = _llm(model_kwargs={"temperature": 0.2, "user": "u"})
    assert (llm.temperature, llm.model_kwargs) == (0.2, {"user": "u"})


def test_the_callers_mappings_are_not_changed() -> None:
    """A config dict can be used twice."""
    kwargs = {"temperature": 0.2, "user": "u"}
    settings = {**_BASE, "model_kwargs": kwargs}
    AzureOpenAI.model_validate(settings)
    assert settings == {**_BASE, "model_kwargs": {"temperature": 0.2, "user": "u"}}


def test_unencrypted_is_possible_on_purpose_and_on_this_machine() -> None:
    """One opt-out; loopback needs none."""
    _llm(azure_endpoint="http://r.example", allow_plain_http=True)
    for host in ("localhost", "127.0.0.1", "127.9.9.9", "[::1]", "a.localhost"):
        _llm(azure_endpoint=f"http://{host}:8080")


def test_printing_shows_the_documented_parameters() -> None:
    """Class and parameters, as the documentation prints them."""
    llm = AzureOpenAI(**{**_BASE, "azure_deployment": "gpt-35-turbo-instruct-0914"})
    shown = str(llm)
    documented = {
        "deployment_name": "gpt-35-turbo-instruct-0914",
        "model_name": "gpt-3.5-turbo-instruct",
        "temperature": 0.7,
        "top_p": 1,
        "frequency_penalty": 0,
        "presence_penalty": 0,
        "n": 1,
        "logit_bias": {},
        "max_tokens": 256,
    }
    assert "AzureOpenAI" in shown
    assert documented.items() <= llm._identifying_params.items()
    assert all(f"'{name}': {value!r}" in shown for name, value in documented.items())


def test_secrets_stand_neither_in_print_nor_in_repr() -> None:
    """Nor do headers, queries and proxies, which may hold some."""
    secret = "s3cret"
    llm = _llm(
        api_key=secret,
        default_headers={"subscription": secret},
        default_query={"key": secret},
        openai_proxy=f"http://user:{secret}@proxy.example",
        azure_endpoint=f"https://r.example/x?sig={secret}",
    )
    assert secret not in str(llm)
    assert secret not in repr(llm)


def test_tracing_names_provider_deployment_and_parameters() -> None:
    """As the peer does, with the package's version."""
    llm = _llm(temperature=0.3, max_tokens=7)
    params = llm._get_ls_params(stop=["x"])
    assert params == {
        "ls_provider": "azure",
        "ls_model_type": "llm",
        "ls_model_name": "d",
        "ls_temperature": 0.3,
        "ls_max_tokens": 7,
        "ls_stop": ["x"],
    }
    assert (llm.metadata or {})["lc_versions"]["langchain-azure-llms"] == package_version()


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        (7, (7, 7, 7, 7)),
        ("7.5", (7.5, 7.5, 7.5, 7.5)),
        ((3, 9), (3, 9, 9, 3)),
        ((None, 9), (None, 9, 9, None)),
        (httpx2.Timeout(9, connect=3), (3, 9, 9, 9)),
        (httpx.Timeout(9, connect=3), (3, 9, 9, 9)),
    ],
)
def test_timeouts_of_every_form(timeout: Any, expected: tuple[float, ...]) -> None:
    """Seconds, a pair, either library's object."""
    (call,) = requests_of(_llm(timeout=timeout), ["x"])
    assert call.timeout == dict(zip(("connect", "read", "write", "pool"), expected, strict=True))


def test_without_a_timeout_the_clients_own_counts() -> None:
    """A client of one's own has one: httpx2's default is 5 seconds."""
    (call,) = requests_of(_llm(), ["x"])
    assert call.timeout == dict.fromkeys(("connect", "read", "write", "pool"), 5.0)


def test_a_retry_policy_counts_in_full() -> None:
    """`max_retries` is the short form of it."""
    assert _llm(retry_policy=RetryPolicy(max_retries=9)).retry_policy == RetryPolicy(max_retries=9)


def test_tokens_are_counted_by_ones_own_function() -> None:
    """First of all ways."""
    llm = _llm(custom_get_token_ids=lambda text: list(range(len(text))))
    assert llm.get_num_tokens("four") == 4


def test_without_a_tokenizer_the_error_names_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """An own function, or tiktoken."""
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(ConfigurationError, match=r"custom_get_token_ids, or install tiktoken"):
        _llm().get_num_tokens("x")


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """An encoding for tiktoken that needs no tables: one token per byte."""
    tiktoken = pytest.importorskip("tiktoken")
    encoding = tiktoken.Encoding(
        "planted",
        pat_str=r"[\s\S]",
        mergeable_ranks={bytes([byte]): byte for byte in range(256)},
        special_tokens={"<|end|>": 256},
    )
    asked: list[str] = []

    def for_model(name: str) -> Any:
        asked.append(name)
        if name == "unheard-of":
            raise KeyError(name)
        return encoding

    monkeypatch.setattr(tiktoken, "encoding_for_model", for_model)
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: asked.append(name) or encoding)
    return types.SimpleNamespace(asked=asked)


def test_tokens_are_counted_by_tiktoken(planted: types.SimpleNamespace) -> None:
    """For the model, or for the one named for counting."""
    assert _llm().get_token_ids("ab") == [97, 98]
    assert _llm(tiktoken_model_name="other").get_num_tokens("abc") == 3
    assert planted.asked == ["gpt-3.5-turbo-instruct", "other"]


def test_an_unknown_model_is_counted_as_its_peers_are(planted: types.SimpleNamespace) -> None:
    """By cl100k_base."""
    assert _llm(model="unheard-of").get_num_tokens("abc") == 3
    assert planted.asked == ["unheard-of", "cl100k_base"]


def test_special_tokens_are_allowed_on_purpose(planted: types.SimpleNamespace) -> None:
    """And refused by default, as in the peer."""
    with pytest.raises(ValueError, match="disallowed special token"):
        _llm().get_token_ids("<|end|>")
    assert _llm(allowed_special={"<|end|>"}).get_token_ids("<|end|>") == [256]
    assert _llm(disallowed_special=()).get_num_tokens("<|end|>") == 7


def test_tables_that_cannot_be_loaded_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiktoken fetches them; without a network it cannot."""
    tiktoken = pytest.importorskip("tiktoken")

    def no_network(_name: str) -> Any:
        raise OSError("unreachable")

    monkeypatch.setattr(tiktoken, "encoding_for_model", no_network)
    with pytest.raises(ConfigurationError, match="TIKTOKEN_CACHE_DIR"):
        _llm().get_num_tokens("x")


def test_max_tokens_of_minus_one_fills_the_context(planted: types.SimpleNamespace) -> None:
    """Each prompt gets what it leaves, so each has a request of its own."""
    llm = _llm(max_tokens=-1)
    bodies = [sent.body for sent in requests_of(llm, ["abcd", "ab"])]
    assert [b'"max_tokens":4092' in bodies[0], b'"max_tokens":4094' in bodies[1]] == [True, True]
    assert llm.max_tokens_for_prompt("abcd") == 4092


def test_a_prompt_that_fills_the_context_is_refused(planted: types.SimpleNamespace) -> None:
    """Before it is sent."""
    with pytest.raises(ConfigurationError, match="4096 tokens"):
        requests_of(_llm(max_tokens=-1), ["x" * 4096])


def test_context_sizes_are_known_or_asked_for() -> None:
    """An unknown model's error lists the known ones."""
    assert AzureOpenAI.modelname_to_contextsize("davinci-002") == 16384
    assert AzureOpenAI.modelname_to_contextsize("davinci-002:ft-mine") == 16384
    with pytest.raises(ConfigurationError, match="pass max_tokens as a number"):
        _ = _llm(model="gpt-9").max_context_size


def test_keys_may_be_secrets_already() -> None:
    """SecretStr is taken as it is."""
    assert _headers(_llm(api_key=SecretStr("k2"))) == {"api-key": "k2"}
