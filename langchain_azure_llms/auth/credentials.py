"""What keys, tokens and `credential=` may be; azure-identity is optional and not imported."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from langchain_azure_llms.exceptions import ConfigurationError


def key_of(credential: Any) -> SecretStr | None:
    """Return the key that a credential holds now; None for one that gives tokens.

    An `azure.core.credentials.AzureKeyCredential` may be given another key at any time.
    """
    if isinstance(credential, SecretStr):
        return credential
    key = None if gives_tokens(credential) else getattr(credential, "key", None)
    return SecretStr(key) if isinstance(key, str) else None


def gives_tokens(credential: Any) -> bool:
    """Return whether a credential gives tokens: one of azure-identity, or a function."""
    return callable(getattr(credential, "get_token", None)) or callable(credential)


def check_credential(credential: Any) -> None:
    """Refuse what is not a credential.

    Raises:
        ConfigurationError: If it is something else, or holds a key that cannot be right.
    """
    if isinstance(credential, type):
        raise ConfigurationError(
            f"credential is the class {credential.__name__}: pass an object, "
            f"{credential.__name__}()."
        )
    key = key_of(credential)
    if key is None and not gives_tokens(credential):
        raise ConfigurationError(
            f"credential is a {type(credential).__name__}, expected a key (text), an "
            "AzureKeyCredential, a token credential such as azure.identity's "
            "DefaultAzureCredential() (an object with get_token(*scopes)), or a function that "
            "returns a token."
        )
    check_secret(key, "credential")


def check_secret(secret: SecretStr | None, name: str) -> None:
    """Refuse a key or token that cannot be right, without showing it.

    Raises:
        ConfigurationError: If it is empty, or holds what no HTTP header may hold.
    """
    value = "key" if secret is None else secret.get_secret_value()
    if not value.strip():
        raise ConfigurationError(f"{name} is empty. Pass the key or token itself.")
    if value.lower().startswith("bearer "):
        raise ConfigurationError(
            f"{name} begins with 'Bearer ': pass what comes after it, and a Microsoft Entra token "
            "as azure_ad_token or by a function."
        )
    if value != value.strip() or not value.isascii() or not value.isprintable():
        raise ConfigurationError(
            f"{name} has white space around it or characters that no HTTP header may hold; perhaps "
            "a line break came along from a file."
        )


def is_web_token(secret: SecretStr | str) -> bool:
    """Return whether a text looks like a JSON Web Token, as Microsoft Entra tokens do."""
    text = secret if isinstance(secret, str) else secret.get_secret_value()
    return text.startswith("eyJ") and text.count(".") == 2
