"""Clients of the local endpoints, and a certificate for them."""

from collections.abc import Iterator

import httpx2
import pytest

from langchain_azure_llms.local import LocalEndpoints
from tests.integration_tests.local.tls import Certificate, make_certificate


@pytest.fixture
def client(endpoints: LocalEndpoints) -> Iterator[httpx2.Client]:
    """A client that sends the key."""
    headers = {"api-key": endpoints.api_key}
    with httpx2.Client(base_url=endpoints.url, headers=headers, timeout=60) as opened:
        yield opened


@pytest.fixture
def anonymous(endpoints: LocalEndpoints) -> Iterator[httpx2.Client]:
    """A client that sends no credential."""
    with httpx2.Client(base_url=endpoints.url, timeout=60) as opened:
        yield opened


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for endpoints over TLS."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))
