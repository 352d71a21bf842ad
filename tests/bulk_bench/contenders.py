"""What is measured, each in a process of its own: `python -m tests.bulk_bench.contenders NAME ...`.

Prints a JSON object: CPU and wall seconds for each record, what was answered, the peak of memory.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
from httpx_aiohttp.httpx2 import Httpx2AiohttpClient

from langchain_azure_llms import AzureOpenAI
from langchain_azure_llms.bulk import run_bulk

KEY = "a-key"
VERSION = "2024-10-21"


def prompts(count: int) -> Iterator[str]:
    """Yield prompts, each another one."""
    return (f"Prompt number {number}: when does the train leave?" for number in range(count))


def llm(url: str, api: str = "chat_completions") -> AzureOpenAI:
    """Return the LLM."""
    settings: dict[str, Any] = {"azure_deployment": "d", "api_version": VERSION, "api_key": KEY}
    return AzureOpenAI(azure_endpoint=url, api=api, **settings)


async def bare(url: str, count: int, at_once: int, _: dict[str, Any]) -> int:
    """Send the same requests by httpx2 over aiohttp, and parse the responses by `json`."""
    done, source = 0, prompts(count)
    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
    address = f"{url}/openai/deployments/d/chat/completions?api-version={VERSION}"
    headers = {"api-key": KEY, "Content-Type": "application/json"}
    async with Httpx2AiohttpClient(limits=limits, timeout=60) as client:

        async def worker() -> None:
            nonlocal done
            for prompt in source:
                body = {"messages": [{"role": "user", "content": prompt}], "model": "d"}
                content = json.dumps(body).encode()
                response = await client.post(address, content=content, headers=headers)
                value = json.loads(response.content)
                done += bool(value["choices"][0]["message"]["content"])

        await asyncio.gather(*(worker() for _ in range(at_once)))
    return done


async def arecords(url: str, count: int, at_once: int, options: dict[str, Any]) -> int:
    """Ask by `arecords`."""
    found = llm(url).arecords(prompts(count), max_concurrency=at_once or "auto", **options)
    return sum([record.error is None async for record in found])


def records(url: str, count: int, at_once: int, options: dict[str, Any]) -> int:
    """Ask by `records`."""
    found = llm(url).records(prompts(count), max_concurrency=at_once or "auto", **options)
    return sum(record.error is None for record in found)


def packed(url: str, count: int, at_once: int, options: dict[str, Any]) -> int:
    """Ask by `records`, twenty prompts in each request."""
    asked = llm(url, "completions")
    found = asked.records(prompts(count), max_concurrency=at_once or "auto", **options)
    return sum(record.error is None for record in found)


def job(url: str, count: int, at_once: int, options: dict[str, Any]) -> int:
    """Run a whole job, with its files."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        source.write_text("".join(json.dumps({"prompt": one}) + "\n" for one in prompts(count)))
        began = time.process_time()
        options = {"max_concurrency": at_once or "auto", "progress": False, **options}
        answered = run_bulk(llm(url), source, output, **options).answered
        job.cpu = time.process_time() - began  # type: ignore[attr-defined] # without the input
        return answered


async def peer(url: str, count: int, at_once: int, _: dict[str, Any]) -> int:
    """Ask by langchain-openai's class and `abatch_as_completed`."""
    import langchain_openai  # noqa: PLC0415 - slow

    cls: Any = langchain_openai.AzureChatOpenAI
    theirs = cls(azure_endpoint=url, azure_deployment="d", api_version=VERSION, api_key=KEY)
    done = 0
    found = theirs.abatch_as_completed(list(prompts(count)), {"max_concurrency": at_once})
    async for _number, message in found:
        done += bool(message.content)
    return done


_NAMES: dict[str, Callable[..., int | Awaitable[int]]] = {
    one.__name__: one for one in (bare, arecords, records, packed, job, peer)
}


def main(name: str, url: str, count: int, at_once: int, options: dict[str, Any]) -> dict[str, Any]:
    """Warm up, ask, and return what that cost."""
    work = _NAMES[name]

    def run(number: int) -> int:
        result = work(url, number, at_once, options)
        return result if isinstance(result, int) else asyncio.run(_awaited(result))

    if name in ("bare", "arecords", "records", "peer") and not options:
        run(200)  # connections, and what is made once
    cpu, began = time.process_time(), time.perf_counter()
    answered = run(count)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    cpu = getattr(work, "cpu", cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"answered": answered, "cpu": cpu / count, "seconds": seconds, "peak": peak}


async def _awaited(result: Awaitable[int]) -> int:
    return await result


if __name__ == "__main__":
    arguments = (sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    options = json.loads(sys.argv[5]) if len(sys.argv) > 5 else {}
    sys.stdout.write(json.dumps(main(*arguments, options)) + "\n")
