"""LangChain's `configurable_fields`: the same LLM with other settings, call by call."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import ConfigurableField, Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.configurable import RunnableConfigurableFields
from langchain_core.runnables.utils import ConfigurableFieldSingleOption


class ConfigurableLLM(RunnableConfigurableFields):  # type: ignore[type-arg] # as LangChain has it
    """An LLM some of whose settings each call may set.

    LangChain makes a new object for each call that sets one, and passes it every field: defaults
    and credentials of the environment would count as passed. Here it gets what was passed before,
    and what the call sets.
    """

    @classmethod
    def lc_id(cls) -> list[str]:
        """Return the name that LangChain's `loads` knows."""
        return RunnableConfigurableFields.lc_id()

    def prepare(
        self, config: RunnableConfig | None = None
    ) -> tuple[Runnable[Any, str], RunnableConfig]:
        """Return the LLM with the settings that a call's config has, and the config."""
        config = merge_configs(self.config, config)
        given, default = config.get("configurable", {}), self.default
        changed: dict[str, Any] = {}
        for name, field in self.fields.items():
            if isinstance(field, ConfigurableField):
                if field.id in given:
                    changed[name] = given[field.id]
                continue
            chosen = given.get(field.id, field.default)
            if isinstance(field, ConfigurableFieldSingleOption):
                changed[name] = field.options[chosen]
            else:
                changed[name] = [field.options[one] for one in chosen]
        if not changed:
            return default, config
        passed = {name: getattr(default, name) for name in default.model_fields_set}
        return type(default)(**{**passed, **changed}), config


def configurable(made: Any) -> ConfigurableLLM:
    """Return what LangChain's `configurable_fields` made as a `ConfigurableLLM`."""
    return ConfigurableLLM(default=made.default, fields=made.fields)
