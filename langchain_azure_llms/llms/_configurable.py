"""LangChain's `configurable_fields`: the same LLM with other settings, call by call.

LangChain makes a new object for each call that sets one, and passes it every field. Here it gets
those alone that the user had set, for a default that is passed means something else than one that
is not; and it keeps what the LLM has learned, its tokens and its connections.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.configurable import RunnableConfigurableFields
from pydantic import BaseModel

_original: ContextVar[BaseModel | None] = ContextVar("_original", default=None)


class ConfigurableLLM(RunnableConfigurableFields):  # type: ignore[type-arg] # pydantic would copy
    """An LLM some of whose settings each call may set."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """Return the name that LangChain's `loads` knows."""
        return RunnableConfigurableFields.lc_id()

    def _prepare(
        self, config: RunnableConfig | None = None
    ) -> tuple[Runnable[Any, str], RunnableConfig]:
        token = _original.set(self.default)
        try:
            return super()._prepare(config)
        finally:
            _original.reset(token)


def original(cls: type[BaseModel], settings: dict[str, Any]) -> BaseModel | None:
    """Return the object that these settings, all of them, are a changed copy of."""
    found = _original.get()
    is_copy = type(found) is cls and settings.keys() >= cls.model_fields.keys()
    return found if is_copy else None


def set_by_user(settings: dict[str, Any], before: BaseModel) -> dict[str, Any]:
    """Return those of all settings that the user had set, or sets now."""
    known, had = before.model_fields_set, vars(before)
    return {n: value for n, value in settings.items() if n in known or value is not had[n]}
