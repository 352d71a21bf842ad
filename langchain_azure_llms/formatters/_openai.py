"""What OpenAI's completions and chat completions have in common.

Any key of an answer may be missing: Azure's own specification shows answers without `object`,
`model` or filter results, its pages some without `usage`, and the 2023 gateways named the prompt's
filter results `prompt_annotations`. What is there is kept; only a missing text is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from langchain_core.outputs import Generation

from langchain_azure_llms.formatters._json import load, unexpected
from langchain_azure_llms.formatters.base import Answer, Event

TextOf = Callable[[dict[str, Any], str], str]
"""Returns a choice's text, given who reads it."""


def read_answer(body: bytes, prompts: int, n: int, text_of: TextOf, reader: str) -> Answer:
    """Return the answer to a request of several prompts.

    Args:
        body: The response body.
        prompts: How many prompts the request carried.
        n: How many completions were asked for each.
        text_of: Returns a choice's text.
        reader: Who reads it, for the error.

    Raises:
        ResponseFormatError: If it is not JSON, or a prompt has no completion.
    """
    value = load(body, reader)
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list):
        unexpected(body, reader, 'an object with "choices"')
    placed: list[list[Generation]] = [[] for _ in range(prompts)]
    for index, choice in _in_order(choices):
        if index is None and prompts * n > 1:  # whose answer it is would be a guess
            unexpected(body, reader, "choices with whole numbers as index")
        place = (index or 0) // n
        if place < prompts:
            info = {**choice_info(choice), **prompt_info(value, place)}
            placed[place].append(Generation(text=text_of(choice, reader), generation_info=info))
    if not all(placed):
        unexpected(body, reader, f"{prompts} completion(s)")
    return Answer(placed, usage_of(value), *_served_by(value))


def _in_order(choices: Iterable[Any]) -> list[tuple[int | None, dict[str, Any]]]:
    """Return the choices with their indexes, in that order.

    One without an index stands where it came; None stands for an index that is no number.
    """
    indexed = [
        (_index_of(choice.get("index"), position), choice)
        for position, choice in enumerate(choices)
        if isinstance(choice, dict)
    ]
    return sorted(indexed, key=lambda pair: pair[0] or 0)


def _index_of(value: Any, position: int) -> int | None:
    """Return an index; gateways that write JSON anew may have made a float or a text of it."""
    if value is None:
        return position
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if number >= 0 and number.is_integer() else None


def read_event(data: str, text_of: TextOf, reader: str) -> Event:
    """Return what an event of a stream with one choice adds, perhaps only to the information.

    Raises:
        ResponseFormatError: If it is not JSON.
    """
    value = load(data, reader)
    if not isinstance(value, dict):
        unexpected(data, reader, "a JSON object")
    choice = _first(value.get("choices"))
    info = choice_info(choice)
    if not _PROMPTS.isdisjoint(value):
        info |= prompt_info(value, 0)
    if isinstance(info["logprobs"], dict):  # chunks are added up, and only lists can be
        held = info["logprobs"].items()
        info["logprobs"] = {k: v for k, v in held if v is None or isinstance(v, list)} or None
    if value.get("usage") and (usage := usage_of(value)):
        info["token_usage"] = usage
    model, fingerprint = _served_by(value)
    if model:
        info["model_name"] = model
    if fingerprint:
        info["system_fingerprint"] = fingerprint
    return Event(text_of(choice, reader) if choice else "", info)


def _first(choices: Any) -> dict[str, Any]:
    """Return the choice of a stream's event: it has one, or none."""
    if not isinstance(choices, list) or not choices:
        return {}
    if len(choices) == 1:
        return choices[0] if isinstance(choices[0], dict) else {}
    indexed = _in_order(choices)
    return indexed[0][1] if indexed else {}


def choice_info(choice: dict[str, Any]) -> dict[str, Any]:
    """Return what a choice tells beside its text; absent filter results stay absent."""
    finish, logprobs = choice.get("finish_reason"), choice.get("logprobs")
    info: dict[str, Any] = {
        "finish_reason": finish if isinstance(finish, str) else None,
        "logprobs": _as_completions(logprobs) if isinstance(logprobs, dict) else None,
    }
    for name in _FILTER_KEYS:
        if isinstance(choice.get(name), dict):
            info["content_filter_results"] = choice[name]
    return info


_FILTER_KEYS = ("content_filter_results", "content_filter_result")


def _as_completions(logprobs: dict[str, Any]) -> dict[str, Any] | None:
    """Return log probabilities in the shape of text completions, also those of a chat."""
    content = logprobs.get("content")
    if "content" not in logprobs or "tokens" in logprobs:
        return logprobs
    return token_logprobs(content) if isinstance(content, list) else None


def token_logprobs(entries: list[Any]) -> dict[str, Any] | None:
    """Return chats' and Responses' list of tokens in the shape of text completions.

    It has no `text_offset`: where a token stands follows from the tokens before it.
    """
    told = [entry for entry in entries if isinstance(entry, dict)]
    if not told:
        return None
    return {
        "tokens": [entry.get("token") for entry in told],
        "token_logprobs": [entry.get("logprob") for entry in told],
        "top_logprobs": [_rivals(entry.get("top_logprobs")) for entry in told],
    }


def _rivals(entries: Any) -> dict[str, Any]:
    known = (
        (entry for entry in entries if isinstance(entry, dict)) if isinstance(entries, list) else ()
    )
    return {str(entry.get("token")): entry.get("logprob") for entry in known}


_PROMPTS = frozenset({"prompt_filter_results", "prompt_annotations"})


def prompt_info(value: dict[str, Any], prompt: int) -> dict[str, Any]:
    """Return the filter results of one prompt, under today's name."""
    found = value.get("prompt_filter_results", value.get("prompt_annotations"))
    if not isinstance(found, list):
        return {}
    mine = [
        entry
        for position, entry in enumerate(found)
        if isinstance(entry, dict) and entry.get("prompt_index", position) == prompt
    ]
    return {"prompt_filter_results": mine} if mine else {}


def usage_of(value: dict[str, Any]) -> dict[str, int]:
    """Return the token counts, by the service's names."""
    usage = value.get("usage")
    if not isinstance(usage, dict):
        return {}
    return {k: n for k, n in usage.items() if isinstance(n, int) and not isinstance(n, bool)}


def _served_by(value: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the model and the fingerprint; the filter's own events leave both empty."""
    model, fingerprint = value.get("model"), value.get("system_fingerprint")
    return _name(model), _name(fingerprint)


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def plain_text(found: Any, choice: dict[str, Any], reader: str) -> str:
    """Return a choice's text. A filtered choice may have null in its place.

    Raises:
        ResponseFormatError: If there is something else in its place.
    """
    if not isinstance(found, str | None):
        unexpected(repr(choice), reader, "a text in each choice")
    return found or ""


def no_text(choice: dict[str, Any], reader: str, *, event: bool) -> str:
    """Return the empty text of a choice that has no place for one, where that is in order.

    It is for a filtered choice, and for events: some only annotate, finish, or keep the connection
    alive. Anywhere else, or where its text has another name, the answer follows another schema, and
    its text would be lost in silence.

    Raises:
        ResponseFormatError: If a text was to be expected.
    """
    other = any(choice.get(place) for place in ("text", "message", "delta"))
    if other or not (event or choice.get("finish_reason") == "content_filter"):
        unexpected(repr(choice), reader, "a text in each choice")
    return ""
