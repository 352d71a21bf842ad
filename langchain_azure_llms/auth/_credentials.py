"""What `credential=` may be, told apart without importing azure-identity, which is optional."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from langchain_azure_llms.auth._authorization import check_secret
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
    """Refuse what is no credential.

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
