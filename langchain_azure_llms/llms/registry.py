"""The LLM classes by name; each registers itself where it is defined, as users' classes do."""

from __future__ import annotations

from langchain_core.language_models.llms import BaseLLM

from langchain_azure_llms._registry import Registry

llm_registry: Registry[type[BaseLLM]] = Registry(
    "LLM",
    BaseLLM,  # type: ignore[type-abstract] # only derived classes are registered
    "register_llm(name, cls)",
)
