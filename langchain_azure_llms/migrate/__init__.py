"""Rewrites imports of LangChain's Azure LLMs: `python -m langchain_azure_llms.migrate PATH...`.

It needs the extra `migrate`, which brings LibCST. Nothing else of this package is imported.
"""
