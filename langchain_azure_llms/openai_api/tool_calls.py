"""Calls of tools in place of a text, which an LLM that returns text cannot pass on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_azure_llms.exceptions import ResponseFormatError


def names_of_tools(message: Any) -> list[str]:
    """Return the tools that a chat message calls, in today's form or in that of 2023."""
    if not isinstance(message, dict):
        return []
    calls: Any = message.get("tool_calls") or ()
    found = [one.get("function") for one in calls if isinstance(one, dict)]
    functions = [one for one in (*found, message.get("function_call")) if isinstance(one, dict)]
    return [one["name"] for one in functions if isinstance(one.get("name"), str)]


def called_tools(names: Iterable[str], reader: str) -> ResponseFormatError:
    """Return the error of a response that calls tools and has no text.

    Args:
        names: The tools.
        reader: The format that was read, for the error.
    """
    listed = ", ".join(map(repr, dict.fromkeys(names)))
    return ResponseFormatError(
        f"{reader} has no text: the model called the tool {listed}. An LLM returns text: leave "
        "`tools` and `functions` out of the request, or use a chat model, such as AzureChatOpenAI "
        "of langchain-openai, and its bind_tools.",
        formatter=reader,
    )
