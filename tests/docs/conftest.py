"""The endpoints that the documentation's examples call."""

from collections.abc import Iterator

import pytest

from langchain_azure_llms.local import LocalEndpoints


@pytest.fixture(scope="session")
def endpoints() -> Iterator[LocalEndpoints]:
    """Running local endpoints, which take the bearer token `entra-token` too."""
    with LocalEndpoints(tokens=["entra-token"]) as running:
        yield running
