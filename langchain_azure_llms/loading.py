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

from langchain_azure_llms import _serialization
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    ConflictingCredentialsError,
    LoadError,
    MissingCredentialError,
)
from langchain_azure_llms.llms.azure_openai import AzureOpenAI
from langchain_azure_llms.llms.base import AzureLLM
from langchain_azure_llms.llms.online_endpoint import AzureMLOnlineEndpoint
from langchain_azure_llms.llms.registry import llm_registry
from langchain_azure_llms.llms.settings import by_field_name

_ONLY_CALLERS = ("allow_plain_http", "credential", "http_client", "http_async_client", "verify")
_IGNORED = "allow_dangerous_deserialization"  # of LangChain's load_llm; nothing here is dangerous


def register_llm(name: str, cls: type[BaseLLM]) -> None:
    """Give an LLM class a name, so that its objects can be saved and loaded.

    Args:
        name: The name that files hold as `_type`.
        cls: The class, derived from one of this package's or from LangChain's `BaseLLM`.

    Raises:
        ConfigurationError: If the name is taken, or the class is not an LLM.
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
    config = _serialization.read(path)
    try:
        return _load(config, overrides, allowed_hosts)
    except LoadError as error:
        raise type(error)(f"{path}: {error}", path=str(path)) from error.__cause__


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
    return _load(config, overrides, allowed_hosts)


def _load(
    config: Any, overrides: dict[str, Any], allowed_hosts: str | Iterable[str] | None
) -> BaseLLM:
    overrides = {name: value for name, value in overrides.items() if name != _IGNORED}
    try:
        llm = _make(*_class_and_settings(config), overrides)
        _check_host(llm, allowed_hosts)
    except (LoadError, MissingCredentialError, ConflictingCredentialsError):
        raise
    except (ValueError, TypeError) as error:
        raise LoadError(str(error)) from error
    return llm


def _class_and_settings(config: Any) -> tuple[type[BaseLLM], dict[str, Any]]:
    if not isinstance(config, Mapping):
        raise LoadError(f"The config is a {type(config).__name__}, expected a mapping with _type.")
    name = config.get("_type")
    if not isinstance(name, str):
        shown = "missing" if name is None else f"a {type(name).__name__}"
        raise LoadError(f"_type is {shown}, expected a registered name such as 'azure'.")
    return llm_registry.get(name), {key: value for key, value in config.items() if key != "_type"}


def _make(cls: type[BaseLLM], settings: dict[str, Any], overrides: dict[str, Any]) -> BaseLLM:
    not_text = next((key for key in settings if not isinstance(key, str)), None)
    if not_text is not None:
        raise LoadError(f"The key {not_text!r} is not text, expected names of settings.")
    forbidden = next((key for key in _ONLY_CALLERS if key in settings), None)
    if forbidden is not None:
        raise LoadError(f"{forbidden} cannot come from a file: pass it to load_llm.")
    spec = settings.get("content_formatter")
    if spec is not None and not isinstance(spec, Mapping):
        kind = type(spec).__name__
        raise LoadError(f"content_formatter is a {kind}, expected a mapping with _type.")
    saved, unknown = by_field_name(settings, cls.model_fields, cls.__name__)
    given, other = by_field_name(overrides, cls.model_fields, cls.__name__)
    credentials = {name for names in getattr(cls, "credential_settings", ()) for name in names}
    if any(given.get(name) is not None for name in credentials):  # replaces the one in the file
        saved = {name: value for name, value in saved.items() if name not in credentials}
    return cls(**{**unknown, **saved, **other, **given})


def _check_host(llm: BaseLLM, allowed_hosts: str | Iterable[str] | None) -> None:
    """Refuse to send a credential where it may not go."""
    if allowed_hosts is None or not isinstance(llm, AzureLLM):
        return
    patterns = [allowed_hosts] if isinstance(allowed_hosts, str) else allowed_hosts
    host = urlsplit(llm.endpoint_address).hostname or ""
    if not any(fnmatch(host, pattern.lower()) for pattern in patterns):
        raise LoadError(
            f"The endpoint is at {host}, which is not among the allowed hosts: credentials may not "
            "go there."
        )


_LOOKUP, _LOADER = "get_type_to_cls_dict", "load_llm_from_config"
_HOOKS = (
    ("langchain_community.llms", _LOOKUP),
    ("langchain_community.llms.loading", _LOOKUP),
    ("langchain_community.llms.loading", _LOADER),
    ("langchain_classic.llms", _LOOKUP),
)
_CLASSES: dict[str, Callable[[], type[BaseLLM]]] = {
    "azure": lambda: AzureOpenAI,
    "azureml_endpoint": lambda: AzureMLOnlineEndpoint,
}
_originals: dict[tuple[str, str], Callable[..., Any]] = {}


def register_with_langchain() -> None:
    """Make LangChain's own `load_llm` return our classes for `azure` and `azureml_endpoint`.

    It replaces what `langchain_community.llms.loading.load_llm` and
    `langchain_classic.llms.loading.load_llm` find classes and load configs with. Calling it again
    changes nothing; `unregister_with_langchain` undoes it.

    Raises:
        ConfigurationError: If langchain-community is not installed.
    """
    for name, attribute in _HOOKS:
        module = _import(name)
        if module is not None and (name, attribute) not in _originals:
            original = _originals[name, attribute] = getattr(module, attribute)
            wrap = _with_our_classes if attribute == _LOOKUP else _with_our_loader
            setattr(module, attribute, wrap(original))


def unregister_with_langchain() -> None:
    """Undo `register_with_langchain`; without it, do nothing."""
    while _originals:
        (name, attribute), original = _originals.popitem()
        setattr(sys.modules[name], attribute, original)


def _with_our_classes(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda: {**original(), **_CLASSES}


def _with_our_loader(original: Callable[..., Any]) -> Callable[..., Any]:
    def load(config: Any, **kwargs: Any) -> Any:
        is_ours = isinstance(config, Mapping) and config.get("_type") in tuple(_CLASSES)
        return load_llm_from_config(config, **kwargs) if is_ours else original(config, **kwargs)

    return load


def _import(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if name.startswith("langchain_classic"):  # then only the loader of community is hooked
            return None
        raise ConfigurationError(
            "langchain-community is not installed, so LangChain's own load_llm cannot be hooked "
            "into: use langchain_azure_llms.load_llm."
        ) from error
