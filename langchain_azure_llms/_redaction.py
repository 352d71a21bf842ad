"""What of a request may be shown: in messages, logs, traces and reprs."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

ValueT = TypeVar("ValueT")

BODY_SHOWN = 500
"""How many characters of a body an error shows."""


def public_url(url: str) -> str:
    """Return the URL without user-info, query and fragment, which may hold secrets.

    Text that is not a URL is returned without what looks like a query or user-info.
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


class RedactedMapping(Mapping[str, ValueT]):
    """Headers, or query parameters, whose repr shows their names only."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, ValueT]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> ValueT:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def items(self) -> ItemsView[str, ValueT]:
        """Return the pairs of names and values."""
        return self._values.items()

    def __repr__(self) -> str:
        return f"<{', '.join(map(str, self._values))}>"
