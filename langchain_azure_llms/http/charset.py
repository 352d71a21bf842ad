"""The character encodings of responses, which Content-Type names: bodies become UTF-8.

Nothing is replaced: a body that is not in its encoding cannot be trusted.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

_CHARSET = re.compile(r"(?i);\s*charset\s*=\s*[\"']?([^\"';\s]+)")
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class UndecodableBodyError(Exception):
    """A body is not in the encoding that its response names."""


def charset_of(headers: Mapping[str, str]) -> str | None:
    """Return the encoding that a response names, unless it is UTF-8 or unknown to Python."""
    found = _CHARSET.search(headers.get("content-type", ""))
    name = found[1].lower() if found else ""
    if not name or name in _UTF_8:
        return None
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def as_utf8(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a body as UTF-8.

    Args:
        body: The body. A byte-order mark of UTF-16 counts like the name of the encoding.
        headers: The response's headers.

    Raises:
        UndecodableBodyError: If it is not in its encoding.
    """
    charset = charset_of(headers) or ("utf-16" if body.startswith(UTF_16_MARKS) else None)
    if charset is None:
        return body
    try:
        return body.decode(charset).encode()
    except UnicodeError as error:
        raise _undecodable(charset, error) from None


class StreamDecoder:
    """Decodes the bytes of a streamed response as they come.

    Args:
        headers: The response's headers. Without an encoding it is UTF-8, a byte-order mark allowed.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._charset = charset_of(headers) or "utf-8-sig"
        self._decoder = codecs.getincrementaldecoder(self._charset)("strict")

    def feed(self, data: bytes, *, is_last: bool = False) -> str:
        """Return the text of some more bytes.

        Raises:
            UndecodableBodyError: If they are not in the response's encoding.
        """
        try:
            return self._decoder.decode(data, is_last)
        except UnicodeError as error:
            raise _undecodable(self._charset, error) from None


def _undecodable(charset: str, error: UnicodeError) -> UndecodableBodyError:
    name = charset.removesuffix("-sig")
    reason = getattr(error, "reason", error)
    return UndecodableBodyError(f"it is not in its encoding, {name} ({reason})")
