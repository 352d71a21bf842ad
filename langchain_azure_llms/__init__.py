"""Text-in, text-out LLMs on Azure, for LangChain."""
