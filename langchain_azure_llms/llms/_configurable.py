"""LangChain's `configurable_fields`: the same LLM with other settings, call by call.

LangChain makes a new object for each call that sets one, and passes it every field. Here it gets
those alone that the user had set, for a default that is passed means something else than one that
is not; and it keeps what the LLM has learned, its tokens and its connections.
"""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.configurable import RunnableConfigurableFields

from langchain_azure_llms.llms._copies import original


class ConfigurableLLM(RunnableConfigurableFields):  # type: ignore[type-arg] # pydantic would copy
    """An LLM some of whose settings each call may set."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """Return the name that LangChain's `loads` knows."""
        return RunnableConfigurableFields.lc_id()

    def _prepare(
        self, config: RunnableConfig | None = None
    ) -> tuple[Runnable[Any, str], RunnableConfig]:
        token = original.set(self.default)
        try:
            return super()._prepare(config)
        finally:
            original.reset(token)


def configurable(made: Any) -> ConfigurableLLM:
    """Return what LangChain made of an LLM and its configurable settings, as ours."""
    return ConfigurableLLM(default=made.default, fields=made.fields)
