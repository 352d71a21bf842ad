"""`AzureOpenAI` against recorded traffic: each method, each API, each credential."""

import json
from operator import itemgetter
from typing import Any

import pytest
from vcr.cassette import Cassette  # type: ignore[import-untyped]

from langchain_azure_llms import RetryPolicy
from langchain_azure_llms.local import Scenario
from tests.cassettes.answers import answers, statuses
from tests.cassettes.calls import METHODS, PROMPT, call
from tests.cassettes.llms import azure_openai
from tests.cassettes.places import CHATTING, RESPONDING, Place, Wanted

pytestmark = [pytest.mark.vcr, pytest.mark.block_network]

each_method = pytest.mark.parametrize("method", METHODS)
sync_and_async = pytest.mark.parametrize("method", ["invoke", "ainvoke"])
QUICKLY = RetryPolicy(max_retries=1, initial_wait=0.001)


@each_method
@pytest.mark.parametrize(
    "wanted",
    [Wanted(), Wanted(with_token=True)],
    ids=lambda one: "token" if one.with_token else "key",
)
def test_completions(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """The recorded text, with a key and with a token that azure-identity gets."""
    found = call(method, azure_openai(place), place if wanted.with_token else None)
    assert answers(vcr) == found


@each_method
@pytest.mark.parametrize(
    "wanted",
    [Wanted(deployment=CHATTING), Wanted(deployment=RESPONDING)],
    ids=["chat", "responses"],
)
def test_chat_and_responses(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """The deployment refuses completions, and answers through the API that it has."""
    found = call(method, azure_openai(place, max_tokens=16))
    assert answers(vcr) == found
    assert statuses(vcr)[0] in {400, 404}


@each_method
@pytest.mark.parametrize("wanted", [Wanted()], ids=["v1"])
def test_the_v1_api(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """The deployment is named in the body."""
    assert call(method, azure_openai(place, api_version="v1")) == answers(vcr)


@sync_and_async
@pytest.mark.parametrize("wanted", [Wanted(local_only=True)], ids=["details"])
def test_details(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """Stop sequences and further parameters are sent."""
    settings: dict[str, Any] = {"logprobs": 2, "seed": 7, "logit_bias": {"1": -100}, "top_p": 0.5}
    make = azure_openai(place, **settings, model_kwargs={"stop": ["\n"]})
    assert call(method, make) == answers(vcr)


@sync_and_async
@pytest.mark.parametrize(
    "wanted",
    [Wanted(scenario=Scenario(name, wait=0.01)) for name in ("rate-limited-ms", "unavailable")],
    ids=["429", "503"],
)
def test_retryable_errors(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """A retryable refusal is followed by the same request, which is answered."""
    assert call(method, azure_openai(place, retry_policy=QUICKLY)) == answers(vcr)
    assert statuses(vcr)[1:] == [200]
    assert vcr.requests[0].body == vcr.requests[1].body


@sync_and_async
@pytest.mark.parametrize(
    "wanted",
    [Wanted(scenario=Scenario("expired-token"), with_token=True, token_lifetime=200)],
    ids=["expired-token"],
)
def test_a_refused_token(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """A token is asked for once more; azure-identity's async credential gives the one it keeps."""
    assert call(method, azure_openai(place), place) == answers(vcr)
    tokens = [request for request in vcr.requests if request.path.endswith("/token")]
    assert len(tokens) == {"invoke": 2, "ainvoke": 1}[method]
    assert statuses(vcr, "/openai/") == [401, 200]


@pytest.mark.parametrize("method", ["generate", "agenerate"])
@pytest.mark.parametrize("wanted", [Wanted()], ids=["n-2"])
async def test_generations(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """Several completions of a prompt, and what they cost."""
    llm = azure_openai(place, n=2)(None)
    result = await llm.agenerate([PROMPT]) if method == "agenerate" else llm.generate([PROMPT])
    answer = json.loads(vcr.responses[0]["body"]["string"])
    expected = [choice["text"] for choice in sorted(answer["choices"], key=itemgetter("index"))]
    assert len(expected) == 2
    assert [generation.text for generation in result.generations[0]] == expected
    assert (result.llm_output or {})["token_usage"] == answer["usage"]
