"""The peers' own classes and OpenAI's own client find here what they find on Azure."""

import asyncio
import json
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import openai
import pytest
from langchain_openai import AzureChatOpenAI, AzureOpenAI, ChatOpenAI
from pydantic import SecretStr

from langchain_azure_llms.local import LocalEndpoints

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it announces its own end
    from langchain_community.llms.azureml_endpoint import (
        AzureMLOnlineEndpoint,
        ContentFormatterBase,
        CustomOpenAIContentFormatter,
        DollyContentFormatter,
        GPT2ContentFormatter,
        HFContentFormatter,
    )

DEPLOYMENT = "gpt-35-turbo-instruct"
VERSION = "2024-10-21"


def reference(endpoints: LocalEndpoints, prompt: str) -> str:
    """Return the greedy text that a plain HTTP client gets."""
    body = {"prompt": prompt, "max_tokens": 4, "temperature": 0}
    answer = httpx2.post(
        f"{endpoints.url}/completions", json=body, headers={"api-key": endpoints.api_key}
    )
    text: str = answer.json()["choices"][0]["text"]
    return text


@pytest.fixture
async def settings(endpoints: LocalEndpoints) -> AsyncIterator[dict[str, Any]]:
    """What every class of langchain-openai is given, with clients that are closed afterwards."""
    async with openai.DefaultAsyncHttpxClient() as asynchronous:
        with openai.DefaultHttpxClient() as synchronous:
            yield {
                "azure_endpoint": endpoints.url,
                "api_key": endpoints.api_key,
                "api_version": VERSION,
                "max_tokens": 4,
                "temperature": 0,
                "max_retries": 0,
                "http_client": synchronous,
                "http_async_client": asynchronous,
            }


@pytest.fixture
def azure_openai(settings: dict[str, Any]) -> AzureOpenAI:
    return AzureOpenAI(**settings, azure_deployment=DEPLOYMENT)


@pytest.fixture
def sdk(endpoints: LocalEndpoints) -> Iterator[openai.AzureOpenAI]:
    with openai.AzureOpenAI(
        azure_endpoint=endpoints.url,
        api_key=endpoints.api_key,
        api_version=VERSION,
        max_retries=0,
    ) as client:
        yield client


def test_langchain_openai_completes(endpoints: LocalEndpoints, azure_openai: AzureOpenAI) -> None:
    """Whole, and in pieces."""
    expected = reference(endpoints, "One two")
    assert expected == azure_openai.invoke("One two")
    assert expected == "".join(azure_openai.stream("One two"))


async def test_langchain_openai_completes_asynchronously(
    endpoints: LocalEndpoints, azure_openai: AzureOpenAI
) -> None:
    """Whole, and in pieces."""
    expected = reference(endpoints, "One two")
    pieces = [piece async for piece in azure_openai.astream("One two")]
    assert expected == await azure_openai.ainvoke("One two")
    assert expected == "".join(pieces)


def test_langchain_openai_sorts_the_choices_of_several_prompts(azure_openai: AzureOpenAI) -> None:
    """It relies on their order, and on the count of tokens."""
    result = azure_openai.generate(["One two", "Red green"], echo=True)
    assert [group[0].text.split(" ")[0] for group in result.generations] == ["One", "Red"]
    assert result.llm_output is not None
    assert result.llm_output["token_usage"]["completion_tokens"] == 8


def test_langchain_openai_chats(settings: dict[str, Any]) -> None:
    """With the deployment that only chats."""
    llm = AzureChatOpenAI(**settings, azure_deployment="local-chat")
    whole = llm.invoke("Hi")
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 4
    assert whole.text == "".join(chunk.text for chunk in llm.stream("Hi"))


def test_langchain_openai_takes_responses(endpoints: LocalEndpoints) -> None:
    """At v1, with the deployment that speaks nothing else."""
    with openai.DefaultHttpxClient() as synchronous:
        llm = ChatOpenAI(
            base_url=f"{endpoints.url}/openai/v1",
            api_key=SecretStr(endpoints.api_key),
            model="local-responses",
            use_responses_api=True,
            max_completion_tokens=16,
            temperature=0,
            max_retries=0,
            http_client=synchronous,
        )
        whole = llm.invoke("Tell me a long story.")
        pieces = [chunk.text for chunk in llm.stream("Tell me a long story.")]
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 16
    assert whole.text == "".join(pieces)


@pytest.mark.parametrize(
    "formatter",
    [
        GPT2ContentFormatter(),
        HFContentFormatter(),
        DollyContentFormatter(),
        CustomOpenAIContentFormatter(),
    ],
    ids=lambda formatter: type(formatter).__name__,
)
def test_langchain_community_scores_in_each_schema(
    endpoints: LocalEndpoints, formatter: ContentFormatterBase
) -> None:
    """Each formatter reads the answer it expects."""
    llm = AzureMLOnlineEndpoint(
        endpoint_url=f"{endpoints.url}/score",
        endpoint_api_type="dedicated",  # a string: under Python 3.11 the peer refuses its own enum
        endpoint_api_key=endpoints.api_key,
        content_formatter=formatter,
        model_kwargs={"max_new_tokens": 4, "do_sample": False},
    )
    # The peer wraps every prompt in quotes.
    assert llm.invoke("One two") == reference(endpoints, '"One two"')


def test_langchain_community_completes_on_a_serverless_endpoint(endpoints: LocalEndpoints) -> None:
    """At the one path it takes."""
    llm = AzureMLOnlineEndpoint(
        endpoint_url=f"{endpoints.url}/completions",  # the peer refuses /v1/completions
        endpoint_api_type="serverless",
        endpoint_api_key=endpoints.api_key,
        content_formatter=CustomOpenAIContentFormatter(),
        model_kwargs={"max_tokens": 4, "temperature": 0},
    )
    assert llm.invoke("One two") == reference(endpoints, "One two").strip()


def test_openais_client_streams_with_a_count(
    endpoints: LocalEndpoints, sdk: openai.AzureOpenAI
) -> None:
    """It parses every event, the first and the last included."""
    stream = sdk.completions.create(
        model=DEPLOYMENT,
        prompt="One two",
        max_tokens=4,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    events = list(stream)
    pieces = [event.choices[0].text for event in events if event.choices]
    assert "".join(pieces) == reference(endpoints, "One two")
    assert events[-1].usage is not None
    assert events[-1].usage.completion_tokens == 4


def test_openais_client_talks_to_the_v1_routes(endpoints: LocalEndpoints) -> None:
    """It knows only the place of a bearer token for its key."""
    with openai.OpenAI(
        base_url=f"{endpoints.url}/openai/v1", api_key=endpoints.api_key, max_retries=0
    ) as client:
        answer = client.completions.create(
            model=DEPLOYMENT, prompt="One two", max_tokens=4, temperature=0
        )
    assert answer.choices[0].text == reference(endpoints, "One two")


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"model": "no-such"}, openai.NotFoundError, "DeploymentNotFound"),
        ({"model": "local-chat"}, openai.BadRequestError, "OperationNotSupported"),
        ({"prompt": "one " * 3000}, openai.BadRequestError, "context_length_exceeded"),
        ({"extra_headers": {"api-key": "wrong"}}, openai.AuthenticationError, "401"),
    ],
    ids=["deployment", "operation", "context", "key"],
)
def test_openais_client_raises_what_it_raises_on_azure(
    sdk: openai.AzureOpenAI, change: dict[str, Any], error: type[openai.APIStatusError], code: str
) -> None:
    """By status, and with the code."""
    arguments: dict[str, Any] = {"model": DEPLOYMENT, "prompt": "Hi", "max_tokens": 1} | change
    with pytest.raises(error) as caught:
        sdk.completions.create(**arguments)
    assert caught.value.code == code


async def test_openais_own_client_runs_a_batch(endpoints: LocalEndpoints) -> None:
    """File, batch, answers: parsed by its own types."""
    body = {"model": "local-chat", "messages": [{"role": "user", "content": "Hi"}]}
    body |= {"max_completion_tokens": 4}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    url = f"{endpoints.url}/openai/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key=endpoints.api_key) as sdk:
        content = ("input.jsonl", json.dumps(line).encode())
        file = await sdk.files.create(file=content, purpose="batch")
        batch = await sdk.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        for _ in range(600):
            batch = await sdk.batches.retrieve(batch.id)
            if batch.status == "completed":
                break
            await asyncio.sleep(0.05)
        assert batch.request_counts is not None
        assert (1, 0) == (batch.request_counts.completed, batch.request_counts.failed)
        output = await sdk.files.content(str(batch.output_file_id))
        found = json.loads(output.text)
        assert found["custom_id"] == "a"
        assert 4 == found["response"]["body"]["usage"]["completion_tokens"]
        listed = [one.id async for one in sdk.batches.list()]
        assert batch.id == listed[0]  # other tests have batches there, too
