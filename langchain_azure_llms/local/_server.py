"""The web server: a listening socket, a thread, an event loop, and the model behind them."""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from langchain_azure_llms.local import _shared_engine, score
from langchain_azure_llms.local._access import Access
from langchain_azure_llms.local._app import create_app
from langchain_azure_llms.local._cancellations import Cancellations
from langchain_azure_llms.local._deployments import Deployments
from langchain_azure_llms.local._directory import Directory
from langchain_azure_llms.local._echo import EchoEngine
from langchain_azure_llms.local._engine import Engine
from langchain_azure_llms.local._errors import LocalEndpointsError
from langchain_azure_llms.local._listening import Listening
from langchain_azure_llms.local._score_route import ScoreScript
from langchain_azure_llms.local._scripted import CONNECTION, Scripted
from langchain_azure_llms.local._staging import Staging
from langchain_azure_llms.local._text_engine import TextEngine

_HOST = "127.0.0.1"
_BACKLOG = 2048  # batches open many connections at once
_KEEP_ALIVE = 75  # seconds
_GLANCE = 0.01  # seconds between two looks at whether nothing is to be served any more
_GRACE = 5  # seconds for open requests to end; they are stopped at their next token


@contextmanager
def serve(
    access: Access,
    deployments: Deployments,
    directory: Directory,
    place: Listening,
    staging: Staging,
) -> Iterator[int]:
    """Serve while the context is open; gives the port.

    Args:
        access: The accepted credentials.
        deployments: Azure OpenAI's deployments.
        directory: What gives out tokens.
        place: Where to listen, and whether over TLS.
        staging: What answers, and what goes wrong before.

    Raises:
        LocalEndpointsError: When the port cannot be had, the certificate cannot be used, or the
            model cannot run.
    """
    with ExitStack() as opened:
        refused = staging.seconds_refused
        listening = opened.enter_context(listening_socket(place.port, listens=not refused))
        engine, script = opened.enter_context(_engine_of(staging))
        cancellations = Cancellations()
        app: ASGIApp = create_app(engine, script, access, deployments, directory, cancellations)
        if staging.script is not None:
            app = Scripted(app, staging.script, cancellations.new())
        opened.enter_context(_running(_loaded_config(app, place), listening, refused))
        opened.callback(cancellations.stop)
        yield listening.getsockname()[1]


@contextmanager
def listening_socket(port: int, *, listens: bool = True) -> Iterator[socket.socket]:
    """Listen on a loopback port, or take it and refuse connections until somebody listens.

    Raises:
        LocalEndpointsError: When the port is taken or not allowed.
    """
    # With the protocol by its name, asyncio sends small answers at once (TCP_NODELAY).
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        if sys.platform != "win32":  # there it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, port))
            if listens:
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
def _engine_of(staging: Staging) -> Iterator[tuple[TextEngine, ScoreScript]]:
    """Hold what answers, and the score script that answers with it."""
    if staging.engine == "echo":
        echo = EchoEngine()
        yield echo, partial(score.answer, engine=echo)
        return
    with _loaded_model(staging.threads) as engine:
        yield engine, score.run


@contextmanager
def _running(
    config: uvicorn.Config, listening: socket.socket, seconds_refused: float
) -> Iterator[None]:
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: _serve_after(seconds_refused, server, listening),
        name="local-endpoints",
        daemon=True,  # a session that never leaves the context must still be able to end
    )
    thread.start()
    try:
        while not (server.started or seconds_refused) and thread.is_alive():
            time.sleep(0.002)
        if not (server.started or seconds_refused):
            raise LocalEndpointsError("The web server did not start; its log says why.")
        yield
    finally:
        server.should_exit = True
        thread.join()


def _serve_after(seconds: float, server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve, but let connections be refused for some seconds first."""
    begins = time.monotonic() + seconds
    while time.monotonic() < begins and not server.should_exit:
        time.sleep(_GLANCE)
    if not server.should_exit:
        asyncio.run(server.serve(sockets=[listening]))  # this is what listens


class _Connection(H11Protocol):
    """One connection; h11 sends the same bytes whatever else is installed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let requests know their connection: some scenarios end it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, CONNECTION: transport}

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
