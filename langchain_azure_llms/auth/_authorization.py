"""How a request proves who sends it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, cast

from pydantic import SecretStr

from langchain_azure_llms.exceptions import ConfigurationError


class Tokens(Protocol):
    """Gives bearer tokens.

    `refused` is a token that the service just refused, and that must not come back from a cache;
    `claims` is what the service said a new one must hold (a claims challenge).
    """

    @property
    def serves_both(self) -> bool:
        """Whether sync and async calls ask the same, a sync, source."""
        ...

    def get(self, refused: SecretStr | None = None, claims: str | None = None) -> SecretStr:
        """Return a token, in a thread."""
        ...

    async def aget(self, refused: SecretStr | None = None, claims: str | None = None) -> SecretStr:
        """Return a token, without blocking the event loop."""
        ...


class Authorization:
    """A header with a fixed value, or a source of bearer tokens.

    Args:
        headers: The header with a fixed value; empty when there are tokens.
        tokens: Gives a token for each request.
        identity: Tells two callers apart that have rate limits of their own; holds no secret.
    """

    def __init__(
        self,
        headers: Mapping[str, str] = MappingProxyType({}),
        tokens: Tokens | None = None,
        identity: int = 0,
    ) -> None:
        self.headers, self.tokens, self.identity = headers, tokens, identity

    @property
    def serves_both(self) -> bool:
        """Whether threads and event loops get the same from the same."""
        return self.tokens is None or self.tokens.serves_both

    def get_token(self, refused: SecretStr | None, claims: str | None) -> SecretStr:
        """Return a token, in a thread."""
        return cast("Tokens", self.tokens).get(refused, claims)

    async def aget_token(self, refused: SecretStr | None, claims: str | None) -> SecretStr:
        """Return a token, without blocking the event loop."""
        return await cast("Tokens", self.tokens).aget(refused, claims)


def api_key(secret: SecretStr | str) -> Authorization:
    """Return the authorization that Azure OpenAI calls a key."""
    value = _plain(secret)
    return Authorization({"api-key": value}, identity=hash(value))


def bearer(secret: SecretStr | str) -> Authorization:
    """Return the authorization of a token, or of an Azure ML key, which travels as one."""
    value = f"Bearer {_plain(secret)}"
    return Authorization({"Authorization": value}, identity=hash(value))


def token_bearer(tokens: Tokens, identity: int | None = None) -> Authorization:
    """Return the authorization of what gives tokens."""
    return Authorization(tokens=tokens, identity=id(tokens) if identity is None else identity)


def check_secret(secret: SecretStr | None, name: str) -> None:
    """Refuse a key or token that cannot be right, without showing it.

    Raises:
        ConfigurationError: If it is empty, or holds what no HTTP header may hold.
    """
    problem = problem_with(secret)
    if problem:
        raise ConfigurationError(f"{name} {problem}")


def problem_with(secret: SecretStr | None) -> str:
    """Return what is wrong with a key or token; an empty text if nothing is."""
    value = "k" if secret is None else secret.get_secret_value()
    if not value.strip():
        return "is empty. Pass the key or token itself."
    if value.lower().startswith("bearer "):
        return (
            "begins with 'Bearer ': pass what comes after it, and a Microsoft Entra token as "
            "azure_ad_token or by a function."
        )
    if value != value.strip() or not value.isascii() or not value.isprintable():
        return (
            "has white space around it or characters that no HTTP header may hold; perhaps a line "
            "break came along from a file."
        )
    return ""


def is_web_token(secret: SecretStr | str) -> bool:
    """Return whether a text looks like a JSON Web Token, as Microsoft Entra tokens do."""
    text = _plain(secret)
    return text.startswith("eyJ") and text.count(".") == 2


def _plain(secret: SecretStr | str) -> str:
    """Return a secret's text; a field that was assigned anew may hold it bare."""
    return secret if isinstance(secret, str) else secret.get_secret_value()
