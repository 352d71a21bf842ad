"""Microsoft's own scoring server, running our score script in an environment of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from langchain_azure_llms.local import score

_REPOSITORY = Path(__file__).parents[2]
_PYTHON = _REPOSITORY / ".venv-scoring-server" / "bin" / "python"
_STARTING_SECONDS = 60
_ENDING_SECONDS = 15

# Microsoft's server binds every interface, and has no option for it.
_LAUNCHER = """
from azureml_inference_server_http import amlserver
amlserver.DEFAULT_HOST = "127.0.0.1"
amlserver.run()
"""


@contextmanager
def running_scoring_server(folder: Path) -> Iterator[str]:
    """Run the server in a folder while the context lasts; yield its address."""
    if not _PYTHON.exists():
        pytest.fail(f"Microsoft's scoring server is not installed in {_PYTHON}: run `make test`.")
    log, port = folder / "log.txt", _free_port()
    with log.open("wb") as output:
        process = _start(port, folder, output.fileno())
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


def _start(port: int, folder: Path, output: int) -> "subprocess.Popen[bytes]":
    arguments = ["--entry_script", str(score.__file__), "--port", str(port)]
    return subprocess.Popen(
        [_PYTHON, "-c", _LAUNCHER, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_REPOSITORY)},
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def _wait_until_healthy(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _STARTING_SECONDS
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
        process.wait(_ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
