"""What OpenAI's completions and chat completions have in common: a list of choices.

Any key of a response may be missing: Azure's own specification shows responses without `object`,
`model` or filter results, its pages some without `usage`, and the gateways of 2023 named the
prompts' filter results `prompt_annotations`. What is there is kept; only a missing text is an
error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.outputs import Generation

from langchain_azure_llms._completion import CompletionResponse, StreamDelta
from langchain_azure_llms.openai_api.json_body import decode_json, unexpected
from langchain_azure_llms.openai_api.llm_output import llm_output_of
from langchain_azure_llms.openai_api.logprobs import completion_logprobs
from langchain_azure_llms.openai_api.tool_calls import called_tools, names_of_tools

NO_TEXT: Any = object()
"""What `TextOf` returns for a choice that has no text, not even an empty one."""

TextOf = Callable[[dict[str, Any]], Any]
"""Returns what a choice has as its text, whatever it is, or `NO_TEXT`."""

ANY_NUMBER = 1_000_000
"""As `n`, where the caller does not know it: all choices belong to the one prompt."""

_MESSAGE_KEYS = ("context", "reasoning_content")
"""What a chat message may have beside its text: citations of Azure's "On Your Data", thoughts."""
_FILTER_KEYS = ("content_filter_results", "content_filter_result")


def parse_response(
    body: bytes, text_of: TextOf, *, prompts: int, n: int, reader: str
) -> CompletionResponse:
    """Return the response to a request of several prompts.

    Choices are assigned by their `index`, which counts `prompt x n`; their order is not fixed.

    Args:
        body: The response body.
        text_of: Returns a choice's text.
        prompts: How many prompts the request carried.
        n: How many completions were asked for each.
        reader: The format or formatter that reads it, for the error.

    Raises:
        ResponseFormatError: If it is not JSON, or a prompt has no completion.
    """
    value = decode_json(body, reader)
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list):
        unexpected(body, reader, 'an object with "choices"')
    generations: list[list[Generation]] = [[] for _ in range(prompts)]
    for index, choice in _by_index(choices):
        if index is None and prompts * n > 1:  # which prompt it answers would be a guess
            unexpected(body, reader, "choices with whole numbers as index")
        prompt = (index or 0) // n
        if prompt >= prompts:
            continue
        text = text_of(choice)
        if not text and (tools := names_of_tools(choice.get("message"))):
            raise called_tools(tools, reader)
        if not isinstance(text, str):
            text = _empty_text(text, choice, reader)
        info = {"finish_reason": None, "logprobs": None, **_choice_info(choice)}
        info |= _prompt_info(value, prompt)
        generations[prompt].append(Generation(text=text, generation_info=info))
    if not all(generations):
        unexpected(body, reader, f"{prompts} completion(s)")
    return CompletionResponse(generations, llm_output_of(value))


def parse_event(data: str, text_of: TextOf, reader: str) -> StreamDelta:
    """Return what an event of a stream with one choice adds, perhaps nothing but information.

    Raises:
        ResponseFormatError: If it is not JSON.
    """
    value = decode_json(data, reader)
    if not isinstance(value, dict):
        unexpected(data, reader, "a JSON object")
    choice = _first_choice(value.get("choices"))
    info = {**llm_output_of(value), **_choice_info(choice), **_prompt_info(value, 0)}
    if tools := names_of_tools(choice.get("delta")):
        info["tool_calls"] = tools
    if "logprobs" in info:  # LangChain adds chunks up, and of these only lists can be added
        logprobs = info.pop("logprobs").items()
        if lists := {k: v for k, v in logprobs if v is None or isinstance(v, list)}:
            info["logprobs"] = lists
    text = text_of(choice) if choice else ""
    if not isinstance(text, str):
        text = _empty_text(text, choice, reader, is_event=True)
    return StreamDelta(text, info)


def _first_choice(choices: Any) -> dict[str, Any]:
    """Return the choice of an event: it has one, or none."""
    if not isinstance(choices, list):
        return {}
    if len(choices) == 1 and isinstance(choices[0], dict):
        return choices[0]
    ordered = _by_index(choices)
    return ordered[0][1] if ordered else {}


def _by_index(choices: list[Any]) -> list[tuple[int | None, dict[str, Any]]]:
    """Return the choices with their indexes, sorted by them.

    A choice without an index has its position as index; None stands for one that is no number.
    """
    indexed = [
        (_index_of(choice.get("index"), position), choice)
        for position, choice in enumerate(choices)
        if isinstance(choice, dict)
    ]
    if len(indexed) > 1:
        indexed.sort(key=lambda pair: pair[0] or 0)
    return indexed


def _index_of(value: Any, position: int) -> int | None:
    """Return an index; gateways that re-encode JSON may have made a float or a text of it."""
    if value is None:
        return position
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if number >= 0 and number.is_integer() else None


def _choice_info(choice: dict[str, Any]) -> dict[str, Any]:
    """Return what a choice has beside its text; what is absent or null stays absent."""
    info: dict[str, Any] = {}
    finish, logprobs = choice.get("finish_reason"), choice.get("logprobs")
    if isinstance(finish, str):
        info["finish_reason"] = finish
    if isinstance(logprobs, dict) and (converted := completion_logprobs(logprobs)) is not None:
        info["logprobs"] = converted
    for name in _FILTER_KEYS:
        if isinstance(choice.get(name), dict):
            info["content_filter_results"] = choice[name]
    message = choice.get("message") or choice.get("delta")
    if isinstance(message, dict):
        info |= {name: message[name] for name in _MESSAGE_KEYS if message.get(name)}
    return info


def _prompt_info(value: dict[str, Any], prompt: int) -> dict[str, Any]:
    """Return the filter results of one prompt, under today's name."""
    entries = value.get("prompt_filter_results", value.get("prompt_annotations"))
    if not isinstance(entries, list):
        return {}
    own = [
        entry
        for position, entry in enumerate(entries)
        if isinstance(entry, dict) and entry.get("prompt_index", position) == prompt
    ]
    return {"prompt_filter_results": own} if own else {}


def _empty_text(found: Any, choice: dict[str, Any], reader: str, *, is_event: bool = False) -> str:
    """Return the empty text for a choice without a text, where it may be missing.

    A filtered choice may have null for its text, or none at all. Events without a text annotate,
    finish, or keep the connection alive. Anywhere else, or where there is text under another name,
    the response follows another schema, and its text would be lost unnoticed.

    Raises:
        ResponseFormatError: If there must be a text, or it is something else.
    """
    if found is None:
        return ""
    has_other = any(choice.get(name) for name in ("text", "message", "delta"))
    may_be_missing = is_event or choice.get("finish_reason") == "content_filter"
    if found is not NO_TEXT or has_other or not may_be_missing:
        unexpected(repr(choice), reader, "a text in each choice")
    return ""
