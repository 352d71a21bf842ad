"""The rows that need fresh processes: imports, connections that are opened, growth of memory.

`python -m tests.benchmarks.processes CLASS CALL URL COUNTS...` asks so many prompts, then so many
more, and prints the peak of Python's memory during each of them as JSON.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.benchmarks.environment import REPOSITORY, Endpoint
from tests.benchmarks.rounds import OURS

CORE = "langchain_core"
_PROMPTS = 2000
_WARMING, _FEW, _MANY = 64, 1000, 20_000
_IMPORTS = 12

Found = dict[str, dict[str, float]]
"""The figures of each contender."""

# LangChain's core comes first, and by itself: every contender needs it, it is nearly all of the
# time, and the time that one import takes depends a little on where in the stack it begins.
_IMPORT = """
import json, sys, time

def now():
    return time.process_time(), time.perf_counter()

start = now()
from langchain_core.language_models.llms import BaseLLM
middle = now()
sys.path.insert(0, {repository!r})
{statement}
end = now()
print(json.dumps([[b - a for a, b in zip(*two)] for two in ((start, middle), (middle, end))]))
"""


@dataclass(frozen=True)
class ProcessRow:
    """One line of the comparison that is measured in fresh processes.

    Attributes:
        name: What the command line calls it.
        title: What tables call it.
        per: What one call is.
        figure: The figure that targets compare.
        measure: Measures it, in so many rounds at most.
    """

    name: str
    title: str
    per: str
    figure: str
    measure: Callable[[Endpoint, int], Found]


def _imports(statements: dict[str, str], _endpoint: Endpoint, most_rounds: int) -> Found:
    rounds = min(most_rounds, _IMPORTS)
    turns = {name: [] for name in statements}  # type: dict[str, list[list[list[float]]]]
    for _ in range(1 + rounds):  # the first round compiles what was not
        for name, statement in statements.items():
            turns[name].append(_import(statement))
    core = _best([turn[0] for found in turns.values() for turn in found[1:]])
    added = {name: _best([turn[1] for turn in found[1:]]) for name, found in turns.items()}
    return {
        **{
            name: {"cpu": core[0] + cpu, "wall": core[1] + wall, "rounds": rounds}
            for name, (cpu, wall) in added.items()
        },
        CORE: {"cpu": core[0], "wall": core[1], "rounds": rounds * len(statements)},
    }


def _best(turns: Sequence[Sequence[float]]) -> tuple[float, float]:
    cpu, wall = (min(figures) for figures in zip(*turns, strict=True))
    return cpu, wall


def _import(statement: str) -> list[list[float]]:
    """Return CPU and seconds that LangChain's core takes, and that the statement takes after it."""
    code = _IMPORT.format(statement=statement, repository=str(REPOSITORY))
    output = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=tempfile.gettempdir(),
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    figures: list[list[float]] = json.loads(output)
    return figures


def _connections(call: str, peer: str | None, endpoint: Endpoint, _most_rounds: int) -> Found:
    """Count the connections that a batch opens; the peer's without TLS, which is faster."""

    def opened(factory: str, url: str) -> dict[str, float]:
        before = endpoint.connections()
        _run(factory, call, url, [_PROMPTS])
        return {"connections": endpoint.connections() - before}

    found = {OURS: opened("our_azureml", endpoint.tls)}
    if peer is not None:
        found[peer] = opened("their_azureml", endpoint.plain)
    return found


def _memory(factory: str, endpoint: Endpoint, _most_rounds: int) -> Found:
    counts = [_WARMING, _FEW, _MANY]  # what the first calls take does not hide growth
    _, few, many = _run(factory, "abatch_as_completed", endpoint.tls, counts)
    return {OURS: {"memory": many - few}}


def _run(factory: str, call: str, url: str, counts: Sequence[int]) -> list[int]:
    output = subprocess.run(
        [sys.executable, "-m", __name__, factory, call, url, *map(str, counts)],
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    peaks: list[int] = json.loads(output)
    return peaks


def _peaks(factory: str, call: str, url: str, counts: Sequence[int]) -> list[int]:
    """Ask in this process, which is a fresh one; prompts themselves do not count as memory."""
    from tests.benchmarks import contenders, workloads  # noqa: PLC0415 - not needed by the parent

    llm = getattr(contenders, factory)(url)
    ask: Any = getattr(workloads, call)
    asked = [workloads.prompts(count) for count in counts]
    peaks = []
    if call == "abatch_as_completed":  # tracing makes everything slow
        tracemalloc.start()
    with asyncio.Runner() as runner:
        for prompts in asked:
            coroutine = ask(llm, prompts)
            if coroutine is not None:
                runner.run(coroutine)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.reset_peak()
    return peaks


PROCESS_ROWS = (
    *(
        ProcessRow(
            f"import-{name}",
            f"import {cls}",
            "process",
            "wall",
            partial(
                _imports,
                {
                    OURS: f"from langchain_azure_llms import {cls}",
                    peer: f"from {module} import {cls}",
                },
            ),
        )
        for name, cls, peer, module in (
            ("openai", "AzureOpenAI", "langchain-openai", "langchain_openai"),
            (
                "azureml",
                "AzureMLOnlineEndpoint",
                "langchain-community",
                "langchain_community.llms.azureml_endpoint",
            ),
        )
    ),
    *(
        ProcessRow(
            f"connections-{call}",
            f"connections for {_PROMPTS:,} prompts, AzureMLOnlineEndpoint.{call}, 64 at once",
            "run",
            "connections",
            partial(_connections, call, peer),
        )
        for call, peer in (("batch", "langchain-community"), ("abatch", None))
    ),
    *(
        ProcessRow(
            f"memory-{name}",
            f"memory of {_MANY:,} prompts over {_FEW:,}, {cls}.abatch_as_completed",
            "run",
            "memory",
            partial(_memory, factory),
        )
        for name, cls, factory in (
            ("openai", "AzureOpenAI", "our_openai"),
            ("azureml", "AzureMLOnlineEndpoint", "our_azureml"),
        )
    ),
)

if __name__ == "__main__":
    found = _peaks(sys.argv[1], sys.argv[2], sys.argv[3], [int(count) for count in sys.argv[4:]])
    sys.stdout.write(json.dumps(found))
