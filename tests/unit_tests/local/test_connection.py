"""What becomes of a connection when its server ends."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from langchain_azure_llms.local._listening import Listening
from langchain_azure_llms.local._scripted import CONNECTION
from langchain_azure_llms.local._server import _Connection, _loaded_config


class _Transport(asyncio.Transport):
    """A connection that has these many bytes to send."""

    def __init__(self, unsent: int = 0) -> None:
        super().__init__()
        self.unsent, self.done = unsent, list[str]()

    def is_closing(self) -> bool:
        return bool(self.done)

    def get_write_buffer_size(self) -> int:
        assert not self.is_closing()
        return self.unsent

    def close(self) -> None:
        self.done.append("closed")

    def abort(self) -> None:
        self.done.append("aborted")


async def _serves_nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("nobody asks")


@pytest.fixture
def connection() -> Iterator[_Connection]:
    """A connection that nothing came over yet."""
    config: uvicorn.Config = _loaded_config(_serves_nothing, Listening())
    loop = asyncio.new_event_loop()
    yield _Connection(config, ServerState(), {}, _loop=loop)
    loop.close()


def test_a_request_knows_its_connection(connection: _Connection) -> None:
    """For the scenarios that end it."""
    transport = _Transport()
    connection.connection_made(transport)
    assert {CONNECTION: transport} == connection.app_state


def test_an_idle_connection_ends_at_once(connection: _Connection) -> None:
    """Without the client's consent."""
    transport = _Transport()
    connection.connection_made(transport)
    connection.shutdown()
    assert ["closed", "aborted"] == transport.done


def test_what_is_still_to_be_sent_is_sent(connection: _Connection) -> None:
    """The connection closes behind it."""
    transport = _Transport(unsent=1)
    connection.connection_made(transport)
    connection.shutdown()
    assert ["closed"] == transport.done


def test_a_request_under_way_is_answered(connection: _Connection) -> None:
    """It is the connection's last."""
    transport = _Transport()
    connection.connection_made(transport)
    cycle: Any = SimpleNamespace(response_complete=False, keep_alive=True)
    connection.cycle = cycle
    connection.shutdown()
    assert ([], False) == (transport.done, cycle.keep_alive)


def test_a_connection_that_has_ended_is_left_alone(connection: _Connection) -> None:
    """Nothing can be asked of it."""
    transport = _Transport()
    connection.connection_made(transport)
    transport.close()
    connection.shutdown()
    assert "aborted" not in transport.done
