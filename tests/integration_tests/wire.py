"""A server that does with each connection exactly what a test says."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self


class Connection:
    """One connection, as the server sees it.

    Args:
        reader: What the client sends.
        writer: What it is sent.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def request(self) -> dict[str, Any] | None:
        """Return the next request's line, headers and JSON; None when the client hung up."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (h.partition(": ") for h in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return {"line": line, "headers": headers, "body": json.loads(body) if body else None}

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, value: Any, status: str = "200 OK") -> None:
        """Send a whole JSON reply that keeps the connection open."""
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
        await self.send(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)

    async def begin_stream(self) -> None:
        """Send the head of a reply that streams events."""
        await self.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )

    async def event(self, value: Any) -> None:
        """Send one event of the stream."""
        data = value if isinstance(value, str) else json.dumps(value)
        event = f"data: {data}\n\n".encode()
        await self.send(f"{len(event):x}\r\n".encode() + event + b"\r\n")

    async def bare_event(self, value: Any) -> None:
        """Send one event of a stream that ends with its connection."""
        await self.send(
            f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n".encode()
        )

    async def end_stream(self) -> None:
        """Send the end of the stream."""
        await self.send(b"0\r\n\r\n")

    async def hung_up(self) -> None:
        """Wait until the client closes the connection."""
        try:
            while await self.reader.read(1024):
                pass
        except ConnectionError:
            return

    def cut(self) -> None:
        """End the connection at once, with a reset."""
        self.writer.transport.abort()


Serving = Callable[[Connection], Awaitable[None]]


class WireServer:
    """Serves on loopback, from a thread of its own; counts connections."""

    def __init__(self, serve: Serving, tls: ssl.SSLContext | None = None) -> None:
        self._serve, self._tls = serve, tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._ready = threading.Event()
        self._stop: asyncio.Event
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.port = 0

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, ssl=self._tls, backlog=512
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.05)  # transports close in the loop's next turns

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self._serve(Connection(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left; what matters the test asserts
        except asyncio.CancelledError:
            if not self._stop.is_set():  # at the end, nobody waits for this task
                raise
        finally:
            self.open -= 1
            if self._stop.is_set():
                writer.transport.abort()
            writer.close()
