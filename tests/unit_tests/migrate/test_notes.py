"""What is listed for a look, and what is not."""

import pytest

from langchain_azure_llms import exceptions
from langchain_azure_llms.migrate import _names
from langchain_azure_llms.migrate._rewrite import migrate

_OURS = "from langchain_openai import AzureOpenAI\n"
_AZURE_ML = "from langchain_community.llms.azureml_endpoint import "

NOTED = {
    "two credentials": (
        f"{_OURS}AzureOpenAI(api_key=key, azure_ad_token_provider=provider)\n",
        [
            (
                2,
                "AzureOpenAI takes one credential, "
                "not api_key and azure_ad_token_provider: keep one.",
            )
        ],
    ),
    "three credentials": (
        "import langchain_openai as lo\n"
        "lo.AzureOpenAI(openai_api_key=key, azure_ad_token='t', credential=c)\n",
        [
            (
                2,
                "AzureOpenAI takes one credential, "
                "not openai_api_key and azure_ad_token and credential: keep one.",
            )
        ],
    ),
    "two credentials of a class that comes from here": (
        "from langchain_azure_llms import AzureMLOnlineEndpoint as LLM\n"
        "LLM(endpoint_api_key='k', credential=c)\n",
        [
            (
                2,
                "AzureMLOnlineEndpoint takes one credential, not endpoint_api_key and credential: "
                "keep one.",
            )
        ],
    ),
    "a client of httpx": (
        f"import httpx\n{_OURS}AzureOpenAI(http_client=httpx.Client())\n",
        [(3, "httpx.Client: http_client takes an httpx2.Client, made alike.")],
    ),
    "an async client of httpx": (
        f"from httpx import AsyncClient as C\n{_OURS}AzureOpenAI(http_async_client=C())\n",
        [(3, "httpx.AsyncClient: http_async_client takes an httpx2.AsyncClient, made alike.")],
    ),
    "an error of openai": (
        f"import openai\n{_OURS}try: ...\nexcept openai.RateLimitError: ...\n",
        [
            (
                4,
                "except openai.RateLimitError: around these LLMs, "
                "catch langchain_azure_llms.exceptions.RateLimitError.",
            )
        ],
    ),
    "errors of old versions of openai": (
        f"from openai.error import InvalidRequestError, Timeout\n{_OURS}"
        "try: ...\nexcept (Timeout, InvalidRequestError, OSError) as error: ...\n",
        [
            (
                4,
                "except openai.error.InvalidRequestError: around these LLMs, "
                "catch langchain_azure_llms.exceptions.BadRequestError.",
            ),
            (
                4,
                "except openai.error.Timeout: around these LLMs, "
                "catch langchain_azure_llms.exceptions.EndpointTimeoutError.",
            ),
        ],
    ),
    "an error of the connection": (
        f"from urllib.error import HTTPError\n{_AZURE_ML}AzureMLOnlineEndpoint\n"
        "try: ...\nexcept HTTPError: ...\nexcept: ...\n",
        [
            (
                4,
                "except urllib.error.HTTPError: around these LLMs, "
                "catch langchain_azure_llms.exceptions.StatusError.",
            )
        ],
    ),
    "an address of another service": (
        f"import os\n{_OURS}os.environ['OPENAI_API_BASE'] = 'https://r.openai.azure.com'\n",
        [(3, "OPENAI_API_BASE is not read: set AZURE_OPENAI_ENDPOINT, or pass azure_endpoint.")],
    ),
    "settings of openai's module": (
        f"import openai\n{_OURS}openai.api_version = '2023-05-15'\nopenai.api_key = key\n",
        [
            (3, "openai.api_version is not read: set OPENAI_API_VERSION, or pass api_version."),
            (4, "openai.api_key is not read: set AZURE_OPENAI_API_KEY, or pass api_key."),
        ],
    ),
    "an argument of 2023": (
        f"{_OURS}AzureOpenAI(engine='davinci')\n",
        [(2, "AzureOpenAI has no argument engine: pass azure_deployment.")],
    ),
    "a key of another service": (
        f"import os\n{_OURS}os.environ['OPENAI_API_KEY'] = key\n",
        [
            (
                3,
                "OPENAI_API_KEY is sent to Azure only with OPENAI_API_TYPE=azure_ad: "
                "set AZURE_OPENAI_API_KEY.",
            )
        ],
    ),
    "all names": (
        f"{_OURS}from langchain_community.llms.azureml_endpoint import *\n",
        [(2, "`import *`: import from langchain_azure_llms what is used.")],
    ),
    "a client without a counterpart": (
        f"{_AZURE_ML}AzureMLEndpointClient, AzureMLOnlineEndpoint\n",
        [(1, "AzureMLEndpointClient stays where it was: it has no counterpart.")],
    ),
    "a text that names a module": (
        f"{_OURS}mock.patch('langchain_openai.AzureOpenAI')\n",
        [(2, "The text 'langchain_openai.AzureOpenAI' names the old place.")],
    ),
    "a text that names the module alone": (
        f"{_OURS}import_module('langchain.llms.azureml_endpoint')\n",
        [(2, "The text 'langchain.llms.azureml_endpoint' names the old place.")],
    ),
    "a loader": (
        "from langchain.llms.loading import load_llm\n",
        [(1, "load_llm loads LLMs of this package; for other types keep LangChain's.")],
    ),
    "a loader that is looked up": (
        "import langchain.llms.loading as l\nl.load_llm('x.json')\n",
        [(2, "load_llm loads LLMs of this package; for other types keep LangChain's.")],
    ),
    "what moved in LangChain 1.0": (
        f"from langchain.chains import LLMChain\n{_OURS}",
        [(1, "langchain.chains.LLMChain: since LangChain 1.0 it is in langchain_classic.")],
    ),
    "what moved out of the package in LangChain 1.0": (
        f"from langchain import LLMChain, agents\n{_OURS}",
        [(1, "langchain.LLMChain: since LangChain 1.0 it is in langchain_classic.")],
    ),
    "what the chat class needs, too": (
        "from langchain_community.chat_models import AzureMLChatOnlineEndpoint\n"
        f"{_AZURE_ML}ContentFormatterBase, AzureMLOnlineEndpoint\n",
        [
            (
                2,
                "ContentFormatterBase stays, for LangChain's chat class needs it; "
                "AzureMLOnlineEndpoint takes it, too.",
            )
        ],
    ),
}
QUIET = {
    "texts that name a package": f"{_OURS}names = 'langchain_openai', 'langchain.llms'\n",
    "what LangChain 1.0 still has": (
        f"from langchain.agents import create_agent\n{_OURS}from langchain_core.prompts import P\n"
    ),
    "a module that is not needed any more": (
        "from langchain import llms\nllms.AzureOpenAI(engine=None)\n"
    ),
    "arguments of another class": (
        "from langchain.llms import AzureMLOnlineEndpoint\nAzureMLOnlineEndpoint(headers={})\n"
    ),
    "all names of others": f"from os import *\n{_OURS}",
    "one credential": f"{_OURS}AzureOpenAI(api_key=key, azure_ad_token=None, n=1)\n",
    "a provider for each way": (
        f"{_OURS}AzureOpenAI(azure_ad_token_provider=a, azure_ad_async_token_provider=b)\n"
    ),
    "arguments in a mapping": f"{_OURS}AzureOpenAI('x', **settings)\n",
    "the SDK's class": f"import openai\n{_OURS}openai.AzureOpenAI(api_key=k, azure_ad_token=t)\n",
    "the token flow that LangChain documented": (
        f"import os\n{_OURS}os.environ['OPENAI_API_TYPE'] = 'azure_ad'\n"
        "os.environ['OPENAI_API_KEY'] = token\n"
    ),
    "a client of httpx without ours": "import httpx\nimport langchain_openai\nhttpx.Client()\n",
    "errors of others": f"{_OURS}try: ...\nexcept (ValueError, openai.RateLimitError): ...\n",
    "an attribute of openai that is no error": (
        f"import openai\n{_OURS}try: ...\nexcept openai.types.Odd: ...\n"
    ),
}


@pytest.mark.parametrize(("code", "expected"), NOTED.values(), ids=NOTED)
def test_what_needs_a_look_is_listed(code: str, expected: list[tuple[int, str]]) -> None:
    """With its line, and what to do."""
    assert [(note.line, note.text) for note in migrate(code).notes] == expected


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET)
def test_what_needs_no_look_is_not(code: str) -> None:
    """A list that is too long is not read."""
    assert [] == [*migrate(code).notes]


_ERRORS = sorted({*_names.OPENAI_ERRORS.values(), *_names.OTHER_ERRORS.values()})


@pytest.mark.parametrize("name", _ERRORS)
def test_the_errors_to_catch_exist(name: str) -> None:
    """Each name is one of `langchain_azure_llms.exceptions`."""
    assert issubclass(getattr(exceptions, name), Exception)
