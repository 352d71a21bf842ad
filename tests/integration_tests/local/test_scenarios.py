"""Scenarios, over sockets: what a client meets."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from langchain_azure_llms.local import Fault, LocalEndpoints, PromptRecord, Scenario
from tests.integration_tests.local.tls import Certificate

LASTING = {Fault.FILTER, Fault.CONTAINER_FAILED}
_BREAKS = {
    Fault.HUNG_UP: "Server disconnected",
    Fault.RESET_MID_BODY: "reset",
    Fault.CUT_MID_STREAM: "peer closed connection",
}
_OF_BATCHES = {Fault.BATCH_FAILED, Fault.BATCH_EXPIRED}
_ANSWERED = sorted(set(Fault) - set(_BREAKS) - LASTING - _OF_BATCHES - {Fault.REFUSED, Fault.SLOW})


@contextmanager
def failing(scenario: Any, **settings: Any) -> Iterator[tuple[LocalEndpoints, httpx2.Client]]:
    """Give endpoints that fail, and a client of them."""
    with LocalEndpoints(engine="echo", scenario=scenario, **settings) as endpoints:
        headers = {"api-key": endpoints.api_key}
        with httpx2.Client(base_url=endpoints.url, headers=headers) as client:
            yield endpoints, client


def ask(client: httpx2.Client, prompt: Any = "p", **body: Any) -> httpx2.Response:
    return client.post("/v1/completions", json={"prompt": prompt, **body})


def received(client: httpx2.Client, *, stream: bool) -> tuple[bytes, Exception | None]:
    """Return what came of an answer, and what ended it."""
    come, body = b"", {"prompt": "p", "stream": stream}
    try:
        with client.stream("POST", "/v1/completions", json=body) as answer:
            for part in answer.iter_bytes():
                come += part
    except httpx2.TransportError as error:
        return come, error
    return come, None


@pytest.mark.parametrize("fault", _ANSWERED)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_fault_comes_once_and_then_the_answer(fault: Fault, stream: bool) -> None:  # noqa: FBT001
    """On the same connection; both are counted."""
    with failing(Scenario(fault, wait=0.1)) as (endpoints, client):
        first, second = ask(client, stream=stream), ask(client, stream=stream)
        record = endpoints.prompts_seen["p"]
    assert b"echo:" not in first.content
    assert (200, True) == (second.status_code, b"echo:" in second.content)
    assert PromptRecord(requests=2, faults=1, answers=1) == record


@pytest.mark.parametrize("fault", sorted(_OF_BATCHES))
def test_a_fault_of_batches_leaves_other_requests_alone(fault: Fault) -> None:
    """And is not counted there."""
    with failing(Scenario(fault, wait=60.0)) as (endpoints, client):
        assert b"echo:" in ask(client).content
        assert PromptRecord(requests=1, answers=1) == endpoints.prompts_seen["p"]


@pytest.mark.parametrize("fault", _BREAKS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_connection_that_breaks_is_no_answer(fault: Fault, stream: bool) -> None:  # noqa: FBT001
    """Where it broke in the middle, half of the answer had come."""
    with failing(fault) as (endpoints, client):
        come, error = received(client, stream=stream)
        again = ask(client)
        record = endpoints.prompts_seen["p"]
    assert _BREAKS[fault] in str(error)
    assert (fault is Fault.HUNG_UP) == (come == b"")
    assert "echo: p" == again.json()["choices"][0]["text"]
    assert PromptRecord(requests=2, faults=1, answers=1) == record


@pytest.mark.parametrize("fault", sorted(LASTING))
def test_what_cannot_pass_comes_every_time(fault: Fault) -> None:
    """Until the prompt is another."""
    with failing(Scenario(fault, matching="bad")) as (_, client):
        statuses = [ask(client, prompt).status_code for prompt in ("bad", "bad", "good")]
    assert statuses[0] == statuses[1] >= 400
    assert 200 == statuses[2]


def test_one_bad_prompt_refuses_its_whole_request() -> None:
    """As Azure's filter does."""
    with failing(Scenario("filter", matching="bad")) as (_, client):
        answer = ask(client, ["good", "bad", "good"])
    assert (400, "content_filter") == (answer.status_code, answer.json()["error"]["code"])


def test_slow_is_slow_and_ends_when_the_client_leaves() -> None:
    """Nothing is answered to nobody."""
    with failing(Scenario("slow", wait=0.4, times=2)) as (endpoints, client):
        started = time.monotonic()
        assert 200 == ask(client).status_code
        assert 0.4 <= time.monotonic() - started < 3
        with pytest.raises(httpx2.ReadTimeout):
            client.post("/v1/completions", json={"prompt": "p"}, timeout=0.1)
        time.sleep(0.6)
        assert 1 == endpoints.prompts_seen["p"].answers


def test_closing_the_endpoints_waits_for_nobody() -> None:
    """Not for a slow answer, nor for the end of a refusal."""
    started = time.monotonic()
    with pytest.raises(httpx2.ConnectError), failing(Scenario("refused", wait=math.inf)) as (_, c):
        ask(c)
    with failing(Scenario("slow", wait=60)) as (_, client), pytest.raises(httpx2.ReadTimeout):
        client.post("/v1/completions", json={"prompt": "p"}, timeout=0.1)
    assert time.monotonic() - started < 3


def test_refused_connections_are_taken_later() -> None:
    """After the scenario's wait."""
    with failing(Scenario("refused", wait=0.3)) as (_, client):
        with pytest.raises(httpx2.ConnectError):
            ask(client)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                status = ask(client).status_code
                break
            except httpx2.ConnectError:
                time.sleep(0.02)
    assert 200 == status


def test_a_scenario_may_be_for_one_route_alone() -> None:
    """And another one for another."""
    scenarios = [Scenario("unavailable", path="/score"), Scenario("expired-token", path="/v1/")]
    with failing(scenarios) as (endpoints, client):
        bearer = {"Authorization": f"Bearer {endpoints.api_key}"}
        body = {"inputs": ["p"], "parameters": {}}
        found = [
            client.post("/score", json=body, headers=bearer).status_code,
            ask(client, "q").status_code,
            client.post("/completions", json={"prompt": "r"}).status_code,
        ]
    assert [503, 401, 200] == found


def test_requests_without_a_prompt_are_left_alone() -> None:
    """Tokens are given out, and nonsense is refused as ever."""
    with failing(Scenario("unavailable", times=99)) as (endpoints, client):
        form = {
            "grant_type": "client_credentials",
            "client_id": "c",
            "client_secret": endpoints.client_secret,
            "scope": "https://cognitiveservices.azure.com/.default",
        }
        granted = client.post("/tenant/oauth2/v2.0/token", data=form)
        found = [
            granted.status_code,
            client.get("/nowhere").status_code,
            client.post("/v1/completions", content=b"{").status_code,
        ]
        assert {} == endpoints.prompts_seen
    assert [200, 404, 400] == found


def test_breaks_work_over_tls_too(certificate: Certificate) -> None:
    """The connection is the one below."""
    with LocalEndpoints(
        engine="echo",
        scenario="reset-mid-body",
        ssl_certfile=certificate.together,
    ) as endpoints:
        headers, trust = {"api-key": endpoints.api_key}, certificate.context()
        with httpx2.Client(base_url=endpoints.url, headers=headers, verify=trust) as one:
            with pytest.raises(httpx2.TransportError):
                ask(one)
            assert "echo: p" == ask(one).json()["choices"][0]["text"]


def test_without_a_scenario_nothing_is_recorded() -> None:
    """Nor with the real model."""
    with failing(None) as (endpoints, client):
        ask(client)
        assert {} == endpoints.prompts_seen
