"""The Responses API: reading a request. What answers look like stands in `_response_object`.

Names, defaults and limits are those of the Responses API; Azure OpenAI serves it at v1 only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_azure_llms.local._call import MODEL
from langchain_azure_llms.local._chat import DEFAULT_MAX_TOKENS
from langchain_azure_llms.local._fields import Fields, InvalidFieldError
from langchain_azure_llms.local._pieces import Outcome, Task
from langchain_azure_llms.local._response_events import ResponseEvents
from langchain_azure_llms.local._response_object import ResponseObject
from langchain_azure_llms.local._sampling import MOST_TOKENS, read_sampling

LEAST_TOKENS = 16
"""The service refuses smaller limits."""

_MOST_LOGPROBS = 20
_MOST_INCLUDED = 16
_LOGPROBS = "message.output_text.logprobs"
_READ = {
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "model",
    "reasoning",
    "store",
    "stream",
    "temperature",
    "text",
    "top_logprobs",
    "top_p",
    "user",
}
# They steer what the local model has not: taken, and of no effect.
_IDLE = {
    "max_tool_calls",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "stream_options",
    "tool_choice",
    "truncation",
}
# An answer that ignored them would be a wrong one.
_BEYOND = {"background", "conversation", "previous_response_id", "prompt", "tools"}
# The model's own template knows the older name only.
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_TEXT_PARTS = ("input_text", "output_text")


@dataclass(frozen=True, kw_only=True)
class ResponsesCall:
    """A parsed request for a response (see `Call`)."""

    prompt_field: ClassVar[str] = "input"

    messages: list[dict[str, str]]
    stream: bool
    sampling: dict[str, Any]
    repeated: dict[str, Any]

    def tasks(self) -> list[Task]:
        """Return the one text to generate."""
        return [Task("chat", {**self.sampling, "messages": self.messages})]

    def whole(
        self, outcomes: Sequence[Outcome], *, filters: bool, model: str = MODEL
    ) -> dict[str, Any]:
        """Shape the text into a finished response."""
        return ResponseObject(self.repeated, filters, model).finished(outcomes[0])

    def events(self, *, filters: bool, model: str = MODEL) -> ResponseEvents:
        """Return the maker of the response's events."""
        return ResponseEvents(ResponseObject(self.repeated, filters, model))


def read_responses_call(body: Any) -> ResponsesCall:
    """Read the body of a request for a response.

    Raises:
        InvalidFieldError: When a field is unknown, has a wrong type or value, or asks for what
            this model cannot do.
    """
    fields = Fields(body)
    fields.refuse_others(_READ | _IDLE | _BEYOND)
    fields.object("stream_options").refuse_others({"include_obfuscation"}, path="stream_options.")
    _refuse_impossible(fields)
    sampling = read_sampling(fields)
    top_logprobs = fields.integer("top_logprobs", 0, _MOST_LOGPROBS) or 0
    limit = _read_limit(fields)
    sampling["max_tokens"] = limit or DEFAULT_MAX_TOKENS
    if _LOGPROBS in fields.strings("include", _MOST_INCLUDED):
        sampling |= {"logprobs": True, "top_logprobs": top_logprobs}
    instructions = fields.string("instructions")
    return ResponsesCall(
        messages=_read_instructions(instructions) + _read_input(fields.get("input")),
        stream=fields.flag("stream"),
        sampling=sampling,
        repeated={
            "instructions": instructions,
            "max_output_tokens": limit,
            "metadata": fields.object("metadata").get_all(),
            "reasoning": {"effort": None, "summary": None, **fields.object("reasoning").get_all()},
            "store": fields.get("store") is None or fields.flag("store"),
            "temperature": sampling["temperature"],
            "text": {"format": {"type": "text"}, **fields.object("text").get_all()},
            "top_logprobs": top_logprobs,
            "top_p": sampling.get("top_p", 1.0),
            "user": fields.string("user"),
        },
    )


def _refuse_impossible(fields: Fields) -> None:
    for name in sorted(_BEYOND):
        if fields.get(name):
            raise InvalidFieldError(f"The local model cannot do what {name} asks for.", name)
    if fields.object("text").object("format").get("type") not in (None, "text"):
        raise InvalidFieldError("The local model writes plain text only.", "text.format")


def _read_limit(fields: Fields) -> int | None:
    limit = fields.integer("max_output_tokens", 0, MOST_TOKENS)
    if limit is not None and limit < LEAST_TOKENS:
        message = f"max_output_tokens must be at least {LEAST_TOKENS}, not {limit}."
        raise InvalidFieldError(message, "max_output_tokens", code="integer_below_min_value")
    return limit


def _read_instructions(instructions: str | None) -> list[dict[str, str]]:
    return [{"role": "system", "content": instructions}] if instructions else []


def _read_input(value: Any) -> list[dict[str, str]]:
    """Read a text, or a list of messages."""
    if value is None:
        message = "input is missing: a text, or a list of messages."
        raise InvalidFieldError(message, "input", code="missing_required_parameter")
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if not isinstance(value, list) or not value:
        raise InvalidFieldError("input must be a text or a list of at least one message.", "input")
    return [_read_item(Fields(item)) for item in value]


def _read_item(item: Fields) -> dict[str, str]:
    if item.get("type") not in (None, "message"):
        raise InvalidFieldError("The local model takes no items but messages.", "input")
    role = item.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        known = ", ".join(_ROLES)
        raise InvalidFieldError(f"The role of a message must be one of {known}.", "input")
    return {"role": _ROLES[role], "content": _read_content(item.get("content"))}


def _read_content(content: Any) -> str:
    """Read text, or a list of text parts; chat's parts, of type `text`, are refused here."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [None]
    return "".join(_read_part(part) for part in parts)


def _read_part(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") in _TEXT_PARTS:
        text = part.get("text")
        if isinstance(text, str):
            return text
    types = " or ".join(_TEXT_PARTS)
    raise InvalidFieldError(f"The content of a message must be text, or parts of {types}.", "input")
