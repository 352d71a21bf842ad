"""Where old code fails on the packages it was written for, and works here."""

import copy
import json
from typing import Any

import httpx2
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models.llms import BaseLLM

from langchain_azure_llms import (
    AzureMLEndpointApiType,
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    GPT2ContentFormatter,
)
from langchain_azure_llms.exceptions import ConfigurationError, MissingCredentialError

RESOURCE: dict[str, Any] = {
    "azure_endpoint": "https://resource.example",
    "azure_deployment": "a-deployment",
    "api_version": "2024-10-21",
}
HOST = "https://endpoint.example"
each_way = pytest.mark.parametrize("way", ["sync", "async"])


class Wire:
    """A service that gives prepared answers in turn, the last one for ever."""

    def __init__(self, *answers: httpx2.Response) -> None:
        self.answers = list(answers)
        self.received: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.received.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def clients(self) -> dict[str, Any]:
        transport = httpx2.MockTransport(self)
        return {
            "http_client": httpx2.Client(transport=transport, trust_env=False),
            "http_async_client": httpx2.AsyncClient(transport=transport, trust_env=False),
        }


def completion(text: str | None = "fine", model: str = "served-model") -> httpx2.Response:
    choice = {"text": text, "index": 0, "finish_reason": "stop", "logprobs": None}
    return httpx2.Response(200, json={"choices": [choice], "model": model})


def score(text: str = "fine") -> httpx2.Response:
    return httpx2.Response(200, json=[{"0": text}])


def events(*texts: str) -> httpx2.Response:
    choices = [{"text": text, "index": 0, "finish_reason": "stop"} for text in texts]
    lines = [f"data: {json.dumps({'choices': [choice]})}\n\n" for choice in choices]
    return httpx2.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content="".join([*lines, "data: [DONE]\n\n"]).encode(),
    )


def online_endpoint(path: str = "/score", **more: Any) -> AzureMLOnlineEndpoint:
    settings = {
        "endpoint_url": HOST + path,
        "endpoint_api_key": "a-key",
        "content_formatter": CustomOpenAIContentFormatter(),
    }
    return AzureMLOnlineEndpoint(**{**settings, **more})


async def ask(llm: BaseLLM, prompt: str, way: str, **call: Any) -> str:
    return await llm.ainvoke(prompt, **call) if way == "async" else llm.invoke(prompt, **call)


# --- credentials ---------------------------------------------------------------------------------


@each_way
async def test_the_documented_entra_flow_sends_a_bearer_token(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`OPENAI_API_TYPE=azure_ad` with the token in `OPENAI_API_KEY`."""
    monkeypatch.setenv("OPENAI_API_TYPE", "azure_ad")
    monkeypatch.setenv("OPENAI_API_KEY", "a-token")
    wire = Wire(completion())
    await ask(AzureOpenAI(**RESOURCE, **wire.clients()), "Hi", way)
    assert wire.received[0].headers["authorization"] == "Bearer a-token"
    assert "api-key" not in wire.received[0].headers


@each_way
async def test_an_explicit_key_beats_the_environments_token(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the caller passed is what is sent."""
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "environment-token")
    wire = Wire(completion())
    await ask(AzureOpenAI(**RESOURCE, api_key="a-key", **wire.clients()), "Hi", way)
    assert wire.received[0].headers["api-key"] == "a-key"
    assert "authorization" not in wire.received[0].headers


def test_another_services_key_is_not_sent_and_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`OPENAI_API_KEY` alone is no credential for Azure."""
    monkeypatch.setenv("OPENAI_API_KEY", "another-services-key")
    with pytest.raises(MissingCredentialError, match="OPENAI_API_KEY is set, but"):
        AzureOpenAI(**RESOURCE)


async def test_an_async_token_provider_alone_serves_the_async_methods() -> None:
    """The sync ones say what is missing."""

    async def provide() -> str:
        return "a-token"

    wire = Wire(completion())
    llm = AzureOpenAI(**RESOURCE, azure_ad_async_token_provider=provide, **wire.clients())
    assert await llm.ainvoke("Hi") == "fine"
    assert wire.received[0].headers["authorization"] == "Bearer a-token"
    with pytest.raises(ConfigurationError, match="azure_ad_token_provider"):
        llm.invoke("Hi")


@pytest.mark.parametrize("show", [repr, str])
def test_keys_are_not_shown(show: Any) -> None:
    """Nor kept in plain text on another object."""
    secret = "a-secret-key"
    for llm in (AzureOpenAI(**RESOURCE, api_key=secret), online_endpoint(endpoint_api_key=secret)):
        assert secret not in show(llm)
        assert llm.http_client is None


# --- construction --------------------------------------------------------------------------------


def test_the_documented_member_of_the_api_types_is_taken() -> None:
    """The peer turns it into a text, and refuses that."""
    llm = online_endpoint(endpoint_api_type=AzureMLEndpointApiType.dedicated)
    assert llm.endpoint_api_type is AzureMLEndpointApiType.dedicated


@pytest.mark.parametrize(
    ("path", "api_type"),
    [
        ("/score", "dedicated"),
        ("/completions", "serverless"),
        ("/v1/completions", "serverless"),
        ("/v1/chat/completions", "serverless"),
        ("/chat/completions", "serverless"),
        ("/models/chat/completions", "serverless"),
        ("/api/v1/endpoint/my-endpoint/score", "dedicated"),
        ("/gateway/prefix/score", "dedicated"),
        ("/gateway/prefix/v1/completions", "serverless"),
    ],
)
def test_every_endpoint_that_can_work_is_taken(path: str, api_type: str) -> None:
    """Kubernetes' and gateways' paths too, whether the api type is given or not."""
    for more in ({}, {"endpoint_api_type": api_type}):
        llm = online_endpoint(path, **more)
        assert (llm.endpoint_url, llm.endpoint_api_type) == (HOST + path, api_type)


@each_way
async def test_another_services_address_does_not_break_a_correct_endpoint(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`OPENAI_API_BASE` belongs to it."""
    monkeypatch.setenv("OPENAI_API_BASE", "https://api.example/v1")
    wire = Wire(completion())
    await ask(AzureOpenAI(**RESOURCE, api_key="a-key", **wire.clients()), "Hi", way)
    assert wire.received[0].url.host == "resource.example"


def test_misspelt_arguments_are_errors() -> None:
    """With the name that was probably meant."""
    with pytest.raises(ConfigurationError, match="Did you mean 'temperature'"):
        AzureOpenAI(**RESOURCE, api_key="a-key", temperatur=0)
    with pytest.raises(ConfigurationError, match="Did you mean 'content_formatter'"):
        online_endpoint(content_formater=GPT2ContentFormatter())


def test_a_timeout_from_the_environment_may_have_a_fraction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`AZUREML_TIMEOUT=90.5`."""
    monkeypatch.setenv("AZUREML_TIMEOUT", "90.5")
    assert online_endpoint().timeout == 90.5


@each_way
async def test_a_client_of_ones_own_is_used(way: str) -> None:
    """The peer for Azure ML replaces it."""
    wire = Wire(score())
    clients = wire.clients()
    llm = online_endpoint(**clients)
    assert await ask(llm, "Hi", way) == "fine"
    assert (llm.http_client, len(wire.received)) == (clients["http_client"], 1)


# --- calls ---------------------------------------------------------------------------------------


@each_way
async def test_call_time_arguments_do_not_stay(way: str) -> None:
    """Nor do they change the caller's own dictionary."""
    wire, model_kwargs = Wire(score()), {"temperature": 0.8}
    llm = online_endpoint(model_kwargs=model_kwargs, **wire.clients())
    for call in ({"temperature": 0.5, "stop": ["END"], "top_k": 3}, {}):
        await ask(llm, "Hi", way, **call)
    sent = [json.loads(request.content)["input_data"]["parameters"] for request in wire.received]
    assert sent == [{"temperature": 0.5, "stop": ["END"], "top_k": 3}, {"temperature": 0.8}]
    assert model_kwargs == {"temperature": 0.8}


@each_way
async def test_the_retries_of_an_online_endpoint_are_read(way: str) -> None:
    """A failure of the service is retried as often as was asked."""
    failure = httpx2.Response(503, headers={"retry-after-ms": "1"})
    wire = Wire(failure, failure, score())
    assert await ask(online_endpoint(max_retries=2, **wire.clients()), "Hi", way) == "fine"
    assert len(wire.received) == 3


@each_way
async def test_streaming_takes_several_prompts(way: str) -> None:
    """One request each."""
    wire = Wire(events("fine"))
    llm = AzureOpenAI(**RESOURCE, api_key="a-key", streaming=True, **wire.clients())
    prompts = ["one", "two"]
    result = await llm.agenerate(prompts) if way == "async" else llm.generate(prompts)
    assert [group[0].text for group in result.generations] == ["fine", "fine"]
    assert sorted(json.loads(request.content)["prompt"] for request in wire.received) == [
        "one",
        "two",
    ]


@each_way
async def test_a_filtered_text_is_an_empty_text(way: str) -> None:
    """Azure says null there."""
    wire = Wire(completion(text=None))
    assert await ask(AzureOpenAI(**RESOURCE, api_key="a-key", **wire.clients()), "Hi", way) == ""


@each_way
async def test_white_space_around_a_completion_stays(way: str) -> None:
    """Whole answers then are what the chunks of a stream add up to."""
    wire = Wire(completion(text="\n\n fine "))
    llm = online_endpoint("/v1/completions", **wire.clients())
    assert await ask(llm, "Hi", way) == "\n\n fine "


@each_way
async def test_results_name_the_model_that_answered(way: str) -> None:
    """Not the class's default."""
    wire = Wire(completion(model="gpt-35-turbo-instruct"))
    llm = AzureOpenAI(**RESOURCE, api_key="a-key", **wire.clients())
    result = await llm.agenerate(["Hi"]) if way == "async" else llm.generate(["Hi"])
    assert (result.llm_output or {})["model_name"] == "gpt-35-turbo-instruct"


@each_way
async def test_two_endpoints_do_not_share_cached_answers(way: str) -> None:
    """The endpoint is part of what a cache goes by."""
    cache = InMemoryCache()
    answers = []
    for number in ("1", "2", "1"):
        wire = Wire(score(f"answer {number}"))
        url = f"https://endpoint-{number}.example/score"
        llm = online_endpoint(endpoint_url=url, cache=cache, **wire.clients())
        answers.append((await ask(llm, "Hi", way), len(wire.received)))
    assert answers == [("answer 1", 1), ("answer 2", 1), ("answer 1", 0)]


# --- objects -------------------------------------------------------------------------------------


def test_an_llm_can_be_copied() -> None:
    """Deeply too, its key with it."""
    llm = AzureOpenAI(**RESOURCE, api_key="a-key")
    copied = copy.deepcopy(llm)
    assert copied.openai_api_key == llm.openai_api_key
    assert copied._identifying_params == llm._identifying_params
