"""Who may call. Pure: headers in, yes or no out."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """The credentials the endpoints accept.

    Attributes:
        api_key: Sent as `api-key`, or as a bearer token where Azure takes keys in that place.
        tokens: Bearer tokens, which stand for those of Microsoft Entra ID.
    """

    api_key: str
    tokens: tuple[str, ...] = ()

    def has_api_key(self, headers: Mapping[str, str]) -> bool:
        """Whether the `api-key` header holds the key."""
        return _is_one_of(headers.get("api-key", ""), [self.api_key])

    def has_token(self, headers: Mapping[str, str]) -> bool:
        """Whether the bearer token is an accepted one."""
        return _is_one_of(_bearer(headers), self.tokens)

    def has_bearer(self, headers: Mapping[str, str]) -> bool:
        """Whether the bearer token is an accepted one, or the key."""
        return _is_one_of(_bearer(headers), [*self.tokens, self.api_key])


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_one_of(presented: str, accepted: Iterable[str]) -> bool:
    return any(hmac.compare_digest(presented.encode(), one.encode()) for one in accepted)
