"""Sets of ids that stay small for millions of them."""

from __future__ import annotations

_BITS_PER_ID, _PROBES = 48, 20
"""They make less than one mistake in a thousand million."""
_FEWEST, _UNKNOWN = 1_000, 1_000_000
_MASK = (1 << 60) - 1


def id_key(value: str | int) -> int:
    """Return a number that stands for an id in this process: Python keeps it in 32 bytes."""
    return hash(value) & _MASK if isinstance(value, str) else value


class SeenIds:
    """Tells whether an id came before, in 6 bytes for each of them (a Bloom filter).

    It may mistake a new id for one that came before, less often than once in 10^9 times.

    Args:
        expected: How many ids will come, if that is known.
    """

    def __init__(self, expected: int | None) -> None:
        self._size = max(expected or _UNKNOWN, _FEWEST) * _BITS_PER_ID
        self._bits = bytearray(self._size // 8 + 1)

    def add(self, value: str | int) -> bool:
        """Add an id; return whether it is new."""
        text = f"{type(value).__name__}:{value}"
        place, stride = hash(text), hash(f"stride:{text}") | 1
        is_new = False
        for _ in range(_PROBES):
            place += stride
            at, bit = divmod(place % self._size, 8)
            if not self._bits[at] >> bit & 1:
                is_new = True
                self._bits[at] |= 1 << bit
        return is_new
