"""Both classes keep what LangChain promises of an LLM that is asked nothing."""

from tests.conformance import LLMUnitTests
from tests.conformance.suites import OfAzureOpenAI, OfDedicatedEndpoint, OfOnlineEndpoint


class _Nowhere:
    """Addresses that nobody asks."""

    url = "https://here.example"
    elsewhere = "https://there.example"
    key = "a-secret-key"


class TestAzureOpenAI(_Nowhere, OfAzureOpenAI, LLMUnitTests):
    """The LLM of Azure OpenAI."""


class TestServerlessEndpoint(_Nowhere, OfOnlineEndpoint, LLMUnitTests):
    """The LLM of online endpoints, at a serverless one."""


class TestDedicatedEndpoint(_Nowhere, OfDedicatedEndpoint, LLMUnitTests):
    """The LLM of online endpoints, at a dedicated one."""
