"""What identifies an LLM and the call under way: caches and tracers tell them apart by it."""

from __future__ import annotations

import hashlib
import json
import pickle
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from langchain_azure_llms._redaction import RedactedMapping
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.formatters.base import ContentFormatterBase
from langchain_azure_llms.llms import settings

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

_RUN_ARGUMENTS = frozenset({"tags", "metadata", "run_name", "run_id"})
_SECRET_ARGUMENTS = frozenset({"extra_headers", "extra_query"})
"""Arguments of a call whose values may be secrets: caches and tracers get a digest of them."""
_call: ContextVar[tuple[int, dict[str, Any]] | None] = ContextVar("call", default=None)


@contextmanager
def calling_with(llm: AzureLLM, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Make a call's own arguments part of the cache key, within a `with` block.

    LangChain's own key leaves them out: calls with another `temperature` would share an answer.
    """
    own = {name: arguments[name] for name in arguments if name not in _RUN_ARGUMENTS}
    token = _call.set((id(llm), own))
    try:
        yield
    finally:
        _call.reset(token)


def redacted(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return a call's arguments with those that may be secret hidden from tracers and reprs."""
    for name in _SECRET_ARGUMENTS & arguments.keys():
        value = arguments[name]
        if isinstance(value, Mapping) and not isinstance(value, RedactedMapping):
            arguments = {**arguments, name: RedactedMapping(value)}
    return arguments


def identity(llm: AzureLLM) -> dict[str, Any]:
    """Return what identifies an LLM beside its identifying parameters."""
    call = _call.get()
    arguments = call[1] if call is not None and call[0] == id(llm) else {}
    found = {"settings_digest": llm.settings_digest, **arguments}
    for name in _SECRET_ARGUMENTS & arguments.keys():
        found[name] = digest(arguments[name])
    return found


def settings_digest(llm: AzureLLM) -> str:
    """Return a digest of every setting that changes answers."""
    names = settings.answer_settings(type(llm), *llm.lc_secrets)
    return digest({name: getattr(llm, name) for name in names})


def digest(value: Any) -> str:
    """Return the digest of a value: equal for equal content, whatever the order of its keys.

    An object whose content cannot be read gets another digest each time: a cache then misses,
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
