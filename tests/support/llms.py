"""The LLM classes under test."""

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI

AzureLLM = AzureOpenAI | AzureMLOnlineEndpoint
"""An LLM of either class."""
