"""The real endpoints that integration tests call; each worker process has its own."""

from collections.abc import Iterator

import pytest

from langchain_azure_llms.local import LocalEndpoints
from tests.support.scoring_server import running_scoring_server


@pytest.fixture(scope="session")
def endpoints() -> Iterator[LocalEndpoints]:
    """Running local endpoints, which take the bearer token `entra-token` too."""
    with LocalEndpoints(tokens=["entra-token"]) as running:
        yield running


@pytest.fixture(scope="session")
def scoring_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of Microsoft's own scoring server, which runs our score script."""
    with running_scoring_server(tmp_path_factory.mktemp("scoring_server")) as url:
        yield url
