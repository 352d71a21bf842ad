"""A client that hangs up stops the model."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from langchain_azure_llms.local import LocalEndpoints

SLOTS = 4
COMPLETIONS = "/openai/deployments/gpt-35-turbo-instruct/completions?api-version=2024-10-21"
LONG: dict[str, Any] = {
    "prompt": ["Hi"] * SLOTS,
    "max_tokens": 1500,
    "logit_bias": {"0": -100, "2": -100},  # the tokens that end a text
}
SCORE = {
    "inputs": ["Once upon a time"] * SLOTS,
    "parameters": {"max_new_tokens": 1500},
}


def seconds_for_one_token(client: httpx2.Client) -> float:
    """Ask for one token; it waits while all of the model's slots are taken."""
    started = time.monotonic()
    client.post("/completions", json={"prompt": "Hi", "max_tokens": 1}).raise_for_status()
    return time.monotonic() - started


def test_leaving_a_stream_frees_the_model(client: httpx2.Client) -> None:
    """Four long texts would take half a minute; the next request is answered at once."""
    with client.stream("POST", COMPLETIONS, json=LONG | {"stream": True}) as answer:
        next(answer.iter_lines())
    assert seconds_for_one_token(client) < 3


@pytest.mark.parametrize(("path", "body"), [(COMPLETIONS, LONG), ("/score", SCORE)])
def test_hanging_up_before_the_answer_frees_the_model(
    endpoints: LocalEndpoints, client: httpx2.Client, path: str, body: Any
) -> None:
    """A call that is not streamed is noticed too."""
    headers = {"Authorization": f"Bearer {endpoints.api_key}"}
    with pytest.raises(httpx2.ReadTimeout):
        client.post(path, json=body, headers=headers, timeout=0.5)
    assert seconds_for_one_token(client) < 3


def test_closing_the_endpoints_stops_open_requests() -> None:
    """Nobody waits for their long texts; the callers are told."""
    with ThreadPoolExecutor() as callers:
        with LocalEndpoints() as endpoints:
            url, headers = endpoints.url + COMPLETIONS, {"api-key": endpoints.api_key}
            call = callers.submit(httpx2.post, url, json=LONG, headers=headers, timeout=60)
            time.sleep(0.5)
            started = time.monotonic()
        seconds = time.monotonic() - started
    assert seconds < 3
    assert (call.result().status_code, call.result().json()["error"]["type"]) == (
        500,
        "server_error",
    )
