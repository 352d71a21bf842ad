"""Starting and stopping, again and again, anywhere."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from langchain_azure_llms.local import LocalEndpoints, LocalEndpointsError

BODY = {"prompt": "Hi", "max_tokens": 2, "temperature": 0}
DESCRIPTORS = Path("/proc/self/fd")


def complete(endpoints: LocalEndpoints) -> str:
    headers = {"api-key": endpoints.api_key}
    answer = httpx2.post(f"{endpoints.url}/completions", json=BODY, headers=headers, timeout=60)
    text: str = answer.raise_for_status().json()["choices"][0]["text"]
    return text


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Compare the threads and descriptors of this process before and after."""

    def open_now() -> tuple[set[threading.Thread], int]:
        count = len(list(DESCRIPTORS.iterdir())) if DESCRIPTORS.is_dir() else 0
        return set(threading.enumerate()), count

    threads, descriptors = open_now()
    yield
    after = open_now()
    assert threads == after[0]
    assert descriptors >= after[1]  # connections of other tests may have ended meanwhile


def test_they_start_and_stop_twice_and_leave_nothing_behind() -> None:
    """One object serves again after it was closed, on a port of its own."""
    endpoints = LocalEndpoints()
    texts = []
    with endpoints:  # what is loaded once per process, is loaded
        complete(endpoints)
    with nothing_left_behind():
        for _ in range(2):
            with endpoints:
                texts.append(complete(endpoints))
    assert texts[0] == texts[1]


def test_closed_endpoints_refuse_connections() -> None:
    """The port is free again at once."""
    with LocalEndpoints() as endpoints:
        url, port = endpoints.url, int(endpoints.url.rpartition(":")[2])
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)
    with LocalEndpoints(port=port) as again:
        assert again.url == url


async def test_they_run_inside_an_event_loop() -> None:
    """The server has a loop of its own, so the caller's may call it."""
    with LocalEndpoints() as endpoints:
        async with httpx2.AsyncClient(headers={"api-key": endpoints.api_key}) as client:
            calls = [client.post(f"{endpoints.url}/completions", json=BODY) for _ in range(3)]
            answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_two_at_once_share_the_model_and_nothing_else() -> None:
    """The first to close leaves the other one working."""
    with LocalEndpoints() as first:
        with LocalEndpoints() as second:
            assert first.api_key != second.api_key
            assert complete(first) == complete(second)
        assert complete(first)


def test_a_taken_port_is_one_sentence() -> None:
    """It names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalEndpointsError, match=f"Port {port} ") as caught:
            LocalEndpoints(port=port).__enter__()
    assert "\n" not in str(caught.value)


def test_any_name_can_be_a_deployment() -> None:
    """A star stands for every name that is not listed."""
    with LocalEndpoints(deployments=["*"], api_key="key") as endpoints:
        url = endpoints.url + "/openai/deployments/{}/completions?api-version=2024-10-21"
        statuses = [
            httpx2.post(url.format(name), json=BODY, headers={"api-key": "key"}).status_code
            for name in ("any-name", "local-chat")
        ]
    assert statuses == [200, 400]


def test_each_kind_of_deployment_can_be_named() -> None:
    """The names that are not given are not served."""
    body = {"input": "Hi", "max_output_tokens": 16}
    with LocalEndpoints(
        api_key="key",
        chat_deployments=["c"],
        responses_deployments=["r", "rr"],
        embedding_deployments=["e"],
    ) as endpoints:
        statuses = [
            httpx2.post(
                f"{endpoints.url}/openai/v1/responses",
                json=body | {"model": name},
                headers={"api-key": "key"},
                timeout=60,
            ).status_code
            for name in ("r", "rr", "c", "e", "local-responses", "local-embedding")
        ]
    assert statuses == [200, 200, 400, 400, 404, 404]


def test_the_environment_points_to_the_endpoints() -> None:
    """All five variables, as strings."""
    with LocalEndpoints(api_key="key") as endpoints:
        url = endpoints.url
        assert endpoints.environ == {
            "AZURE_OPENAI_ENDPOINT": url,
            "AZURE_OPENAI_API_KEY": "key",
            "OPENAI_API_VERSION": "2024-10-21",
            "AZUREML_ENDPOINT_URL": f"{url}/score",
            "AZUREML_ENDPOINT_API_KEY": "key",
        }


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_that_does_not_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it, and its thread is gone."""

    async def fail(self: uvicorn.Server, sockets: Any = None) -> None:
        raise OSError("no loop")

    monkeypatch.setattr(uvicorn.Server, "serve", fail)
    before = set(threading.enumerate())
    with pytest.raises(LocalEndpointsError, match="did not start") as caught:
        LocalEndpoints(engine="echo").__enter__()
    assert "\n" not in str(caught.value)
    assert before == set(threading.enumerate())


def test_endpoints_are_not_opened_twice() -> None:
    """The second server would be nobody's to stop."""
    with (
        LocalEndpoints(engine="echo") as endpoints,
        pytest.raises(LocalEndpointsError, match="running already"),
    ):
        endpoints.__enter__()
