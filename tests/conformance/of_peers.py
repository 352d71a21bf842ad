"""Both of our classes and their peers in the same suite: what the docs' table shows.

`python -m tests.conformance.of_peers` writes the page of the documentation; with `--print`, it
writes it to the standard output. A process of its own: the peers warn, and leave things open.
"""

import logging
import multiprocessing
import os
import ssl
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

warnings.simplefilter("ignore")  # the peers announce their end, when imported and when called

import langchain_openai  # noqa: E402
from langchain_community.llms import azureml_endpoint  # noqa: E402
from langchain_community.llms.loading import load_llm  # noqa: E402
from langchain_core.language_models.llms import BaseLLM  # noqa: E402

from tests.conformance import LLMIntegrationTests, LLMUnitTests  # noqa: E402
from tests.conformance.runner import (  # noqa: E402
    Outcome,
    Verdict,
    claims_of,
    combined,
    outcome_of,
)
from tests.conformance.subject import environment  # noqa: E402
from tests.conformance.suites import (  # noqa: E402
    AtLocalEndpoints,
    OfAzureOpenAI,
    OfDedicatedEndpoint,
    OfOnlineEndpoint,
    echoing_endpoints,
)

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"
VERSIONS = "The peers here: "
"""What the line begins with that says which versions were tried."""

_SETTINGS = ("AZURE_OPENAI_", "AZUREML_", "OPENAI_")


class _OfAPeer(AtLocalEndpoints):
    """What is so of each peer."""

    def load(self, path: Path) -> BaseLLM:
        with environment(self.endpoints.environ):
            return load_llm(path, allow_dangerous_deserialization=True)


class _Ours(OfAzureOpenAI, LLMUnitTests, LLMIntegrationTests):
    """Ours."""


class _OursServerless(OfOnlineEndpoint, LLMUnitTests, LLMIntegrationTests):
    """Ours."""


class _OursDedicated(OfDedicatedEndpoint, LLMUnitTests, LLMIntegrationTests):
    """Ours."""


class _OpenAIs(_OfAPeer, OfAzureOpenAI, LLMUnitTests, LLMIntegrationTests):
    """The one of langchain-openai."""

    @property
    def llm_class(self) -> type[BaseLLM]:
        return langchain_openai.AzureOpenAI


class _Communitys(_OfAPeer, OfOnlineEndpoint):
    """The one of langchain-community."""

    @property
    def llm_class(self) -> type[BaseLLM]:
        return azureml_endpoint.AzureMLOnlineEndpoint

    @property
    def formatter(self) -> Any:
        return azureml_endpoint.CustomOpenAIContentFormatter()

    @property
    def impatient_params(self) -> dict[str, Any]:
        return {"timeout": 1}  # it takes whole seconds


class _CommunitysServerless(_Communitys, LLMUnitTests, LLMIntegrationTests):
    """At a serverless endpoint."""


class _CommunitysDedicated(_Communitys, OfDedicatedEndpoint, LLMUnitTests, LLMIntegrationTests):
    """At a dedicated endpoint."""


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        title: What it is headed.
        suites: Where the class is tried, by the name of the place.
    """

    title: str
    suites: dict[str, type[AtLocalEndpoints]]

    def merged(self, tried: Mapping[type[AtLocalEndpoints], list[Outcome]]) -> list[Outcome]:
        """Return what counts of each claim's outcomes in all places."""
        rows = zip(*(tried[suite] for suite in self.suites.values()), strict=True)
        return [combined(list(zip(self.suites, row, strict=True))) for row in rows]


CLAIMS = claims_of(_Ours)
COLUMNS = [
    Column("`AzureOpenAI` here", {"": _Ours}),
    Column("`AzureOpenAI` of langchain-openai", {"": _OpenAIs}),
    Column(
        "`AzureMLOnlineEndpoint` here",
        {"serverless": _OursServerless, "dedicated": _OursDedicated},
    ),
    Column(
        "`AzureMLOnlineEndpoint` of langchain-community",
        {"serverless": _CommunitysServerless, "dedicated": _CommunitysDedicated},
    ),
]


def page() -> str:
    """Try every claim, and return the page of the documentation."""
    tables = list(_tables(_outcomes()))
    peers = [f"{name} {version(name)}" for name in ("langchain-openai", "langchain-community")]
    return "\n".join(
        [
            "# Conformance",
            "",
            "<!-- Written by `make tables` from a run of the tests. -->",
            "",
            "What LangChain promises of an LLM, and which class keeps it: each claim is tried",
            "against the local endpoints, sync and async. A word before the reason says where or",
            "how it fails, unless it always does. `-` stands where the endpoint has no such thing.",
            "",
            f"{VERSIONS}{', '.join(peers)}.",
            *tables,
        ]
    )


def _outcomes() -> list[list[Outcome]]:
    """Return each column's outcomes."""
    suites = [suite for column in COLUMNS for suite in column.suites.values()]
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload(["tests.conformance.of_peers"])  # imported once for all
    with context.Pool(len(suites), _prepare) as pool:  # at once: they wait most of the time
        tried = dict(zip(suites, pool.map(_tried, suites, chunksize=1), strict=True))
    return [column.merged(tried) for column in COLUMNS]


def _tried(suite: type[AtLocalEndpoints]) -> list[Outcome]:
    """Try every claim on a class, in a process of its own."""
    with echoing_endpoints() as AtLocalEndpoints.endpoints:
        return [outcome_of(suite(), claim) for claim in CLAIMS]


def _prepare() -> None:
    """Hide what the peers say, and the machine's own settings from all.

    Certificates are not loaded: nothing here is encrypted, and the peers load them for each LLM.
    """
    cast("Any", ssl.SSLContext).load_verify_locations = lambda *_, **__: None
    warnings.simplefilter("ignore")
    logging.disable()
    sys.unraisablehook = lambda _: None  # what they left open, they close noisily
    for name in [name for name in os.environ if name.startswith(_SETTINGS)]:
        del os.environ[name]


def _tables(columns: Sequence[Sequence[Outcome]]) -> Iterator[str]:
    group = ""
    for claim, outcomes in zip(CLAIMS, zip(*columns, strict=True), strict=True):
        if claim.group != group:
            group = claim.group
            yield from _heading(group)
        yield f"| {claim.words} | {' | '.join(map(_cell, outcomes))} |"
    yield ""


def _heading(group: str) -> Iterator[str]:
    titles = [column.title for column in COLUMNS]
    yield f"\n## {group}\n"
    yield f"| claim | {' | '.join(titles)} |"
    yield f"|---|{'---|' * len(titles)}"


def _cell(outcome: Outcome) -> str:
    reason = outcome.reason.replace("|", r"\|")
    return f"no: {reason}" if outcome.verdict is Verdict.FAILED else outcome.verdict


def _main() -> None:
    if "--print" in sys.argv[1:]:
        sys.stdout.write(page())
    else:
        PAGE.write_text(page())


if __name__ == "__main__":
    _main()
