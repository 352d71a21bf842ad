"""The page of environment variables names each one that is read, with the setting it gives."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.llms import BaseLLM
from pydantic import SecretStr

import langchain_azure_llms
from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter

_PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "environment-variables.md").read_text()
_SECTION = re.compile(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", re.M | re.S)
_SECTIONS = dict(_SECTION.findall(_PAGE))
_CODE = "\n".join(
    path.read_text() for path in Path(langchain_azure_llms.__file__).parent.rglob("*.py")
)
_OURS = re.compile(r"(AZURE|OPENAI)")
_SETTINGS: dict[type[BaseLLM], dict[str, Any]] = {
    AzureOpenAI: {
        "azure_endpoint": "https://r.example",
        "openai_api_version": "2024-10-21",
        "azure_deployment": "d",
    },
    AzureMLOnlineEndpoint: {
        "endpoint_url": "https://e.example/score",
        "content_formatter": CustomOpenAIContentFormatter(),
    },
}
_CREDENTIALS = {
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_AD_TOKEN",
    "AZUREML_ENDPOINT_API_KEY",
    "OPENAI_API_KEY",
}
_VALUES = {
    "AZURE_AI_PROJECT_ENDPOINT": "https://r.services.ai.azure.com/api/projects/p",
    "AZURE_OPENAI_API_VERSION": "2024-06-01",
    "AZURE_OPENAI_ENDPOINT": "https://of.the.environment",
    "OPENAI_API_VERSION": "2024-06-01",
    "AZUREML_ENDPOINT_URL": "https://of.the.environment/score",
    "AZUREML_ENDPOINT_API_TYPE": "serverless",
    "AZUREML_TIMEOUT": "7",
    "OPENAI_API_TYPE": "azure_ad",
    "OPENAI_PROXY": "http://proxy.example:8080",
}


def _named(section: str) -> list[tuple[str, str]]:
    """Return each variable of a section's table with the first name of its second column."""
    return re.findall(r"^\| `(\w+)` \| `(\w+)`", _SECTIONS[section], re.M)


def _rows() -> list[Any]:
    return [
        pytest.param(cls, variable, setting, id=variable)
        for cls in _SETTINGS
        for variable, setting in _named(cls.__name__)
    ]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the machine's own settings."""
    for name in [name for name in os.environ if _OURS.search(name)]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("cls", "variable", "setting"), _rows())
def test_each_variable_gives_its_setting(
    cls: type[BaseLLM], variable: str, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that stands beside it."""
    value = _VALUES.get(variable, "of the environment")
    monkeypatch.setenv(variable, value)
    if variable == "OPENAI_API_KEY":  # it holds a token where the type says so
        monkeypatch.setenv("OPENAI_API_TYPE", "azure_ad")
    given = {name: value for name, value in _SETTINGS[cls].items() if name != setting}
    if variable not in _CREDENTIALS:
        given["credential"] = "a key"
    found = getattr(cls(**given), setting)
    plain = found.get_secret_value() if isinstance(found, SecretStr) else found
    assert value == str(getattr(plain, "value", plain)).removesuffix(".0")


class _Recorder(dict[str, str]):
    """An environment that remembers which variables were read."""

    def __init__(self) -> None:
        super().__init__(os.environ)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


@pytest.mark.parametrize("cls", _SETTINGS)
@pytest.mark.parametrize("api_type", ["", "azure_ad"])
def test_each_variable_that_a_class_reads_is_in_its_table(
    cls: type[BaseLLM], api_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key, and with a token."""
    monkeypatch.setenv("OPENAI_API_TYPE", api_type)
    for name in ("AZURE_OPENAI_API_KEY", "AZUREML_ENDPOINT_API_KEY"):
        monkeypatch.setenv(name, "a key")
    environment = _Recorder()
    monkeypatch.setattr(os, "environ", environment)
    cls(**_SETTINGS[cls])
    read = {name for name in environment.read if _OURS.match(name)}
    assert read
    assert read <= {variable for variable, _ in _named(cls.__name__)}


def test_each_variable_of_the_local_endpoints_is_in_the_code() -> None:
    """The model's file, and the folder that it is kept in."""
    variables = re.findall(r"^\| `(\w+)`", _SECTIONS["The local endpoints"], re.M)
    assert variables
    assert [] == [name for name in variables if f'"{name}"' not in _CODE]


def test_each_variable_of_the_code_is_on_the_page() -> None:
    """Wherever the code looks it up."""
    looked_up = set(re.findall(r"os\.environ(?:\.get\(|\[)\"(\w+)\"", _CODE))
    assert looked_up
    assert looked_up <= set(re.findall(r"`(\w+)`", _PAGE))
