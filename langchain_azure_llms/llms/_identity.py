"""A short name for a value's whole content, the same in every process."""

from __future__ import annotations

import hashlib
import json
import pickle
import uuid
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any
from weakref import WeakKeyDictionary

from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.formatters.base import ContentFormatterBase


def digest(value: Any) -> str:
    """Return the digest of a value: equal for equal content, whatever the order of its keys.

    What nobody can read the content of gets a digest of its own each time: a cache then misses,
    which is better than the answer of another LLM.

    Raises:
        ConfigurationError: If the value is nested too deeply, or within itself.
    """
    try:
        shown = _json(value)
    except (RecursionError, ValueError):
        raise ConfigurationError("A setting is nested too deeply, or within itself.") from None
    return hashlib.sha256(shown.encode("utf-8", "replace")).hexdigest()[:16]


def _json(value: Any) -> str:
    try:
        return _encode(value)
    except TypeError:  # keys of several types have no order, and some are no keys for JSON
        return json.dumps(_pairs(value), default=_content)


def _pairs(value: Any) -> Any:
    """Return mappings as sorted lists of pairs, so that their keys may be anything."""
    if isinstance(value, Mapping):
        return sorted([_json(key), _json(item)] for key, item in value.items())
    return [_pairs(item) for item in value] if isinstance(value, list | tuple) else value


def _content(value: Any) -> Any:
    """Return what a value that JSON does not know consists of."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(_json(item) for item in value)
    return _name(value) if isinstance(value, type) else [_name(type(value)), _held(value)]


def _held(value: Any) -> Any:
    """Return what an object holds, whatever its repr leaves out."""
    if isinstance(value, ContentFormatterBase):
        return value.state
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    try:
        return pickle.dumps(value).hex()
    except Exception:  # noqa: BLE001 - an object may raise anything when it is to be pickled
        return uuid.uuid4().hex


_encode = json.JSONEncoder(sort_keys=True, default=_content).encode
_local_names: WeakKeyDictionary[type, str] = WeakKeyDictionary()


def _name(cls: type) -> str:
    """Return a class's name, made unique where a function makes several classes of that name."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    if "<locals>" not in name:
        return name
    return _local_names.setdefault(cls, f"{name} {uuid.uuid4().hex}")
