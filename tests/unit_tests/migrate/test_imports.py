"""Each form of import, and what becomes of it."""

import ast
import warnings
from importlib import import_module
from pathlib import Path

import pytest

import langchain_azure_llms
from langchain_azure_llms.migrate import _names
from langchain_azure_llms.migrate._rewrite import migrate

FORMS = {
    "langchain-openai": (
        "from langchain_openai import AzureOpenAI\n",
        "from langchain_azure_llms import AzureOpenAI\n",
    ),
    "langchain-openai's llms": (
        "from langchain_openai.llms import AzureOpenAI\n",
        "from langchain_azure_llms import AzureOpenAI\n",
    ),
    "langchain-openai's module": (
        "from langchain_openai.llms.azure import AzureOpenAI\n",
        "from langchain_azure_llms import AzureOpenAI\n",
    ),
    "langchain-community": (
        "from langchain_community.llms import AzureMLOnlineEndpoint, AzureOpenAI\n",
        "from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI\n",
    ),
    "langchain-community's module of OpenAI": (
        "from langchain_community.llms.openai import AzureOpenAI\n",
        "from langchain_azure_llms import AzureOpenAI\n",
    ),
    "langchain-community's module of Azure ML": (
        "from langchain_community.llms.azureml_endpoint import AzureMLOnlineEndpoint\n",
        "from langchain_azure_llms import AzureMLOnlineEndpoint\n",
    ),
    "langchain-community's loader": (
        "from langchain_community.llms.loading import load_llm, load_llm_from_config\n",
        "from langchain_azure_llms import load_llm, load_llm_from_config\n",
    ),
    "langchain": (
        "from langchain.llms import AzureOpenAI\n",
        "from langchain_azure_llms import AzureOpenAI\n",
    ),
    "langchain's module of OpenAI": (
        "from langchain.llms.openai import AzureOpenAI\n",
        "from langchain_azure_llms import AzureOpenAI\n",
    ),
    "langchain's module of Azure ML": (
        "from langchain.llms.azureml_endpoint import DollyContentFormatter\n",
        "from langchain_azure_llms import DollyContentFormatter\n",
    ),
    "langchain's loader": (
        "from langchain.llms.loading import load_llm\n",
        "from langchain_azure_llms import load_llm\n",
    ),
    "langchain-classic": (
        "from langchain_classic.llms import AzureOpenAI\n",
        "from langchain_azure_llms import AzureOpenAI\n",
    ),
    "langchain-classic's module of Azure ML": (
        "from langchain_classic.llms.azureml_endpoint import HFContentFormatter\n",
        "from langchain_azure_llms import HFContentFormatter\n",
    ),
    "langchain-classic's loader": (
        "from langchain_classic.llms.loading import load_llm\n",
        "from langchain_azure_llms import load_llm\n",
    ),
    "an alias": (
        "from langchain_openai import AzureOpenAI as LLM\n",
        "from langchain_azure_llms import AzureOpenAI as LLM\n",
    ),
    "with others": (
        "from langchain_openai import AzureChatOpenAI, AzureOpenAI, OpenAI\n",
        "from langchain_openai import AzureChatOpenAI, OpenAI\n"
        "from langchain_azure_llms import AzureOpenAI\n",
    ),
    "last of several": (
        "from langchain_openai import OpenAI, AzureOpenAI  # both\n",
        "from langchain_openai import OpenAI  # both\n"
        "from langchain_azure_llms import AzureOpenAI\n",
    ),
    "in brackets, on one line": (
        "from langchain_openai import (OpenAI, AzureOpenAI)\n",
        "from langchain_openai import (OpenAI)\nfrom langchain_azure_llms import (AzureOpenAI)\n",
    ),
    "in brackets, on lines of their own": (
        "from langchain_community.llms.azureml_endpoint import (\n"
        "    AzureMLEndpointApiType,  # dedicated\n"
        "    CustomOpenAIContentFormatter,\n"
        ")\n",
        "from langchain_azure_llms import (\n"
        "    AzureMLEndpointApiType,  # dedicated\n"
        "    CustomOpenAIContentFormatter,\n"
        ")\n",
    ),
    "in brackets, with others": (
        "from langchain_openai import (\n    OpenAI,  # stays\n    AzureOpenAI,  # moves\n)\n",
        "from langchain_openai import (\n"
        "    OpenAI,  # stays\n"
        ")\n"
        "from langchain_azure_llms import (\n"
        "    AzureOpenAI,  # moves\n"
        ")\n",
    ),
    "in brackets, with others and without a last comma": (
        "from langchain_openai import (\n    OpenAI,\n    AzureOpenAI\n)\n",
        "from langchain_openai import (\n    OpenAI,\n)\n"
        "from langchain_azure_llms import (\n    AzureOpenAI\n)\n",
    ),
    "behind a backslash": (
        "from langchain_openai \\\n    import AzureOpenAI\n",
        "from langchain_azure_llms \\\n    import AzureOpenAI\n",
    ),
    "in a function": (
        "def llm():\n"
        "    from langchain_openai import AzureOpenAI, OpenAI\n"
        "    return AzureOpenAI\n",
        "def llm():\n"
        "    from langchain_openai import OpenAI\n"
        "    from langchain_azure_llms import AzureOpenAI\n"
        "    return AzureOpenAI\n",
    ),
    "with a fallback": (
        "try:\n    from langchain_openai import AzureOpenAI\n"
        "except ImportError:\n    from langchain.llms import AzureOpenAI\n",
        "try:\n    from langchain_azure_llms import AzureOpenAI\n"
        "except ImportError:\n    from langchain_azure_llms import AzureOpenAI\n",
    ),
    "for type checkers": (
        "if TYPE_CHECKING: from langchain_openai import AzureOpenAI, OpenAI\n",
        "if TYPE_CHECKING: from langchain_openai import OpenAI; "
        "from langchain_azure_llms import AzureOpenAI\n",
    ),
    "beside another statement": (
        "import os; from langchain_openai import AzureOpenAI; os.getpid()\n",
        "import os; from langchain_azure_llms import AzureOpenAI; os.getpid()\n",
    ),
    "a package": (
        "import langchain_openai\nllm = langchain_openai.AzureOpenAI()\n",
        "import langchain_azure_llms\nllm = langchain_azure_llms.AzureOpenAI()\n",
    ),
    "a package that goes on being used": (
        "import langchain_openai\n"
        "pair = langchain_openai.AzureOpenAI(), langchain_openai.ChatOpenAI()\n",
        "import langchain_openai\n"
        "import langchain_azure_llms\n"
        "pair = langchain_azure_llms.AzureOpenAI(), langchain_openai.ChatOpenAI()\n",
    ),
    "a module": (
        "import langchain_community.llms.azureml_endpoint\n"
        "class F(langchain_community.llms.azureml_endpoint.ContentFormatterBase): ...\n",
        "import langchain_azure_llms\nclass F(langchain_azure_llms.ContentFormatterBase): ...\n",
    ),
    "a module with an alias": (
        "import langchain_community.llms.azureml_endpoint as aml, os\n"
        "llm = aml.AzureMLOnlineEndpoint(content_formatter=aml.HFContentFormatter())\n",
        "import os\n"
        "import langchain_azure_llms\n"
        "llm = langchain_azure_llms.AzureMLOnlineEndpoint("
        "content_formatter=langchain_azure_llms.HFContentFormatter())\n",
    ),
    "a module from its package": (
        "from langchain import llms\nllm = llms.AzureOpenAI()\n",
        "import langchain_azure_llms\nllm = langchain_azure_llms.AzureOpenAI()\n",
    ),
    "a module from its package, under two names": (
        "from langchain_community.llms import loading as a, loading as b\n"
        "a.load_llm('x.json')\nb.load_llm_from_config({})\ngetattr(b, 'name')\n",
        "from langchain_community.llms import loading as b\n"
        "import langchain_azure_llms\n"
        "langchain_azure_llms.load_llm('x.json')\n"
        "langchain_azure_llms.load_llm_from_config({})\ngetattr(b, 'name')\n",
    ),
    "a package whose name stands in an annotation": (
        "import langchain_openai\n"
        "def ask(llm: 'langchain_openai.AzureOpenAI'): return langchain_openai.AzureOpenAI\n",
        "import langchain_openai\n"
        "import langchain_azure_llms\n"
        "def ask(llm: 'langchain_openai.AzureOpenAI'): return langchain_azure_llms.AzureOpenAI\n",
    ),
    "a package and its module": (
        "import langchain_community.llms as llms\n"
        "import langchain_community.llms.azureml_endpoint as aml\n"
        "pair = llms.Ollama, aml.AzureMLOnlineEndpoint\n",
        "import langchain_community.llms as llms\n"
        "import langchain_azure_llms\n"
        "pair = llms.Ollama, langchain_azure_llms.AzureMLOnlineEndpoint\n",
    ),
    "two submodules of one package": (
        "import langchain.llms\nimport langchain.chains\n"
        "pair = langchain.llms.AzureOpenAI, langchain.chains.LLMChain\n",
        "import langchain.llms\nimport langchain_azure_llms\nimport langchain.chains\n"
        "pair = langchain_azure_llms.AzureOpenAI, langchain.chains.LLMChain\n",
    ),
    "what the chat class needs, too": (
        "from langchain_community.chat_models.azureml_endpoint import AzureMLChatOnlineEndpoint\n"
        "from langchain_community.llms.azureml_endpoint import (\n"
        "    AzureMLEndpointApiType,\n"
        "    AzureMLOnlineEndpoint,\n"
        ")\n",
        "from langchain_community.chat_models.azureml_endpoint import AzureMLChatOnlineEndpoint\n"
        "from langchain_community.llms.azureml_endpoint import (\n"
        "    AzureMLEndpointApiType,\n"
        ")\n"
        "from langchain_azure_llms import (\n"
        "    AzureMLOnlineEndpoint,\n"
        ")\n",
    ),
}
UNCHANGED = {
    "the SDK's class of the same name": "from openai import AzureOpenAI\n",
    "chat models": "from langchain_openai import AzureChatOpenAI, ChatOpenAI\n",
    "the client": "from langchain_community.llms.azureml_endpoint import AzureMLEndpointClient\n",
    "all names": "from langchain_openai import *\n",
    "a relative import": "from .langchain_openai import AzureOpenAI\nfrom . import llms\n",
    "another module's name": "from my.langchain_openai import AzureOpenAI\n",
    "a module that is not used": "import langchain_openai\nfrom langchain import llms\n",
    "a local of the same name": "def f(langchain_openai):\n    langchain_openai.AzureOpenAI()\n",
    "ours": "from langchain_azure_llms import AzureOpenAI\nllm = AzureOpenAI()\n",
    "nothing of LangChain's": "print( 'as  it is' )\n",
    "nothing": "",
    "a chat class alone": (
        "from langchain_community.chat_models.azureml_endpoint import AzureMLChatOnlineEndpoint\n"
        "from langchain_community.llms.azureml_endpoint import AzureMLEndpointApiType\n"
    ),
}


@pytest.fixture
def _without_warnings() -> None:
    """Let the old packages be imported; langchain-classic sets filters of its own."""
    import_module("langchain_classic")
    warnings.simplefilter("ignore")


@pytest.mark.parametrize(("before", "after"), FORMS.values(), ids=FORMS)
def test_an_import_of_ours_is_rewritten(before: str, after: str) -> None:
    """What is ours comes from here, and all else from where it came."""
    assert migrate(before).code == after


@pytest.mark.parametrize("after", [after for _, after in FORMS.values()], ids=FORMS)
def test_what_was_rewritten_is_python_and_stays_as_it_is(after: str) -> None:
    """A second run changes nothing."""
    ast.parse(after)
    assert migrate(after).code == after


@pytest.mark.parametrize("code", UNCHANGED.values(), ids=UNCHANGED)
def test_what_is_not_ours_stays_as_it_is(code: str) -> None:
    """To the last byte."""
    assert migrate(code).code == code


def test_the_rest_of_a_file_stays_as_it_is() -> None:
    """Comments, blank lines, tabs, line ends, and a missing last one."""
    before = (
        "# -*- coding: utf-8 -*-\r\n'''Doc.'''\r\n\r\n\r\n# above\r\n"
        "from langchain_openai import AzureOpenAI  # behind\r\n"
        "if True :\r\n\tllm=AzureOpenAI( max_tokens = 8 )\r\n# end"
    )
    assert migrate(before).code == before.replace("langchain_openai", "langchain_azure_llms")


@pytest.mark.parametrize("name", _names.OLD_NAMES)
@pytest.mark.usefixtures("_without_warnings")
def test_each_name_is_where_the_table_says(name: str) -> None:
    """In the packages as they are now; those of LangChain before 1.0 live on in -classic."""
    module, _, attribute = name.rpartition(".")
    found = import_module(module.replace("langchain.", "langchain_classic."))
    absent = module.endswith("azureml_endpoint") and "community" not in module
    if not (absent and attribute in {"AzureMLEndpointApiType", "LlamaContentFormatter"}):
        assert getattr(found, attribute).__name__ == attribute
    assert getattr(langchain_azure_llms, _names.OLD_NAMES[name]).__name__ == attribute


@pytest.mark.parametrize("module", sorted(_names.OLD_MODULES))
@pytest.mark.usefixtures("_without_warnings")
def test_each_name_of_ours_that_a_module_has_is_in_the_table(module: str) -> None:
    """None was forgotten."""
    found = import_module(module.replace("langchain.", "langchain_classic."))
    public = getattr(found, "__all__", dir(found))
    ours = {f"{module}.{name}" for name in langchain_azure_llms.__all__ if name in public}
    assert ours <= set(_names.OLD_NAMES)


_EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@pytest.mark.parametrize(
    "example", sorted(_EXAMPLES.glob("azure_*.py")), ids=lambda path: path.stem
)
def test_the_documented_examples_come_out_of_their_old_form(example: Path) -> None:
    """As they were in LangChain's documentation, but for the import."""
    code = example.read_text(encoding="utf-8")
    module = (
        "langchain_openai" if "AzureOpenAI" in code else "langchain_community.llms.azureml_endpoint"
    )
    before = code.replace("from langchain_azure_llms import", f"from {module} import")
    assert before != code
    assert migrate(before).code == code
