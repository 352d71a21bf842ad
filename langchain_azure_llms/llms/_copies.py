"""Objects that LangChain makes anew, from all the settings of another: see `_configurable`."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from pydantic import BaseModel

original: ContextVar[BaseModel | None] = ContextVar("original", default=None)
"""The object that others are made of just now."""


def original_of(cls: type[BaseModel], settings: dict[str, Any]) -> BaseModel | None:
    """Return the object that these settings, all of them, are a changed copy of."""
    found = original.get()
    is_copy = type(found) is cls and settings.keys() >= cls.model_fields.keys()
    return found if is_copy else None


def set_by_user(settings: dict[str, Any], before: BaseModel) -> dict[str, Any]:
    """Return those of all settings that the user had set, or sets now."""
    known, had = before.model_fields_set, vars(before)
    return {n: value for n, value in settings.items() if n in known or value is not had[n]}
