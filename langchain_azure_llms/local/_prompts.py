"""The prompts of a request, whatever its wire format. Pure."""

from typing import Any


def prompts_in(body: Any) -> list[str]:
    """Return the prompts that a request's body carries; none when it is no such request.

    A conversation's prompt is its last message.
    """
    if not isinstance(body, dict):
        return []
    if "messages" in body:
        return _last_message(body["messages"])
    given = next((body[key] for key in ("prompt", "input", "inputs") if key in body), None)
    if given is None:
        given = body.get("input_data")
    if isinstance(given, dict):
        given = given.get("input_string")
    return _texts(given)


def _texts(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        return []
    if isinstance(given[-1], dict):
        return _last_message(given)
    if all(isinstance(one, int) for one in given):  # a prompt in token ids
        return [" ".join(map(str, given))]
    return [text for one in given for text in _texts(one)]


def _last_message(messages: Any) -> list[str]:
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    return [content] if isinstance(content, str) else []
