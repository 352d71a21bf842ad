"""The Responses API, as a plain HTTP client and OpenAI's own client see it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types.responses import Response, ResponseCompletedEvent, ResponseIncompleteEvent

from langchain_azure_llms.local import LocalEndpoints

ROUTE = "/openai/v1/responses"
DEPLOYMENT = "local-responses"
PROMPT = "Tell me a long story."  # no answer of 16 tokens ends by itself
GREEDY = {"model": DEPLOYMENT, "input": PROMPT, "max_output_tokens": 16, "temperature": 0}


def respond(client: httpx2.Client, **body: Any) -> Any:
    return client.post(ROUTE, json=GREEDY | body).raise_for_status().json()


def written(answer: Any) -> str:
    text: str = answer["output"][0]["content"][0]["text"]
    return text


@pytest.fixture
def sdk(endpoints: LocalEndpoints) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{endpoints.url}/openai/v1", api_key=endpoints.api_key, max_retries=0
    ) as client:
        yield client


def test_the_model_answers_as_it_does_in_chat(client: httpx2.Client) -> None:
    """The envelopes differ, never the text."""
    messages = [{"role": "user", "content": PROMPT}]
    chat = {"model": "local-chat", "messages": messages, "max_tokens": 16, "temperature": 0}
    expected = client.post("/openai/v1/chat/completions", json=chat).json()
    answer = respond(client)
    assert expected["choices"][0]["message"]["content"] == written(answer)
    assert expected["usage"]["prompt_tokens"] == answer["usage"]["input_tokens"]
    assert (answer["status"], answer["usage"]["output_tokens"]) == ("incomplete", 16)


@pytest.mark.parametrize("version", ["", "preview", "2025-04-01-preview"])
def test_the_version_does_not_matter(client: httpx2.Client, version: str) -> None:
    """There is one in some clients' requests."""
    answer = client.post(ROUTE, params={"api-version": version} if version else {}, json=GREEDY)
    assert answer.status_code == 200
    assert "apim-request-id" in answer.headers


def test_the_input_may_be_written_out(client: httpx2.Client) -> None:
    """A list of messages, with parts; instructions are the system's."""
    parts = [{"type": "input_text", "text": text} for text in (PROMPT[:5], PROMPT[5:])]
    user = {"role": "user", "content": parts}
    system = {"role": "system", "content": "Be brief"}
    assert written(respond(client)) == written(respond(client, input=[user]))
    brief = written(respond(client, instructions="Be brief"))
    assert brief == written(respond(client, input=[system, user]))


def test_logprobs_stand_beside_the_text(client: httpx2.Client) -> None:
    """One for each token, each with its rivals."""
    include = ["message.output_text.logprobs"]
    content = respond(client, include=include, top_logprobs=2)["output"][0]["content"][0]
    assert "".join(token["token"] for token in content["logprobs"]) == content["text"]
    assert {len(token["top_logprobs"]) for token in content["logprobs"]} == {2}


def test_a_stream_is_named_events_that_add_up(client: httpx2.Client) -> None:
    """Nothing follows the one that ends the response."""
    answer = client.post(ROUTE, json=GREEDY | {"stream": True})
    frames = answer.text.removesuffix("\n\n").split("\n\n")
    names = [frame.split("\n")[0].removeprefix("event: ") for frame in frames]
    datas = [json.loads(frame.split("\n")[1].removeprefix("data: ")) for frame in frames]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert names == [data["type"] for data in datas]
    assert (names[0], names[-1]) == ("response.created", "response.incomplete")
    assert list(range(len(datas))) == [data["sequence_number"] for data in datas]
    whole = respond(client)
    assert written(whole) == "".join(data.get("delta", "") for data in datas)
    assert written(whole) == written(datas[-1]["response"])
    assert whole["usage"] == datas[-1]["response"]["usage"]


def test_openais_client_reads_a_whole_response(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    """Text, status and counts."""
    response = sdk.responses.create(
        model=DEPLOYMENT, input=PROMPT, max_output_tokens=16, temperature=0, store=False
    )
    assert written(respond(client)) == response.output_text
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.usage is not None
    assert (response.usage.output_tokens, response.to_dict()["store"]) == (16, False)
    assert Response.model_validate_json(response.model_dump_json()) == response


def test_openais_client_reads_a_streamed_response(
    client: httpx2.Client, sdk: openai.OpenAI
) -> None:
    """Its own accumulator makes of the events the response that the last one tells."""
    with sdk.responses.stream(
        model=DEPLOYMENT, input=PROMPT, max_output_tokens=16, temperature=0
    ) as stream:
        events = list(stream)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    last = events[-1]
    assert written(respond(client)) == "".join(deltas)
    assert isinstance(last, ResponseIncompleteEvent | ResponseCompletedEvent)
    assert last.response.output_text == "".join(deltas)


def test_a_text_that_ends_by_itself_is_completed(sdk: openai.OpenAI) -> None:
    """In the status, and in the name of a stream's last event."""
    arguments: dict[str, Any] = {
        "model": DEPLOYMENT,
        "input": "Say yes.",
        "instructions": "Answer with one word.",
        "max_output_tokens": 400,
        "temperature": 0,
    }
    assert sdk.responses.create(**arguments).status == "completed"
    assert [*sdk.responses.create(**arguments, stream=True)][-1].type == "response.completed"


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"model": "no-such"}, openai.NotFoundError, "DeploymentNotFound"),
        ({"model": "local-chat"}, openai.BadRequestError, "OperationNotSupported"),
        ({"input": "one " * 3000}, openai.BadRequestError, "context_length_exceeded"),
        ({"extra_body": {"stop": "x"}}, openai.BadRequestError, "unknown_parameter"),
        ({"max_output_tokens": 1}, openai.BadRequestError, "integer_below_min_value"),
    ],
    ids=["deployment", "operation", "context", "unknown", "limit"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_openais_client_raises_what_it_raises_on_azure(
    sdk: openai.OpenAI,
    change: dict[str, Any],
    error: type[openai.APIStatusError],
    code: str,
    *,
    stream: bool,
) -> None:
    """A stream is refused before it begins."""
    arguments: dict[str, Any] = {"model": DEPLOYMENT, "input": "Hi", "stream": stream} | change
    with pytest.raises(error) as caught:
        sdk.responses.create(**arguments)
    assert caught.value.code == code
    if code == "context_length_exceeded":
        assert caught.value.param == "input"
