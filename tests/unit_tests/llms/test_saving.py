"""What is saved comes back, and nothing secret is written."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    ContentFormatterBase,
    DollyContentFormatter,
    GPT2ContentFormatter,
    RetryPolicy,
    load_llm,
    load_llm_from_config,
    register_content_formatter,
    register_llm,
)
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    LoadError,
    MissingCredentialError,
    UnknownTypeError,
    UnsupportedFileError,
)
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import requests_of

_AZURE = {
    "azure_endpoint": "https://r.openai.azure.com",
    "azure_deployment": "d",
    "api_version": "v1",
}
_ML = {"endpoint_url": "https://h.example/score"}
each_suffix = pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml"])


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Keys as deployments hold them: in the environment."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "env-key")
    monkeypatch.setenv("AZUREML_ENDPOINT_API_KEY", "env-ml-key")
    return monkeypatch


def _saved(llm: AzureLLM, path: Path) -> dict[str, Any]:
    llm.save(path)
    value: dict[str, Any] = (
        json.loads(path.read_text()) if path.suffix == ".json" else yaml.safe_load(path.read_text())
    )
    return value


@each_suffix
def test_the_documented_example(
    tmp_path: Path, environment: pytest.MonkeyPatch, suffix: str
) -> None:
    """URL and key in the environment; the loaded LLM equals the saved one."""
    environment.setenv("AZUREML_ENDPOINT_URL", "https://h.example/score")
    saved = AzureMLOnlineEndpoint(
        deployment_name="databricks-dolly-v2-12b-4",
        model_kwargs={
            "temperature": 0.2,
            "max_tokens": 150,
            "top_p": 0.8,
            "frequency_penalty": 0.32,
            "presence_penalty": 72e-3,
        },
    )
    path = tmp_path / f"azureml{suffix}"
    saved.save(path)
    loaded = load_llm(path)
    assert loaded == saved
    assert str(loaded) == str(saved)


def test_what_was_given_is_saved_even_when_it_equals_the_default(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    """As an argument or by the environment; defaults are not."""
    environment.setenv("OPENAI_ORG_ID", "org")
    llm = AzureOpenAI(**_AZURE, temperature=0.7, max_retries=2)
    assert _saved(llm, tmp_path / "x.json") == {
        "_type": "azure",
        "azure_endpoint": "https://r.openai.azure.com",
        "deployment_name": "d",
        "openai_api_version": "v1",
        "openai_organization": "org",
        "temperature": 0.7,
        "max_retries": 2,
    }


@each_suffix
@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 7.5},
        {"timeout": (3, 9.5)},
        {"timeout": httpx2.Timeout(9, connect=3)},
        {"retry_policy": RetryPolicy(max_retries=5, max_wait=9)},
        {"model_kwargs": {"nested": {"a": [1, 2.5, None, True, "ü\n\t\ud800"]}}},
        {"tags": ["a"], "metadata": {"team": "x"}, "name": "mine", "verbose": True},
        {"cache": False},
        {"logit_bias": {"50256": -100}, "seed": 2**60},
        {"allowed_special": {"<|b|>", "<|a|>"}},
        {"extra_body": {"a": {"b": 1}}},
        {"disallowed_special": ()},
        {"disallowed_special": ["<|b|>", "<|a|>"]},
        {"default_headers": {"User-Agent": "me"}, "default_query": {"api-version": "x"}},
        {"openai_proxy": "http://proxy.example:3128"},
    ],
)
def test_every_setting_comes_back(
    tmp_path: Path, environment: pytest.MonkeyPatch, settings: dict[str, Any], suffix: str
) -> None:
    """Equal, in each format."""
    llm = AzureOpenAI(**_AZURE, **settings)
    path = tmp_path / f"x{suffix}"
    llm.save(path)
    assert load_llm(path) == llm


def test_secrets_stay_and_are_named(tmp_path: Path) -> None:
    """Keys, headers, query values, user-info, fragments: left out, named in one warning."""
    secret = "s3cret"
    llm = AzureOpenAI(
        azure_endpoint=f"https://gw.example/x?sig={secret}&api-version=2024-10-21",
        azure_deployment="d",
        api_key=secret,
        default_headers={"Ocp-Apim-Subscription-Key": secret, "User-Agent": "me"},
        default_query={"token": secret, "api-version": "v"},
        openai_proxy=f"http://u:{secret}@proxy.example:3128",
        http_client=httpx2.Client(),
        custom_get_token_ids=lambda text: [len(text)],
        model_kwargs={"good": 1},
        temperature=float("nan"),
    )
    with pytest.warns(UserWarning, match="saved without") as caught:
        llm.save(tmp_path / "x.json")
    (warning,) = caught
    assert warning.filename == __file__
    for name in (
        "openai_api_key",
        "'sig' of azure_endpoint",
        "default_headers['Ocp-Apim-Subscription-Key']",
        "default_query['token']",
        "the user-info of openai_proxy",
        "http_client",
        "custom_get_token_ids",
        "temperature",
    ):
        assert name in str(warning.message)
    text = (tmp_path / "x.json").read_text()
    assert secret not in text + str(warning.message)
    value = json.loads(text)
    assert value["azure_endpoint"] == "https://gw.example/x?api-version=2024-10-21"
    assert value["default_headers"] == {"User-Agent": "me"}
    assert value["openai_proxy"] == "http://proxy.example:3128"


def test_a_key_of_the_environment_is_no_reason_to_warn(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    """It is there when the file is loaded."""
    AzureOpenAI(**_AZURE).save(tmp_path / "x.json")
    assert "env-key" not in (tmp_path / "x.json").read_text()


def test_the_loaded_llm_sends_the_same_bytes(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    """URL, headers and body, with the environment's key."""
    llm = AzureMLOnlineEndpoint(
        **_ML,
        content_formatter=DollyContentFormatter(),
        model_kwargs={"t": 1},
        deployment_name="b",
    )
    llm.save(tmp_path / "x.yaml")
    loaded = load_llm(tmp_path / "x.yaml")
    assert isinstance(loaded, AzureMLOnlineEndpoint)
    sent = [requests_of(one, ["x"], ["s"], {"u": 2})[0] for one in (llm, loaded)]
    assert sent[0] == sent[1]


def test_a_version_of_the_environment_that_does_not_count_is_not_saved(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    """Beside an address of the v1 API; in the file it would count, and change the URL."""
    environment.setenv("OPENAI_API_VERSION", "2024-10-21")
    llm = AzureOpenAI(azure_endpoint="https://r.example/openai/v1", azure_deployment="d")
    llm.save(tmp_path / "x.json")
    loaded = load_llm(tmp_path / "x.json")
    assert isinstance(loaded, AzureOpenAI)
    urls = [requests_of(one, ["x"])[0].url for one in (llm, loaded)]
    assert urls == ["https://r.example/openai/v1/completions"] * 2


def test_the_v1_api_of_the_environment_is_saved(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    """It does count."""
    environment.setenv("OPENAI_API_VERSION", "v1")
    AzureOpenAI(azure_endpoint="https://r.example", azure_deployment="d").save(tmp_path / "x.json")
    environment.delenv("OPENAI_API_VERSION")
    loaded = load_llm(tmp_path / "x.json")
    assert isinstance(loaded, AzureOpenAI)
    assert loaded.route.is_v1


def test_overrides_come_over_the_file(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """Under either name of a setting, credentials included."""
    AzureOpenAI(**_AZURE, temperature=0.1).save(tmp_path / "x.json")
    loaded = load_llm(tmp_path / "x.json", azure_deployment="e", api_key="k2", temperature=0.2)
    assert isinstance(loaded, AzureOpenAI)
    assert (loaded.deployment_name, loaded.temperature) == ("e", 0.2)
    assert loaded.endpoint.authorization.headers() == {"api-key": "k2"}


def test_the_callers_mapping_is_not_changed(environment: pytest.MonkeyPatch) -> None:
    """LangChain's own loader takes `_type` out of it."""
    config = {"_type": "azure", **_AZURE, "model_kwargs": {"user": "u"}}
    before = json.dumps(config)
    load_llm_from_config(config)
    assert json.dumps(config) == before


def test_an_argument_of_langchains_loader_is_taken(environment: pytest.MonkeyPatch) -> None:
    """Old code passes it; there is nothing dangerous to allow."""
    loaded = load_llm_from_config(
        {"_type": "azure", **_AZURE}, allow_dangerous_deserialization=True
    )
    assert isinstance(loaded, AzureOpenAI)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({}, LoadError, "_type is missing"),
        ({"_type": 7}, LoadError, "_type is a int"),
        ({"_type": "azrue"}, UnknownTypeError, "Did you mean 'azure'"),
        ({"_type": "os.system"}, UnknownTypeError, "No LLM is registered"),
        ({"_type": "azure", **_AZURE, "temprature": 1}, LoadError, "Did you mean 'temperature'"),
        ({"_type": "azure", **_AZURE, "n": "many"}, LoadError, "n: Input should be"),
        ({"_type": "azure", 7: 1}, LoadError, "The key 7 is not text"),
        ({"_type": "azure"}, LoadError, "No endpoint"),
        ({"_type": "azureml_endpoint", **_ML, "tmeout": 1}, LoadError, "Did you mean 'timeout'"),
        ({"_type": "azureml_endpoint", **_ML, "content_formatter": "dolly"}, LoadError, "mapping"),
        (
            {"_type": "azureml_endpoint", **_ML, "content_formatter": {"_type": "doly"}},
            UnknownTypeError,
            "Did you mean 'dolly'",
        ),
        (
            {"_type": "azureml_endpoint", **_ML, "content_formatter": {}},
            UnknownTypeError,
            "No content formatter is registered as None",
        ),
        (
            {"_type": "azureml_endpoint", **_ML, "content_formatter": {"_type": "dolly", "a": 1}},
            LoadError,
            "'dolly'",
        ),
        (
            {"_type": "azure", **_AZURE, "allow_plain_http": True},
            LoadError,
            "cannot come from a file",
        ),
        ({"_type": "azure", **_AZURE, "http_client": 1}, LoadError, "cannot come from a file"),
    ],
)
def test_a_config_that_cannot_work_is_a_load_error(
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    config: Any,
    error: type[LoadError],
    message: str,
) -> None:
    """With the reason, and from a file with its path."""
    with pytest.raises(error) as raised:
        load_llm_from_config(config)
    assert message in str(raised.value)
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(error) as from_file:
        load_llm(path)
    assert (from_file.value.path, message in str(from_file.value)) == (str(path), True)


def test_a_config_that_is_no_mapping_is_a_load_error() -> None:
    """A list, a text."""
    with pytest.raises(LoadError, match="expected a mapping"):
        load_llm_from_config(["azure"])  # type: ignore[arg-type]


def test_without_a_credential_the_error_is_the_constructors() -> None:
    """It is no fault of the file."""
    with pytest.raises(MissingCredentialError):
        load_llm_from_config({"_type": "azure", **_AZURE})


def test_another_suffix_is_refused(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """Both ways."""
    with pytest.raises(UnsupportedFileError):
        AzureOpenAI(**_AZURE).save(tmp_path / "x.txt")
    with pytest.raises(UnsupportedFileError):
        load_llm(tmp_path / "x.txt")


def test_hosts_that_the_environments_key_may_go_to(environment: pytest.MonkeyPatch) -> None:
    """And any other: files may have been changed by others."""
    config = {"_type": "azure", **_AZURE}
    load_llm_from_config(config, allowed_hosts=["*.openai.azure.com"])
    load_llm_from_config(config, allowed_hosts=["R.openai.azure.com"])
    for key in ({}, {"api_key": "k"}, {"credential": lambda: "token"}):
        with pytest.raises(LoadError, match="not among the allowed hosts"):
            load_llm_from_config(config, allowed_hosts=["elsewhere.example"], **key)
    with pytest.raises(LoadError, match=r"r\.openai\.azure\.com, which is not among"):
        load_llm_from_config(config, allowed_hosts=["evil.example", "openai.azure.com"])


@dataclass(eq=False)
class Templated(ContentFormatterBase):
    """A formatter with a setting."""

    template: str = "{prompt}"

    def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
        return self.template.format(prompt=prompt).encode()

    def format_response_payload(self, output: bytes) -> str:
        return output.decode()


@dataclass(slots=True, eq=False)
class Slotted(Templated):
    """A formatter that keeps a setting in a slot."""

    mark: str = ""


class Stateful(GPT2ContentFormatter):
    """A formatter whose state is no dataclass field."""

    def __init__(self, url: str) -> None:
        self.parsed = httpx2.URL(url)


class Telling(Stateful):
    """One that says how it travels."""

    def to_config(self) -> dict[str, str]:
        return {"url": str(self.parsed)}

    @classmethod
    def from_config(cls, config: dict[str, str]) -> "Telling":
        return cls(config["url"])


register_content_formatter("tests.templated", Templated)
register_content_formatter("tests.slotted", Slotted)
register_content_formatter("tests.stateful", Stateful)
register_content_formatter("tests.telling", Telling)


@each_suffix
@pytest.mark.parametrize(
    "formatter",
    [Templated("<{prompt}>"), Slotted("<{prompt}>", "m"), Telling("https://t.example/")],
)
def test_a_registered_formatter_comes_back_with_its_settings(
    tmp_path: Path, environment: pytest.MonkeyPatch, formatter: Any, suffix: str
) -> None:
    """Dataclass fields, or what it says itself."""
    llm = AzureMLOnlineEndpoint(**_ML, content_formatter=formatter)
    llm.save(tmp_path / f"x{suffix}")
    loaded = load_llm(tmp_path / f"x{suffix}")
    assert isinstance(loaded, AzureMLOnlineEndpoint)
    assert (type(loaded.content_formatter), loaded) == (type(formatter), llm)


def test_an_unregistered_formatter_is_refused_with_the_line_to_write(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    """Nothing is written."""

    class Mine(GPT2ContentFormatter):
        pass

    llm = AzureMLOnlineEndpoint(**_ML, content_formatter=Mine())
    with pytest.raises(ConfigurationError, match=r'register_content_formatter\("Mine", Mine\)'):
        llm.save(tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_a_formatter_with_other_state_is_refused(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    """It would come back without it."""
    llm = AzureMLOnlineEndpoint(**_ML, content_formatter=Stateful("https://t.example/"))
    with pytest.raises(ConfigurationError, match=r"would be lost \(parsed\).*to_config"):
        llm.save(tmp_path / "x.json")


class Special(AzureOpenAI):
    """A user's own LLM class."""

    flavour: str = "plain"


class Unknown(AzureOpenAI):
    """One that is not registered."""


register_llm("tests.special", Special)


def test_ones_own_llm_class_comes_back(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """Through the same door as the built-in ones."""
    llm = Special(**_AZURE, flavour="hot")
    assert _saved(llm, tmp_path / "x.json")["_type"] == "tests.special"
    assert load_llm(tmp_path / "x.json") == llm


def test_an_unregistered_llm_class_is_refused(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    """It would come back as its base."""
    with pytest.raises(ConfigurationError, match=r'register_llm\("Unknown", Unknown\)'):
        Unknown(**_AZURE).save(tmp_path / "x.json")


def test_equality_compares_class_and_settings() -> None:
    """Not pools and the like."""
    one, two = (AzureOpenAI(**_AZURE, api_key="k") for _ in range(2))
    assert one == two
    assert one != AzureOpenAI(**_AZURE, api_key="k", temperature=0.1)
    assert one != AzureOpenAI(**_AZURE, api_key="other")
    assert one != Special(**_AZURE, api_key="k")
    assert GPT2ContentFormatter() == GPT2ContentFormatter() != DollyContentFormatter()
    assert Templated("a") == Templated("a") != Templated("b")
    assert Slotted("a", "m") == Slotted("a", "m") != Slotted("a", "n")


def test_formatters_with_other_settings_are_told_apart_by_caches() -> None:
    """Wherever they keep them."""
    digests = {
        AzureMLOnlineEndpoint(**_ML, endpoint_api_key="k", content_formatter=formatter).asdict()[
            "settings_digest"
        ]
        for formatter in (Templated("a"), Templated("b"), Slotted("a"), Slotted("a", "m"))
    }
    assert len(digests) == 4
