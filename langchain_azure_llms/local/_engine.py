"""llama.cpp in this process: one loaded model, shared by all who hold it."""

import os
import platform
import secrets
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from langchain_azure_llms._install import install_command
from langchain_azure_llms.local._errors import LocalEndpointsError, invalid_request, server_error
from langchain_azure_llms.local._generation import Emit, Piece, Task
from langchain_azure_llms.local._weights import weights

_CONTEXT_LENGTH = 2048  # tokens of prompt and completion together
_SLOTS = 4


class LlamaEngine:
    """The loaded model. One llama.cpp request for each task gives right counts for each choice."""

    name = "smollm2-135m-instruct"

    def __init__(self, path: Path, threads: int | None = None) -> None:
        llama = import_llama()
        try:
            self._server = llama.Server(_settings(llama.CommonParams(), path, threads))
        except RuntimeError as error:
            raise LocalEndpointsError(f"The model {path} could not be loaded: {error}") from error
        self._workers = ThreadPoolExecutor(64, thread_name_prefix="local-endpoints-model")

    def start(self, task: Task, emit: Emit, is_cancelled: Callable[[], bool]) -> None:
        self._workers.submit(self._generate, task, emit, is_cancelled)

    def close(self) -> None:
        """Wait for what is being generated, then free the model and its threads."""
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._server = None

    def _generate(self, task: Task, emit: Emit, is_cancelled: Callable[[], bool]) -> None:
        finished, failure = False, None

        def read(chunk: dict[str, Any] | None) -> bool:
            """Take a chunk; return whether to stop. llama.cpp swallows what this raises."""
            nonlocal finished, failure
            try:
                if chunk is not None:
                    piece = _read_chunk(chunk)
                    finished = finished or piece.finish_reason is not None
                    emit(piece)
            except Exception as error:  # noqa: BLE001 (emitted below)
                failure = error
            return failure is not None or is_cancelled()

        # Reusing the start of an earlier prompt shifts the last bits of the numbers: one and the
        # same greedy request would not always give one and the same text.
        streamed = {"stream": True, "stream_options": {"include_usage": True}}
        request = task | streamed | {"cache_prompt": False}
        server, is_chat = self._server, "messages" in task
        handle = server.handle_chat_completions if is_chat else server.handle_completions
        try:
            if not is_cancelled():
                handle(request, read)
        except Exception as error:  # noqa: BLE001 (whoever waits for the task must learn of it)
            failure = error
        if failure is None and not finished:
            failure = server_error("The generation ended before it was finished.")
        emit(failure)


_lock = threading.Lock()
_shared: LlamaEngine | None = None
_holders = 0


def acquire(threads: int | None = None) -> LlamaEngine:
    """Return the process's one engine, loading it when nobody holds it; then `release` it once."""
    global _shared, _holders  # noqa: PLW0603 (there is one per process)
    with _lock:
        _shared = _shared or LlamaEngine(weights(), threads)
        _holders += 1
        return _shared


def release() -> None:
    """Let go of the engine; the last holder's call frees it."""
    global _shared, _holders  # noqa: PLW0603 (there is one per process)
    with _lock:
        _holders -= 1
        if _holders == 0 and _shared is not None:
            _shared.close()
            _shared = None


def _read_chunk(chunk: dict[str, Any]) -> Piece:
    if "error" in chunk:
        error = chunk["error"]
        if error["code"] >= 500:
            raise server_error(error["message"])
        is_too_long = error.get("type") == "exceed_context_size_error"
        code = "context_length_exceeded" if is_too_long else None
        raise invalid_request(error["message"], code=code)
    counts = chunk.get("usage")
    usage = (counts["prompt_tokens"], counts["completion_tokens"]) if counts else None
    if not chunk["choices"]:
        return Piece(usage=usage)
    choice = chunk["choices"][0]
    # A completion carries `text`; chat carries a `delta`, whose content is null beside the role.
    text = choice.get("text") or choice.get("delta", {}).get("content") or ""
    logprobs = (choice.get("logprobs") or {}).get("content") or ()
    return Piece(text, _without_ids(logprobs), choice["finish_reason"], usage)


def _without_ids(tokens: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep of llama.cpp's tokens what Azure has: all but the token ids, also of their rivals."""
    kept = [{name: token[name] for name in token if name != "id"} for token in tokens]
    for token in kept:
        if "top_logprobs" in token:
            token["top_logprobs"] = _without_ids(token["top_logprobs"])
    return kept


def _settings(params: Any, path: Path, threads: int | None) -> Any:
    params.model.path = str(path)
    params.n_parallel = _SLOTS
    params.n_ctx = _SLOTS * _CONTEXT_LENGTH  # llama.cpp divides it between the slots
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


def import_llama(cpuinfo: Path = Path("/proc/cpuinfo")) -> Any:
    """Import llama.cpp; a machine that cannot run it is told what it lacks."""
    if sys.platform == "linux" and platform.machine() == "x86_64" and cpuinfo.is_file():
        # Without AVX2 the compiled code would end the process with an illegal instruction.
        lines = cpuinfo.read_text().splitlines()
        flags = next((line.split() for line in lines if line.startswith("flags")), ["avx2"])
        if "avx2" not in flags:
            raise LocalEndpointsError("llama.cpp needs a processor with AVX2: use another machine.")
    try:
        import xllamacpp  # noqa: PLC0415 (an extra, and heavy)
    except ImportError as error:
        hint = "it does not run on this machine"
        if isinstance(error, ModuleNotFoundError):
            hint = f"it needs an extra: {install_command('local')}"
        elif "libgomp" in str(error):
            hint = "install libgomp1 (Debian, Ubuntu) or libgomp (Alpine, Fedora)"
        raise LocalEndpointsError(f"llama.cpp cannot be loaded: {error}; {hint}.") from error
    return xllamacpp
