"""The endpoints that the documentation's examples call."""

from collections.abc import Iterator

import pytest

from langchain_azure_llms.local import LocalEndpoints


@pytest.fixture(scope="session")
def endpoints() -> Iterator[LocalEndpoints]:
    """Running local endpoints, with a real small model."""
    with LocalEndpoints() as running:
        yield running
