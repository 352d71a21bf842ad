"""The web server: a listening socket, a thread, an event loop, and an engine behind them."""

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from langchain_azure_llms.local import _engine
from langchain_azure_llms.local._app import Deployments, create_app
from langchain_azure_llms.local._credentials import Credentials
from langchain_azure_llms.local._echo import EchoEngine
from langchain_azure_llms.local._errors import LocalEndpointsError
from langchain_azure_llms.local._faults import CONNECTION, Faulty
from langchain_azure_llms.local._generation import Engine
from langchain_azure_llms.local._scenario import Script

_HOST = "127.0.0.1"


@contextmanager
def serve(
    *,
    credentials: Credentials,
    deployments: Deployments,
    port: int,
    certfile: str | os.PathLike[str] | None,
    keyfile: str | os.PathLike[str] | None,
    engine: str,
    threads: int | None,
    script: Script | None,
) -> Iterator[int]:
    """Serve while the context is open; gives the port. Connections may be refused at first."""
    stopped, seconds_refused = threading.Event(), script.seconds_refused if script else 0
    with ExitStack() as opened:
        # With the protocol by its name, asyncio sends small answers at once (TCP_NODELAY).
        listening = opened.enter_context(socket.socket(proto=socket.IPPROTO_TCP))
        if sys.platform != "win32":  # there it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, port))
            if not seconds_refused:
                listening.listen(2048)  # batches open many connections at once
        except (OSError, OverflowError) as error:
            message = f"Port {port} of {_HOST} cannot be used ({error}): name another one, or 0."
            raise LocalEndpointsError(message) from error
        answering: Engine = EchoEngine()
        if engine == "model":
            answering = _engine.acquire(threads)
            opened.callback(_engine.release)
        app: ASGIApp = create_app(answering, credentials, deployments, stopped, script)
        if script is not None:
            app = Faulty(app, script, stopped)
        config = uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,  # open requests are stopped at their next token
            ssl_certfile=certfile,
            ssl_keyfile=keyfile and os.fspath(keyfile),
        )
        try:
            config.load()  # not in the server's thread: nobody would learn of an error there
        except OSError as error:
            message = f"The certificate {certfile} cannot be used ({error}): name files in PEM."
            raise LocalEndpointsError(message) from error
        opened.enter_context(_running(uvicorn.Server(config), listening, seconds_refused))
        opened.callback(stopped.set)
        yield listening.getsockname()[1]


@contextmanager
def _running(server: uvicorn.Server, listening: socket.socket, refused: float) -> Iterator[None]:
    def run() -> None:
        begins = time.monotonic() + refused
        while time.monotonic() < begins and not server.should_exit:
            time.sleep(0.01)
        if not server.should_exit:
            asyncio.run(server.serve(sockets=[listening]))  # this is what listens

    # A daemon: a session that never leaves the context must still be able to end.
    thread = threading.Thread(target=run, name="local-endpoints", daemon=True)
    thread.start()
    try:
        while not (server.started or refused) and thread.is_alive():
            time.sleep(0.002)
        if not (server.started or refused):
            raise LocalEndpointsError("The web server did not start; its log says why.")
        yield
    finally:
        server.should_exit = True
        thread.join()


class _Connection(H11Protocol):
    """One connection; h11 sends the same bytes whatever else is installed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let requests know their connection: some scenarios end it."""
        super().connection_made(transport)
        self.app_state = self.app_state | {CONNECTION: transport}

    def shutdown(self) -> None:
        """Close at once when idle: over TLS, `close` alone waits for the client's consent."""
        # Looked at before: of one that was closed already, nothing can be asked.
        is_idle = not self.transport.is_closing() and not self.transport.get_write_buffer_size()
        super().shutdown()
        if is_idle and self.transport.is_closing():
            self.transport.abort()
