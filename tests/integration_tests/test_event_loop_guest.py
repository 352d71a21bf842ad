"""The first async call of a process does not block its event loop.

Each test is a new process, for only the first call imports modules and reads certificates. In it,
`blockbuster` raises an error for each blocking call in the loop, as LangGraph's server does.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_azure_llms.local import LocalEndpoints

_PROGRAM = """
import asyncio, os, sys
from blockbuster import blockbuster_ctx
from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter
from langchain_azure_llms.http import transports

call, deployment, engine = sys.argv[1:]
if engine == "httpx2":
    transports.has_aiohttp = lambda: False
if deployment == "score":
    llm = AzureMLOnlineEndpoint(content_formatter=CustomOpenAIContentFormatter(), timeout=30)
else:
    llm = AzureOpenAI(azure_deployment=deployment, max_tokens=16)

async def main():
    if call == "ainvoke":
        return await llm.ainvoke("tide")
    if call == "astream":
        return "".join([text async for text in llm.astream("tide")])
    if call == "abatch":
        return (await llm.abatch(["tide"] * 30))[29]
    return [text async for _, text in llm.abatch_as_completed(["tide"] * 3)][0]

with blockbuster_ctx():
    print(asyncio.run(main()), flush=True)
os._exit(0)  # what blockbuster changed in Python itself does not survive its end
"""


@pytest.fixture(scope="module")
def echo_endpoints() -> Iterator[LocalEndpoints]:
    """Endpoints that answer at once."""
    with LocalEndpoints(engine="echo") as endpoints:
        yield endpoints


@pytest.mark.parametrize("engine", ["httpx2", "aiohttp"])
@pytest.mark.parametrize(
    "deployment", ["gpt-35-turbo-instruct", "local-chat", "local-responses", "score"]
)
@pytest.mark.parametrize("call", ["ainvoke", "astream", "abatch", "abatch_as_completed"])
def test_the_first_call_does_not_block(
    echo_endpoints: LocalEndpoints, call: str, deployment: str, engine: str
) -> None:
    """Whatever the call, the API and the engine."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, call, deployment, engine],
        env={**echo_endpoints.environ, "PATH": "", "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ("echo: tide", 0) == (done.stdout.strip(), done.returncode), done.stderr
