"""`AzureOpenAI` sends what langchain-openai's class sends, and makes the same of the answer."""

import json
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import LLMResult
from langchain_openai import AzureOpenAI as Peer

from langchain_azure_llms import AzureOpenAI

ENDPOINT: dict[str, Any] = {
    "azure_endpoint": "https://resource.example",
    "azure_deployment": "a-deployment",
    "api_version": "2024-10-21",
    "api_key": "a-key",
}
USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
LOGPROBS = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": None, "text_offset": [0]}
each_way = pytest.mark.parametrize("way", ["sync", "async"])


class Wire:
    """A service that remembers what it received."""

    def __init__(self) -> None:
        self.received: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.received.append(request)
        body = json.loads(request.content)
        if body.get("stream"):
            events = [self._answer([" one"], None), self._answer([" two"], "stop")]
            lines = [f"data: {json.dumps(event)}\n\n" for event in events]
            headers = {"content-type": "text/event-stream"}
            text = "".join([*lines, "data: [DONE]\n\n"])
            return httpx2.Response(200, headers=headers, content=text.encode())
        asked = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        texts = [f"{prompt} #{i}" for prompt in asked for i in range(body.get("n", 1))]
        return httpx2.Response(200, json=self._answer(texts, "stop"))

    def _answer(self, texts: list[str], finish_reason: str | None) -> dict[str, Any]:
        return {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1,
            "model": "gpt-3.5-turbo-instruct",
            "system_fingerprint": "fp_1",
            "choices": [
                {"text": text, "index": i, "finish_reason": finish_reason, "logprobs": LOGPROBS}
                for i, text in enumerate(texts)
            ],
            "usage": USAGE,
        }

    @property
    def sent(self) -> list[tuple[str, str, list[tuple[str, str]], dict[str, Any]]]:
        """Method, address, query and body of each request; a null is as good as nothing."""
        return [
            (
                request.method,
                str(request.url.copy_with(query=None)),
                sorted(request.url.params.multi_items()),
                {k: v for k, v in json.loads(request.content).items() if v is not None},
            )
            for request in self.received
        ]

    def headers(self, *names: str) -> list[list[str | None]]:
        return [[request.headers.get(name) for name in names] for request in self.received]


def both(**more: Any) -> tuple[tuple[BaseLLM, Wire], tuple[BaseLLM, Wire]]:
    """Return ours and the peer's LLM with these settings, each on a service of its own."""

    def one(build: Any) -> tuple[BaseLLM, Wire]:
        wire = Wire()
        transport = httpx2.MockTransport(wire)
        clients = {
            "http_client": httpx2.Client(transport=transport, trust_env=False),
            "http_async_client": httpx2.AsyncClient(transport=transport, trust_env=False),
        }
        return build(**{**ENDPOINT, **more}, **clients), wire

    return one(AzureOpenAI), one(Peer)


async def generate(llm: BaseLLM, prompts: list[str], way: str, **call: Any) -> LLMResult:
    if way == "async":
        return await llm.agenerate(prompts, **call)
    return llm.generate(prompts, **call)


SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "greedy": {"temperature": 0, "top_p": 1, "max_tokens": 1},
    "penalties": {"frequency_penalty": 2, "presence_penalty": -2},
    "several": {"n": 2, "best_of": 3},
    "details": {"seed": 7, "logprobs": 5, "logit_bias": {"50256": -100}},
    "model_kwargs": {"model_kwargs": {"echo": True, "suffix": "end", "user": "someone"}},
    "extra_body": {"extra_body": {"data_sources": [{"a": 1}]}},
    "batches": {"batch_size": 2},
    "slash": {"azure_endpoint": "https://resource.example/"},
    "gateway": {"azure_endpoint": "https://gateway.example/azure/prefix"},
    "space": {"azure_deployment": "my deployment"},
    "umlaut": {"azure_deployment": "größe"},
    "query": {"default_query": {"team": "blue", "n": 2}},
    "model": {"model_name": "davinci-002"},
}
each_setting = pytest.mark.parametrize("name", SETTINGS)
CALLS: dict[str, dict[str, Any]] = {
    "stop": {"stop": ["\n", "END"]},
    "no stop": {"stop": []},
    "no limit": {"max_tokens": None},
    "temperature": {"temperature": 0.0},
    "several": {"n": 3, "best_of": 4},
    "unknown to the class": {"echo": True, "user": "someone"},
    "extra_body": {"extra_body": {"a": 1}},
    "extra_query": {"extra_query": {"a": "b"}},
    "timeout": {"timeout": 3.0},
    "model": {"model": "another"},
}


@each_way
@each_setting
async def test_the_same_settings_send_the_same_requests(name: str, way: str) -> None:
    """Method, URL and body, for one prompt and for several."""
    (ours, our_wire), (theirs, their_wire) = both(**SETTINGS[name])
    for prompts in (["one"], ["one", "two", "three"]):
        for llm in (ours, theirs):
            await generate(llm, prompts, way)
    assert our_wire.sent == their_wire.sent


@each_way
@pytest.mark.parametrize("name", CALLS)
async def test_the_same_call_sends_the_same_request_and_leaves_nothing_behind(
    name: str, way: str
) -> None:
    """The call after it has the settings again."""
    (ours, our_wire), (theirs, their_wire) = both(temperature=0.9)
    for call in (CALLS[name], {}):
        for llm in (ours, theirs):
            await generate(llm, ["one", "two"], way, **call)
    assert our_wire.sent == their_wire.sent


@each_way
async def test_the_same_headers_travel(way: str) -> None:
    """Key, organization, and the user's own."""
    (ours, our_wire), (theirs, their_wire) = both(
        organization="an-organization", default_headers={"x-team": "blue"}
    )
    for llm in (ours, theirs):
        await generate(llm, ["one"], way, extra_headers={"x-call": "1"})
    names = ("api-key", "authorization", "openai-organization", "x-team", "x-call", "content-type")
    assert our_wire.headers(*names) == their_wire.headers(*names)
    assert our_wire.headers("api-key", "x-call") == [["a-key", "1"]]


@each_way
@pytest.mark.parametrize("credential", ["azure_ad_token", "azure_ad_token_provider"])
async def test_tokens_travel_as_the_peers(credential: str, way: str) -> None:
    """As a bearer token, without a key beside it."""
    value = "a-token" if credential == "azure_ad_token" else lambda: "a-token"
    (ours, our_wire), (theirs, their_wire) = both(api_key=None, **{credential: value})
    for llm in (ours, theirs):
        await generate(llm, ["one"], way)
    assert our_wire.headers("authorization") == their_wire.headers("authorization")
    assert our_wire.headers("authorization", "api-key") == [["Bearer a-token", None]]


@each_way
async def test_a_call_may_name_the_deployment_when_the_settings_do_not(way: str) -> None:
    """As `model`."""
    (ours, our_wire), (theirs, their_wire) = both(azure_deployment=None)
    for llm in (ours, theirs):
        await generate(llm, ["one"], way, model="another")
    assert our_wire.sent == their_wire.sent


@each_way
async def test_the_addresss_old_name_leads_to_the_same_place(way: str) -> None:
    """`base_url` with `validate_base_url=False` is used as it is."""
    address = "https://resource.example/openai"
    (ours, our_wire), (theirs, their_wire) = both(
        azure_endpoint=None, azure_deployment=None, base_url=address, validate_base_url=False
    )
    for llm in (ours, theirs):
        await generate(llm, ["one"], way, model="a-deployment")
    assert our_wire.sent == their_wire.sent


sizes = st.integers(1, 3)
penalties = st.floats(-2, 2)
drawn_settings = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "frequency_penalty": penalties,
        "presence_penalty": penalties,
        "max_tokens": st.integers(1, 4096),
        "n": sizes,
        "best_of": st.integers(1, 5),
        "seed": st.none() | st.integers(),
        "logprobs": st.none() | st.integers(0, 5),
        "logit_bias": st.none()
        | st.dictionaries(st.integers(0, 99999).map(str), st.floats(-100, 100), max_size=2),
        "batch_size": sizes,
        "model_kwargs": st.fixed_dictionaries(
            {}, optional={"echo": st.booleans(), "suffix": st.text(), "user": st.text()}
        ),
        "extra_body": st.none()
        | st.dictionaries(st.text().map("x-{}".format), st.text(), max_size=2),
    },
)
drawn_calls = st.fixed_dictionaries(
    {},
    optional={
        "stop": st.none() | st.lists(st.text(min_size=1), max_size=4),
        "temperature": st.floats(0, 2),
        "max_tokens": st.integers(1, 4096),
        "n": sizes,
        "user": st.text(),
    },
)


@each_way
@settings(max_examples=60, deadline=None)
@given(drawn=drawn_settings, call=drawn_calls, prompts=st.lists(st.text(), min_size=1, max_size=5))
async def test_any_settings_send_the_same_requests_and_give_the_same_texts(
    way: str, drawn: dict[str, Any], call: dict[str, Any], prompts: list[str]
) -> None:
    """Whatever combination; and each prompt gets its own answers."""
    (ours, our_wire), (theirs, their_wire) = both(**drawn)
    our_result, their_result = [await generate(llm, prompts, way, **call) for llm in (ours, theirs)]
    assert our_wire.sent == their_wire.sent
    assert our_result.generations == their_result.generations


@each_way
async def test_results_tell_at_least_what_the_peers_tell(way: str) -> None:
    """Finish reason and log probabilities; usage, model and fingerprint."""
    (ours, _), (theirs, _) = both(n=2, batch_size=2)
    our_result, their_result = [await generate(llm, ["a", "b", "c"], way) for llm in (ours, theirs)]
    assert our_result.generations == their_result.generations
    our_output, their_output = our_result.llm_output or {}, their_result.llm_output or {}
    assert {name: our_output[name] for name in their_output} == their_output
    assert our_output["token_usage"] == {name: 2 * count for name, count in USAGE.items()}


class Tokens(BaseCallbackHandler):
    """Records each token with its log probabilities."""

    def __init__(self) -> None:
        self.tokens: list[tuple[str, Any]] = []

    def on_llm_new_token(self, token: str, **details: Any) -> None:
        self.tokens.append((token, details["logprobs"]))


async def stream(llm: BaseLLM, way: str, **call: Any) -> list[str]:
    if way == "async":
        return [text async for text in llm.astream("one", **call)]
    return list(llm.stream("one", **call))


@each_way
async def test_streams_send_the_same_request_and_give_the_same_tokens(way: str) -> None:
    """With the same words for callbacks; what ends the stream is text-free."""
    (ours, our_wire), (theirs, their_wire) = both(logprobs=1)
    our_tokens, their_tokens = Tokens(), Tokens()
    our_texts = await stream(ours, way, stop=["."], config={"callbacks": [our_tokens]})
    their_texts = await stream(theirs, way, stop=["."], config={"callbacks": [their_tokens]})
    assert our_wire.sent == their_wire.sent
    assert [text for text in our_texts if text] == their_texts == [" one", " two"]
    assert [token for token in our_tokens.tokens if token[0]] == their_tokens.tokens


@each_way
async def test_streaming_invocations_give_the_same_result(way: str) -> None:
    """`streaming=True` changes the request, and what callbacks see, but not the answer."""
    (ours, our_wire), (theirs, their_wire) = both(streaming=True)
    our_tokens, their_tokens = Tokens(), Tokens()
    our_result = await generate(ours, ["one"], way, callbacks=[our_tokens])
    their_result = await generate(theirs, ["one"], way, callbacks=[their_tokens])
    assert our_wire.sent == their_wire.sent
    assert our_result.generations == their_result.generations
    assert [token for token in our_tokens.tokens if token[0]] == their_tokens.tokens
