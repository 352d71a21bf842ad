"""How a request proves who sends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from langchain_azure_llms.exceptions import ConfigurationError, CredentialError

TokenProvider = Callable[[], str]
AsyncTokenProvider = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Authorization:
    """A header with a fixed value, or a bearer token from a provider.

    Attributes:
        headers: The header with a fixed value; empty when a provider gives the token.
        provider: Gives a token to threads, and to coroutines when there is no async one.
        async_provider: Gives a token to coroutines.
        identity: Tells two callers apart that have rate limits of their own; holds no secret.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    provider: TokenProvider | None = None
    async_provider: AsyncTokenProvider | None = None
    identity: int = 0

    @property
    def needs_token(self) -> bool:
        """Whether a token has to be fetched before a request is sent."""
        return not self.headers

    def get_token(self, refresh: bool) -> str:  # noqa: ARG002, FBT001 - the driver's signature
        """Return a token, in a thread.

        Raises:
            ConfigurationError: If only an async provider was given.
            CredentialError: If the provider gives no token.
        """
        if self.provider is None:
            raise ConfigurationError(
                "Only an async token provider was given, and this is a sync call. Pass a sync one "
                "too (azure_ad_token_provider), or call the async methods (ainvoke, astream, ...)."
            )
        return _checked_token(self.provider())

    async def aget_token(self, refresh: bool) -> str:  # noqa: ARG002, FBT001 - as above
        """Return a token, without blocking the event loop.

        Raises:
            CredentialError: If the provider gives no token.
        """
        if self.async_provider is not None:
            return _checked_token(await self.async_provider())
        return await asyncio.to_thread(self.get_token, refresh=False)


def api_key(secret: SecretStr) -> Authorization:
    """Return the authorization that Azure OpenAI calls a key."""
    value = _plain(secret)
    return Authorization({"api-key": value}, identity=hash(value))


def bearer(secret: SecretStr) -> Authorization:
    """Return the authorization of a token, or of an Azure ML key, which travels as one."""
    value = f"Bearer {_plain(secret)}"
    return Authorization({"Authorization": value}, identity=hash(value))


def token_provider(
    provider: TokenProvider | None, async_provider: AsyncTokenProvider | None
) -> Authorization:
    """Return the authorization of a function that gives tokens."""
    return Authorization({}, provider, async_provider, identity=id(provider or async_provider))


def check_secret(secret: SecretStr | None, name: str) -> None:
    """Refuse a key or token that cannot be right, without showing it.

    Raises:
        ConfigurationError: If it is empty, or holds what no HTTP header may hold.
    """
    if secret is None:
        return
    value = secret.get_secret_value()
    if not value.strip():
        raise ConfigurationError(f"{name} is empty. Pass the key or token itself.")
    if value.lower().startswith("bearer "):
        raise ConfigurationError(f"{name} begins with 'Bearer ': pass what comes after it.")
    if value != value.strip() or not value.isascii() or not value.isprintable():
        raise ConfigurationError(
            f"{name} has white space around it or characters that no HTTP header may hold; "
            "perhaps a line break came along from a file."
        )


def _plain(secret: SecretStr | str) -> str:
    """Return a secret's text; a field that was assigned anew may hold it bare."""
    return secret if isinstance(secret, str) else secret.get_secret_value()


def _checked_token(token: object) -> str:
    if not isinstance(token, str) or not token.strip():
        shown = "an empty text" if isinstance(token, str) else f"a {type(token).__name__}"
        raise CredentialError(f"The token provider returned {shown}, expected a token as text.")
    check_secret(SecretStr(token), "The token provider's token")
    return token
