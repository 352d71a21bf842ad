"""What of a request may be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

ErrorT = TypeVar("ErrorT", bound=BaseException)

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


class PrivateHeaders(Mapping[str, str]):
    """Headers that do not show their values, in no repr and in no traceback with locals."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def __repr__(self) -> str:
        return f"<headers {', '.join(self._headers)}>"
