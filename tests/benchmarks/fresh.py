"""What only a process of its own can tell: imports, peak memory, how many connections are opened.

`python -m tests.benchmarks.fresh CONTENDER WAY PROMPTS...` asks so many prompts, then so many more,
and prints the peaks of memory on the way, as JSON.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

from tests.benchmarks.rounds import Role
from tests.benchmarks.surroundings import REPOSITORY, Endpoint

CONCURRENCY = 64
PROMPTS = 2000
_IMPORTS = 30
"""Rounds: an import takes half a second, in which a machine seldom stays at its best."""
FEW, MANY = 1000, 20_000
AS_COMPLETED = "abatch_as_completed"
_KIB = 1024

Figures = dict[str, float]
Found = dict[str, dict[str, Any]]
"""The figures of each contender."""

_IMPORT = """
import json, time

def now():
    return {{"cpu": time.process_time(), "wall": time.perf_counter()}}

start = now()
from langchain_core.language_models.llms import BaseLLM
middle = now()
{statement}
end = now()
parts = ((start, middle), (middle, end))
print(json.dumps([{{name: part[1][name] - part[0][name] for name in start}} for part in parts]))
"""
CORE = "langchain_core"
"""What every contender needs, and nearly all of the time, so it is imported first and by itself.

Python keeps the frames of calls in chunks of memory; where a chunk ends in the midst of much work,
that work takes up to a tenth longer. How deep in the stack an import begins decides it: imported by
this or that contender, the same core would take different times.
"""


@dataclass(frozen=True)
class FreshRow:
    """One line of the comparison that is measured in fresh processes.

    Attributes:
        name: What the command line calls it.
        title: What tables call it.
        per: What one call is.
        figure: What decides.
        measured: Measures it.
    """

    name: str
    title: str
    per: str
    figure: str
    measured: Callable[[Endpoint, bool], Found]


def _imports(statements: Mapping[str, tuple[Role, str]]) -> Callable[[Endpoint, bool], Found]:
    def measured(_endpoint: Endpoint, is_quick: bool) -> Found:  # noqa: FBT001 - see FreshRow
        core: list[Figures] = []
        added: dict[str, list[Figures]] = {name: [] for name in statements}
        for number in range(2 if is_quick else 1 + _IMPORTS):
            for name, (_, statement) in statements.items():
                first, second = _import(statement)
                if number:  # the first one compiles what was not
                    core.append(first)
                    added[name].append(second)
        alone = _best(core)
        return {
            **{
                name: {
                    "role": role,
                    **{figure: alone[figure] + best for figure, best in _best(added[name]).items()},
                    "rounds": len(added[name]),
                }
                for name, (role, _) in statements.items()
            },
            CORE: {"role": "floor", **alone, "rounds": len(core)},
        }

    return measured


def _best(turns: Sequence[Figures]) -> Figures:
    return {figure: min(turn[figure] for turn in turns) for figure in ("cpu", "wall")}


def _import(statement: str) -> tuple[Figures, Figures]:
    """Import in a fresh process, far from the repository: what counts is what is installed.

    Returns:
        What LangChain's core takes, and what the statement takes after it.
    """
    code = _IMPORT.format(statement=statement)
    output = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=tempfile.gettempdir(),
        check=True,
        capture_output=True,
    ).stdout
    core, added = json.loads(output)
    return core, added


def _connections(way: str) -> Callable[[Endpoint, bool], Found]:
    def measured(endpoint: Endpoint, is_quick: bool) -> Found:  # noqa: FBT001 - see FreshRow
        count = PROMPTS // 20 if is_quick else PROMPTS
        contenders: dict[str, tuple[Role, str]] = {
            "ours": ("ours", "our_azureml"),
            "langchain-community": ("peer", "their_azureml"),
        }
        found: Found = {}
        for name, (role, contender) in contenders.items():
            before = endpoint.connections()
            asked(endpoint, contender, way, [count])
            opened = endpoint.connections() - before
            found[name] = {"role": role, "connections": opened, "prompts": count}
        return found

    return measured


def _memory(contenders: Mapping[str, tuple[Role, str]]) -> Callable[[Endpoint, bool], Found]:
    def measured(endpoint: Endpoint, is_quick: bool) -> Found:  # noqa: FBT001 - see FreshRow
        counts = [count // 100 for count in (FEW, MANY)] if is_quick else [FEW, MANY]
        found: Found = {}
        for name, (role, contender) in contenders.items():
            few, many = asked(endpoint, contender, AS_COMPLETED, counts)
            objects, resident = many.objects - few.objects, many.resident - few.resident
            found[name] = {"role": role, "memory": objects, "resident": resident}
        return found

    return measured


class Peak(NamedTuple):
    """The most memory that asking a number of prompts took, in bytes.

    Attributes:
        objects: By Python's objects, for this number of prompts alone.
        resident: By the process, since its start. What is free inside it hides some growth.
    """

    objects: int
    resident: int


def asked(endpoint: Endpoint, contender: str, way: str, counts: Sequence[int]) -> list[Peak]:
    """Let a fresh process ask prompts; return the peak of each number of them."""
    arguments = [contender, way, endpoint.tls, *map(str, counts)]
    output = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.fresh", *arguments],
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    return [Peak(*peak) for peak in json.loads(output)]


class Prompts(Sequence[str]):
    """Prompts that are made when they are looked at, so that they take no memory."""

    def __init__(self, count: int) -> None:
        self._numbers = range(count)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[number] for number in self._numbers[index]]
        return f"Question {self._numbers[index]}: when does the next train leave?"


def _ask(contender: str, way: str, url: str, counts: Sequence[int]) -> list[Peak]:
    """Ask in this process, which is a fresh one."""
    from tests.benchmarks import contenders, workloads  # noqa: PLC0415 - not when imports count

    llm = contenders.NoOpLLM() if contender == "no-op" else getattr(contenders, contender)(url)
    config = workloads.config(CONCURRENCY)

    async def as_completed(count: int) -> int:
        done = 0
        async for _ in llm.abatch_as_completed(Prompts(count), config):
            done += 1
        return done

    def ask(runner: asyncio.Runner, count: int) -> int:
        if way == AS_COMPLETED:
            return runner.run(as_completed(count))
        prompts: list[Any] = list(Prompts(count))
        if way == "batch":
            return len(llm.batch(prompts, config))
        return len(runner.run(llm.abatch(prompts, config)))

    peaks = []
    if way == AS_COMPLETED:
        tracemalloc.start()
    with asyncio.Runner() as runner:
        for count in counts:
            assert ask(runner, count) == count
            peaks.append(_peak())
            tracemalloc.reset_peak()
    return peaks


def _peak() -> Peak:
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    objects = tracemalloc.get_traced_memory()[1]
    return Peak(objects, resident if sys.platform == "darwin" else resident * _KIB)


FRESH_ROWS = (
    FreshRow(
        "import-openai",
        "import AzureOpenAI",
        "process",
        "wall",
        _imports(
            {
                "ours": ("ours", "from langchain_azure_llms import AzureOpenAI"),
                "langchain-openai": ("peer", "from langchain_openai import AzureOpenAI"),
            }
        ),
    ),
    FreshRow(
        "import-azureml",
        "import AzureMLOnlineEndpoint",
        "process",
        "wall",
        _imports(
            {
                "ours": ("ours", "from langchain_azure_llms import AzureMLOnlineEndpoint"),
                "langchain-community": (
                    "peer",
                    "from langchain_community.llms.azureml_endpoint import AzureMLOnlineEndpoint",
                ),
            }
        ),
    ),
    *(
        FreshRow(
            f"connections-{way}",
            f"connections for {PROMPTS:,} prompts, AzureMLOnlineEndpoint.{way}",
            "run",
            "connections",
            _connections(way),
        )
        for way in ("batch", "abatch")
    ),
    FreshRow(
        "memory-openai",
        f"peak memory of {MANY:,} prompts over {FEW:,}, AzureOpenAI",
        "run",
        "memory",
        _memory(
            {
                "ours": ("ours", "our_openai"),
                "langchain-openai": ("peer", "their_openai"),
            }
        ),
    ),
    FreshRow(
        "memory-azureml",
        f"peak memory of {MANY:,} prompts over {FEW:,}, AzureMLOnlineEndpoint",
        "run",
        "memory",
        _memory({"ours": ("ours", "our_azureml"), "no-op LLM": ("floor", "no-op")}),
    ),
)

if __name__ == "__main__":
    found = _ask(sys.argv[1], sys.argv[2], sys.argv[3], [int(count) for count in sys.argv[4:]])
    sys.stdout.write(json.dumps(found))
