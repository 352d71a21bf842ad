"""The reference pages list every public name and option, and routes and deployments that exist."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import httpx2
import pytest

from langchain_azure_llms import AzureOpenAI, RetryPolicy
from langchain_azure_llms.exceptions import OperationNotSupportedError
from langchain_azure_llms.local import LocalEndpoints

_DOCS = Path(__file__).parents[2] / "docs"
_REFERENCE = _DOCS / "reference"
_DOCUMENTED = re.compile(r"^\.\. auto\w+:: ([\w.]+)", re.M)


def _documented() -> set[str]:
    """Return the last part of each name that a directive of `autodoc` documents."""
    pages = "\n".join(page.read_text() for page in _REFERENCE.glob("*.md"))
    return {name.rpartition(".")[2] for name in _DOCUMENTED.findall(pages)}


@pytest.mark.parametrize(
    "module", ["langchain_azure_llms", "langchain_azure_llms.bulk", "langchain_azure_llms.local"]
)
def test_every_public_name_is_documented(module: str) -> None:
    """Each stands in a directive of its own; exceptions come with their whole module."""
    public = import_module(module).__all__
    assert set(public) <= _documented()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("local-endpoints", ["langchain_azure_llms.local"]),
        ("bulk-jobs", ["langchain_azure_llms.bulk", "run"]),
    ],
)
def test_every_option_of_a_command_is_listed(name: str, arguments: list[str]) -> None:
    """And no other, but for `--help`."""
    page = (_REFERENCE / f"{name}.md").read_text()
    command = [sys.executable, "-m", *arguments, "--help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    known = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", shown, re.M))
    listed = set(re.findall(r"^\| `(--[a-z-]+)", page, re.M))
    assert known - {"--help"} == listed


@pytest.fixture(scope="module")
def echoing() -> Iterator[LocalEndpoints]:
    """Running endpoints without a model."""
    with LocalEndpoints(engine="echo") as running:
        yield running


def _routes() -> list[str]:
    page = (_REFERENCE / "local-endpoints.md").read_text()
    firsts = re.findall(r"^\| (`/.*?) \|", page, re.M)
    return [route for first in firsts for route in re.findall(r"`([^`]+)`", first)]


def _is_served(endpoints: LocalEndpoints, route: str) -> bool:
    """Whether there is such a route: it refuses a GET or a POST without a credential."""
    url = endpoints.url + re.sub(r"\{\w+\}", "any", route)
    found = [httpx2.request(method, url, trust_env=False) for method in ("GET", "POST")]
    return [404, 404] != [one.status_code for one in found]


@pytest.mark.parametrize("route", _routes())
def test_every_listed_route_is_served(echoing: LocalEndpoints, route: str) -> None:
    """A path that is not listed is not."""
    assert _is_served(echoing, route)
    assert not _is_served(echoing, f"{route}/some/where")


def _deployments() -> list[tuple[str, str]]:
    """Return each deployment with what it is listed for."""
    page = (_REFERENCE / "local-endpoints.md").read_text()
    table = page.partition("| deployments | do |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`.*`) \| ([\w ]*\w)", table, re.M)
    return [(name, what) for names, what in rows for name in re.findall(r"`([^`]+)`", names)]


@pytest.mark.parametrize(("deployment", "what"), _deployments())
def test_every_deployment_does_what_is_listed(
    echoing: LocalEndpoints, deployment: str, what: str
) -> None:
    """And nothing else."""
    served = {api for api in _APIS if _answers(echoing, deployment, api)}
    assert _APIS_BY_WORDS[what] == served


_APIS = ("completions", "chat_completions", "responses")
_APIS_BY_WORDS: dict[str, set[str]] = {
    "completions": {"completions"},
    "chat completions": {"chat_completions"},
    "Responses": {"responses"},
    "embeddings": set(),
}


def _answers(endpoints: LocalEndpoints, deployment: str, api: str) -> bool:
    llm = AzureOpenAI(
        azure_endpoint=endpoints.url,
        azure_deployment=deployment,
        api_version="v1",
        api_key=endpoints.api_key,
        api=api,
        max_retries=0,
    )
    try:
        return llm.invoke("Hello") == "echo: Hello"
    except OperationNotSupportedError:
        return False


def test_the_table_of_the_retry_policy_holds_its_defaults() -> None:
    """Each setting, with its number."""
    page = (_DOCS / "how-to" / "retries-and-rate-limits.md").read_text()
    table = re.findall(r"^\| `(\w+)` \| ([\d.]+)(?: s)? \|", page, re.M)
    assert asdict(RetryPolicy()) == {name: float(value) for name, value in table}
