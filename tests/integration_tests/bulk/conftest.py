"""Endpoints that answer with the prompt."""

from collections.abc import Iterator

import pytest

from langchain_azure_llms.local import LocalEndpoints


@pytest.fixture(scope="module")
def echo() -> Iterator[LocalEndpoints]:
    """Endpoints that answer each prompt with `echo: ` and the prompt."""
    with LocalEndpoints(engine="echo") as running:
        yield running
