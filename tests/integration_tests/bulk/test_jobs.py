"""Bulk jobs from file to file: resumed, killed, interrupted, two at once, wrongly used."""

import asyncio
import errno
import gzip
import io
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langchain_azure_llms.bulk import BulkSummary, arun_bulk, progress, run_bulk
from langchain_azure_llms.bulk.__main__ import main
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.local import LocalEndpoints, Scenario
from tests.integration_tests.bulk.jobs import (
    CHAT,
    COMPLETIONS,
    azure,
    command,
    ran,
    records_in,
    write_prompts,
)
from tests.support.llms import AzureLLM

Run = Callable[..., BulkSummary]


def _async(*arguments: Any, **options: Any) -> BulkSummary:
    return asyncio.run(arun_bulk(*arguments, **options))


@pytest.fixture(params=[run_bulk, _async], ids=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    """Return each way to run a job, one after the other."""
    way: Run = request.param
    return way


def _texts(path: Path) -> dict[Any, str | None]:
    records = records_in(path)
    texts = {record["id"]: record["text"] for record in records}
    assert len(texts) == len(records), "a prompt is twice in the output"
    return texts


def _wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.005)


def test_each_row_has_its_record_with_its_columns(
    run: Run, echo: LocalEndpoints, tmp_path: Path
) -> None:
    rows = [{"id": f"r{n}", "prompt": f"p{n}", "kind": n % 3, "text": "own"} for n in range(100)]
    source, output = write_prompts(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    summary = run(azure(echo), source, output, progress=False)
    assert (summary.answered, summary.failed, summary.skipped, summary.left) == (100, 0, 0, 0)
    assert (summary.prompt_tokens, summary.completion_tokens) == (100, 200)
    found = {record["id"]: record for record in records_in(output)}
    assert {own_id: record["text"] for own_id, record in found.items()} == {
        f"r{n}": f"echo: p{n}" for n in range(100)
    }
    assert {(r["kind"], r["input_text"]) for r in found.values()} == {(k, "own") for k in range(3)}


def test_a_template_makes_prompts_of_the_columns_of_a_csv(
    run: Run, echo: LocalEndpoints, tmp_path: Path
) -> None:
    source = tmp_path / "in.csv"
    source.write_text('body,lang\n"two\nlines",en\nshort,de\n')
    run(azure(echo), source, tmp_path / "o", template="Sum {body} in {lang}", progress=False)
    assert _texts(tmp_path / "o") == {0: "echo: Sum two\nlines in en", 1: "echo: Sum short in de"}


def test_bad_lines_are_records_and_kill_nothing(
    run: Run, echo: LocalEndpoints, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.jsonl.gz", tmp_path / "out.jsonl"
    lines = [b'{"prompt": "a"}', b"{broken", b'{"prompt": ""}', b'{"other": 1}', b'{"prompt": "b"}']
    source.write_bytes(gzip.compress(b"\n".join(lines)))
    summary = run(azure(echo), source, output, progress=False)
    assert (summary.answered, summary.failed) == (2, 3)
    found = {record["id"]: record for record in records_in(output)}
    assert [found[number]["error_message"] for number in range(5)] == [
        None,
        "line 2: it is not JSON.",
        "line 3: 'prompt' is empty.",
        "line 4: 'prompt' is missing, expected a text.",
        None,
    ]


def test_the_second_of_two_rows_with_one_id_is_an_error(
    run: Run, echo: LocalEndpoints, tmp_path: Path
) -> None:
    rows = [{"id": "a", "prompt": "1"}, {"id": "b", "prompt": "2"}, {"id": "a", "prompt": "3"}]
    source, output = write_prompts(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    for _ in range(2):
        run(azure(echo), source, output, progress=False)
        found = {record["id"]: record for record in records_in(output)}
        assert (found["a"]["text"], found["b"]["text"]) == ("echo: 1", "echo: 2")
        assert found["line 3"]["error_message"] == "line 3: another row has the id 'a', too."
        assert len(records_in(output)) == 3


def test_lines_of_the_batch_api_are_understood(
    run: Run, echo: LocalEndpoints, tmp_path: Path
) -> None:
    bodies = [
        {"model": "m", "messages": [{"role": "user", "content": "one two"}], "max_tokens": 2},
        {"model": "m", "prompt": "one two", "max_tokens": 3},
    ]
    rows = [{"custom_id": f"r{n}", "method": "POST", "body": body} for n, body in enumerate(bodies)]
    source = write_prompts(tmp_path / "in.jsonl", rows)
    run(azure(echo), source, tmp_path / "o", progress=False)
    assert _texts(tmp_path / "o") == {"r0": "echo: one", "r1": "echo: one two"}


def test_a_resumed_job_asks_what_has_no_answer(run: Run, tmp_path: Path) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(50)] + ["bad one"])
    output = tmp_path / "out.jsonl"
    faults = [
        Scenario("filter", matching="bad"),
        Scenario("error-inside-200", matching="p7$", times=9),
    ]
    with LocalEndpoints(engine="echo", scenario=faults) as endpoints:
        llm = azure(endpoints, CHAT)
        first = run(llm, source, output, limit=10, progress=False)
        assert (first.answered, first.failed, first.left) == (9, 1, 0)
        second = run(llm, source, output, progress=False)
        assert (second.answered, second.failed, second.skipped) == (41, 1, 9)
        third = run(llm, source, output, progress=False)
        assert (third.answered, third.failed, third.skipped) == (0, 0, 51)
        fourth = run(llm, source, output, retry_all=True, progress=False)
        assert (fourth.answered, fourth.failed, fourth.skipped) == (0, 1, 50)
        assert endpoints.prompts_seen["p0"].requests == 2  # one of them showed the API
    assert _texts(output) == {**{n: f"echo: p{n}" for n in range(50)}, 50: None}


def test_a_job_with_other_parameters_stops_unless_forced(
    run: Run, echo: LocalEndpoints, tmp_path: Path
) -> None:
    source, output = write_prompts(tmp_path / "in.jsonl", ["a b", "c d"]), tmp_path / "out.jsonl"
    run(azure(echo), source, output, limit=1, progress=False)
    with pytest.raises(ConfigurationError, match="comes from other settings, parameters or"):
        run(azure(echo), source, output, max_tokens=2, progress=False)
    assert _texts(output) == {0: "echo: a b"}
    run(azure(echo), source, output, max_tokens=2, force=True, progress=False)
    assert _texts(output) == {0: "echo: a b", 1: "echo: c"}


def test_other_waits_and_keys_are_no_other_settings(
    run: Run, echo: LocalEndpoints, tmp_path: Path
) -> None:
    source, output = write_prompts(tmp_path / "in.jsonl", ["a"]), tmp_path / "out.jsonl"
    run(azure(echo), source, output, progress=False)
    other = azure(echo, retry_policy=None, max_retries=7, timeout=5, max_concurrency=3)
    assert run(other, source, output, progress=False).skipped == 1


def test_a_dry_run_counts_and_sends_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    rows = [f"p{n}" for n in range(20)] + [{"other": 1}]
    source, output = write_prompts(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    with LocalEndpoints(engine="echo", scenario=Scenario("slow", share=0.0)) as endpoints:
        summary = run(azure(endpoints), source, output, dry_run=True, progress=False)
        assert (summary.left, summary.failed) == (20, 1)
        assert 20 * 64 <= (summary.estimated_tokens or 0) <= 20 * 70
        assert endpoints.prompts_seen == {}
        assert not output.exists()
        run(azure(endpoints), source, output, limit=5, progress=False)
        before = output.read_bytes()
        summary = run(azure(endpoints), source, output, dry_run=True, progress=False)
    assert (summary.left, summary.skipped) == (15, 5)
    assert output.read_bytes() == before


def test_a_job_ends_when_its_tokens_are_spent(
    run: Run, echo: LocalEndpoints, tmp_path: Path
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["one two three four"] * 400)
    output = tmp_path / "out.jsonl"
    llm = azure(echo, CHAT, api="chat_completions")
    budget = {"max_tokens_total": 1800, "max_concurrency": 2, "progress": False}
    summary = run(llm, source, output, **budget)
    spent = sum(record["total_tokens"] for record in records_in(output))
    assert 1300 < spent <= 1800
    assert summary.has_stopped_early
    assert run(llm, source, output, **budget).answered < 20


def test_a_wrong_key_ends_the_job_and_is_not_in_the_output(
    run: Run, echo: LocalEndpoints, tmp_path: Path
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(500)])
    output = tmp_path / "out.jsonl"
    llm = azure(echo, CHAT, api_key="wrong")
    with pytest.raises(ConfigurationError, match=r"all its prompts would fail: .* 401"):
        run(llm, source, output, progress=False)
    assert len(records_in(output)) < 3
    assert run(azure(echo, CHAT), source, output, progress=False).answered == 500


def test_mixed_faults_leave_each_prompt_with_one_right_record(run: Run, tmp_path: Path) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(400)])
    output = tmp_path / "out.jsonl"
    with LocalEndpoints(engine="echo", scenario=Scenario("mixed", share=0.1, wait=0.01)) as served:
        run(azure(served), source, output, progress=False)
        texts = _texts(output)
    assert set(texts) == set(range(400))
    assert all(text is None or text == f"echo: p{own_id}" for own_id, text in texts.items())


def test_a_cancelled_job_writes_what_was_in_flight(tmp_path: Path) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(100)])
    output = tmp_path / "out.jsonl"

    async def cancel(llm: AzureLLM, grace: float) -> int:
        options = {"max_concurrency": 4, "grace": grace, "progress": False}
        task = asyncio.create_task(arun_bulk(llm, source, output, **options))
        await asyncio.sleep(0.7)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(records_in(output))

    with LocalEndpoints(engine="echo", scenario=Scenario("slow", wait=0.5)) as endpoints:
        llm = azure(endpoints, CHAT, api="chat_completions")
        assert asyncio.run(cancel(llm, 30.0)) == 8
        assert sum(seen.answers for seen in endpoints.prompts_seen.values()) == 8
        began = time.monotonic()
        assert asyncio.run(cancel(llm, 0.0)) == 12
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("deployment", [COMPLETIONS, CHAT])
def test_a_job_that_is_killed_loses_what_was_in_flight_at_most(
    tmp_path: Path, deployment: str
) -> None:
    count, window, drawn = 1500, 4, random.Random(deployment)  # noqa: S311 - times to kill at
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(count)])
    output = tmp_path / "out.jsonl"
    arguments = ("run", source, output, "--deployment", deployment, "--max-concurrency", window)
    with LocalEndpoints(engine="echo", scenario=Scenario("slow", share=0.3, wait=0.2)) as served:
        for kill in range(4):
            process = command(served, *arguments)
            known = output.stat().st_size if output.exists() else 0

            def has_begun(known: int = known) -> bool:
                return output.exists() and output.stat().st_size > known

            _wait_until(has_begun)
            time.sleep(drawn.random() * 0.2)
            process.kill()
            process.communicate(timeout=30)
            answered = sum(seen.answers for seen in served.prompts_seen.values())
            whole = output.read_bytes().count(b"\n")
            assert whole < count, f"the job was done before kill {kill}"
            size = 20 if deployment == COMPLETIONS else 1
            assert answered - whole <= (kill + 1) * window * size
        assert ran(served, *arguments).returncode == 0
        answered = sum(seen.answers for seen in served.prompts_seen.values())
    assert _texts(output) == {n: f"echo: p{n}" for n in range(count)}
    assert answered - count <= 4 * window * size


def test_a_second_job_on_one_output_is_refused(tmp_path: Path) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(200)])
    output = tmp_path / "out.jsonl"
    arguments = ("run", source, output, "--deployment", CHAT, "--max-concurrency", 1)
    with LocalEndpoints(engine="echo", scenario=Scenario("slow", wait=0.3)) as endpoints:
        process = command(endpoints, *arguments)
        _wait_until(output.exists)
        second = ran(endpoints, *arguments)
        assert process.poll() is None, "the first job was done before the second began"
        process.kill()
        process.communicate(timeout=60)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"Another job writes to {output}: wait for its end, or name another output.\n"
    )
    texts = _texts(output)
    assert texts == {n: f"echo: p{n}" for n in texts}


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX sends them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupt_writes_what_is_in_flight_and_sends_nothing_new(
    tmp_path: Path, number: signal.Signals
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(100)])
    output = tmp_path / "out.jsonl"
    with LocalEndpoints(engine="echo", scenario=Scenario("slow", wait=0.5)) as endpoints:
        process = command(endpoints, "run", source, output, "--deployment", CHAT)
        _wait_until(lambda: output.exists() and output.stat().st_size > 0)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        seen = endpoints.prompts_seen
    assert process.returncode == 130
    assert set(_texts(output)) == {int(text[1:]) for text, one in seen.items() if one.answers}
    assert 1 < len(_texts(output)) < 20
    assert "Traceback" not in errors
    assert " left; " in errors


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX sends them")
def test_a_second_interrupt_ends_the_job_at_once(tmp_path: Path) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["quick", *[f"slow {n}" for n in range(9)]])
    output = tmp_path / "out.jsonl"
    slow = Scenario("slow", wait=60.0, matching="slow")
    with LocalEndpoints(engine="echo", scenario=slow) as endpoints:
        process = command(endpoints, "run", source, output, "--deployment", CHAT)
        _wait_until(lambda: output.exists() and output.stat().st_size > 0)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - began < 15
    assert _texts(output) == {0: "echo: quick"}


def test_the_command_reads_a_saved_llm_and_standard_input(
    echo: LocalEndpoints, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match="saved without openai_api_key"):
        azure(echo).save(tmp_path / "llm.json")
    output = tmp_path / "out.jsonl"
    options = ("--llm", tmp_path / "llm.json", "--param", "max_tokens=3", "--param", "stop=x")
    done = ran(echo, "run", "-", output, *options, stdin='{"prompt": "a b c"}\n{"prompt": "axb"}\n')
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("2 answered, 0 failed; ")
    assert _texts(output) == {0: "echo: a b", 1: "echo: a"}


def test_the_exit_status_tells_that_some_prompts_failed(
    echo: LocalEndpoints, tmp_path: Path
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["a", {"other": 1}])
    done = ran(echo, "run", source, tmp_path / "o", "--deployment", COMPLETIONS, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_a_dry_run_of_the_command_prints_what_there_is_to_do(
    echo: LocalEndpoints, tmp_path: Path
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["a", "b"])
    done = ran(echo, "run", source, tmp_path / "o", "--deployment", COMPLETIONS, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "0 answered, 0 failed, 2 left; about 130 tokens to come\n"


_WRONG = {
    "no input": (
        ["missing.jsonl", "o"],
        "missing.jsonl cannot be read: No such file or directory.",
    ),
    "no column": (["in.csv", "o", "--prompt-column", "x"], "in.csv has no column 'x'; it has a."),
    "unknown name": (["in.csv", "o", "--template", "{x}"], "in.csv has no column 'x'; it has a."),
    "a directory": (["in.csv", ".", "--prompt-column", "a"], "cannot be written"),
    "the input": (["in.jsonl", "in.jsonl"], "in.jsonl is the input: name another output."),
    "other output": (["in.jsonl", "notes.txt"], "is not the output of a bulk job (line 1)"),
    "parameter": (["in.jsonl", "o", "--param", "max_tokns=1"], "Did you mean 'max_tokens'?"),
    "no value": (["in.jsonl", "o", "--param", "stop"], "--param is 'stop', expected NAME=VALUE."),
    "limit": (["in.jsonl", "o", "--limit", "0"], "limit is 0, expected at least 1."),
    "rpm": (["in.jsonl", "o", "--rpm", "-1"], "requests_per_minute is -1.0, expected a number"),
    "window": (["in.jsonl", "o", "--max-concurrency", "x"], "invalid _concurrency value: 'x'"),
}


@pytest.mark.parametrize(("arguments", "message"), _WRONG.values(), ids=_WRONG)
def test_wrong_use_is_one_sentence_and_changes_nothing(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    write_prompts(tmp_path / "in.jsonl", ["a"])
    (tmp_path / "in.csv").write_text("a\nb\n")
    (tmp_path / "notes.txt").write_text("my notes\n")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with LocalEndpoints(engine="echo", scenario=Scenario("slow", share=0.0)) as endpoints:
        paths = [tmp_path / name for name in arguments[:2]]
        done = ran(endpoints, "run", *paths, *arguments[2:], "--deployment", COMPLETIONS)
        assert endpoints.prompts_seen == {}
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    after = {f.name: f.read_bytes() for f in tmp_path.iterdir() if not f.name.endswith(".lock")}
    assert after == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"_type": "unknown"}', "unknown"),
        ("{broken", "cannot be loaded: it is no JSON"),
        (None, "cannot be loaded: it cannot be read: No such file or directory."),
    ],
)
def test_an_llm_that_cannot_be_loaded_is_wrong_use(
    echo: LocalEndpoints, tmp_path: Path, content: str | None, message: str
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["a"])
    if content is not None:
        (tmp_path / "llm.json").write_text(content)
    done = ran(echo, "run", source, tmp_path / "o", "--llm", tmp_path / "llm.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "o").exists()


def test_a_full_disk_is_one_sentence_and_the_job_goes_on_later(
    echo: LocalEndpoints,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", [f"p{n}" for n in range(100)])
    output = tmp_path / "out.jsonl"

    class FullDisk(io.FileIO):
        def write(self, data: Any) -> int:
            room = 10_000 - self.tell()
            if not room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data[:room])

    for name, value in echo.environ.items():
        monkeypatch.setenv(name, value)
    arguments = ["run", str(source), str(output), "--deployment", COMPLETIONS, "--quiet"]
    on_sigterm = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patched:
        path_open = Path.open

        def opened(path: Path, mode: str = "r", **options: Any) -> Any:
            return FullDisk(path, "ab") if mode == "ab" else path_open(path, mode, **options)

        patched.setattr(Path, "open", opened)
        assert main(arguments) == 2
    assert capsys.readouterr() == ("", f"{output} cannot be written: No space left on device.\n")
    assert output.stat().st_size == 10_000
    assert main(arguments) == 0
    signal.signal(signal.SIGTERM, on_sigterm)  # the command has its own
    assert _texts(output) == {n: f"echo: p{n}" for n in range(100)}


def test_the_state_is_shown_while_a_job_runs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_LOG_SECONDS", 0.05)
    source = write_prompts(tmp_path / "in.jsonl", ["a"])
    with LocalEndpoints(engine="echo", scenario=Scenario("slow", wait=0.3)) as endpoints:
        run(azure(endpoints), source, tmp_path / "o")
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "0 done, 0 failed, 1 left, 0.0/s, 0 tokens, 1 in flight"
    assert shown[-1].startswith("1 answered, 0 failed; ")


def test_no_secret_is_in_the_output_or_on_standard_error(
    echo: LocalEndpoints, tmp_path: Path
) -> None:
    source = write_prompts(tmp_path / "in.jsonl", ["a", {"other": 1}])
    output = tmp_path / "out.jsonl"
    done = ran(echo, "run", source, output, "--deployment", COMPLETIONS)
    assert echo.api_key not in done.stderr + done.stdout + output.read_text()


def test_records_hold_what_is_documented_and_the_fingerprint(
    echo: LocalEndpoints, tmp_path: Path
) -> None:
    source, output = write_prompts(tmp_path / "in.jsonl", ["a"]), tmp_path / "out.jsonl"
    run_bulk(azure(echo), source, output, progress=False)
    (record,) = records_in(output)
    assert Counter(map(len, record.pop("fingerprint").split("-"))) == {16: 1, 8: 1}
    assert json.dumps(list(record)) == json.dumps(
        [
            "id",
            "text",
            "finish_reason",
            "model",
            "prompt_tokens",
            "completion_tokens",
            "total_tokens",
            "cached_tokens",
            "reasoning_tokens",
            "error",
            "error_message",
            "status_code",
            "is_retryable",
            "attempts",
            "seconds",
        ]
    )
