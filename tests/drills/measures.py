"""What a process holds: descriptors, threads, memory."""

import asyncio
import gc
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from langchain_azure_llms import AzureMLOnlineEndpoint, CustomOpenAIContentFormatter

_DESCRIPTORS = Path("/proc/self/fd")
_PATIENCE = 3.0
_SETTLING = 0.1  # the endpoints' end of a connection closes a moment later


class Held(NamedTuple):
    """What is open now."""

    descriptors: int
    threads: int

    def is_more_than(self, other: "Held") -> bool:
        """Whether something is open that was not; less may be, what was garbage before."""
        return self.descriptors > other.descriptors or self.threads > other.threads


def held() -> Held:
    """Return what is open now; no descriptors where the system does not list them.

    The threads that sync batches keep for the next one do not count.
    """
    descriptors = len(list(_DESCRIPTORS.iterdir())) if _DESCRIPTORS.is_dir() else 0
    threads = [t for t in threading.enumerate() if not t.name.startswith("azure-llms")]
    return Held(descriptors, len(threads))


def held_at_rest(before: Held) -> Held:
    """Return what is open once nothing more than before is, or after three seconds."""
    ends = time.monotonic() + _PATIENCE
    settle()
    while (now := held()).is_more_than(before) and time.monotonic() < ends:
        time.sleep(0.02)
        gc.collect()
    return now


def tasks_at_rest() -> int:
    """Return how many unfinished tasks there are in event loops that do not run at the moment."""
    tasks = [one for one in gc.get_objects() if type(one) is asyncio.Task]
    return sum(not task.done() and not task.get_loop().is_running() for task in tasks)


def memory() -> int:
    """Return the bytes that Python objects take, garbage aside; 0 unless they are traced."""
    if not tracemalloc.is_tracing():
        return 0
    settle()
    time.sleep(_SETTLING)
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def peak() -> int:
    """Return the most bytes that they took since the last call."""
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    return most


def settle() -> None:
    """Close what threads that have ended had open: the next batch in a new thread does so."""
    llm = AzureMLOnlineEndpoint(
        endpoint_url="http://127.0.0.1:9/v1/completions",  # where no server listens
        endpoint_api_key="none",
        content_formatter=CustomOpenAIContentFormatter(),
        max_retries=0,
    )
    with ThreadPoolExecutor(1) as thread:
        thread.submit(llm.batch, ["a", "b"], return_exceptions=True).result()
    gc.collect()
