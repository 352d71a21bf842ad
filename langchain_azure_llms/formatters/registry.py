"""Content formatters by name, and as plain mappings.

A formatter is saved as `{"_type": name, ...its settings}`. Its settings are its dataclass fields; a
formatter with other state defines `to_config` and `from_config`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_origin, get_type_hints

from langchain_azure_llms._registry import Registry
from langchain_azure_llms.exceptions import ConfigurationError, LoadError
from langchain_azure_llms.formatters.base import ContentFormatterBase
from langchain_azure_llms.formatters.custom_openai import (
    CustomOpenAIContentFormatter,
    LlamaContentFormatter,
)
from langchain_azure_llms.formatters.dedicated_chat import DedicatedChatContentFormatter
from langchain_azure_llms.formatters.dolly import DollyContentFormatter
from langchain_azure_llms.formatters.gpt2 import GPT2ContentFormatter, OSSContentFormatter
from langchain_azure_llms.formatters.hf import HFContentFormatter
from langchain_azure_llms.formatters.mlflow import MLflowContentFormatter
from langchain_azure_llms.formatters.openai_chat import OpenAIChatContentFormatter
from langchain_azure_llms.formatters.tgi import TGIContentFormatter

_registry: Registry[type[ContentFormatterBase]] = Registry(
    "content formatter", ContentFormatterBase, "register_content_formatter(name, cls)"
)


def register_content_formatter(name: str, cls: type[ContentFormatterBase]) -> None:
    """Give a content formatter a name, so that LLMs that use it can be saved and loaded.

    Args:
        name: The name that files hold.
        cls: The class. Its dataclass fields are its settings; a class with other state
            defines `to_config(self) -> dict` and `from_config(cls, config)`.

    Raises:
        ConfigurationError: If the name is taken, or the class is not a content formatter.
    """
    _registry.register(name, cls)


def formatter_config(formatter: Any) -> dict[str, Any]:
    """Return a formatter as a mapping: its registered name and its settings.

    Raises:
        ConfigurationError: If its class is not registered, or it has state that would be lost.
    """
    cls = type(formatter)
    name = _registry.name_of(cls)
    if name is None:
        raise ConfigurationError(
            f"The formatter {cls.__name__} cannot be saved, for files hold registered names only: "
            f'register_content_formatter("{cls.__name__}", {cls.__name__}) registers it.'
        )
    return {"_type": name, **_settings_of(formatter)}


def _settings_of(formatter: Any) -> dict[str, Any]:
    if callable(getattr(formatter, "to_config", None)):
        return dict(formatter.to_config())
    names = [field.name for field in fields(formatter)] if is_dataclass(formatter) else []
    other = [name for name in getattr(formatter, "__dict__", {}) if name not in names]
    if other:
        raise ConfigurationError(
            f"{type(formatter).__name__} keeps state that would be lost ({', '.join(other)}): make "
            "it a dataclass, or define to_config and from_config."
        )
    return {name: getattr(formatter, name) for name in names}


def formatter_from_config(config: Mapping[str, Any]) -> ContentFormatterBase:
    """Return the formatter that a mapping describes.

    Raises:
        UnknownTypeError: If its name is not registered.
        LoadError: If its settings do not fit.
    """
    cls = _registry.get(config.get("_type"))
    settings = {name: value for name, value in config.items() if name != "_type"}
    from_config = getattr(cls, "from_config", None)
    try:
        if not callable(from_config):
            return cls(**_as_declared(cls, settings))
        formatter: ContentFormatterBase = from_config(settings)
    except (TypeError, ValueError) as error:
        raise LoadError(f"The content formatter {config['_type']!r}: {error}.") from error
    return formatter


def _as_declared(cls: type, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with lists, as files have them, as the declared tuples and sets."""
    if not is_dataclass(cls):
        return settings
    hints = get_type_hints(cls)
    converted = dict(settings)
    for name, value in settings.items():
        declared = get_origin(hints.get(name)) or hints.get(name)
        if isinstance(value, list) and declared in (tuple, set, frozenset):
            converted[name] = declared(value)
    return converted


for _name, _cls in {
    "custom_openai": CustomOpenAIContentFormatter,
    "dedicated_chat": DedicatedChatContentFormatter,
    "dolly": DollyContentFormatter,
    "gpt2": GPT2ContentFormatter,
    "hf": HFContentFormatter,
    "llama": LlamaContentFormatter,
    "mlflow": MLflowContentFormatter,
    "openai_chat": OpenAIChatContentFormatter,
    "oss": OSSContentFormatter,
    "tgi": TGIContentFormatter,
}.items():
    register_content_formatter(_name, _cls)
