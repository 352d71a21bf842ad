"""Bearer tokens that expire."""

import math
import secrets
import threading
import time
from collections.abc import Callable

_REMEMBERED = 1024


class IssuedTokens:
    """The tokens that were given out, the newest 1024 of them.

    One that is no longer good is remembered all the same: the services tell such a token from one
    that they never knew.

    Args:
        clock: Tells the seconds that lifetimes are measured in.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()
        self.count = 0

    def issue(self, lifetime: float) -> str:
        """Return a new token, good for `lifetime` seconds."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self.count += 1
            self._ends[token] = self._clock() + lifetime
            if len(self._ends) > _REMEMBERED:
                del self._ends[next(iter(self._ends))]
        return token

    def revoke(self) -> None:
        """Let no token be good any more."""
        with self._lock:
            self._ends = dict.fromkeys(self._ends, -math.inf)

    def is_good(self, token: str) -> bool:
        """Whether the token was issued, and may be used."""
        return self._clock() < self._ends.get(token, -math.inf)

    def has_ended(self, token: str) -> bool:
        """Whether the token was issued, and may be used no more."""
        return token in self._ends and not self.is_good(token)
