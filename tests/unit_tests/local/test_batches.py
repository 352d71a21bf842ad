"""The local Batch API: files, batches, what came of their requests, and what is refused."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from langchain_azure_llms.local import Scenario
from langchain_azure_llms.local._app import create_app
from langchain_azure_llms.local._credentials import Credentials
from langchain_azure_llms.local._echo import EchoEngine
from langchain_azure_llms.local._scenario import Script
from tests.unit_tests.local.scripted_engine import DEPLOYMENTS

CHAT = "/chat/completions"


def client_of(*scenarios: Scenario) -> httpx2.AsyncClient:
    """Return a client of an application of its own."""
    script = Script(scenarios) if scenarios else None
    app: Any = create_app(EchoEngine(), Credentials("key"), DEPLOYMENTS, threading.Event(), script)
    transport = httpx2.ASGITransport(app)
    url = "http://local/openai/v1"
    return httpx2.AsyncClient(transport=transport, base_url=url, headers={"api-key": "key"})


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an application in which nothing goes wrong."""
    async with client_of() as opened:
        yield opened


def chat(own_id: str, prompt: str = "Hello", **changed: Any) -> dict[str, Any]:
    """Return a line of an input file."""
    body = {"model": "talk", "messages": [{"role": "user", "content": prompt}]}
    return {"custom_id": own_id, "method": "POST", "url": CHAT, "body": body} | changed


async def upload(client: httpx2.AsyncClient, *lines: Any) -> str:
    """Upload a file of lines, which are JSON or bytes; return its id."""
    raw = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines]
    sent = {"file": ("input.jsonl", b"".join(one + b"\n" for one in raw))}
    answer = await client.post("/files", data={"purpose": "batch"}, files=sent)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def begun(client: httpx2.AsyncClient, *lines: Any, endpoint: str = CHAT) -> dict[str, Any]:
    """Begin a batch; return what is said about it."""
    file_id = await upload(client, *lines)
    sent = {"input_file_id": file_id, "endpoint": endpoint, "completion_window": "24h"}
    answer = await client.post("/batches", json=sent)
    assert answer.status_code == 200, answer.text
    batch: dict[str, Any] = answer.json()
    return batch


async def ended(client: httpx2.AsyncClient, batch: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of a batch; return what is said about it then."""
    for _ in range(500):
        found: dict[str, Any] = (await client.get(f"/batches/{batch['id']}")).json()
        if found["status"] in ("completed", "failed", "expired", "cancelled"):
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(found)


async def lines_of(client: httpx2.AsyncClient, file_id: str) -> list[dict[str, Any]]:
    """Return the lines of a file."""
    content = (await client.get(f"/files/{file_id}/content")).text
    return [json.loads(line) for line in content.splitlines()]


async def test_every_request_is_answered_in_the_output_file(client: httpx2.AsyncClient) -> None:
    batch = await begun(client, *(chat(f"task-{number}", f"{number}") for number in range(20)))
    assert batch["status"] == "validating"
    found = await ended(client, batch)
    assert found["status"] == "completed"
    assert found["request_counts"] == {"total": 20, "completed": 20, "failed": 0}
    lines = await lines_of(client, found["output_file_id"])
    texts = {
        line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"]
        for line in lines
    }
    assert texts == {f"task-{number}": f"echo: {number}" for number in range(20)}
    assert {line["response"]["status_code"] for line in lines} == {200}
    assert {line["error"] for line in lines} == {None}
    assert await lines_of(client, found["error_file_id"]) == []


async def test_responses_are_batched_too(client: httpx2.AsyncClient) -> None:
    body = {"model": "answer", "input": "Hello"}
    line = chat("a", url="/v1/responses", body=body)
    found = await ended(client, await begun(client, line, endpoint="/v1/responses"))
    (answered,) = await lines_of(client, found["output_file_id"])
    content = answered["response"]["body"]["output"][0]["content"]
    assert content[0]["text"] == "echo: Hello"


@pytest.mark.parametrize(
    ("lines", "code", "number"),
    [
        ([], "empty_file", None),
        ([chat("a"), b"{"], "invalid_json_line", 2),
        ([chat("a"), chat("a")], "duplicate_custom_id", 2),
        ([chat("a"), chat("b", url="/v1/responses")], "url_mismatch", 2),
        ([chat("a"), chat("b", body={"model": "both"})], "model_mismatch", 2),
        ([chat("a"), {"custom_id": "b"}], "invalid_request", 2),
        ([chat("a", body={"messages": []})], "invalid_request", 1),
        ([chat("a", body={"model": "other"})], "model_not_found", 1),
        ([b"\xef\xbb\xbf" + json.dumps(chat("a")).encode()], "invalid_json_line", 1),
    ],
)
async def test_an_input_that_is_no_batch_fails_its_validation(
    client: httpx2.AsyncClient, lines: list[Any], code: str, number: int | None
) -> None:
    found = await ended(client, await begun(client, *lines))
    (error,) = found["errors"]["data"]
    assert (found["status"], error["code"], error["line"]) == ("failed", code, number)
    assert found["output_file_id"] is None


async def test_a_refused_request_is_in_the_error_file(client: httpx2.AsyncClient) -> None:
    wrong = {"model": "talk", "messages": [{"role": "user", "content": "p"}], "temperature": 9}
    found = await ended(client, await begun(client, chat("a"), chat("b", body=wrong)))
    assert found["status"] == "completed"
    assert found["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
    (line,) = await lines_of(client, found["error_file_id"])
    assert (line["custom_id"], line["response"]["status_code"]) == ("b", 400)
    assert line["response"]["body"]["error"]["param"] == "temperature"


@pytest.mark.parametrize(
    ("scenario", "status", "response_status", "code"),
    [
        ("filter", "completed", 400, None),
        ("rate-limited-seconds", "completed", 429, None),
        ("hung-up", "completed", None, "request_timeout"),
        ("batch-expired", "expired", None, "batch_expired"),
    ],
)
async def test_a_scenario_strikes_single_requests(
    scenario: str, status: str, response_status: int | None, code: str | None
) -> None:
    async with client_of(Scenario(scenario, matching="bad")) as client:
        found = await ended(client, await begun(client, chat("a"), chat("b", "bad")))
        assert found["status"] == status
        (line,) = await lines_of(client, found["error_file_id"])
        assert line["custom_id"] == "b"
        assert (line["response"] or {}).get("status_code") == response_status
        assert (line["error"] or {}).get("code") == code
        assert len(await lines_of(client, found["output_file_id"])) == 1


async def test_a_scenario_fails_the_validation_of_a_batch_once() -> None:
    async with client_of(Scenario("batch-failed")) as client:
        first = await ended(client, await begun(client, chat("a")))
        second = await ended(client, await begun(client, chat("a")))
        assert (first["status"], second["status"]) == ("failed", "completed")


async def test_a_cancelled_batch_keeps_what_was_answered() -> None:
    async with client_of(Scenario("slow", matching="slow", wait=60.0)) as client:
        batch = await begun(client, chat("a"), chat("b", "slow"))
        for _ in range(500):
            found = (await client.get(f"/batches/{batch['id']}")).json()
            if found["request_counts"]["completed"]:
                break
            await asyncio.sleep(0.01)
        cancelled = (await client.post(f"/batches/{batch['id']}/cancel")).json()
        assert cancelled["status"] == "cancelling"
        found = await ended(client, batch)
        assert found["status"] == "cancelled"
        assert [line["custom_id"] for line in await lines_of(client, found["output_file_id"])] == [
            "a"
        ]
        again = await client.post(f"/batches/{batch['id']}/cancel")
        assert again.status_code == 409


async def test_lists_are_in_pages_with_the_newest_first(client: httpx2.AsyncClient) -> None:
    ids = [(await begun(client, chat("a")))["id"] for _ in range(3)]
    first = (await client.get("/batches", params={"limit": 2})).json()
    rest = (await client.get("/batches", params={"limit": 2, "after": first["last_id"]})).json()
    pages = [[one["id"] for one in page["data"]] for page in (first, rest)]
    assert pages == [[ids[2], ids[1]], [ids[0]]]
    assert (first["has_more"], rest["has_more"]) == (True, False)


async def test_a_deleted_file_is_gone(client: httpx2.AsyncClient) -> None:
    file_id = await upload(client, chat("a"))
    assert (await client.get(f"/files/{file_id}")).json()["purpose"] == "batch"
    assert (await client.delete(f"/files/{file_id}")).json()["deleted"] is True
    assert (await client.get(f"/files/{file_id}")).status_code == 404


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"completion_window": "1h"}, 400),
        ({"endpoint": "/embeddings"}, 400),
        ({"input_file_id": "file-none"}, 404),
    ],
)
async def test_a_wrong_batch_is_refused_at_once(
    client: httpx2.AsyncClient, changed: dict[str, str], status: int
) -> None:
    file_id = await upload(client, chat("a"))
    sent = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"} | changed
    assert (await client.post("/batches", json=sent)).status_code == status


@pytest.mark.parametrize(
    ("name", "purpose"), [("input.jsonl", "assistants"), ("input.txt", "batch")]
)
async def test_other_files_are_refused(client: httpx2.AsyncClient, name: str, purpose: str) -> None:
    answer = await client.post("/files", data={"purpose": purpose}, files={"file": (name, b"{}")})
    assert answer.status_code == 400


async def test_a_file_that_is_not_a_form_is_refused(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/files", content=b"{}")).status_code == 400


async def test_every_route_wants_a_credential(client: httpx2.AsyncClient) -> None:
    for path in ("/files", "/files/a", "/files/a/content", "/batches", "/batches/a"):
        assert (await client.get(path, headers={"api-key": "wrong"})).status_code == 401
