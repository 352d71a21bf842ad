"""Checks of the settings that both LLM classes share."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import httpx2
from langchain_core.language_models.llms import BaseLLM
from pydantic import BeforeValidator, SecretStr, TypeAdapter, ValidationError

from langchain_azure_llms._redaction import public_url
from langchain_azure_llms.auth import check_credential
from langchain_azure_llms.exceptions import ConfigurationError, ConflictingCredentialsError
from langchain_azure_llms.llms import settings

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM


def checked_credential(value: Any) -> Any:
    """Return a credential; a key as a secret.

    Raises:
        ConfigurationError: If it is not a credential.
    """
    credential = SecretStr(value) if isinstance(value, str) else value
    if credential is not None:
        check_credential(credential)
    return credential


def check_one_credential(llm: AzureLLM) -> None:
    """Refuse two credentials: only one can be sent.

    Raises:
        ConflictingCredentialsError: If two were passed.
    """
    given = (next(filter(llm.is_explicit, names), None) for names in llm.credential_settings)
    if len(passed := [name for name in given if name is not None]) > 1:
        raise ConflictingCredentialsError(
            f"Two credentials were passed, {passed[0]} and {passed[1]}; only one can be sent."
        )


_SERVICE_HEADERS = frozenset({"api-key", "authorization"})
_GATEWAY_HEADER = "ocp-apim-subscription-key"


def has_own_credential(llm: AzureLLM, *settings: str) -> bool:
    """Return whether `default_headers` hold the credential, so that no other is needed or sent.

    One that was passed is sent all the same. One of the environment is sent beside a key of Azure
    API Management, which is for the gateway alone, but not beside another one for the service.

    Args:
        llm: The LLM.
        *settings: The settings that may hold another credential.
    """
    if any(map(llm.is_explicit, settings)):
        return False
    names = {name.lower() for name in llm.default_headers or {}}
    is_given = any(getattr(llm, name) is not None for name in settings)
    return not names.isdisjoint(_SERVICE_HEADERS) or (_GATEWAY_HEADER in names and not is_given)


def _http_client(name: str, wanted: type) -> Callable[[Any], Any]:
    """Return what refuses other than usable HTTP clients, such as a client of `httpx`."""

    def check(client: Any) -> Any:
        if client is not None and not isinstance(client, wanted):
            module = type(client).__module__.partition(".")[0]
            same = ", which takes the same arguments" if module == "httpx" else ""
            raise ConfigurationError(
                f"{name} is a {module}.{type(client).__name__}; requests are sent by httpx2. "
                f"Pass an httpx2.{wanted.__name__}{same}."
            )
        return client

    return check


def checked_scopes(value: Any) -> tuple[str, ...] | None:
    """Return scopes as a tuple.

    Raises:
        ConfigurationError: If they are not one or several texts.
    """
    scopes = (value,) if isinstance(value, str) else value
    if scopes is None:
        return None
    texts = isinstance(scopes, list | tuple) and all(isinstance(one, str) for one in scopes)
    if not scopes or not texts or not all(one.strip() for one in scopes):
        raise ConfigurationError(
            "credential_scopes must be one or several texts, such as "
            "'https://cognitiveservices.azure.com/.default'."
        )
    return tuple(scopes)


def _checked_verify(value: Any) -> Any:
    """Return how certificates are checked; a path as text.

    Raises:
        ConfigurationError: If it is neither a bool, nor a path that is there, nor TLS settings.
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if isinstance(value, bool | ssl.SSLContext) or (path and Path(path).exists()):
        return value if path is None else path
    shown = repr(path) if path else f"a {type(value).__name__}"
    raise ConfigurationError(
        f"verify is {shown}, expected a bool, a file or folder of certificate authorities, or an "
        "ssl.SSLContext."
    )


Verified = Annotated[Any, BeforeValidator(_checked_verify)]
Credential = Annotated[Any, BeforeValidator(checked_credential)]
Scopes = Annotated[Any, BeforeValidator(checked_scopes)]
SyncClient = Annotated[Any, BeforeValidator(_http_client("http_client", httpx2.Client))]
AsyncClient = Annotated[Any, BeforeValidator(_http_client("http_async_client", httpx2.AsyncClient))]


@lru_cache(maxsize=256)
def _adapter(cls: type[AzureLLM], name: str) -> TypeAdapter[Any]:
    field = cls.model_fields[name]
    plain: Any = field.annotation
    return TypeAdapter(Annotated[(plain, *field.metadata)] if field.metadata else plain)


def checked_assignment(cls: type[AzureLLM], name: str, value: Any) -> Any:
    """Return a value that is assigned to one of our own settings, checked as an argument is.

    What depends on other settings is checked at the next call.

    Raises:
        ConfigurationError: If it is wrong.
    """
    if name not in cls.model_fields or name in BaseLLM.model_fields:
        return value
    problem = None
    try:
        return _adapter(cls, name).validate_python(value)
    except ValidationError as error:
        problem = settings.configuration_error(f"{cls.__name__}.{name}", error)
    raise problem


def refuse_missing(errors: list[ConfigurationError]) -> None:
    """Raise the errors of what is missing: one as it is, several as one.

    Raises:
        ConfigurationError: If there are any.
    """
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigurationError(" ".join(map(str, errors)))


def shown(argument: tuple[str | None, Any]) -> tuple[str | None, Any]:
    """Return an argument of a repr without what an address may hold of secrets."""
    name, value = argument
    if name is not None and name.endswith(("_url", "_endpoint", "_base")):
        return name, public_url(value) if isinstance(value, str) else value
    return argument
