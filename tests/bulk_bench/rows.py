"""The rows of the bulk benchmark: what is measured, and what it ought to come to."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.bulk_bench.contenders import KEY, VERSION
from tests.bulk_bench.server import PER_SECOND

_PYTHON = (sys.executable, "-m")
_ROUNDS = 3


@dataclass(frozen=True)
class Figure:
    """One figure, and its limit.

    Attributes:
        what: What was measured.
        found: What it came to.
        limit: The limit.
        at_least: Whether the limit is a lower one.
    """

    what: str
    found: float
    limit: float
    at_least: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the limit is kept."""
        return self.found >= self.limit if self.at_least else self.found <= self.limit

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        verdict = "ok  " if self.is_kept else "MISS"
        return f"{verdict} {self.what}: {self.found:,.3g}, {bound} {self.limit:,.6g}"


@contextmanager
def server() -> Iterator[str]:
    """Serve in a process of its own, and return its address."""
    command = [*_PYTHON, "tests.bulk_bench.server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def measured(*arguments: Any, **options: Any) -> dict[str, Any]:
    """Run a contender in a process of its own."""
    return _found(_begun(*arguments, **options))


def _begun(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
    command = [*_PYTHON, "tests.bulk_bench.contenders", *map(str, arguments), json.dumps(options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _found(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate(timeout=900)
    found: dict[str, Any] = json.loads(out)
    return found


def _counts(url: str) -> dict[str, int]:
    request = urllib.request.Request(f"{url}/counts", data=b"", method="POST")  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        counts: dict[str, int] = json.loads(response.read())
    return counts


def cpu(url: str) -> Iterator[Figure]:
    """CPU per record beside bare HTTP requests, at 64 and 256 in flight: the best of rounds."""
    names = ("bare", "arecords", "records", "job")
    for at_once in (64, 256):
        best = dict.fromkeys(names, float("inf"))
        for _ in range(_ROUNDS):
            for name in names:
                found = measured(name, f"{url}/50ms", 4000, at_once)
                best[name] = min(best[name], found["cpu"])
        where = f"{at_once} in flight"
        yield Figure(f"CPU of arecords / bare, {where}", best["arecords"] / best["bare"], 1.20)
        yield Figure(
            f"CPU of records / arecords, {where}", best["records"] / best["arecords"], 1.15
        )
        yield Figure(f"CPU of a job / bare, {where}", best["job"] / best["bare"], 1.35)
    peer = measured("peer", f"{url}/50ms", 1000, 64)["cpu"]
    ours = measured("arecords", f"{url}/50ms", 1000, 64)["cpu"]
    yield Figure("CPU of arecords / abatch_as_completed of langchain-openai", ours / peer, 0.5)


def tail(url: str) -> Iterator[Figure]:
    """A hundredth of the prompts takes a hundred times as long.

    Bare requests from a pool of workers, which never wait for each other, are the ideal.
    """
    seconds = [
        measured(name, f"{url}/tail", 10_000, 32)["seconds"] for name in ("bare", "arecords")
    ]
    what = "throughput with a slow tail / of bare requests"
    yield Figure(what, seconds[0] / seconds[1], 0.90, at_least=True)


def limited(url: str) -> Iterator[Figure]:
    """The service allows 200 requests a second; one process, and four with a share each."""
    count = 4000
    for processes in (1, 4):
        _counts(url)
        began = time.monotonic()
        options = {"requests_per_minute": PER_SECOND * 60 / processes}
        running = [
            _begun("arecords", f"{url}/limited", count // processes, 0, **options)
            for _ in range(processes)
        ]
        found = [_found(process) for process in running]
        seconds = max(one["seconds"] for one in found)
        counts, where = _counts(url), f"{processes} process(es)"
        answered = sum(one["answered"] for one in found)
        used = answered / seconds / PER_SECOND
        refused = counts["refused"] / (counts["answered"] + counts["refused"])
        yield Figure(f"share of the limit used, {where}", used, 0.95, at_least=True)
        yield Figure(f"share of requests refused, {where}", refused, 0.02)
        yield Figure(f"prompts lost to the limit, {where}", count - answered, 0)
        assert time.monotonic() - began < 300


def memory(url: str) -> Iterator[Figure]:
    """Peak memory of 10^4 and of 10^6 prompts, twenty in each request."""
    few, many = (measured("packed", f"{url}/50ms", count, 64) for count in (10_000, 1_000_000))
    assert (few["answered"], many["answered"]) == (10_000, 1_000_000)
    growth = (many["peak"] - few["peak"]) / 1024
    yield Figure("growth of memory from 10^4 to 10^6 prompts, MiB", growth, 8)


def _command(url: str, *arguments: Any) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "AZURE_OPENAI_ENDPOINT": url,
        "AZURE_OPENAI_API_KEY": KEY,
        "OPENAI_API_VERSION": VERSION,
    }
    command = [*_PYTHON, "langchain_azure_llms.bulk", "run", *map(str, arguments), "--quiet"]
    return subprocess.Popen(command, env=environment)


def _files(folder: str, count: int) -> tuple[Path, Path, Path]:
    """Write an input and an LLM; return their paths, and the output's."""
    path = Path(folder) / "in.jsonl"
    llm = {"_type": "azure", "deployment_name": "d", "api": "chat_completions"}
    (Path(folder) / "llm.json").write_text(json.dumps(llm))
    with path.open("w") as file:
        for number in range(count):
            file.write(json.dumps({"id": f"row-{number}", "prompt": f"Prompt {number}"}) + "\n")
    return path, Path(folder) / "out.jsonl", Path(folder) / "llm.json"


def resume(url: str) -> Iterator[Figure]:
    """A job of 10^6 rows, all but a thousand of which are done."""
    with tempfile.TemporaryDirectory() as folder:
        source, output, llm = _files(folder, 1_000_000)
        _run(_command(url + "/50ms", source, output, "--llm", llm, "--limit", 1))
        record = json.loads(output.read_bytes())
        settings = record.pop("fingerprint").partition("-")[0]
        with output.open("w") as file:
            for number in range(999_000):
                mark = sha256(f"Prompt {number}".encode()).hexdigest()[:8]
                changed = {**record, "id": f"row-{number}", "fingerprint": f"{settings}-{mark}"}
                file.write(json.dumps(changed) + "\n")
        _counts(url)
        process = _command(url + "/50ms", source, output, "--llm", llm)
        began = time.monotonic()
        while not _counts(url)["answered"] and time.monotonic() < began + 120:
            time.sleep(0.1)
        yield Figure("seconds until a job of 10^6 rows goes on", time.monotonic() - began, 10)
        process.kill()
        process.wait()


def _run(process: subprocess.Popen[bytes]) -> None:
    assert process.wait(timeout=600) == 0


def kills(url: str) -> Iterator[Figure]:
    """`kill -9` twenty times, at random, in a job of 20,000 prompts."""
    count, window, times = 20_000, 64, 20
    drawn = random.Random(0)  # noqa: S311 - times to kill at
    with tempfile.TemporaryDirectory() as folder:
        source, output, llm = _files(folder, count)
        job = (url + "/50ms", source, output, "--llm", llm, "--max-concurrency", window)
        _counts(url)
        answered, most_lost = 0, 0
        for _ in range(times):
            process = _command(*job)
            before = output.stat().st_size if output.exists() else 0
            while not output.exists() or output.stat().st_size == before:
                assert process.poll() is None, "the job was done before the last kill"
                time.sleep(0.01)
            time.sleep(drawn.random() * 0.3)
            process.kill()
            process.wait()
            time.sleep(0.2)  # what was in flight is answered, to nobody
            whole = output.read_bytes().count(b"\n")
            answered += _counts(url)["answered"]
            most_lost = max(most_lost, answered - whole)
            answered = whole
        _run(_command(*job))
        records = [json.loads(line) for line in output.read_text().splitlines()]
    texts = {record["id"]: record["text"] for record in records}
    wrong = sum(
        not (texts.get(f"row-{number}") or "").startswith(f"Prompt {number} ")
        for number in range(count)
    )
    yield Figure("prompts lost by a kill, beside those in flight", most_lost - window, 0)
    yield Figure("prompts twice in the output", len(records) - len(texts), 0)
    yield Figure("prompts without their answer", wrong, 0)


ROWS = {one.__name__: one for one in (cpu, tail, limited, kills, resume, memory)}
