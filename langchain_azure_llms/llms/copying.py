"""Copies, pickles and saved files of LLM objects: what they hold, and what they leave out."""

from __future__ import annotations

import pickle
import warnings
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.load.serializable import to_json_not_implemented
from pydantic import SecretStr

from langchain_azure_llms import _serialization
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.llms import settings
from langchain_azure_llms.llms.registry import llm_registry
from langchain_azure_llms.llms.saved_settings import Saved, saved_settings

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

LLMT = TypeVar("LLMT", bound="AzureLLM")


def drop_cached(llm: AzureLLM) -> None:
    """Drop what was derived from settings that may be others now."""
    values = vars(llm)
    for name in values.keys() - type(llm).model_fields.keys():
        del values[name]


def secret_names(llm: AzureLLM) -> set[str]:
    """Return the settings that are never saved or shown."""
    return {*llm.lc_secrets, "credential"}


def as_secret(llm: AzureLLM, name: str, value: Any) -> Any:
    """Return a bare text that is to become a secret setting as a secret."""
    return SecretStr(value) if isinstance(value, str) and name in secret_names(llm) else value


def deep_copy(llm: LLMT, memo: dict[int, Any]) -> LLMT:
    """Return a copy whose settings are copies, too, except those that are live objects."""
    for name in llm.shared_resources:
        resource = getattr(llm, name, None)
        memo.setdefault(id(resource), resource)
    copied = llm.model_copy()
    for name in type(llm).model_fields:
        vars(copied)[name] = deepcopy(vars(llm)[name], memo)
    return copied


# --- pickled -------------------------------------------------------------------------------------


def reduced(llm: AzureLLM) -> tuple[Any, ...]:
    """Return what a pickle of an LLM holds.

    Raises:
        ConfigurationError: If a live object among its settings cannot be pickled.
    """
    for name in llm.shared_resources:
        _refuse_unpicklable(name, getattr(llm, name, None))
    cls = type(llm)
    values = {name: getattr(llm, name) for name in cls.model_fields}
    stay = [
        name
        for name in llm.environment_settings
        if isinstance(values[name], SecretStr) or name == "openai_proxy"
    ]
    for name in stay:
        del values[name]
    names = [name for name in cls.__private_attributes__ if hasattr(llm, name)]
    attributes = {name: getattr(llm, name) for name in names}
    return _rebuilt, (cls, values, set(llm.model_fields_set), stay, attributes)


def _rebuilt(
    cls: type[AzureLLM],
    values: dict[str, Any],
    explicit: set[str],
    stayed: list[str],
    attributes: dict[str, Any],
) -> AzureLLM:
    """Return the LLM of a pickle, with the secrets that this process has in its environment."""
    llm = cls.model_construct(explicit, **values)
    for name in stayed:
        vars(llm)[name] = settings.value_of_environment(cls.model_fields[name], vars(llm))
    for name, value in attributes.items():
        setattr(llm, name, value)
    return llm


def _refuse_unpicklable(name: str, value: Any) -> None:
    try:
        pickle.dumps(value)
    except Exception as error:
        raise ConfigurationError(
            f"{name} cannot be pickled ({type(error).__name__}): make the LLM without it, and "
            "give the other process one of its own."
        ) from error


# --- saved ---------------------------------------------------------------------------------------


def save(llm: AzureLLM, path: Path) -> None:
    """Write an LLM's settings to a file; warn of those that were passed and are left out.

    Raises:
        UnsupportedFileError: If the file's suffix is unknown.
        ConfigurationError: If the class, or its content formatter's, is not registered.
        OSError: If the file cannot be written.
    """
    cls = type(llm)
    name = llm_registry.name_of(cls)
    if name is None:
        raise ConfigurationError(
            f"The LLM {cls.__name__} cannot be saved, for files hold registered names only: "
            f'register_llm("{cls.__name__}", {cls.__name__}) registers it.'
        )
    saved = _saved(llm)
    _serialization.write(path, {"_type": name, **saved.settings})
    if saved.left_out:
        warnings.warn(
            f"{cls.__name__} was saved without {', '.join(saved.left_out)}: to be given again "
            "when loading.",
            stacklevel=3,
        )


def _saved(llm: AzureLLM) -> Saved:
    explicit = llm.model_fields_set
    names = explicit | (llm.environment_settings - llm.overridden_settings)
    given = {name: getattr(llm, name) for name in type(llm).model_fields if name in names}
    if not (llm.metadata or {}).keys() - {"lc_versions"}:
        given.pop("metadata", None)
    return saved_settings(given, explicit, secret_names(llm))


def as_serialized(llm: AzureLLM) -> Any:
    """Return the form that LangChain's `dumps` writes: settings, and references to secrets."""
    try:
        saved = _saved(llm).settings
    except ConfigurationError:  # tracing must not fail for a formatter that is not registered
        return to_json_not_implemented(llm)
    plain = {name: value for name, value in saved.items() if value is not None}
    secrets = {
        name: {"lc": 1, "type": "secret", "id": [variable]}
        for name, variable in llm.secrets_in_use.items()
    }
    kwargs, name = {**plain, **secrets}, llm.get_name()  # tracers name runs by it
    return {"lc": 1, "type": "constructor", "id": llm.lc_id(), "kwargs": kwargs, "name": name}
