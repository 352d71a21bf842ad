"""LLMs that users derive from ours, and that answer by our own method."""

from typing import Any

import pytest
from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    BaseCallbackHandler,
    CallbackManagerForLLMRun,
)
from langchain_core.outputs import LLMResult

from langchain_azure_llms import AzureOpenAI
from langchain_azure_llms.exceptions import ServerError
from tests.unit_tests.llms.scripted import (
    AsyncCalls,
    Service,
    SyncCalls,
    completion,
    stream,
    text_event,
)

Calls = SyncCalls | AsyncCalls


class _Louder(AzureOpenAI):
    """Asks as its base does, and changes the answers."""

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        return _upper(super()._generate(prompts, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        return _upper(await super()._agenerate(prompts, stop, run_manager, **kwargs))


def _upper(result: LLMResult) -> LLMResult:
    for generations in result.generations:
        for generation in generations:
            generation.text = generation.text.upper()
    return result


def _llm(service: Service, **settings: Any) -> _Louder:
    return _Louder(
        azure_endpoint="https://r.openai.azure.com",
        azure_deployment="d",
        api_version="2024-10-21",
        api_key="k",
        max_retries=0,
        batch_size=2,
        **{**service.clients, **settings},
    )


def test_the_bases_answers_come_in_their_order(calls: Calls, service: Service) -> None:
    """Of several requests, with their usage added up, and changed by the subclass."""
    result = calls.generate(_llm(service), ["a", "b", "c"], stop=["x"])
    assert [found[0].text for found in result.generations] == ["A!", "B!", "C!"]
    assert (result.llm_output or {})["token_usage"]["total_tokens"] == 9
    assert [body["stop"] for body in service.bodies] == [["x"], ["x"]]


def test_the_bases_error_names_its_prompt(calls: Calls) -> None:
    """The first of those that failed."""
    service = Service([completion("one", "two"), completion("not json")])
    service.answers[1].status_code = 500  # type: ignore[union-attr] # it is a response
    with pytest.raises(ServerError, match="prompt 2 of 3"):
        calls.generate(_llm(service), ["a", "b", "c"])


def test_the_bases_stream_is_reported_to_who_listens(calls: Calls) -> None:
    """To the one listener that LangChain hands to the subclass."""
    told: list[str] = []

    class Listener(BaseCallbackHandler):
        def on_llm_new_token(self, token: str, **_: Any) -> None:
            told.append(token)

    service = Service([stream(text_event("on"), text_event("e", "stop"))])
    llm = _llm(service, streaming=True)
    assert calls.invoke(llm, "a", config={"callbacks": [Listener()]}) == "ONE"
    assert "".join(told) == "one"
