"""Who may call. Pure: headers in, yes or no out."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from langchain_azure_llms.local._tokens import IssuedTokens


@dataclass(frozen=True)
class Access:
    """The credentials the endpoints accept.

    Attributes:
        api_key: Sent as `api-key`, or as a bearer token where Azure takes keys in that place.
        tokens: Bearer tokens, which stand for those of Microsoft Entra ID, and never expire.
        issued: Bearer tokens that do.
    """

    api_key: str
    tokens: tuple[str, ...] = ()
    issued: IssuedTokens = field(default_factory=IssuedTokens)

    def has_api_key(self, headers: Mapping[str, str]) -> bool:
        """Whether the `api-key` header holds the key."""
        return _is_one_of(headers.get("api-key", ""), [self.api_key])

    def has_token(self, headers: Mapping[str, str]) -> bool:
        """Whether the bearer token is an accepted one."""
        token = _bearer(headers)
        return _is_one_of(token, self.tokens) or self.issued.is_good(token)

    def has_bearer(self, headers: Mapping[str, str]) -> bool:
        """Whether the bearer token is an accepted one, or the key."""
        return self.has_token(headers) or _is_one_of(_bearer(headers), [self.api_key])

    def has_ended_token(self, headers: Mapping[str, str]) -> bool:
        """Whether the bearer token was accepted once, and is not any more."""
        return self.issued.has_ended(_bearer(headers))


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_one_of(presented: str, accepted: Iterable[str]) -> bool:
    return any(hmac.compare_digest(presented.encode(), one.encode()) for one in accepted)
