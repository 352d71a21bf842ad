"""Loading saved LLMs, and the hook into LangChain's own `load_llm`.

A file names its LLM's class, and its formatter's, by a registered name; it can name no module, so
loading one imports nothing. It is trusted configuration all the same: credentials of the
environment go to the endpoint that it names. `allowed_hosts` restricts that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from langchain_core.language_models.llms import BaseLLM

from langchain_azure_llms import _codecs
from langchain_azure_llms._redact import without_frames
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    ConflictingCredentialsError,
    LoadError,
    MissingCredentialError,
)
from langchain_azure_llms.llms import _settings
from langchain_azure_llms.llms._base import AzureLLM
from langchain_azure_llms.llms._registered import llm_registry
from langchain_azure_llms.llms.azure_openai import AzureOpenAI
from langchain_azure_llms.llms.online_endpoint import AzureMLOnlineEndpoint

_ONLY_CALLERS = ("allow_plain_http", "credential", "http_client", "http_async_client")
_OF_THE_PEERS = "allow_dangerous_deserialization"
"""An argument of LangChain's `load_llm`; nothing dangerous can be loaded here."""


def register_llm(name: str, cls: type[BaseLLM]) -> None:
    """Give an LLM class a name, so that its objects can be saved and loaded.

    Args:
        name: The name that files hold as `_type`.
        cls: The class, derived from one of ours or from LangChain's `BaseLLM`.

    Raises:
        ConfigurationError: If the name is taken, or the class is no LLM.
    """
    llm_registry.register(name, cls)


def load_llm(
    file: Path | str, *, allowed_hosts: str | Iterable[str] | None = None, **overrides: Any
) -> BaseLLM:
    """Return the LLM that a file describes; files of langchain-community and -openai load too.

    Credentials come from the overrides or from the environment.

    Args:
        file: A path that ends in .json, .yaml or .yml.
        allowed_hosts: Hosts that credentials may go to, such as `["*.openai.azure.com"]`; any if
            not given.
        **overrides: Constructor arguments, over those of the file.

    Raises:
        LoadError: If the file cannot be read, names an unknown type, or holds settings that do not
            work; `.path` names it.
        MissingCredentialError: If neither the overrides nor the environment hold a credential.
    """
    path = Path(file)
    try:
        config = _codecs.read(path)
    except LoadError:
        overrides.clear()  # no frame of the traceback may hold what was passed
        raise
    loaded = _loaded(config, overrides, allowed_hosts)
    if isinstance(loaded, BaseLLM):
        return loaded
    config.clear()  # nor what the file says
    overrides.clear()
    if isinstance(loaded, LoadError):
        raise type(loaded)(f"{path}: {loaded}", path=str(path)) from loaded.__cause__
    raise loaded


def load_llm_from_config(
    config: Mapping[str, Any], *, allowed_hosts: str | Iterable[str] | None = None, **overrides: Any
) -> BaseLLM:
    """Return the LLM that a mapping describes, which is not changed.

    Args:
        config: `{"_type": name, ...settings}`.
        allowed_hosts: As for `load_llm`.
        **overrides: Constructor arguments, over those of the mapping.

    Raises:
        LoadError: If it names an unknown type, or holds settings that do not work.
        MissingCredentialError: If neither the overrides nor the environment hold a credential.
    """
    loaded = _loaded(config, overrides, allowed_hosts)
    if isinstance(loaded, BaseLLM):
        return loaded
    overrides.clear()
    config = {}  # as above; the caller's own is not touched
    raise loaded


def _loaded(
    config: Any, overrides: dict[str, Any], allowed_hosts: str | Iterable[str] | None
) -> BaseLLM | LoadError | ConfigurationError:
    """Return the LLM, or the error that there is none, without its frames."""
    try:
        cls, settings = _read(config)
        overrides.pop(_OF_THE_PEERS, None)
        return _checked(_made(cls, settings, overrides), allowed_hosts)
    except (LoadError, MissingCredentialError, ConflictingCredentialsError) as error:
        return without_frames(error)
    except (ValueError, TypeError) as error:
        problem = LoadError(str(error))
        problem.__cause__ = without_frames(error)
        return problem


def _read(config: Any) -> tuple[type[BaseLLM], dict[str, Any]]:
    if not isinstance(config, Mapping):
        raise LoadError(f"The config is a {type(config).__name__}, expected a mapping with _type.")
    name = config.get("_type")
    if not isinstance(name, str):
        shown = "missing" if name is None else f"a {type(name).__name__}"
        raise LoadError(f"_type is {shown}, expected a registered name such as 'azure'.")
    return llm_registry.get(name), {key: value for key, value in config.items() if key != "_type"}


def _made(cls: type[BaseLLM], settings: dict[str, Any], overrides: dict[str, Any]) -> BaseLLM:
    not_text = next((key for key in settings if not isinstance(key, str)), None)
    if not_text is not None:
        raise LoadError(f"The key {not_text!r} is no text, expected names of settings.")
    forbidden = next((key for key in _ONLY_CALLERS if key in settings), None)
    if forbidden is not None:
        raise LoadError(f"{forbidden} cannot come from a file: pass it to load_llm.")
    spec = settings.get("content_formatter")
    if spec is not None and not isinstance(spec, Mapping):
        raise LoadError(
            f"content_formatter is a {type(spec).__name__}, expected a mapping with _type."
        )
    fields = cls.model_fields
    known, unknown = _settings.by_field_name(settings, fields, cls.__name__)
    over, other = _settings.by_field_name(overrides, fields, cls.__name__)
    ways = {name for names in getattr(cls, "credential_settings", ()) for name in names}
    if any(over.get(name) is not None for name in ways):  # it replaces the one in the file
        known = {name: value for name, value in known.items() if name not in ways}
    return cls(**{**unknown, **known, **other, **over})


def _checked(llm: BaseLLM, allowed_hosts: str | Iterable[str] | None) -> BaseLLM:
    """Refuse to send a credential where it may not go."""
    if allowed_hosts is None or not isinstance(llm, AzureLLM):
        return llm
    patterns = [allowed_hosts] if isinstance(allowed_hosts, str) else allowed_hosts
    host = urlsplit(llm._address).hostname or ""  # noqa: SLF001 - as above
    if not any(fnmatch(host, pattern.lower()) for pattern in patterns):
        raise LoadError(
            f"The endpoint is at {host}, which is not among the allowed hosts: credentials may not "
            "go there."
        )
    return llm


# --- the hook into LangChain's own load_llm ---------------------------------------------------

_LOOKUP, _LOADER = "get_type_to_cls_dict", "load_llm_from_config"
_HOOKED = (
    ("langchain_community.llms", _LOOKUP),
    ("langchain_community.llms.loading", _LOOKUP),
    ("langchain_community.llms.loading", _LOADER),
    ("langchain_classic.llms", _LOOKUP),
)
_OURS = ("azure", "azureml_endpoint")
_originals: dict[tuple[str, str], Callable[..., Any]] = {}


def register_with_langchain() -> None:
    """Make LangChain's own `load_llm` return our classes for `azure` and `azureml_endpoint`.

    It replaces what `langchain_community.llms.loading.load_llm` and
    `langchain_classic.llms.loading.load_llm` find classes and load configs with. Calling it again
    changes nothing; `unregister_with_langchain` undoes it.

    Raises:
        ConfigurationError: If langchain-community is not installed.
    """
    for name, attribute in _HOOKED:
        module = _imported(name)
        if module is not None and (name, attribute) not in _originals:
            original = getattr(module, attribute)
            _originals[name, attribute] = original
            setattr(module, attribute, _WRAPPERS[attribute](original))


def unregister_with_langchain() -> None:
    """Undo `register_with_langchain`; without it, do nothing."""
    while _originals:
        (name, attribute), original = _originals.popitem()
        setattr(sys.modules[name], attribute, original)


def _looking_up(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_type_to_cls_dict() -> dict[str, Callable[[], type[BaseLLM]]]:
        return {**original(), "azure": _azure, "azureml_endpoint": _azureml_endpoint}

    return get_type_to_cls_dict


def _loading(original: Callable[..., Any]) -> Callable[..., Any]:
    def load(config: Any, **kwargs: Any) -> Any:
        ours = isinstance(config, Mapping) and config.get("_type") in _OURS
        return load_llm_from_config(config, **kwargs) if ours else original(config, **kwargs)

    return load


_WRAPPERS = {_LOOKUP: _looking_up, _LOADER: _loading}


def _azure() -> type[BaseLLM]:
    return AzureOpenAI


def _azureml_endpoint() -> type[BaseLLM]:
    return AzureMLOnlineEndpoint


def _imported(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if name.startswith("langchain_classic"):  # the community's loader alone is hooked then
            return None
        raise ConfigurationError(
            "langchain-community is not installed, so there is no load_llm of LangChain's to hook "
            "into: use langchain_azure_llms.load_llm."
        ) from error
