"""Every way of calling, either LLM class, and a gateway."""

from collections.abc import Iterator

import pytest

from tests.integration_tests.gateways import parts
from tests.integration_tests.gateways.parts import Gateway, Service, Way
from tests.integration_tests.ways import WAYS


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """Every way, with shared clients of the test's own, in an environment without proxies."""
    yield from parts.on(request.param, monkeypatch)


@pytest.fixture(params=parts.SERVICES)
def service(request: pytest.FixtureRequest) -> Service:
    """Either LLM class."""
    return Service(request.param)


@pytest.fixture
def openai() -> Service:
    """The one with a proxy argument, and where one class is enough."""
    return Service("openai")


@pytest.fixture(scope="session")
def running_gateway() -> Iterator[Gateway]:
    """A gateway that every test of a process shares."""
    with Gateway() as running:
        yield running


@pytest.fixture
def gateway(running_gateway: Gateway) -> Gateway:
    """A gateway that demands nothing yet."""
    running_gateway.taken()
    running_gateway.judge = lambda _: None
    return running_gateway
