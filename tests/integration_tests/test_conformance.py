"""Both classes keep what LangChain promises of an LLM, at each kind of endpoint."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_azure_llms.local import LocalEndpoints
from tests.conformance import LLMIntegrationTests
from tests.conformance.suites import (
    AtLocalEndpoints,
    OfAzureOpenAI,
    OfDedicatedEndpoint,
    OfOnlineEndpoint,
    echoing_endpoints,
)

_REPOSITORY = Path(__file__).parents[2]
_PAGE = _REPOSITORY / "docs" / "reference" / "conformance.md"
_VERSIONS = "The peers here: "
_PATIENCE = 110


@pytest.fixture(scope="session")
def echoing() -> Iterator[LocalEndpoints]:
    """Running endpoints that echo, shared by all suites."""
    with echoing_endpoints() as running:
        yield running


class _Here(AtLocalEndpoints):
    """At the session's endpoints."""

    @pytest.fixture(autouse=True)
    def _at(self, echoing: LocalEndpoints) -> None:
        AtLocalEndpoints.endpoints = echoing


class TestAzureOpenAI(_Here, OfAzureOpenAI, LLMIntegrationTests):
    """At a deployment that completes."""


class TestV1(_Here, OfAzureOpenAI, LLMIntegrationTests):
    """At the v1 API."""

    @property
    def llm_params(self) -> dict[str, Any]:
        return {**super().llm_params, "api_version": "v1"}


class TestChat(_Here, OfAzureOpenAI, LLMIntegrationTests):
    """At a deployment that only chats."""

    @property
    def llm_params(self) -> dict[str, Any]:
        return {**super().llm_params, "azure_deployment": "local-chat", "api": "chat_completions"}


class TestResponses(_Here, OfAzureOpenAI, LLMIntegrationTests):
    """At a deployment that takes Responses only."""

    @property
    def llm_params(self) -> dict[str, Any]:
        return {**super().llm_params, "azure_deployment": "local-responses", "api": "responses"}

    @property
    def short_arguments(self) -> dict[str, Any]:
        return {"max_tokens": 16}  # fewer are refused there


class TestStreaming(_Here, OfAzureOpenAI, LLMIntegrationTests):
    """When each answer is streamed."""

    @property
    def llm_params(self) -> dict[str, Any]:
        return {**super().llm_params, "streaming": True, "stream_usage": True}


class TestServerlessEndpoint(_Here, OfOnlineEndpoint, LLMIntegrationTests):
    """At a serverless endpoint."""


class TestDedicatedEndpoint(_Here, OfDedicatedEndpoint, LLMIntegrationTests):
    """At a dedicated endpoint."""


def test_the_page_shows_what_a_run_gives() -> None:
    """`make tables` writes it; which versions the peers had does not count."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.conformance.of_peers", "--print"],
        cwd=_REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
    )
    assert _without_versions(run.stdout) == _without_versions(_PAGE.read_text())


def _without_versions(page: str) -> list[str]:
    return [line for line in page.splitlines() if not line.startswith(_VERSIONS)]
