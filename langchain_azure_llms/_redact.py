"""What of a request may be shown."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

ErrorT = TypeVar("ErrorT", bound=BaseException)
ValueT = TypeVar("ValueT")

BODY_SHOWN = 500
"""How many characters of a body an error shows."""


def public_url(url: str) -> str:
    """Return the URL without user-info, query and fragment, which may hold secrets.

    What is no URL comes back as it is, as far as it can be told to hold none.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "(malformed URL)"
    if not parts.scheme or not host:
        return url.partition("?")[0].rpartition("@")[2]
    if ":" in host:
        host = f"[{host}]"
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"


def shortened(text: str, limit: int = BODY_SHOWN) -> str:
    """Return at most `limit` characters of the text, marked when it was longer."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def without_frames(error: ErrorT) -> ErrorT:
    """Return an error without its traceback, and without those of the errors behind it.

    Their frames hold arguments, headers and URLs, and tools that render tracebacks show local
    variables.
    """
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


class Private(Mapping[str, ValueT]):
    """Headers, or a query, that show their names alone: in reprs, traces and tracebacks."""

    __slots__ = ("_held",)

    def __init__(self, held: Mapping[str, ValueT]) -> None:
        self._held = held

    def __getitem__(self, name: str) -> ValueT:
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def items(self) -> ItemsView[str, ValueT]:
        """Return the pairs; each of them would take several calls otherwise."""
        return self._held.items()

    def __repr__(self) -> str:
        return f"<{', '.join(map(str, self._held))}>"
