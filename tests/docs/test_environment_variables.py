"""The page of environment variables names each one that is read, with the setting it gives."""

import re
from pathlib import Path

import pytest
from langchain_core.language_models.llms import BaseLLM
from pydantic import SecretStr

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI
from langchain_azure_llms.llms._settings import FromEnv
from langchain_azure_llms.local._weights import PATH_VARIABLE
from langchain_azure_llms.transport import _network

_PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "environment-variables.md").read_text()
_SECTION = re.compile(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", re.M | re.S)
_SECTIONS = dict(_SECTION.findall(_PAGE))
_CLASSES: list[type[BaseLLM]] = [AzureMLOnlineEndpoint, AzureOpenAI]
_ONLY_WITH_A_TYPE = ("OPENAI_API_KEY", "azure_ad_token")
"""Not among the names of the setting's default: it counts where another variable says so."""


def _named(section: str) -> list[tuple[str, str]]:
    """Return each variable of a section's table with the first name of its second column."""
    return re.findall(r"^\| `(\w+)` \| `(\w+)`", _SECTIONS[section], re.M)


def _variables(section: str) -> set[str]:
    """Return all variables of a section's first column."""
    rows = re.findall(r"^\| (`[^|]+) \|", _SECTIONS[section], re.M)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def _read(cls: type[BaseLLM]) -> list[tuple[str, str]]:
    return [
        (variable, name)
        for name, field in cls.model_fields.items()
        if isinstance(field.default_factory, FromEnv)
        for variable in field.default_factory.names
    ]


@pytest.mark.parametrize("cls", _CLASSES)
def test_the_table_names_what_a_class_reads(cls: type[BaseLLM]) -> None:
    """Each variable, and the setting that it gives."""
    exception = [_ONLY_WITH_A_TYPE] if cls is AzureOpenAI else []
    assert sorted([*_read(cls), *exception]) == sorted(_named(cls.__name__))


def test_the_exception_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OPENAI_API_KEY` gives the token where the type says so."""
    monkeypatch.setenv("OPENAI_API_TYPE", "azure_ad")
    monkeypatch.setenv("OPENAI_API_KEY", "a-token")
    llm = AzureOpenAI(azure_endpoint="https://r.openai.azure.com", api_version="v1")
    assert SecretStr("a-token") == llm.azure_ad_token


def test_the_table_names_what_the_network_reads() -> None:
    """Beside the same names in lower case."""
    known = {name.upper() for name in _network._VARIABLES}
    assert known == _variables("The network, for both")


def test_the_table_names_what_the_local_endpoints_read() -> None:
    """The model's file, and the folder that it is kept in."""
    assert {PATH_VARIABLE, "XDG_CACHE_HOME"} == _variables("The local endpoints")


def test_every_variable_of_the_code_stands_on_the_page() -> None:
    """Whatever the code calls the environment by."""
    package = Path(_network.__file__).parents[1]
    code = "\n".join(path.read_text() for path in package.rglob("*.py"))
    looked_up = set(re.findall(r"os\.environ(?:\.get\(|\[)\"(\w+)\"", code))
    assert looked_up
    assert looked_up <= set(re.findall(r"`(\w+)`", _PAGE))
