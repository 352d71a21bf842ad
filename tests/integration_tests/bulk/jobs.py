"""What tests of bulk jobs share: files, LLMs, and the command in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from langchain_azure_llms import AzureOpenAI, RetryPolicy
from langchain_azure_llms.local import LocalEndpoints

QUICK = RetryPolicy(max_retries=4, initial_wait=0.005, max_backoff=0.05, max_wait=5.0)
COMPLETIONS, CHAT = "gpt-35-turbo-instruct", "local-chat"


def azure(endpoints: LocalEndpoints, deployment: str = COMPLETIONS, **settings: Any) -> AzureOpenAI:
    """Return an LLM that asks the endpoints."""
    defaults = {
        "azure_endpoint": endpoints.url,
        "api_key": endpoints.api_key,
        "api_version": "2024-10-21",
        "azure_deployment": deployment,
        "retry_policy": QUICK,
    }
    return AzureOpenAI(**{**defaults, **settings})


def write_prompts(path: Path, prompts: Iterable[Any]) -> Path:
    """Write a file of prompts: texts, or rows."""
    rows = (one if isinstance(one, dict) else {"prompt": one} for one in prompts)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def records_in(path: Path) -> list[dict[str, Any]]:
    """Return the records of an output, each of whose lines must be whole."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def command(endpoints: LocalEndpoints, *arguments: Any) -> subprocess.Popen[str]:
    """Begin the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "langchain_azure_llms.bulk", *map(str, arguments)],
        env={**os.environ, **endpoints.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(
    endpoints: LocalEndpoints, *arguments: Any, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    process = command(endpoints, *arguments)
    out, errors = process.communicate(stdin, timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, out, errors)
