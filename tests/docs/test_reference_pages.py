"""The pages of reference leave nothing out: no public name, no option, no route."""

import re
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import pytest
from starlette.routing import Route

from langchain_azure_llms import RetryPolicy
from langchain_azure_llms.local import __main__ as command
from langchain_azure_llms.local import score
from langchain_azure_llms.local._access import Access
from langchain_azure_llms.local._app import create_app
from langchain_azure_llms.local._cancellations import Cancellations
from langchain_azure_llms.local._deployments import Deployments
from langchain_azure_llms.local._directory import Directory
from langchain_azure_llms.local._echo import EchoEngine
from langchain_azure_llms.local._tokens import IssuedTokens

_DOCS = Path(__file__).parents[2] / "docs"
_REFERENCE = _DOCS / "reference"
_DOCUMENTED = re.compile(r"^\.\. auto\w+:: ([\w.]+)", re.M)


def _documented() -> set[str]:
    """Return the last part of each name that a directive of `autodoc` documents."""
    pages = "\n".join(page.read_text() for page in _REFERENCE.glob("*.md"))
    return {name.rpartition(".")[2] for name in _DOCUMENTED.findall(pages)}


@pytest.mark.parametrize("module", ["langchain_azure_llms", "langchain_azure_llms.local"])
def test_every_public_name_is_documented(module: str) -> None:
    """Each stands in a directive of its own; exceptions come with their whole module."""
    public = import_module(module).__all__
    assert set(public) <= _documented()


def test_every_option_of_the_command_is_listed() -> None:
    """And no other, but for `--help`."""
    page = (_REFERENCE / "local-endpoints.md").read_text()
    known = {option for action in command._parser()._actions for option in action.option_strings}
    listed = set(re.findall(r"^\| `(--[a-z-]+)", page, re.M))
    assert known - {"-h", "--help"} == listed


def test_every_route_is_listed() -> None:
    """And no other."""
    page = (_REFERENCE / "local-endpoints.md").read_text()
    firsts = re.findall(r"^\| (`/.*?) \|", page, re.M)
    listed = {route for first in firsts for route in re.findall(r"`([^`]+)`", first)}
    access, directory = Access("key"), Directory("secret", 60.0, IssuedTokens())
    app = create_app(EchoEngine(), score.run, access, Deployments(), directory, Cancellations())
    assert {route.path for route in app.routes if isinstance(route, Route)} == listed


def test_every_deployment_is_listed() -> None:
    """By its name."""
    page = (_REFERENCE / "local-endpoints.md").read_text()
    known = Deployments()
    names = {*known.completions, *known.chat, *known.responses, *known.embeddings}
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_the_table_of_the_retry_policy_holds_its_defaults() -> None:
    """Each setting, with its number."""
    page = (_DOCS / "how-to" / "retries-and-rate-limits.md").read_text()
    table = re.findall(r"^\| `(\w+)` \| ([\d.]+)(?: s)? \|", page, re.M)
    assert asdict(RetryPolicy()) == {name: float(value) for name, value in table}
