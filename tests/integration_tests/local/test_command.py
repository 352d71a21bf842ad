"""`python -m langchain_azure_llms.local`, as a process of its own."""

import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

# A job in the background ignores Ctrl-C, and so would its children.
AS_FROM_A_TERMINAL = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("langchain_azure_llms.local", run_name="__main__", alter_sys=True)
"""
COMMAND = [sys.executable, "-W", "error", "-c", AS_FROM_A_TERMINAL]


@contextmanager
def running(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the command; kill it if the test left it running."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_exports(process: "subprocess.Popen[str]") -> dict[str, str]:
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(5)]
    words = [shlex.split(line) for line in lines]
    assert [first for first, _ in words] == ["export"] * 5
    return dict(assignment.split("=", 1) for _, assignment in words)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_the_environment_serves_and_ends_quietly(ending: signal.Signals) -> None:
    """Ctrl-C and a supervisor's signal end it with 0, and not a word."""
    options = ["--api-key", "it's", "--token", "a-token", "--deployment", "mine", "--threads", "1"]
    with running(*options) as process:
        exports = read_exports(process)
        answer = httpx2.post(
            exports["AZURE_OPENAI_ENDPOINT"] + "/openai/deployments/mine/completions",
            params={"api-version": exports["OPENAI_API_VERSION"]},
            json={"prompt": "Hi", "max_tokens": 1},
            headers={"Authorization": "Bearer a-token"},
            timeout=60,
        )
        process.send_signal(ending)
        output, errors = process.communicate(timeout=20)
    assert answer.status_code == 200
    assert exports["AZUREML_ENDPOINT_API_KEY"] == "it's"
    assert (process.returncode, output) == (0, "")
    assert errors == "Serving; Ctrl-C ends it. Paste these into another shell.\n"


def test_it_echoes_and_fails_on_demand() -> None:
    """Once for each prompt."""
    with running("--engine", "echo", "--scenario", "unavailable", "--api-key", "k") as process:
        url = read_exports(process)["AZURE_OPENAI_ENDPOINT"] + "/completions"
        answers = [
            httpx2.post(url, json={"prompt": "p"}, headers={"api-key": "k"}) for _ in range(2)
        ]
    assert [503, 200] == [answer.status_code for answer in answers]
    assert "echo: p" == answers[1].json()["choices"][0]["text"]


def test_a_taken_port_ends_it_with_one_sentence() -> None:
    """On standard error, with exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running("--port", str(port)) as process:
            output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors.count("\n")) == (1, "", 1)
    assert f"Port {port} " in errors


def test_a_file_that_is_no_model_ends_it_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the file."""
    wrong = tmp_path / "wrong.gguf"
    wrong.write_text("no model")
    monkeypatch.setenv("LANGCHAIN_AZURE_LLMS_GGUF", str(wrong))
    with running() as process:
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (1, "")
    assert f"The model {wrong} could not be loaded" in errors.splitlines()[-1]


def test_fetching_what_is_there_is_silent() -> None:
    """It runs before every test run, and must not be noticed."""
    with running("--fetch-only") as process:
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "", "")


def test_without_a_network_the_first_fetch_ends_with_one_sentence(tmp_path: Path) -> None:
    """After the line that announces it."""
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_RETRIES": "0",
        "UV_INDEX_URL": "http://127.0.0.1:9/simple",
        "UV_HTTP_RETRIES": "0",
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "XDG_CACHE_HOME": str(tmp_path),
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        [*COMMAND, "--fetch-only"], env=nowhere, capture_output=True, text=True, check=False
    )
    sentences = [line for line in done.stderr.splitlines() if line.startswith("The model could")]
    assert (done.returncode, done.stdout, len(sentences)) == (1, "", 1)
    assert done.stderr.splitlines()[-1] == sentences[0]
    assert "Traceback" not in done.stderr
