"""The endpoint that everybody is measured against: both services, in a process of its own.

It does as little as it can, so that the clients are what is measured: one protocol object per
connection, replies made beforehand, no Nagle delay, a long backlog, and connections that stay open
until the client leaves. `python -m tests.benchmarks.server CERTIFICATE` serves until its standard
input ends, and says on its standard output where.
"""

import asyncio
import json
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from typing import cast

from tests.benchmarks.descriptors import allow_many_descriptors

BACKLOG = 4096
LATENCY = 0.05
CHUNKS = 500
EVENTS_PER_WRITE = 100
SINGLE = "single"
"""The deployment that streams one event a write; any other sends many in one."""

TEXT = "The train leaves at eight, and whoever comes later takes the one at nine. " * 2
WORD = " train"

_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: {type}\r\n{length}\r\n"
    "apim-request-id: 6f1c2f0e-31d5-4a0c-8a5e-0c5ed2f3a9b7\r\n"
    "x-request-id: 0a4be0cf-f4dc-4ddc-9b7b-8d4a36e03f7a\r\n"
    "x-ms-region: Sweden Central\r\nx-ratelimit-remaining-requests: 239\r\n"
    "x-ratelimit-remaining-tokens: 239999\r\n\r\n"
)


@dataclass
class Counts:
    """What one port has seen.

    Attributes:
        connections: The connections that were opened.
        requests: The requests that were answered.
    """

    connections: int = 0
    requests: int = 0


@dataclass
class Ports:
    """Where it serves, and what happened there."""

    counts: dict[int, Counts] = field(default_factory=dict)

    def told(self) -> bytes:
        """Return what happened at each port, as JSON."""
        return json.dumps({port: asdict(counts) for port, counts in self.counts.items()}).encode()


def whole(body: bytes, content_type: str = "application/json") -> bytes:
    """Return a reply whose body comes at once."""
    return _HEAD.format(type=content_type, length=f"Content-Length: {len(body)}").encode() + body


SCORE = whole(json.dumps([{"0": TEXT}]).encode())


@lru_cache
def completion(prompts: int) -> bytes:
    """Return the reply to so many prompts: one choice each."""
    choices = [
        {"text": TEXT, "index": index, "logprobs": None, "finish_reason": "stop"}
        for index in range(prompts)
    ]
    usage = {"prompt_tokens": 9 * prompts, "completion_tokens": 34 * prompts}
    return whole(
        json.dumps(
            {
                "id": "cmpl-8mB4eX1c0Yq",
                "object": "text_completion",
                "created": 1763712000,
                "model": "gpt-35-turbo-instruct",
                "choices": choices,
                "usage": {**usage, "total_tokens": 43 * prompts},
            }
        ).encode()
    )


@lru_cache
def stream(*, single: bool) -> tuple[bytes, ...]:
    """Return a stream's writes: each one HTTP chunk, which holds one event or many."""
    envelope = {
        "id": "cmpl-8mB4eX1c0Yq",
        "object": "text_completion",
        "created": 1763712000,
        "model": "gpt-35-turbo-instruct",
    }
    choices = [
        {
            "text": WORD,
            "index": 0,
            "logprobs": None,
            "finish_reason": "stop" if number == CHUNKS else None,
        }
        for number in range(1, CHUNKS + 1)
    ]
    events = [f"data: {json.dumps({**envelope, 'choices': [one]})}\n\n" for one in choices]
    size = 1 if single else EVENTS_PER_WRITE
    packed = ["".join(events[at : at + size]) for at in range(0, CHUNKS, size)]
    head = _HEAD.format(type="text/event-stream", length="Transfer-Encoding: chunked").encode()
    last = b"data: [DONE]\n\n"
    chunks = [f"{len(part):x}\r\n{part}\r\n".encode() for part in packed]
    return (head, *chunks, f"{len(last):x}\r\n".encode() + last + b"\r\n0\r\n\r\n")


def answer(path: str, body: bytes) -> tuple[bytes, ...]:
    """Return what is written in reply to a request."""
    if path.endswith("/score"):
        return (SCORE,)
    asked = json.loads(body)
    if asked.get("stream"):
        return stream(single=f"/{SINGLE}/" in path)
    prompt = asked["prompt"]
    return (completion(len(prompt) if isinstance(prompt, list) else 1),)


class _Endpoint(asyncio.Protocol):
    """One connection."""

    def __init__(self, counts: Counts, latency: float, reply: "Reply") -> None:
        self._counts, self._latency, self._reply = counts, latency, reply
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._counts.connections += 1
        self._transport = cast("asyncio.Transport", transport)
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found or len(rest) < (size := _length(head)):
            return
        self._received = rest[size:]
        path = head[: head.index(b"\r\n")].split(b" ")[1].partition(b"?")[0].decode()
        writes = self._reply(path, rest[:size])
        self._counts.requests += 1
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._write, writes)
        else:
            self._write(writes)

    def _write(self, writes: tuple[bytes, ...]) -> None:
        for one in writes:
            self._transport.write(one)


Reply = Callable[[str, bytes], tuple[bytes, ...]]


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0] or 0)


async def _serve(certificate: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    ports = Ports()
    listening = {}
    for name, tls, latency in (
        ("tls", context, 0.0),
        ("tls_slow", context, LATENCY),
        ("plain", None, 0.0),
        ("plain_slow", None, LATENCY),
    ):
        counts = Counts()
        listening[name] = port = await _listen(partial(_Endpoint, counts, latency, answer), tls)
        ports.counts[port] = counts

    def told(_path: str, _body: bytes) -> tuple[bytes, ...]:
        return (whole(ports.told()),)

    listening["control"] = await _listen(partial(_Endpoint, Counts(), 0.0, told), None)
    sys.stdout.write(json.dumps(listening) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


async def _listen(protocol: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None) -> int:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls, backlog=BACKLOG)
    port: int = server.sockets[0].getsockname()[1]
    return port


if __name__ == "__main__":
    allow_many_descriptors()
    asyncio.run(_serve(sys.argv[1]))
