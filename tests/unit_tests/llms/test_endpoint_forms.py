"""Every form of an endpoint's address ends in the right request URL."""

from typing import Any

import httpx2
import pytest

from langchain_azure_llms import AzureOpenAI
from langchain_azure_llms.exceptions import ConfigurationError
from tests.unit_tests.llms.endpoint_forms import FORMS, PAGE, EndpointForm, page
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, completion

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
    service = Service([completion("a")])
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
