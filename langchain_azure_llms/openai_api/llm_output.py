"""What a response says about the whole request: token usage, model, fingerprint.

LangChain has it in `llm_output`. A content formatter returns nothing but generations, and a
stream nothing but chunks: there it is in `generation_info`, under the same names.
"""

from __future__ import annotations

from typing import Any

from langchain_core.outputs import Generation

from langchain_azure_llms._completion import CompletionResponse

_NAMES = ("token_usage", "model_name", "system_fingerprint")


def llm_output_of(value: dict[str, Any]) -> dict[str, Any]:
    """Return the `llm_output` of a (chat) completion, or of an event of its stream.

    The events in which Azure's content filter reports on the prompt have an empty model.
    """
    output: dict[str, Any] = {}
    usage = value.get("usage")
    if isinstance(usage, dict) and (counts := _counts(usage)):
        output["token_usage"] = counts
    for name, key in (("model_name", "model"), ("system_fingerprint", "system_fingerprint")):
        found = value.get(key)
        if isinstance(found, str) and found:
            output[name] = found
    return output


_DETAILS = {"cached_tokens": "prompt", "reasoning_tokens": "completion"}
"""Counts that stand in the details of another one: `prompt_tokens_details` and so on."""


def _counts(usage: dict[str, Any]) -> dict[str, int]:
    """Return the counts under the service's names, with those of `_DETAILS`."""
    for name, whole in _DETAILS.items():
        details = usage.get(f"{whole}_tokens_details")
        if isinstance(details, dict) and name in details:
            usage = {**usage, name: details[name]}
    return {
        name: count
        for name, count in usage.items()
        if isinstance(count, int) and not isinstance(count, bool)
    }


def with_usage(response: CompletionResponse) -> list[Generation]:
    """Return the first prompt's generations, with the `llm_output` in the first one's info."""
    first, *others = response.generations[0]
    info = {**(first.generation_info or {}), **response.llm_output}
    return [Generation(text=first.text, generation_info=info), *others]


def response_of(generations: list[Generation]) -> CompletionResponse:
    """Return one prompt's generations as a response; the opposite of `with_usage`."""
    first, *others = generations
    info = dict(first.generation_info or {})
    output = {name: found for name in _NAMES if (found := info.pop(name, None))}
    first = Generation(text=first.text, generation_info=info or None)
    return CompletionResponse([[first, *others]], output)
