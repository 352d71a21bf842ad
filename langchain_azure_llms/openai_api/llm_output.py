"""What a response says about the whole request: token usage, model, fingerprint.

LangChain has it in `llm_output`. A content formatter returns nothing but generations, and a
stream nothing but chunks: there it is in `generation_info`, under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.outputs import Generation

from langchain_azure_llms._completion import CompletionResponse

_TEXTS = {
    "model_name": "model",
    "system_fingerprint": "system_fingerprint",
    "service_tier": "service_tier",
    "id": "id",
}
"""Names of texts: in LangChain's `llm_output`, and in a response."""
_NAMES = ("token_usage", *_TEXTS, "headers")


def llm_output_of(value: dict[str, Any]) -> dict[str, Any]:
    """Return the `llm_output` of a response, or of an event of a stream.

    The events in which Azure's content filter reports on the prompt have an empty model.
    """
    output: dict[str, Any] = {}
    usage = value.get("usage")
    if isinstance(usage, dict) and (counts := _counts(usage)):
        output["token_usage"] = counts
    for name, key in _TEXTS.items():
        found = value.get(key)
        if isinstance(found, str) and found:
            output[name] = found
    return output


_COUNTS = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}
"""Names of counts: in Responses, and in (chat) completions."""


def _counts(usage: dict[str, Any]) -> dict[str, Any]:
    """Return the counts and their details, all under the names of (chat) completions."""
    counts: dict[str, Any] = {}
    for key, value in usage.items():
        name = _COUNTS.get(key, key)
        if isinstance(value, int) and not isinstance(value, bool):
            counts[name] = value
        elif isinstance(value, dict) and (details := _counts(value)):
            counts[name] = details
    return counts


def add_counts(total: dict[str, Any], counts: Mapping[str, Any]) -> None:
    """Add token counts, and their details, to a total."""
    for name, value in counts.items():
        if isinstance(value, dict):
            add_counts(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value


def usage_metadata(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return token counts in the shape of LangChain's `UsageMetadata`, which tracers read."""
    prompt, completion = counts.get("prompt_tokens", 0), counts.get("completion_tokens", 0)
    found: dict[str, Any] = {
        "input_tokens": prompt,
        "output_tokens": completion,
        "total_tokens": counts.get("total_tokens", prompt + completion),
    }
    cached = _detail(counts, "prompt_tokens_details", "cached_tokens")
    reasoning = _detail(counts, "completion_tokens_details", "reasoning_tokens")
    if cached is not None:
        found["input_token_details"] = {"cache_read": cached}
    if reasoning is not None:
        found["output_token_details"] = {"reasoning": reasoning}
    return found


def _detail(counts: Mapping[str, Any], details: str, name: str) -> int | None:
    found = counts.get(details)
    return found.get(name) if isinstance(found, dict) else None


def with_headers(output: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """Return an `llm_output` with the notable headers of its response.

    `x-ms-served-model` names the model that answered, where a router chose it or a deployment
    spilled over; the body's `model` may name another.
    """
    if not headers:
        return output
    served = headers.get("x-ms-served-model")
    model = {"model_name": served} if served else {}
    return {**output, **model, "headers": headers}


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
