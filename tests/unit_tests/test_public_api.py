"""The public names of the package, and what importing them imports."""

import subprocess
import sys

import pytest

import langchain_azure_llms

_NAMES = [
    "AzureMLEndpointApiType",
    "AzureMLOnlineEndpoint",
    "AzureOpenAI",
    "ContentFormatterBase",
    "CustomOpenAIContentFormatter",
    "DedicatedChatContentFormatter",
    "DollyContentFormatter",
    "GPT2ContentFormatter",
    "HFContentFormatter",
    "LlamaContentFormatter",
    "MLflowContentFormatter",
    "OSSContentFormatter",
    "OpenAIChatContentFormatter",
    "RetryPolicy",
    "TGIContentFormatter",
    "load_llm",
    "load_llm_from_config",
    "register_content_formatter",
    "register_llm",
    "register_with_langchain",
    "unregister_with_langchain",
]


def test_the_public_names_are_these() -> None:
    """A name that comes or goes is a decision, not an accident."""
    assert langchain_azure_llms.__all__ == _NAMES


@pytest.mark.parametrize("name", _NAMES)
def test_each_public_name_can_be_imported(name: str) -> None:
    """Lazy names resolve, and to the thing of that name."""
    assert getattr(langchain_azure_llms, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    """`from langchain_azure_llms import Nothing` says so."""
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = langchain_azure_llms.Nothing


def test_importing_the_package_imports_nothing_heavy() -> None:
    """The package alone costs nothing: its names are imported when they are used."""
    code = "import sys, langchain_azure_llms; print('langchain_core' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_dir_lists_the_lazy_names() -> None:
    """Completion in an interpreter knows them before they are imported."""
    assert set(_NAMES) <= set(dir(langchain_azure_llms))


@pytest.mark.parametrize("name", ["AzureOpenAI", "AzureMLOnlineEndpoint"])
def test_engines_and_extras_are_imported_when_they_are_needed(name: str) -> None:
    """HTTP engines with the first request, azure-identity with its first credential."""
    code = (
        "import sys; from langchain_core.language_models.llms import BaseLLM; "
        "before = {*sys.modules}; "
        f"from langchain_azure_llms import {name}; "
        "print(*sorted({module.partition('.')[0] for module in sys.modules.keys() - before}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    late = {"aiohttp", "azure", "h11", "httpcore2", "httpx_aiohttp", "tiktoken", "xllamacpp"}
    assert set() == late & {*found}
