"""Every form of an endpoint's address ends in the right request URL."""

import time
from typing import Any

import httpx2
import pytest
from azure.core.credentials import AccessToken

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    OpenAIChatContentFormatter,
)
from langchain_azure_llms.exceptions import ConfigurationError
from tests.unit_tests.llms.endpoint_forms import FORMS, PAGE, EndpointForm, page
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls

each_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.what)
each_call = pytest.mark.parametrize("calls", [SyncCalls(), AsyncCalls()], ids=["sync", "async"])

_ANSWERS: dict[str, Any] = {
    "completions": {"choices": [{"text": "a"}]},
    "chat_completions": {"choices": [{"message": {"content": "a"}}]},
    "responses": {
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "a"}]}]
    },
}


@each_form
@each_call
@pytest.mark.parametrize("api", list(_ANSWERS))
def test_requests_go_where_the_page_says(
    form: EndpointForm, calls: SyncCalls | AsyncCalls, api: str
) -> None:
    """In each of the three forms of the API; the v1 API has the deployment in the body."""
    if form.only not in (None, api):
        pytest.skip("its address is that of another API")
    service = Service([httpx2.Response(200, json=_ANSWERS[api])])
    llm = AzureOpenAI(
        **form.settings, azure_deployment="d", api_key="k", api=api, **service.clients
    )
    calls.invoke(llm, "x")
    urls = {
        "completions": form.url,
        "chat_completions": form.chat_url,
        "responses": form.responses_url,
    }
    assert urls[api] == str(service.requests[0].url)
    assert "d" == service.bodies[0]["model"]


@each_form
def test_what_lies_in_the_environment_means_the_same(
    form: EndpointForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But that a dated version there does not undo an address of the v1 API."""
    names = {"azure_endpoint": "AZURE_OPENAI_ENDPOINT", "api_version": "OPENAI_API_VERSION"}
    given = {name: value for name, value in form.settings.items() if name not in names}
    for name, variable in names.items():
        if name in form.settings:
            monkeypatch.setenv(variable, form.settings[name])
    service = Service([httpx2.Response(200, json=_ANSWERS[form.only or "completions"])])
    AzureOpenAI(**given, azure_deployment="d", api_key="k", **service.clients).invoke("x")
    expected = form.url if "dated version of the v1" not in form.what else FORMS[12].url
    assert expected == str(service.requests[0].url)


def test_the_page_shows_what_is_checked() -> None:
    """`make tables` writes it."""
    assert page() == PAGE.read_text()


@pytest.mark.parametrize(
    "address",
    [
        "https://r.openai.azure.com",
        "https://r.openai.azure.com/openai",
        "https://r.openai.azure.com/openai/deployments/d",
        "https://gateway.example/v1",
    ],
)
def test_without_a_version_there_is_no_right_url(address: str) -> None:
    """The error says what to pass."""
    with pytest.raises(ConfigurationError, match=r"api_version.*OPENAI_API_VERSION.*'v1'"):
        AzureOpenAI(azure_endpoint=address, azure_deployment="d", api_key="k")


_EXACT = "https://gateway.example/team/chat/completions"


@each_call
def test_an_address_of_one_api_needs_no_deployment(calls: SyncCalls | AsyncCalls) -> None:
    """The gateway knows it; it is sent where it is given."""
    service = Service([httpx2.Response(200, json=_ANSWERS["chat_completions"])])
    llm = AzureOpenAI(azure_endpoint=_EXACT, api_key="k", **service.clients)
    assert "a" == calls.invoke(llm, "x")
    assert ([_EXACT], [None]) == (
        [str(one.url) for one in service.requests],
        [body.get("model") for body in service.bodies],
    )


def test_an_address_of_one_api_excludes_the_others() -> None:
    """The error names both."""
    with pytest.raises(ConfigurationError, match="chat_completions, and api is 'responses'"):
        AzureOpenAI(azure_endpoint=_EXACT, api_key="k", api="responses")


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        ("https://r.openai.azure.com", "https://cognitiveservices.azure.com/.default"),
        ("https://r.services.ai.azure.com", "https://cognitiveservices.azure.com/.default"),
        ("https://r.openai.azure.us", "https://cognitiveservices.azure.us/.default"),
        ("https://r.openai.azure.cn", "https://cognitiveservices.azure.cn/.default"),
        ("https://r.services.ai.azure.com/api/projects/p", "https://ai.azure.com/.default"),
        ("https://gateway.example", "https://cognitiveservices.azure.com/.default"),
    ],
)
@each_call
def test_tokens_are_asked_for_by_the_cloud_and_kind_of_the_address(
    calls: SyncCalls | AsyncCalls, address: str, scope: str
) -> None:
    """Unless the scope is given."""

    class Credential:
        def get_token(self, *scopes: str, **_: Any) -> AccessToken:
            asked.extend(scopes)
            return AccessToken("t", int(time.time()) + 3600)

    for own in (None, "https://own.example/.default"):
        asked: list[str] = []
        service = Service([httpx2.Response(200, json=_ANSWERS["completions"])])
        llm = AzureOpenAI(
            azure_endpoint=address,
            azure_deployment="d",
            api_version="2024-10-21",
            credential=Credential(),
            credential_scopes=own,
            **service.clients,
        )
        calls.invoke(llm, "x")
        assert [own or scope] == asked
        assert "Bearer t" == service.requests[0].headers["authorization"]


@pytest.mark.parametrize("name", ["Authorization", "Ocp-Apim-Subscription-Key", "api-key"])
@each_call
def test_a_credential_in_a_gateways_header_is_the_only_one(
    calls: SyncCalls | AsyncCalls, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is asked for, and none of the environment is sent beside one for the service."""
    variables = ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AZUREML_ENDPOINT_API_KEY")
    names = {"authorization", "ocp-apim-subscription-key", "api-key"}
    for is_set in (False, True) if name != "Ocp-Apim-Subscription-Key" else (False,):
        for variable in variables if is_set else ():
            monkeypatch.setenv(variable, "of the environment")
        service = Service([httpx2.Response(200, json=_ANSWERS["completions"])])
        shared: Any = {"default_headers": {name: "a secret"}, **service.clients}
        openai = AzureOpenAI(
            azure_endpoint="https://g.example", azure_deployment="d", api_version="v1", **shared
        )
        ml = AzureMLOnlineEndpoint(
            endpoint_url="https://g.example/completions",
            content_formatter=CustomOpenAIContentFormatter(),
            **shared,
        )
        for llm in (openai, ml):
            calls.invoke(llm, "x")
        for request in service.requests:
            found = {key: value for key, value in request.headers.items() if key in names}
            assert {name.lower(): "a secret"} == found


def test_a_key_of_the_environment_is_sent_beside_a_gateways_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A subscription key is for the gateway alone."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    service = Service([httpx2.Response(200, json=_ANSWERS["completions"])])
    AzureOpenAI(
        azure_endpoint="https://g.example",
        azure_deployment="d",
        api_version="v1",
        default_headers={"Ocp-Apim-Subscription-Key": "s"},
        **service.clients,
    ).invoke("x")
    headers = service.requests[0].headers
    assert ("k", "s") == (headers["api-key"], headers["ocp-apim-subscription-key"])


def test_a_credential_that_is_passed_is_sent_beside_a_gateways_header() -> None:
    """The gateway takes one, the service behind it the other."""
    service = Service([httpx2.Response(200, json=_ANSWERS["completions"])])
    AzureOpenAI(
        azure_endpoint="https://g.example",
        azure_deployment="d",
        api_version="v1",
        api_key="k",
        default_headers={"Ocp-Apim-Subscription-Key": "s"},
        **service.clients,
    ).invoke("x")
    headers = service.requests[0].headers
    assert ("k", "s") == (headers["api-key"], headers["ocp-apim-subscription-key"])


def test_a_scoring_url_may_have_a_query() -> None:
    """As the models route of Foundry resources."""
    service = Service([httpx2.Response(200, json=_ANSWERS["chat_completions"])])
    url = "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview"
    llm = AzureMLOnlineEndpoint(
        endpoint_url=url,
        endpoint_api_key="k",
        content_formatter=OpenAIChatContentFormatter(),
        model_kwargs={"model": "d"},
        **service.clients,
    )
    assert "a" == llm.invoke("x")
    assert (url, "d") == (str(service.requests[0].url), service.bodies[0]["model"])
