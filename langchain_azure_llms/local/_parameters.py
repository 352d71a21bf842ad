"""The bodies of requests: JSON, fields, and what the APIs have in common."""

import json
from collections.abc import Collection
from typing import Any

from langchain_azure_llms.local._errors import invalid_request
from langchain_azure_llms.local._generation import Task

_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}
_KINDS |= {str: "a string", dict: "an object"}
_SAMPLING = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
_ROLES = ("system", "developer", "user", "assistant", "tool")
_OLDER_ROLES = {"developer": "system", "tool": "user"}  # those that the model's template knows


def loads(raw: bytes | str) -> Any:
    r"""Decode JSON, with U+FFFD for each lone surrogate; raises ValueError.

    JSON may spell half of a surrogate pair (`"\ud800"`): such a string exists in Python, but
    neither the model nor UTF-8 can take it.
    """
    try:
        text = json.dumps(json.loads(raw), ensure_ascii=False)
        return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


class Fields:
    """The fields of a JSON object. A missing field and `null` are the same."""

    def __init__(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise invalid_request("The body must be a JSON object.")
        self.body = body

    def get(self, name: str, kind: type, low: float | None = None, high: float = 0) -> Any:
        """Return a field of the given kind, with a number from `low` to `high`; or None."""
        value = self.body.get(name)
        fits = type(value) is kind or (kind is float and type(value) is int)
        if value is None or (fits and (low is None or low <= value <= high)):
            return value
        where = "" if low is None else f" from {low} to {high}"
        raise invalid_request(f"{name} must be {_KINDS[kind]}{where}.", name)

    def flag(self, name: str) -> bool:
        return bool(self.get(name, bool))

    def tokens(self, name: str) -> Any:
        return self.get(name, int, 1, 1 << 20)

    def object(self, name: str) -> "Fields":
        """Return the fields of an inner object; empty when missing."""
        return Fields(self.get(name, dict) or {})

    def strings(self, name: str, most: int) -> list[str]:
        """Return up to `most` non-empty strings; one may be given without a list."""
        value = self.body.get(name) or []
        listed = [value] if isinstance(value, str) else value
        is_strings = isinstance(listed, list) and all(isinstance(item, str) for item in listed)
        if not is_strings or len(listed) > most:
            raise invalid_request(f"{name} must be a string or a list of up to {most}.", name)
        return [item for item in listed if item]

    def refuse_others(self, known: Collection[str], path: str = "") -> None:
        """Refuse fields that are not `known`, `null` or not; `path` leads to this object."""
        for name in self.body.keys() - known:
            message = f"Unknown parameter: '{path}{name}'."
            raise invalid_request(message, path + name, "unknown_parameter")


def read_sampling(fields: Fields) -> Task:
    """Read what steers sampling; Azure's parameters have the names of llama.cpp's."""
    read = {name: fields.get(name, float, *limits) for name, limits in _SAMPLING.items()}
    read["stop"] = fields.strings("stop", 4) or None
    if bias := fields.object("logit_bias").body:
        if not all(token.isdecimal() for token in bias):
            raise invalid_request("logit_bias must map token ids to numbers.", "logit_bias")
        read["logit_bias"] = {
            token: Fields(bias).get(token, float, -100, 100) or 0 for token in bias
        }
    return {"temperature": 1.0} | {name: one for name, one in read.items() if one is not None}


def repeated(task: Task, count: int, fields: Fields) -> list[Task]:
    """Repeat `task` for `count` texts; a given seed makes them differ, the same in every call."""
    seed: int | None = fields.get("seed", int, -(1 << 63), 1 << 63)
    if seed is None:
        return [task] * count
    # llama.cpp reads the largest 32-bit number as "no seed given".
    return [task | {"seed": (seed + number) % ((1 << 32) - 1)} for number in range(count)]


def read_messages(
    messages: Any,
    param: str = "messages",
    part_types: tuple[str, ...] = ("text",),
    roles: tuple[str, ...] = _ROLES,
) -> list[dict[str, str]]:
    """Read a conversation: every message has a role, and text or a list of text parts."""
    if not isinstance(messages, list) or not messages:
        raise invalid_request(f"{param} must be a list of at least one message.", param)
    read: list[dict[str, str]] = []
    for message in messages:
        body = Fields(message).body
        role, content = body.get("role"), body.get("content")
        if role not in roles:
            known = ", ".join(roles)
            raise invalid_request(f"The role of a message must be one of {known}.", param)
        parts: list[Any] = content if isinstance(content, list) else [content]
        if isinstance(content, str):
            parts = [{"type": part_types[0], "text": content}]
        text = ""
        for part in parts:
            found = part if isinstance(part, dict) else {}
            if not isinstance(found.get("text"), str) or found.get("type") not in part_types:
                types = " or ".join(part_types)
                raise invalid_request(f"A message must hold text, or parts of {types}.", param)
            text += found["text"]
        read.append({"role": _OLDER_ROLES.get(str(role), str(role)), "content": text})
    return read
