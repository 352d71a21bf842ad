"""A thread's reads are given no more time than is left until the reply must have begun."""

from collections.abc import Iterator
from typing import Any

import httpcore2
import httpx2
import pytest

from langchain_azure_llms.transport import _bounded, _deadline
from langchain_azure_llms.transport._deadline import bounded, longest, until_it_begins


class _Recorder(httpcore2.NetworkBackend, httpcore2.NetworkStream):
    """A network that does nothing, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.timeouts: list[float | None] = []

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        self.asked.append(("tcp", args))
        return self

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        self.asked.append(("tls", args))
        return self

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.timeouts.append(timeout)
        return b"read"

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.asked.append(("write", (buffer, timeout)))

    def get_extra_info(self, info: str) -> str:
        return f"a {info}"

    def close(self) -> None:
        self.asked.append(("close", None))


class _Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    """The clock that the bound is measured with."""
    clock = _Clock()
    monkeypatch.setattr(_deadline, "time", clock)
    monkeypatch.setattr(_bounded, "time", clock)
    return clock


@pytest.fixture
def network() -> _Recorder:
    """What is under the bound."""
    return _Recorder()


@pytest.fixture
def backend(network: _Recorder) -> Iterator[httpcore2.NetworkBackend]:
    """The network as a bounded transport uses it."""
    with httpx2.HTTPTransport() as transport:
        pool = transport._pool
        assert isinstance(pool, httpcore2.ConnectionPool)
        pool._network_backend = network
        bounded(transport)
        yield pool._network_backend


def _request(seconds: float | None, content: bytes = b"") -> httpx2.Request:
    timeout = httpx2.Timeout(seconds).as_dict()
    return httpx2.Request(
        "POST", "https://host.example/", content=content, extensions={"timeout": timeout}
    )


def _opened(backend: httpcore2.NetworkBackend, kind: str) -> httpcore2.NetworkStream:
    stream = backend.connect_tcp("host.example", 443)
    return stream.start_tls(None) if kind == "tls" else stream  # type: ignore[arg-type]


every_kind = pytest.mark.parametrize("kind", ["tcp", "tls"])


@every_kind
def test_a_read_is_given_what_is_left(
    kind: str, backend: httpcore2.NetworkBackend, network: _Recorder, clock: _Clock
) -> None:
    """Whatever the connection is, and never more than it asked for."""
    stream = _opened(backend, kind)
    with until_it_begins(_request(1)):  # pool, connect, read and write: 4 s
        clock.now += 2.5
        assert b"read" == stream.read(10, 5.0) == stream.read(10, None) == stream.read(10, 0.5)
    assert [1.5, 1.5, 0.5] == network.timeouts


@every_kind
def test_a_read_after_the_time_is_up_is_a_timeout(
    kind: str, backend: httpcore2.NetworkBackend, network: _Recorder, clock: _Clock
) -> None:
    """Nothing is read any more."""
    stream = _opened(backend, kind)
    with until_it_begins(_request(1)):
        clock.now += 4
        with pytest.raises(httpcore2.ReadTimeout, match="did not begin in time"):
            stream.read(10, 5.0)
    assert [] == network.timeouts


def test_a_reply_that_has_begun_is_not_bounded_here(
    backend: httpcore2.NetworkBackend, network: _Recorder, clock: _Clock
) -> None:
    """Its body has bounds of its own."""
    stream = _opened(backend, "tcp")
    with until_it_begins(_request(1)):
        clock.now += 100
    stream.read(10, 5.0)
    assert [5.0] == network.timeouts


def test_without_a_timeout_there_is_no_bound(
    backend: httpcore2.NetworkBackend, network: _Recorder, clock: _Clock
) -> None:
    """Somebody asked for that."""
    stream = _opened(backend, "tcp")
    assert longest(_request(None)) is None
    with until_it_begins(_request(None)):
        clock.now += 1e6
        stream.read(10, None)
    assert [None] == network.timeouts


def test_a_large_body_has_time_to_go_out() -> None:
    """A write timeout more for each mebibyte."""
    assert 4.0 == longest(_request(1))
    assert 7.0 == longest(_request(1, b"x" * 3 * 1024 * 1024))


def test_what_needs_no_bound_is_passed_on(
    backend: httpcore2.NetworkBackend, network: _Recorder
) -> None:
    """What a stream can do beside reading."""
    stream = _opened(backend, "tcp")
    stream.write(b"sent", 1.5)
    stream.close()
    assert "a socket" == stream.get_extra_info("socket")
    assert [("tcp", ("host.example", 443)), ("write", (b"sent", 1.5)), ("close", None)] == (
        network.asked
    )


def test_a_transport_without_a_pool_is_left_as_it_is() -> None:
    """A test's own, for one."""
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200))
    before = dict(vars(transport))
    bounded(transport)
    assert before == vars(transport)
