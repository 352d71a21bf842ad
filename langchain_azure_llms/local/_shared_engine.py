"""The process's one engine: loaded by its first holder, freed by its last.

The web application and the score script both hold it. Under Microsoft's scoring server there is
only the score script, which never lets go.
"""

import threading

from langchain_azure_llms.local._engine import Engine
from langchain_azure_llms.local._weights import weights

_lock = threading.Lock()
_engine: Engine | None = None
_holders = 0


def acquire(threads: int | None = None) -> Engine:
    """Hold the engine, loading it when nobody does. Call `release` once for each call.

    Args:
        threads: CPU threads to generate with; has no effect on an engine that is loaded already.

    Raises:
        LocalEndpointsError: When the weights cannot be had, or the model cannot run here.
    """
    global _engine, _holders  # noqa: PLW0603 (there is one per process)
    with _lock:
        if _engine is None:
            _engine = Engine(weights(), threads=threads)
        _holders += 1
        return _engine


def release() -> None:
    """Let go of the engine; the last holder's call frees it."""
    global _engine, _holders  # noqa: PLW0603 (there is one per process)
    with _lock:
        _holders -= 1
        if _holders == 0 and _engine is not None:
            _engine.close()
            _engine = None


def current() -> Engine:
    """Return the engine that somebody holds.

    Raises:
        RuntimeError: When nobody does.
    """
    if _engine is None:
        raise RuntimeError("No model is loaded: call acquire() first.")
    return _engine
