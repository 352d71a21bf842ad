"""Caches that fail between two looks: what goes wrong is the affair of one prompt."""

from collections import Counter
from typing import Any

from langchain_core.caches import InMemoryCache

from langchain_azure_llms import AzureOpenAI
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, completion

Calls = SyncCalls | AsyncCalls


class _Broken(InMemoryCache):
    """Knows a prompt at the first look, and breaks at the second."""

    def __init__(self) -> None:
        super().__init__()
        self._looks: Counter[str] = Counter()

    def lookup(self, prompt: str, llm_string: str) -> Any:
        known = super().lookup(prompt, llm_string)
        self._looks[prompt] += known is not None
        if self._looks[prompt] > 1:
            raise ConnectionError("the cache is gone")
        return known


def test_a_cache_that_breaks_spoils_its_prompt_alone(calls: Calls) -> None:
    """Beside a prompt that was refused, the cached one is looked up again."""
    service = Service([completion("kept"), completion("refused")])
    service.answers[1].status_code = 500  # type: ignore[union-attr] # it is a response
    llm = AzureOpenAI(
        azure_endpoint="https://r.openai.azure.com",
        azure_deployment="d",
        api_version="2024-10-21",
        api_key="k",
        max_retries=0,
        cache=_Broken(),
        **service.clients,
    )
    calls.batch(llm, ["known"])
    found = calls.batch(llm, ["known", "new"], return_exceptions=True)
    assert ["ConnectionError", "ServerError"] == [type(each).__name__ for each in found]
