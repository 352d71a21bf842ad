"""How a request proves who sends it: by a key, or by a token that is fetched when needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import SecretStr

from langchain_azure_llms.auth.credentials import gives_tokens, key_of
from langchain_azure_llms.auth.tokens import CachedTokens, ProvidedTokens, shared_cache

Tokens = CachedTokens | ProvidedTokens


@dataclass(frozen=True, eq=False, repr=False)
class Authorization:
    """A header with a key, or a source of bearer tokens.

    Attributes:
        headers: Returns the header with the key; empty where there are tokens.
        tokens: Gives a token for each request; None where there is a key.
    """

    headers: Callable[[], dict[str, str]] = dict
    tokens: Tokens | None = None

    @property
    def needs_token(self) -> bool:
        """Whether a token must be fetched for each request."""
        return self.tokens is not None

    @property
    def supports_sync(self) -> bool:
        """Whether sync and async calls use the same, a sync, source."""
        return self.tokens is None or self.tokens.supports_sync

    @property
    def identity(self) -> int:
        """Tells callers apart that have rate limits of their own; holds no secret."""
        if self.tokens is None:
            return hash(tuple(self.headers().items()))
        return self.tokens.identity

    def get_token(self, refused: SecretStr | None, claims: str | None) -> SecretStr:
        """Return a token, in a thread; `refused` is one that the service refused just now."""
        return cast("Tokens", self.tokens).get(refused, claims)

    async def aget_token(self, refused: SecretStr | None, claims: str | None) -> SecretStr:
        """Return a token, without blocking the event loop."""
        return await cast("Tokens", self.tokens).aget(refused, claims)


def api_key(key: SecretStr) -> Authorization:
    """Return the authorization that Azure OpenAI calls a key."""
    return Authorization(lambda: {"api-key": key.get_secret_value()})


def bearer(token: SecretStr) -> Authorization:
    """Return the authorization of a fixed token, or of an Azure ML key, which is sent as one."""
    return Authorization(lambda: {"Authorization": f"Bearer {token.get_secret_value()}"})


def credential_authorization(
    credential: Any, scopes: Sequence[str], as_header: Callable[[SecretStr], Authorization]
) -> Authorization:
    """Return the authorization of `credential=`.

    Args:
        credential: A key, or what gives tokens.
        scopes: What tokens are for.
        as_header: `api_key` or `bearer`: how a key is sent.
    """
    if gives_tokens(credential):
        cache = shared_cache(credential, scopes)
        return Authorization(tokens=CachedTokens(credential, scopes, cache))
    # Read for each request: an AzureKeyCredential may be given another key at any time.
    return Authorization(lambda: as_header(key_of(credential) or SecretStr("")).headers())


def provider_authorization(
    provider: Callable[[], Any] | None, async_provider: Callable[[], Any] | None
) -> Authorization:
    """Return the authorization of a pair of functions that return tokens."""
    return Authorization(tokens=ProvidedTokens(provider, async_provider))
