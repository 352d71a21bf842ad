"""Jobs in the Batch API: submitted, interrupted, fetched, cancelled, wrongly used."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from langchain_azure_llms import bulk
from langchain_azure_llms.bulk import azure_batch_fetch, azure_batch_submit
from langchain_azure_llms.bulk.azure_batch_state import state_path
from langchain_azure_llms.bulk.output import Output
from langchain_azure_llms.exceptions import ConfigurationError, EndpointTimeoutError
from langchain_azure_llms.local import LocalEndpoints, Scenario
from tests.integration_tests.bulk.jobs import CHAT, azure, ran, records_in, write_prompts

Call = Callable[..., Any]


class Way:
    """The functions, sync or async."""

    def __init__(self, *, is_async: bool) -> None:
        self._is_async = is_async

    def __getattr__(self, name: str) -> Call:
        name = "batch_status" if name == "status" else f"{name}_batch"
        call: Call = getattr(bulk, f"a{name}" if self._is_async else name)
        if not self._is_async:
            return call
        return lambda *arguments, **options: asyncio.run(call(*arguments, **options))


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def way(request: pytest.FixtureRequest) -> Way:
    """Each way, one after the other."""
    return Way(is_async=request.param)


def fetched(way: Way, llm: Any, output: Path) -> bulk.BulkSummary:
    summary: bulk.BulkSummary = way.fetch(llm, output, wait=True, poll_seconds=0.01, progress=False)
    return summary


def texts_in(output: Path) -> dict[Any, str | None]:
    records = records_in(output)
    texts = {record["id"]: record["text"] for record in records}
    assert len(texts) == len(records), "a prompt is twice in the output"
    return texts


def batches_of(endpoints: LocalEndpoints) -> list[dict[str, Any]]:
    answer = httpx2.get(
        f"{endpoints.url}/openai/v1/batches", headers={"api-key": endpoints.api_key}
    )
    batches: list[dict[str, Any]] = answer.json()["data"]
    return batches


def test_each_row_has_its_record_with_its_columns(
    way: Way, echo: LocalEndpoints, tmp_path: Path
) -> None:
    rows = [{"id": f"r{n}", "prompt": f"Hello {n}", "lang": "en"} for n in range(25)]
    source, output = write_prompts(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    status = way.submit(azure(echo, CHAT), source, output, max_tokens=9)
    assert (len(status.batches), status.is_submitted) == (1, True)
    summary = fetched(way, azure(echo, CHAT), output)
    assert (summary.answered, summary.failed, summary.left) == (25, 0, 0)
    assert texts_in(output) == {f"r{n}": f"echo: Hello {n}" for n in range(25)}
    record = records_in(output)[3]
    assert (record["lang"], record["model"], record["total_tokens"]) == ("en", "echo", 5)
    assert not state_path(output).exists()


def test_parameters_count_as_online(way: Way, echo: LocalEndpoints, tmp_path: Path) -> None:
    body = {"model": "x", "messages": [{"role": "user", "content": "one two three"}]}
    rows = [
        {"custom_id": "shared", "body": body},
        {"custom_id": "own", "body": {**body, "max_completion_tokens": 3}},
    ]
    source, output = write_prompts(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    llm = azure(echo, CHAT)
    way.submit(llm, source, output, max_completion_tokens=2)
    fetched(way, llm, output)
    assert texts_in(output) == {"shared": "echo: one", "own": "echo: one two"}


def test_stop_sequences_of_responses_are_cut_here(
    way: Way, echo: LocalEndpoints, tmp_path: Path
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["one two three"])
    output, llm = tmp_path / "out.jsonl", azure(echo, "local-responses", api="responses")
    way.submit(llm, source, output, stop=["three"])
    fetched(way, llm, output)
    assert texts_in(output) == {0: "echo: one two "}


def test_a_job_is_split_by_lines_and_by_bytes(
    way: Way, echo: LocalEndpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(10)])
    output, llm = tmp_path / "out.jsonl", azure(echo, CHAT)
    by_lines = way.submit(llm, source, output, lines_per_batch=4)
    assert [one.prompts for one in by_lines.batches] == [4, 4, 2]
    assert fetched(way, llm, output).answered == 10
    assert texts_in(output) == {n: f"echo: p{n}" for n in range(10)}
    monkeypatch.setattr(azure_batch_submit, "MOST_BYTES", 400)
    by_bytes = way.submit(llm, source, tmp_path / "other.jsonl")
    assert sum(one.prompts for one in by_bytes.batches) == 10
    assert len(by_bytes.batches) > 3


def test_the_answers_of_a_real_model_come_back(
    way: Way, endpoints: LocalEndpoints, tmp_path: Path
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["Hello", "What is two plus two?"])
    output, llm = tmp_path / "out.jsonl", azure(endpoints, CHAT, max_tokens=8, seed=1)
    way.submit(llm, source, output)
    fetched(way, llm, output)
    assert {record["model"] for record in records_in(output)} == {"smollm2-135m-instruct"}
    assert all(text and text.strip() for text in texts_in(output).values())


def test_a_token_is_as_good_as_a_key_and_nothing_secret_is_kept(
    way: Way, echo: LocalEndpoints, tmp_path: Path
) -> None:
    source, output = write_prompts(tmp_path / "in.jsonl", ["p"]), tmp_path / "out.jsonl"
    token = echo.issue_token()
    llm = azure(echo, CHAT, api_key=None, azure_ad_token=token)
    way.submit(llm, source, output)
    assert token not in state_path(output).read_text()
    fetched(way, llm, output)
    assert texts_in(output) == {0: "echo: p"}


# --- what goes wrong ---------------------------------------------------------------------------


def test_refusals_stay_and_what_expired_is_asked_by_the_next_job(way: Way, tmp_path: Path) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["good", "bad", "late", {"id": 9}])
    output = tmp_path / "out.jsonl"
    scenarios = [Scenario("filter", matching="bad"), Scenario("batch-expired", matching="late")]
    with LocalEndpoints(engine="echo", scenario=scenarios) as served:
        llm = azure(served, CHAT)
        way.submit(llm, source, output)
        summary = fetched(way, llm, output)
        assert (summary.answered, summary.failed, summary.left) == (1, 2, 0)
        errors = {record["id"]: record["error"] for record in records_in(output)}
        assert list(errors.values()) == [
            "ConfigurationError",
            None,
            "ContentFilterError",
            "EndpointTimeoutError",
        ]
        assert sum(one.prompts for one in way.submit(llm, source, output).batches) == 1
        fetched(way, llm, output)
        errors = {record["id"]: record["error"] for record in records_in(output)}
        assert sorted(map(str, errors.values())) == [
            "ConfigurationError",
            "ContentFilterError",
            "None",
            "None",
        ]


def test_a_batch_that_fails_its_validation_leaves_its_prompts_to_the_next_job(
    way: Way, tmp_path: Path
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(4)])
    output = tmp_path / "out.jsonl"
    scenario = Scenario("batch-failed", matching="p3")
    with LocalEndpoints(engine="echo", scenario=scenario) as served:
        llm = azure(served, CHAT)
        way.submit(llm, source, output, lines_per_batch=2)
        fetched_first = fetched(way, llm, output)
        assert (fetched_first.answered, fetched_first.left) == (2, 2)
        assert list(texts_in(output)) == [0, 1]
        way.submit(llm, source, output)
        assert fetched(way, llm, output).answered == 2
        assert texts_in(output) == {n: f"echo: p{n}" for n in range(4)}


def test_the_status_says_why_a_batch_failed(way: Way, tmp_path: Path) -> None:
    source, output = write_prompts(tmp_path / "in.jsonl", ["p"]), tmp_path / "out.jsonl"
    with LocalEndpoints(engine="echo") as served:
        llm = azure(served, "no-such-deployment")
        way.submit(llm, source, output)
        for _ in range(500):
            status = way.status(llm, output)
            if status.has_ended:
                break
        assert "failed" in str(status)
        assert "no-such-deployment" in str(status)
        assert "model_not_found" in str(status)


def test_a_cancelled_job_gives_what_it_has(way: Way, tmp_path: Path) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["quick", "slow"])
    output = tmp_path / "out.jsonl"
    with LocalEndpoints(
        engine="echo", scenario=Scenario("slow", matching="slow", wait=60.0)
    ) as served:
        llm = azure(served, CHAT)
        way.submit(llm, source, output)
        for _ in range(500):
            if way.status(llm, output).batches[0].completed:
                break
        assert way.fetch(llm, output).left == 2
        assert not output.exists() or not records_in(output)
        way.cancel(llm, output)
        summary = fetched(way, llm, output)
        assert (summary.answered, summary.left) == (1, 1)
        assert texts_in(output) == {0: "echo: quick"}
        assert not state_path(output).exists()


class Lossy(httpx2.HTTPTransport):
    """Passes requests on, and loses some of the responses.

    Args:
        lose: Tells by the method and the path, and how often it was asked for, what is lost.
    """

    def __init__(self, lose: Callable[[str, str, int], bool]) -> None:
        super().__init__()
        self._lose = lose
        self.met: dict[tuple[str, str], int] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        key = request.method, request.url.path.rsplit("/", 1)[-1]
        self.met[key] = self.met.get(key, 0) + 1
        response = super().handle_request(request)
        if not self._lose(*key, self.met[key]):
            return response
        body = response.read()
        if key[1] != "content":
            raise httpx2.ReadTimeout("lost", request=request)
        return httpx2.Response(200, stream=Broken(body[: len(body) // 2]), request=request)


class Broken(httpx2.SyncByteStream):
    """A body that breaks."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning

    def __iter__(self) -> Iterator[bytes]:
        yield self._beginning
        raise httpx2.ReadError("broken")


def test_a_batch_whose_response_is_lost_is_not_begun_twice(tmp_path: Path) -> None:
    source, output = write_prompts(tmp_path / "in.jsonl", ["p"]), tmp_path / "out.jsonl"
    transport = Lossy(lambda method, name, times: (method, name, times) == ("POST", "batches", 1))
    with LocalEndpoints(engine="echo") as served, httpx2.Client(transport=transport) as client:
        llm = azure(served, CHAT, http_client=client)
        status = bulk.submit_batch(llm, source, output)
        assert [one["id"] for one in batches_of(served)] == [status.batches[0].batch_id]
        assert transport.met[("POST", "batches")] == 1


def test_a_submission_that_broke_goes_on_where_it_was(tmp_path: Path) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(6)])
    output = tmp_path / "out.jsonl"
    # The second batch is begun, but neither that nor their list is heard of.
    transport = Lossy(lambda _, name, times: name == "batches" and times > 1)
    with LocalEndpoints(engine="echo") as served, httpx2.Client(transport=transport) as client:
        lossy, llm = azure(served, CHAT, http_client=client), azure(served, CHAT)
        with pytest.raises(EndpointTimeoutError):
            bulk.submit_batch(lossy, source, output, lines_per_batch=2)
        with pytest.raises(ConfigurationError, match="interrupted, which had another limit"):
            bulk.submit_batch(llm, source, output, lines_per_batch=2, limit=5)
        status = bulk.submit_batch(llm, source, output, lines_per_batch=2)
        assert len(status.batches) == 3
        assert {one["id"] for one in batches_of(served)} == {one.batch_id for one in status.batches}
        fetched(Way(is_async=False), llm, output)
        assert texts_in(output) == {n: f"echo: p{n}" for n in range(6)}


def test_a_download_that_breaks_begins_again(echo: LocalEndpoints, tmp_path: Path) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(20)])
    output = tmp_path / "out.jsonl"
    transport = Lossy(lambda _, name, times: name == "content" and times == 1)
    with httpx2.Client(transport=transport) as client:
        llm = azure(echo, CHAT, http_client=client)
        bulk.submit_batch(llm, source, output)
        fetched(Way(is_async=False), llm, output)
    assert texts_in(output) == {n: f"echo: p{n}" for n in range(20)}


def test_fetching_that_was_cut_off_writes_nothing_twice(
    way: Way, echo: LocalEndpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(20)])
    output, llm = tmp_path / "out.jsonl", azure(echo, CHAT)
    way.submit(llm, source, output)
    write = Output.write

    def full(self: Output, done: Any) -> None:
        write(self, done)
        raise OSError("the disk is full")

    monkeypatch.setattr(azure_batch_fetch, "_WRITTEN_AT_ONCE", 7)
    with monkeypatch.context() as patch:
        patch.setattr(Output, "write", full)
        with pytest.raises(OSError, match="full"):
            fetched(way, llm, output)
    assert len(records_in(output)) == 7
    assert fetched(way, llm, output).answered == 13
    assert texts_in(output) == {n: f"echo: p{n}" for n in range(20)}


# --- wrong use ---------------------------------------------------------------------------------


def test_an_output_has_one_job_at_a_time(way: Way, echo: LocalEndpoints, tmp_path: Path) -> None:
    source, output = write_prompts(tmp_path / "in.jsonl", ["p"]), tmp_path / "out.jsonl"
    llm = azure(echo, CHAT)
    way.submit(llm, source, output)
    with pytest.raises(ConfigurationError, match="fetch their answers first"):
        way.submit(llm, source, output)
    with pytest.raises(ConfigurationError, match="fetch their answers first"):
        bulk.run_bulk(llm, source, output, progress=False)
    with pytest.raises(ConfigurationError, match="other settings of the LLM"):
        way.fetch(azure(echo, CHAT, temperature=0.1), output)
    fetched(way, llm, output)
    with pytest.raises(ConfigurationError, match="No batch is under way"):
        way.status(llm, output)


def test_an_input_that_has_changed_is_refused(
    way: Way, echo: LocalEndpoints, tmp_path: Path
) -> None:
    source, output = write_prompts(tmp_path / "in.jsonl", ["p", "q"]), tmp_path / "out.jsonl"
    llm = azure(echo, CHAT)
    way.submit(llm, source, output)
    write_prompts(source, ["q", "p"])
    with pytest.raises(ConfigurationError, match=r"has changed .* \(line 1\)"):
        fetched(way, llm, output)
    assert records_in(output) == []
    write_prompts(source, ["p", "q"])
    assert fetched(way, llm, output).answered == 2


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("-", {}, "cannot read standard input"),
        ("in.jsonl", {"limit": 0}, "limit is 0"),
        ("in.jsonl", {"lines_per_batch": 0}, "lines_per_batch is 0"),
        ("in.jsonl", {"prompt_column": "text"}, "has no column 'text'"),
        ("none.jsonl", {}, "cannot be read"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    way: Way, source: str, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write_prompts(tmp_path / "in.jsonl", ["p"])
    path = source if source == "-" else tmp_path / source
    with LocalEndpoints(engine="echo") as served:
        with pytest.raises(ConfigurationError, match=message):
            way.submit(azure(served, CHAT), path, tmp_path / "out.jsonl", **options)
        assert batches_of(served) == []
    assert [one.name for one in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_state_that_cannot_be_read_is_one_sentence(
    way: Way, echo: LocalEndpoints, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    state_path(output).write_text("{")
    with pytest.raises(ConfigurationError, match="cannot be read as the state"):
        way.fetch(azure(echo, CHAT), output)


def test_the_command_goes_all_the_way(echo: LocalEndpoints, tmp_path: Path) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["one", "two", {"text": "no prompt"}])
    output = tmp_path / "out.jsonl"
    submitted = ran(echo, "submit", source, output, "--deployment", CHAT)
    assert (submitted.returncode, submitted.stderr) == (1, "")
    assert "2 prompts" in submitted.stdout
    assert "1 row cannot be sent" in submitted.stdout
    again = ran(echo, "run", source, output, "--deployment", CHAT)
    assert (again.returncode, again.stdout) == (2, "")
    done = ran(echo, "fetch", output, "--wait", "--poll", "0.1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 answered, 0 failed")
    status = ran(echo, "status", output)
    assert (status.returncode, "No batch is under way" in status.stderr) == (2, True)
    errors = [json.loads(line)["error"] for line in output.read_text().splitlines()]
    assert errors == ["ConfigurationError", None, None]
