"""llama.cpp in this process: one loaded model, shared by all who hold it."""

import os
import platform
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from langchain_azure_llms.local._call import MODEL
from langchain_azure_llms.local._errors import LocalEndpointsError
from langchain_azure_llms.local._pieces import EngineError, Piece, Task, read_chunk
from langchain_azure_llms.local._text_engine import Emit

if TYPE_CHECKING:
    from types import ModuleType

CONTEXT_LENGTH = 2048
"""Tokens of prompt and completion together."""

_SLOTS = 4
_WAITING = 64

cancellation: ContextVar[threading.Event | None] = ContextVar("cancellation", default=None)
"""When set in the caller's context, `Engine.texts` stops as soon as the event is set."""


class Engine:
    """The loaded model.

    Each task is one llama.cpp request of its own, up to four at a time: that gives right token
    counts for several choices, and no upper bound on their number.

    Args:
        path: The GGUF file.
        threads: CPU threads to generate with; default: half of the machine's.

    Raises:
        LocalEndpointsError: When llama.cpp cannot run here, or cannot load the file.
    """

    name = MODEL

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        llama = _import_llama()
        try:
            self._server = llama.Server(_settings(llama, path, threads))
        except RuntimeError as error:
            raise LocalEndpointsError(f"The model {path} could not be loaded: {error}") from error
        self._workers = ThreadPoolExecutor(_WAITING, thread_name_prefix="local-endpoints-model")

    def start(self, task: Task, emit: Emit, cancelled: threading.Event) -> None:
        """Generate `task` in a worker thread, which calls `emit`.

        Setting `cancelled` ends the task at its next token. (A prompt that is being read is read
        to its end.)
        """
        self._workers.submit(self._generate, task, emit, cancelled)

    def texts(self, tasks: Sequence[Task]) -> list[str]:
        """Generate the texts of `tasks` together, waiting for all of them.

        Raises:
            EngineError: When the model refuses or fails at one of them, or `cancellation` was set.
        """
        cancelled = cancellation.get() or threading.Event()
        queues = [self._start_into_queue(task, cancelled) for task in tasks]
        try:
            return ["".join(piece.text for piece in _drain(queue)) for queue in queues]
        finally:
            cancelled.set()

    def close(self) -> None:
        """Wait for what is being generated, then free the model and its threads."""
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._server = None

    def _start_into_queue(
        self, task: Task, cancelled: threading.Event
    ) -> "SimpleQueue[Piece | Exception | None]":
        queue: SimpleQueue[Piece | Exception | None] = SimpleQueue()
        self.start(task, queue.put, cancelled)
        return queue

    def _generate(self, task: Task, emit: Emit, cancelled: threading.Event) -> None:
        reader = _StreamReader(emit, cancelled)
        try:
            if not cancelled.is_set():
                self._handler(task)(_request_body(task), reader.read)
            reader.raise_unless_finished()
        except Exception as error:  # noqa: BLE001 (whoever waits for the task must learn of it)
            emit(error)
        else:
            emit(None)

    def _handler(self, task: Task) -> Callable[[dict[str, Any], Callable[[Any], bool]], object]:
        handlers = {
            "completions": self._server.handle_completions,
            "chat": self._server.handle_chat_completions,
        }
        handler: Callable[[dict[str, Any], Callable[[Any], bool]], object]
        handler = handlers[task.operation]
        return handler


class _StreamReader:
    """The callback of one llama.cpp stream.

    llama.cpp swallows what a callback raises and says nothing when a stream breaks off, so both
    are kept here and raised afterwards.
    """

    def __init__(self, emit: Emit, cancelled: threading.Event) -> None:
        self._emit = emit
        self._cancelled = cancelled
        self._finished = False
        self._failure: Exception | None = None

    def read(self, chunk: dict[str, Any] | None) -> bool:
        """Take a chunk; return whether generation must stop."""
        try:
            if chunk is not None:
                self._pass_on(read_chunk(chunk))
        except Exception as error:  # noqa: BLE001 (raised by `raise_unless_finished`)
            self._failure = error
        return self._failure is not None or self._cancelled.is_set()

    def _pass_on(self, piece: Piece) -> None:
        self._finished |= piece.finish_reason is not None
        self._emit(piece)

    def raise_unless_finished(self) -> None:
        if self._failure is not None:
            raise self._failure
        if not self._finished:
            raise EngineError(500, "The generation ended before it was finished.")


def _drain(queue: "SimpleQueue[Piece | Exception | None]") -> Iterator[Piece]:
    while (item := queue.get()) is not None:
        if isinstance(item, Exception):
            raise item
        yield item


def _request_body(task: Task) -> dict[str, Any]:
    return {
        **task.body,
        "stream": True,
        "stream_options": {"include_usage": True},
        # Reusing the start of an earlier prompt shifts the last bits of the numbers: one and the
        # same greedy request would not always give one and the same text.
        "cache_prompt": False,
    }


def _settings(llama: "ModuleType", path: Path, threads: int | None) -> Any:
    params = llama.CommonParams()
    params.model.path = str(path)
    params.n_parallel = _SLOTS
    params.n_ctx = _SLOTS * CONTEXT_LENGTH  # llama.cpp divides it between the slots
    count = threads or max(1, (os.cpu_count() or 2) // 2)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = count
    params.warmup = False  # half a second sooner; the first request takes 30 ms more
    params.fit_params = False  # a tiny model on the CPU: no memory of devices to probe
    params.cache_ram_mib = 0  # no cache of prompts in memory; the default may take 8 GiB
    params.verbosity = 0
    # llama.cpp's own listener cannot be switched off: loopback, a free port, a key nobody has.
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [secrets.token_hex()]
    params.ui, params.endpoint_slots, params.n_threads_http = False, False, 1
    params.cors_origins = ""
    return params


def _import_llama() -> "ModuleType":
    _refuse_old_processor()
    try:
        import xllamacpp  # noqa: PLC0415 (an extra, and heavy)
    except ModuleNotFoundError as error:
        raise LocalEndpointsError(
            'The local endpoints need an extra: pip install "langchain-azure-llms[local]".'
        ) from error
    except ImportError as error:
        raise LocalEndpointsError(_explain_import_error(error)) from error
    return xllamacpp  # type: ignore[no-any-return]


def _explain_import_error(error: ImportError) -> str:
    if "libgomp" in str(error):
        return (
            "llama.cpp needs the system library libgomp.so.1: install the package libgomp1 "
            "(Debian, Ubuntu) or libgomp (Alpine, Fedora)."
        )
    return f"llama.cpp cannot be loaded on this machine: {error}"


def _refuse_old_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Without AVX2 the compiled code would end the process with an illegal instruction."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or not cpuinfo.is_file():
        return
    flags = next(
        (line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), ""
    )
    if flags and "avx2" not in flags.split():
        raise LocalEndpointsError(
            "llama.cpp needs a processor with AVX2, which this one lacks: "
            "run the local endpoints on another machine."
        )
