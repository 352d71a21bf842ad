"""Fixtures of the LLM tests."""

import pytest

from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, echo


@pytest.fixture(params=[SyncCalls, AsyncCalls], ids=["sync", "async"])
def calls(request: pytest.FixtureRequest) -> SyncCalls | AsyncCalls:
    """Both ways of calling: each test of behaviour runs twice."""
    made: SyncCalls | AsyncCalls = request.param()
    return made


@pytest.fixture
def service() -> Service:
    """A service that echoes until a test says otherwise."""
    return Service([echo])
