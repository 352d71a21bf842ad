"""How many calls of the package's own functions one warm `invoke` makes, and in how many files."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.llms import BaseLLM

import langchain_azure_llms
from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
)
from tests.benchmarks import server

PACKAGE = Path(langchain_azure_llms.__file__).parent
_WARMING = 3


class Calls(NamedTuple):
    """What was called: each entry into a function counts, a resumed generator's too."""

    calls: int
    files: int


class Counter:
    """Counts calls of functions that are defined in a folder, as `sys.setprofile` reports them."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}{os.sep}"
        self._files: list[str] | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Watch this thread, and all threads that are started meanwhile."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def count(self, call: Callable[[], object]) -> Calls:
        """Return what a call calls; only where the counter is installed."""
        files: list[str] = []
        self._files = files
        try:
            call()
        finally:
            self._files = None
        return Calls(len(files), len(set(files)))

    def _profile(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and self._files is not None:
            file = frame.f_code.co_filename
            if file.startswith(self._folder):
                self._files.append(file)


def calls_of_invoke(cls: type[BaseLLM], *, has_handler: bool) -> Calls:
    """Count the calls of one `invoke`, after a few that open the connection and fill caches."""
    counter = Counter(PACKAGE)
    # Threads that the first call starts are watched from their start.
    with _endpoint() as url, counter.installed():
        llm = LLMS[cls](url)
        if has_handler:
            llm.callbacks = [BaseCallbackHandler()]
        for _ in range(_WARMING):
            llm.invoke("When does the next train leave?")
        return counter.count(lambda: llm.invoke("When does the next train leave?"))


LLMS: dict[type[BaseLLM], Callable[[str], BaseLLM]] = {
    AzureMLOnlineEndpoint: lambda url: AzureMLOnlineEndpoint(
        endpoint_url=f"{url}/score",
        endpoint_api_key="a-key",
        content_formatter=CustomOpenAIContentFormatter(),
    ),
    AzureOpenAI: lambda url: AzureOpenAI(
        azure_endpoint=url, azure_deployment="d", api_version="2024-10-21", api_key="a-key"
    ),
}


@contextmanager
def _endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answering) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http_server.server_port}"
        finally:
            http_server.shutdown()
            thread.join()


class _Answering(BaseHTTPRequestHandler):
    """Answers as the benchmark's endpoint does."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for part in server.answer(self.path.partition("?")[0], body):
            self.wfile.write(part)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Log nothing."""
