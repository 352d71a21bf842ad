"""`configurable_fields`: each call may set some settings, and all else is as it was."""

from typing import Any

import httpx2
import pytest
from langchain_core.runnables import ConfigurableField
from langchain_core.runnables.configurable import RunnableConfigurableFields

from langchain_azure_llms import AzureOpenAI
from langchain_azure_llms.exceptions import ConfigurationError
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, completion

Calls = SyncCalls | AsyncCalls
_TEMPERATURE = ConfigurableField(id="temperature")


class _Tokens:
    """A credential that counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def get_token(self, *_scopes: str, **_options: Any) -> Any:
        self.asked += 1
        from azure.core.credentials import AccessToken  # noqa: PLC0415 - an extra

        return AccessToken(f"token{self.asked}", 9999999999)


def _chat(_request: httpx2.Request) -> httpx2.Response:
    choice = {"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}
    return httpx2.Response(200, json={"choices": [choice]})


def _not_supported(request: httpx2.Request) -> httpx2.Response:
    if request.url.path.endswith("chat/completions"):
        return _chat(request)
    problem = {"code": "OperationNotSupported", "message": "not with gpt-9"}
    return httpx2.Response(400, json={"error": problem})


def _llm(service: Service, **settings: Any) -> AzureOpenAI:
    base = {"azure_endpoint": "https://r.example", "azure_deployment": "d", "api_version": "v1"}
    who = {} if "credential" in settings else {"api_key": "k"}
    return AzureOpenAI(**{**base, **who, **service.clients, **settings})


def test_the_call_sets_it_and_nothing_else(calls: Calls) -> None:
    """A chat model is sent what was set: no default is passed to it by the way."""
    service = Service([_chat])
    llm = _llm(service, api="chat_completions", seed=4)
    configurable = llm.configurable_fields(temperature=_TEMPERATURE)
    calls.invoke(configurable.with_config(configurable={"temperature": 0.1}), "p")
    calls.invoke(configurable, "p")
    common = {"messages": [{"role": "user", "content": "p"}], "model": "d", "seed": 4}
    assert [{**common, "temperature": 0.1}, common] == service.bodies


def test_what_was_learned_and_fetched_is_kept(calls: Calls) -> None:
    """Neither the form that the deployment speaks nor a token is asked for at each call."""
    service, tokens = Service([_not_supported]), _Tokens()
    llm = _llm(service, credential=tokens).configurable_fields(temperature=_TEMPERATURE)
    for temperature in (0.1, 0.2, 0.3):
        calls.invoke(llm.with_config(configurable={"temperature": temperature}), "p")
    assert ["/openai/v1/completions", *["/openai/v1/chat/completions"] * 3] == [
        request.url.path for request in service.requests
    ]
    assert 1 == tokens.asked


def test_credentials_of_the_environment_do_not_conflict(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were not passed, and still are not."""
    service = Service([completion("hi")])
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "t")
    llm = AzureOpenAI(
        azure_endpoint="https://r.example",
        azure_deployment="d",
        api_version="v1",
        **service.clients,
    ).configurable_fields(max_tokens=ConfigurableField(id="room"))
    assert "hi" == calls.invoke(llm.with_config(configurable={"room": 9}), "p")
    assert 9 == service.bodies[0]["max_tokens"]
    assert "Bearer t" == service.requests[0].headers["authorization"]


def test_a_wrong_value_is_refused_as_by_the_constructor(calls: Calls) -> None:
    """What a call sets is checked before it is sent."""
    llm = _llm(Service([])).configurable_fields(temperature=_TEMPERATURE)
    with pytest.raises(ConfigurationError, match="temperature"):
        calls.invoke(llm.with_config(configurable={"temperature": "warm"}), "p")


def test_several_in_turn_and_in_a_file(calls: Calls) -> None:
    """Settings can be made configurable one after another; LangChain's files name its own class."""
    service = Service([completion("hi")])
    llm = _llm(service).configurable_fields(temperature=_TEMPERATURE)
    both = llm.configurable_fields(top_p=ConfigurableField(id="top_p"))
    assert isinstance(both, RunnableConfigurableFields)
    assert RunnableConfigurableFields.lc_id() == both.lc_id()
    calls.invoke(both.with_config(configurable={"temperature": 0.1, "top_p": 0.2}), "p")
    assert (0.1, 0.2) == (service.bodies[0]["temperature"], service.bodies[0]["top_p"])
