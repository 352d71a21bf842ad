"""How a request proves who sends it: by a key, or by a token that is fetched when needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import SecretStr

from langchain_azure_llms.auth.credentials import gives_tokens, key_of
from langchain_azure_llms.auth.tokens import (
    CachedTokens,
    afetch,
    fetch,
    is_async,
    read_token,
    shared_tokens,
)
from langchain_azure_llms.exceptions import ConfigurationError


@dataclass(frozen=True, eq=False, repr=False)
class Authorization:
    """A header with a key, or a source of bearer tokens.

    Attributes:
        headers: Returns the header with the key; empty where there are tokens.
        source: A credential or a function that gives tokens to sync calls, if there is one.
        async_source: The same for async calls; may be a sync one.
        scopes: What the tokens are for; empty where functions are called, which know it.
        cache: Keeps the tokens; None to fetch one for each request.
        may_change: Whether the key may be another one at each request.
    """

    headers: Callable[[], dict[str, str]] = dict
    source: Any = None
    async_source: Any = None
    scopes: Sequence[str] = ()
    cache: CachedTokens | None = None
    may_change: bool = False

    @property
    def needs_token(self) -> bool:
        """Whether a token must be fetched for each request."""
        return self.async_source is not None

    @property
    def supports_sync(self) -> bool:
        """Whether sync and async calls use the same, a sync, source."""
        return self.source is self.async_source and not is_async(self.source, self.scopes)

    @property
    def identity(self) -> int:
        """Tells callers apart that have rate limits of their own; holds no secret."""
        if self.needs_token:
            return id(self.async_source if self.source is None else self.source)
        return hash(tuple(self.headers().items()))

    def get_token(self, refused: SecretStr | None, claims: str | None) -> SecretStr:
        """Return a token, in a thread.

        Args:
            refused: A token that the service refused just now.
            claims: What the service said a new one must hold.

        Raises:
            ConfigurationError: If there is only an async source.
            CredentialError: If the source gives no token.
        """
        if self.source is None:
            raise ConfigurationError(
                "Only an async token provider was given, and this is a sync call. Pass a sync one "
                "too (azure_ad_token_provider), or call the async methods (ainvoke, astream, ...)."
            )
        get = partial(fetch, self.source, self.scopes, claims)
        return self.cache.get(get, refused) if self.cache else read_token(get(), 0.0).text

    async def aget_token(self, refused: SecretStr | None, claims: str | None) -> SecretStr:
        """Return a token, without blocking the event loop; see `get_token`."""
        get = partial(afetch, self.async_source, self.scopes, claims)
        return (
            await self.cache.aget(get, refused) if self.cache else read_token(await get(), 0).text
        )


def api_key(key: SecretStr) -> Authorization:
    """Return the authorization that Azure OpenAI calls a key."""
    return Authorization(lambda: {"api-key": key.get_secret_value()})


def bearer(token: SecretStr) -> Authorization:
    """Return the authorization of a fixed token, or of an Azure ML key, which is sent as one."""
    return Authorization(lambda: {"Authorization": f"Bearer {token.get_secret_value()}"})


def credential_authorization(
    credential: Any, scopes: Sequence[str], as_header: Callable[[SecretStr], Authorization]
) -> Authorization:
    """Return the authorization of `credential=`; `as_header` says how a key is sent."""
    if gives_tokens(credential):
        cache = shared_tokens(credential, scopes)
        return Authorization(dict, credential, credential, scopes, cache)
    # An AzureKeyCredential may be given another key at any time.
    may_change = not isinstance(credential, SecretStr)
    return Authorization(
        lambda: as_header(key_of(credential) or SecretStr("")).headers(), may_change=may_change
    )


def provider_authorization(
    provider: Callable[[], Any] | None, async_provider: Callable[[], Any] | None
) -> Authorization:
    """Return the authorization of functions that return tokens, called for each request."""
    return Authorization(dict, provider, async_provider or provider)
