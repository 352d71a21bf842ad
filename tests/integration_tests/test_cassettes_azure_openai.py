"""`AzureOpenAI` against recorded traffic: each way, each form of a deployment, each credential."""

import json
from operator import itemgetter
from typing import Any

import pytest
from vcr.cassette import Cassette  # type: ignore[import-untyped]

from langchain_azure_llms import RetryPolicy
from langchain_azure_llms.local import Scenario
from tests.integration_tests.recorded_answers import answers, statuses
from tests.integration_tests.recording_llms import azure_openai
from tests.integration_tests.recording_places import CHATTING, RESPONDING, Place, Wanted
from tests.integration_tests.recording_ways import PROMPT, WAYS, asked

pytest_plugins = ["tests.integration_tests.recording_fixtures"]
pytestmark = [pytest.mark.vcr, pytest.mark.block_network]

each_way = pytest.mark.parametrize("way", WAYS)
both_ways = pytest.mark.parametrize("way", ["invoke", "ainvoke"])
QUICKLY = RetryPolicy(max_retries=1, initial_wait=0.001)


@each_way
@pytest.mark.parametrize(
    "wanted",
    [Wanted(), Wanted(with_token=True)],
    ids=lambda one: "token" if one.with_token else "key",
)
def test_completions(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """The recorded text, with a key and with a token that azure-identity gets."""
    found = asked(way, azure_openai(place), place if wanted.with_token else None)
    assert answers(vcr) == found


@each_way
@pytest.mark.parametrize(
    "wanted",
    [Wanted(deployment=CHATTING), Wanted(deployment=RESPONDING)],
    ids=["chat", "responses"],
)
def test_later_forms(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """The deployment refuses to complete, and answers in the form that it speaks."""
    found = asked(way, azure_openai(place, max_tokens=16))
    assert answers(vcr) == found
    assert statuses(vcr)[0] in {400, 404}


@each_way
@pytest.mark.parametrize("wanted", [Wanted()], ids=["v1"])
def test_the_v1_api(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """The deployment is named in the body."""
    assert asked(way, azure_openai(place, api_version="v1")) == answers(vcr)


@both_ways
@pytest.mark.parametrize("wanted", [Wanted(local_only=True)], ids=["details"])
def test_details(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """Stop words and further parameters travel."""
    settings: dict[str, Any] = {"logprobs": 2, "seed": 7, "logit_bias": {"1": -100}, "top_p": 0.5}
    make = azure_openai(place, **settings, model_kwargs={"stop": ["\n"]})
    assert asked(way, make) == answers(vcr)


@both_ways
@pytest.mark.parametrize(
    "wanted",
    [Wanted(scenario=Scenario(name, wait=0.01)) for name in ("rate-limited-ms", "unavailable")],
    ids=["429", "503"],
)
def test_what_passes(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """A refusal that passes is followed by the same request, which is answered."""
    assert asked(way, azure_openai(place, retry_policy=QUICKLY)) == answers(vcr)
    assert statuses(vcr)[1:] == [200]
    assert vcr.requests[0].body == vcr.requests[1].body


@both_ways
@pytest.mark.parametrize(
    "wanted",
    [Wanted(scenario=Scenario("expired-token"), with_token=True, token_lifetime=200)],
    ids=["expired-token"],
)
def test_a_refused_token(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """A token is asked for once more; azure-identity's async credential gives the one it keeps."""
    assert asked(way, azure_openai(place), place) == answers(vcr)
    tokens = [request for request in vcr.requests if request.path.endswith("/token")]
    assert len(tokens) == {"invoke": 2, "ainvoke": 1}[way]
    assert statuses(vcr, "/openai/") == [401, 200]


@pytest.mark.parametrize("way", ["generate", "agenerate"])
@pytest.mark.parametrize("wanted", [Wanted()], ids=["n-2"])
async def test_generations(place: Place, vcr: Cassette, wanted: Wanted, way: str) -> None:
    """Several completions of a prompt, and what they cost."""
    llm = azure_openai(place, n=2)(None)
    call = llm.agenerate([PROMPT]) if way == "agenerate" else None
    result = await call if call else llm.generate([PROMPT])
    said = json.loads(vcr.responses[0]["body"]["string"])
    expected = [choice["text"] for choice in sorted(said["choices"], key=itemgetter("index"))]
    assert len(expected) == 2
    assert [generation.text for generation in result.generations[0]] == expected
    assert (result.llm_output or {})["token_usage"] == said["usage"]
