"""What the package offers by name."""

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
    "DollyContentFormatter",
    "GPT2ContentFormatter",
    "HFContentFormatter",
    "LlamaContentFormatter",
    "MLflowContentFormatter",
    "OSSContentFormatter",
    "OpenAIChatContentFormatter",
    "RetryPolicy",
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
def test_each_public_name_can_be_had(name: str) -> None:
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


_DEPTH = """
import sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "langchain_core":
            frame, depth = sys._getframe(), 0
            while frame := frame.f_back:
                depth += 1
            print(depth)

sys.meta_path.insert(0, Watch())
{statement}
"""


@pytest.mark.parametrize("name", ["AzureOpenAI", "AzureMLOnlineEndpoint", "load_llm"])
def test_langchains_core_is_imported_as_high_in_the_stack_as_by_itself(name: str) -> None:
    """Deeper in the stack the same import takes up to a tenth longer: see docs on performance."""
    by_itself, ours = (
        int(
            subprocess.run(
                [sys.executable, "-c", _DEPTH.format(statement=statement)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for statement in (
            "import langchain_core.language_models.llms",
            f"from langchain_azure_llms import {name}",
        )
    )
    assert ours <= by_itself + 2  # importlib's look for the name, and our answer
