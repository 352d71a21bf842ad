"""Who may call: the key, tokens that last, and tokens that were given out and expire."""

import hmac
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_REMEMBERED = 1024


@dataclass
class Credentials:
    """The credentials that the endpoints accept, and the tokens that they gave out."""

    api_key: str
    tokens: tuple[str, ...] = ()
    client_secret: str = ""
    token_lifetime: float = 3600.0
    clock: Callable[[], float] = time.monotonic
    issued: int = 0
    scopes: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def __post_init__(self) -> None:
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()

    def issue(self, lifetime: float) -> str:
        """Return a new bearer token; the newest 1024 are remembered, expired or not."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self.issued += 1
            self._ends[token] = self.clock() + lifetime
            if len(self._ends) > _REMEMBERED:
                del self._ends[next(iter(self._ends))]
        return token

    def revoke(self) -> None:
        with self._lock:
            self._ends = dict.fromkeys(self._ends, -math.inf)

    def has_key(self, headers: Mapping[str, str]) -> bool:
        return same(headers.get("api-key", ""), self.api_key)

    def has_bearer(self, headers: Mapping[str, str], *, or_key: bool = True) -> bool:
        """Whether the bearer token is an accepted one, or the key where that counts too."""
        bearer = _bearer(headers)
        accepted = (*self.tokens, self.api_key) if or_key else self.tokens
        is_good = self.clock() < self._ends.get(bearer, -math.inf)
        return is_good or any(same(bearer, one) for one in accepted)

    def knows_bearer(self, headers: Mapping[str, str]) -> bool:
        """Whether the bearer token was given out, expired or not."""
        return _bearer(headers) in self._ends


def same(presented: str, accepted: str) -> bool:
    """Compare secrets in constant time."""
    return hmac.compare_digest(presented.encode(), accepted.encode())


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
