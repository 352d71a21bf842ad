"""The web server: a listening socket, a thread, an event loop, and the model behind them."""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from langchain_azure_llms.local import _shared_engine, score
from langchain_azure_llms.local._access import Access
from langchain_azure_llms.local._app import create_app
from langchain_azure_llms.local._cancellations import Cancellations
from langchain_azure_llms.local._deployments import Deployments
from langchain_azure_llms.local._directory import Directory
from langchain_azure_llms.local._engine import Engine
from langchain_azure_llms.local._errors import LocalEndpointsError
from langchain_azure_llms.local._listening import Listening

_HOST = "127.0.0.1"
_BACKLOG = 2048  # batches open many connections at once
_KEEP_ALIVE = 75  # seconds
_GRACE = 5  # seconds for open requests to end; they are stopped at their next token


@contextmanager
def serve(
    access: Access,
    deployments: Deployments,
    directory: Directory,
    place: Listening,
    threads: int | None,
) -> Iterator[int]:
    """Serve while the context is open; gives the port.

    Args:
        access: The accepted credentials.
        deployments: Azure OpenAI's deployments.
        directory: What gives out tokens.
        place: Where to listen, and whether over TLS.
        threads: CPU threads that generate; None for half of the machine's.

    Raises:
        LocalEndpointsError: When the port cannot be had, the certificate cannot be used, or the
            model cannot run.
    """
    with ExitStack() as opened:
        listening = opened.enter_context(listening_socket(place.port))
        engine = opened.enter_context(_loaded_model(threads))
        cancellations = Cancellations()
        app = create_app(engine, access, deployments, directory, cancellations)
        opened.enter_context(_running(_loaded_config(app, place), listening))
        opened.callback(cancellations.stop)
        yield listening.getsockname()[1]


@contextmanager
def listening_socket(port: int) -> Iterator[socket.socket]:
    """Listen on a loopback port.

    Raises:
        LocalEndpointsError: When the port is taken or not allowed.
    """
    with socket.socket() as listening:
        if sys.platform != "win32":  # there it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, port))
            listening.listen(_BACKLOG)
        except (OSError, OverflowError) as error:
            raise LocalEndpointsError(
                f"Port {port} of {_HOST} cannot be used ({error}): name another one, or 0 for any."
            ) from error
        yield listening


@contextmanager
def _loaded_model(threads: int | None) -> Iterator[Engine]:
    with ExitStack() as held:
        engine = _shared_engine.acquire(threads)
        held.callback(_shared_engine.release)
        score.init()
        held.callback(_shared_engine.release)
        yield engine


@contextmanager
def _running(config: uvicorn.Config, listening: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listening])),
        name="local-endpoints",
        daemon=True,  # a session that never leaves the context must still be able to end
    )
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.002)
        if not server.started:
            raise LocalEndpointsError("The web server did not start; its log says why.")
        yield
    finally:
        server.should_exit = True
        thread.join()


class _Connection(H11Protocol):
    """One connection; h11 sends the same bytes whatever else is installed."""

    def shutdown(self) -> None:
        """Close at once when idle: over TLS, `close` alone waits for the client's consent."""
        # Looked at before: of one that was closed already, nothing can be asked.
        is_idle = not self.transport.is_closing() and not self.transport.get_write_buffer_size()
        super().shutdown()
        if is_idle and self.transport.is_closing():
            self.transport.abort()


def _loaded_config(app: ASGIApp, place: Listening) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
        ssl_certfile=place.certfile,
        ssl_keyfile=place.keyfile,
    )
    try:
        config.load()  # here, and not in the server's thread: nobody would learn of an error there
    except OSError as error:
        raise LocalEndpointsError(
            f"The certificate {place.certfile} cannot be used ({error}): name files in PEM."
        ) from error
    return config
