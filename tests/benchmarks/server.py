"""The endpoint that everybody is measured against: both services, in a process of its own.

It does as little as it can, so that the clients are what is measured: one protocol object per
connection, replies made beforehand, no Nagle delay, a long backlog, and connections that stay open
until the client leaves. `python -m tests.benchmarks.server CERTIFICATE` serves until its standard
input ends, and prints its ports.
"""

import asyncio
import json
import resource
import socket
import ssl
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from typing import cast

LATENCY = 0.05
CHUNKS = 500
TEXT = "The train leaves at eight, and whoever comes later takes the one at nine. " * 2
WORD = " train"

_BACKLOG = 4096
_DESCRIPTORS = 8192
_EVENTS_PER_WRITE = 100
_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: {type}\r\n{length}\r\n"
    "apim-request-id: 6f1c2f0e-31d5-4a0c-8a5e-0c5ed2f3a9b7\r\n"
    "x-request-id: 0a4be0cf-f4dc-4ddc-9b7b-8d4a36e03f7a\r\n"
    "x-ms-region: Sweden Central\r\nx-ratelimit-remaining-requests: 239\r\n"
    "x-ratelimit-remaining-tokens: 239999\r\n\r\n"
)
_ENVELOPE = {
    "id": "cmpl-8mB4eX1c0Yq",
    "object": "text_completion",
    "created": 1763712000,
    "model": "gpt-35-turbo-instruct",
}


def allow_many_descriptors() -> None:
    """Raise this process's limit of open files, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def answer(path: str, body: bytes) -> tuple[bytes, ...]:
    """Return what is written in reply to a request."""
    if path.endswith("/score"):
        return (_SCORE,)
    asked = json.loads(body)
    if asked.get("stream"):
        return _stream()
    prompt = asked["prompt"]
    return (_completion(len(prompt) if isinstance(prompt, list) else 1),)


def _whole(body: object) -> bytes:
    content = json.dumps(body).encode()
    length = f"Content-Length: {len(content)}"
    return _HEAD.format(type="application/json", length=length).encode() + content


_SCORE = _whole([{"0": TEXT}])


@lru_cache
def _completion(prompts: int) -> bytes:
    choices = [
        {"text": TEXT, "index": index, "logprobs": None, "finish_reason": "stop"}
        for index in range(prompts)
    ]
    tokens = {"prompt_tokens": 9, "completion_tokens": 34, "total_tokens": 43}
    usage = {name: count * prompts for name, count in tokens.items()}
    return _whole({**_ENVELOPE, "choices": choices, "usage": usage})


@lru_cache
def _stream() -> tuple[bytes, ...]:
    """Return a stream's writes: each one HTTP chunk, which holds many events."""
    choice = {"text": WORD, "index": 0, "logprobs": None}
    reasons = [*[None] * (CHUNKS - 1), "stop"]
    events = [
        f"data: {json.dumps({**_ENVELOPE, 'choices': [{**choice, 'finish_reason': reason}]})}\n\n"
        for reason in reasons
    ]
    starts = range(0, CHUNKS, _EVENTS_PER_WRITE)
    writes = ["".join(events[start : start + _EVENTS_PER_WRITE]) for start in starts]
    head = _HEAD.format(type="text/event-stream", length="Transfer-Encoding: chunked").encode()
    chunks = [f"{len(one):x}\r\n{one}\r\n".encode() for one in (*writes, "data: [DONE]\n\n")]
    return (head, *chunks, b"0\r\n\r\n")


class _Connection(asyncio.Protocol):
    """One connection; it counts itself among those of its port."""

    def __init__(
        self, opened: list[int], latency: float, reply: Callable[[str, bytes], tuple[bytes, ...]]
    ) -> None:
        self._opened, self._latency, self._reply = opened, latency, reply
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._opened[0] += 1
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
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._write, writes)
        else:
            self._write(writes)

    def _write(self, writes: tuple[bytes, ...]) -> None:
        for one in writes:
            self._transport.write(one)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0] or 0)


async def _serve(certificate: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    opened = [0]
    count = partial(_Connection, [0], 0.0, lambda _path, _body: (_whole(opened[0]),))
    ports = {
        "tls": await _listen(partial(_Connection, opened, 0.0, answer), context),
        "tls_slow": await _listen(partial(_Connection, opened, LATENCY, answer), context),
        "plain": await _listen(partial(_Connection, opened, 0.0, answer), None),
        "control": await _listen(count, None),
    }
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


async def _listen(protocol: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None) -> int:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls, backlog=_BACKLOG)
    port: int = server.sockets[0].getsockname()[1]
    return port


if __name__ == "__main__":
    allow_many_descriptors()
    asyncio.run(_serve(sys.argv[1]))
