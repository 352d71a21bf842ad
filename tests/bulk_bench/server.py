"""The endpoint that bulk jobs are measured against, in a process of its own.

It does as little as it can. `python -m tests.bulk_bench.server` prints its port and serves until
its standard input ends. The path says how: `/50ms/...` answers after 50 ms, `/tail/...` after 20 ms
and one request of a hundred after 2 s, `/limited/...` at most 200 times a second, and `/counts`
tells how many requests were answered and refused.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from itertools import count

TEXT = "The train leaves at eight, and whoever comes later takes the one at nine. " * 2
PER_SECOND = 200
_HEAD = (
    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n{more}\r\n"
)
_BURST = 20.0


def _reply(status: str, value: object, more: str = "") -> bytes:
    body = json.dumps(value).encode()
    return _HEAD.format(status=status, size=len(body), more=more).encode() + body


def _answer(body: bytes) -> bytes:
    """Return the prompts themselves as completions, so that each can be checked."""
    asked = json.loads(body)
    if "messages" in asked:
        texts = [asked["messages"][-1]["content"]]
    else:
        texts = asked["prompt"] if isinstance(asked["prompt"], list) else [asked["prompt"]]
    usage = {"prompt_tokens": 9, "completion_tokens": 34, "total_tokens": 43}
    choices = [
        {
            "index": index,
            "text": f"{text} {TEXT}",
            "message": {"role": "assistant", "content": f"{text} {TEXT}"},
            "finish_reason": "stop",
        }
        for index, text in enumerate(texts)
    ]
    usage = {name: number * len(texts) for name, number in usage.items()}
    return _reply("200 OK", {"model": "bench", "choices": choices, "usage": usage})


class Service:
    """Decides what is answered, and when."""

    def __init__(self) -> None:
        self.answered = self.refused = 0
        self._level, self._at = _BURST, 0.0
        self._numbers = count()

    def reply(self, path: str, body: bytes) -> tuple[float, bytes]:
        """Return the seconds to wait, and what is written then."""
        if path.startswith("/counts"):
            found = {"answered": self.answered, "refused": self.refused}
            self.answered = self.refused = 0
            self._level = _BURST
            return 0.0, _reply("200 OK", found)
        if path.startswith("/limited") and not self._is_allowed():
            self.refused += 1
            error = {"error": {"code": "429", "message": "Too many requests."}}
            return 0.0, _reply("429 Too Many Requests", error, "retry-after-ms: 100\r\n")
        self.answered += 1
        if path.startswith("/tail"):
            return (2.0 if next(self._numbers) % 100 == 0 else 0.02), _answer(body)
        return 0.05, _answer(body)

    def _is_allowed(self) -> bool:
        now = asyncio.get_running_loop().time()
        self._level = min(_BURST, self._level + (now - self._at) * PER_SECOND)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True


class Connection(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, reply: Callable[[str, bytes], tuple[float, bytes]]) -> None:
        self._reply, self._received = reply, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"\r\ncontent-length:")
        if not found or len(rest) < (size := int(length.partition(b"\r\n")[0] or 0)):
            return
        self._received = rest[size:]
        wait, reply = self._reply(head.split(b" ", 2)[1].decode(), rest[:size])
        asyncio.get_running_loop().call_later(wait, self._transport.write, reply)  # type: ignore[attr-defined] # a stream's


async def _serve() -> None:
    service = Service()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(service.reply), "127.0.0.1", 0, backlog=4096
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
