"""Text-in, text-out LLMs on Azure, for LangChain.

Names are imported when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_azure_llms.formatters.base import AzureMLEndpointApiType, ContentFormatterBase
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
    from langchain_azure_llms.formatters.registry import register_content_formatter
    from langchain_azure_llms.formatters.tgi import TGIContentFormatter
    from langchain_azure_llms.http.retry import RetryPolicy
    from langchain_azure_llms.llms.azure_openai import AzureOpenAI
    from langchain_azure_llms.llms.online_endpoint import AzureMLOnlineEndpoint
    from langchain_azure_llms.loading import (
        load_llm,
        load_llm_from_config,
        register_llm,
        register_with_langchain,
        unregister_with_langchain,
    )

__all__ = [
    "AzureMLEndpointApiType",
    "AzureMLOnlineEndpoint",
    "AzureOpenAI",
    "ContentFormatterBase",
    "CustomOpenAIContentFormatter",
    "DedicatedChatContentFormatter",
    "DollyContentFormatter",
    "GPT2ContentFormatter",
    "HFContentFormatter",
    "LlamaContentFormatter",
    "MLflowContentFormatter",
    "OSSContentFormatter",
    "OpenAIChatContentFormatter",
    "RetryPolicy",
    "TGIContentFormatter",
    "load_llm",
    "load_llm_from_config",
    "register_content_formatter",
    "register_llm",
    "register_with_langchain",
    "unregister_with_langchain",
]

_HOMES = {
    "AzureMLEndpointApiType": "formatters.base",
    "AzureMLOnlineEndpoint": "llms.online_endpoint",
    "AzureOpenAI": "llms.azure_openai",
    "ContentFormatterBase": "formatters.base",
    "CustomOpenAIContentFormatter": "formatters.custom_openai",
    "DedicatedChatContentFormatter": "formatters.dedicated_chat",
    "DollyContentFormatter": "formatters.dolly",
    "GPT2ContentFormatter": "formatters.gpt2",
    "HFContentFormatter": "formatters.hf",
    "LlamaContentFormatter": "formatters.custom_openai",
    "MLflowContentFormatter": "formatters.mlflow",
    "OSSContentFormatter": "formatters.gpt2",
    "OpenAIChatContentFormatter": "formatters.openai_chat",
    "RetryPolicy": "http.retry",
    "TGIContentFormatter": "formatters.tgi",
    "load_llm": "loading",
    "load_llm_from_config": "loading",
    "register_content_formatter": "formatters.registry",
    "register_llm": "loading",
    "register_with_langchain": "loading",
    "unregister_with_langchain": "loading",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - not needed by most

        return version("langchain-azure-llms")
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
