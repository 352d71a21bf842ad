"""The real endpoints that integration tests talk to; each worker process has its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from langchain_azure_llms.local import LocalEndpoints, score

REPOSITORY = Path(__file__).parents[2]
SCORING_PYTHON = REPOSITORY / ".venv-scoring-server" / "bin" / "python"
STARTING_SECONDS = 60
ENDING_SECONDS = 15

# Microsoft's server binds every interface, and has no option for it.
SCORING_LAUNCHER = """
from azureml_inference_server_http import amlserver
amlserver.DEFAULT_HOST = "127.0.0.1"
amlserver.run()
"""


@pytest.fixture(scope="session")
def endpoints() -> Iterator[LocalEndpoints]:
    """Running local endpoints, which take the bearer token `entra-token` too."""
    with LocalEndpoints(tokens=["entra-token"]) as running:
        yield running


@pytest.fixture(scope="session")
def scoring_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of Microsoft's own scoring server, which runs our score script."""
    if not SCORING_PYTHON.exists():
        pytest.fail(
            f"Microsoft's scoring server is not installed in {SCORING_PYTHON}: run `make test`."
        )
    folder = tmp_path_factory.mktemp("scoring_server")
    log, port = folder / "log.txt", _free_port()
    with log.open("wb") as output:
        process = _start_scoring_server(port, folder, output.fileno())
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(process, url, log)
        yield url
    finally:
        _end(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _start_scoring_server(port: int, folder: Path, output: int) -> "subprocess.Popen[bytes]":
    arguments = ["--entry_script", str(score.__file__), "--port", str(port)]
    return subprocess.Popen(
        [SCORING_PYTHON, "-c", SCORING_LAUNCHER, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def _wait_until_healthy(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while not _is_healthy(url):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.stderr.write(log.read_text(errors="replace"))
            pytest.fail("Microsoft's scoring server did not start; its log stands in the output.")
        time.sleep(0.05)


def _is_healthy(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False).is_success
    except httpx2.TransportError:
        return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
