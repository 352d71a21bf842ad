"""Bodies that come in parts."""

from collections.abc import AsyncIterator, Iterator

import httpx2


class Parts(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that comes in these parts, and may then fail."""

    def __init__(self, *parts: bytes, error: Exception | None = None) -> None:
        self.parts, self.error, self.closed = parts, error, False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.parts
        if self.error:
            raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True
