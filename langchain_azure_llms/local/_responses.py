"""The Responses API: reading a request, the response object, and its typed events.

Names, defaults and limits are those of the Responses API; Azure OpenAI serves it at v1 only.
"""

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from langchain_azure_llms.local._choices import DEFAULT_MAX_TOKENS, SAFE, server_sent
from langchain_azure_llms.local._errors import ApiError, invalid_request
from langchain_azure_llms.local._generation import Outcome, Pieces, Task
from langchain_azure_llms.local._parameters import Fields, read_messages, read_sampling

_MESSAGE = {"type": "message", "role": "assistant"}
_ROLES = ("system", "developer", "user", "assistant")
# An answer that ignored them would be a wrong one.
_UNSUPPORTED = ("background", "conversation", "previous_response_id", "prompt", "tools")
# Those that steer what the local model has not are taken, and have no effect.
_KNOWN = {
    *_UNSUPPORTED, "include", "input", "instructions", "max_output_tokens", "max_tool_calls",
    "metadata", "model", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_retention",
    "reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options",
    "temperature", "text", "tool_choice", "top_logprobs", "top_p", "truncation", "user",
}  # fmt: skip


@dataclass(frozen=True)
class ResponsesCall:
    """A request for a response; `repeated` is what every answer repeats of it."""

    tasks: list[Task]
    stream: bool
    repeated: dict[str, Any]
    prompt_field: str = "input"

    def whole(self, outcomes: Sequence[Outcome], model: str, *, filters: bool) -> dict[str, Any]:
        return _finished(self._begun(model), _new_id("msg"), outcomes[0], filters=filters)

    async def events(self, pieces: Pieces, model: str, *, filters: bool) -> AsyncIterator[str]:
        """Yield named and numbered events; no `[DONE]` follows the last one."""
        numbers, outcome = count(), Outcome()
        begun, item_id = self._begun(model), _new_id("msg")
        in_text = {"item_id": item_id, "output_index": 0, "content_index": 0}

        def event(kind: str, **payload: Any) -> str:
            kind = f"response.{kind}"
            return server_sent({"type": kind, "sequence_number": next(numbers), **payload}, kind)

        yield event("created", response=begun)
        yield event("in_progress", response=begun)
        item = _MESSAGE | {"id": item_id, "status": "in_progress", "content": []}
        yield event("output_item.added", output_index=0, item=item)
        yield event("content_part.added", **in_text, part=_part(Outcome()))
        try:
            async for _, piece in pieces:
                outcome.add(piece)
                if piece.text:
                    said = {"delta": piece.text, "logprobs": piece.logprobs}
                    yield event("output_text.delta", **in_text, **said)
        except ApiError as error:
            failure = {"code": "server_error", "message": str(error)}
            yield event("failed", response={**begun, "status": "failed", "error": failure})
            return
        part, finished = _part(outcome), _finished(begun, item_id, outcome, filters=filters)
        said = {name: part[name] for name in ("text", "logprobs")}
        yield event("output_text.done", **in_text, **said)
        yield event("content_part.done", **in_text, part=part)
        yield event("output_item.done", output_index=0, item=finished["output"][0])
        yield event(finished["status"], response=finished)

    def _begun(self, model: str) -> dict[str, Any]:
        head = {"id": _new_id("resp"), "object": "response", "created_at": int(time.time())}
        tools = {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}
        same = {"background": False, "truncation": "disabled", "output": [], **tools}
        absent = ("content_filters", "error", "incomplete_details", "previous_response_id", "usage")
        state = {"status": "in_progress", "model": model}
        return head | state | same | dict.fromkeys(absent) | self.repeated


def read_responses(fields: Fields) -> ResponsesCall:
    fields.refuse_others(_KNOWN)
    fields.object("stream_options").refuse_others({"include_obfuscation"}, "stream_options.")
    for name in _UNSUPPORTED:
        if fields.body.get(name):
            raise invalid_request(f"The local model cannot do what {name} asks for.", name)
    text = fields.object("text")
    if text.object("format").body.get("type") not in (None, "text"):
        raise invalid_request("The local model writes plain text only.", "text.format")
    limit = fields.get("max_output_tokens", int, 0, 1 << 20)
    if limit is not None and limit < 16:
        message = f"max_output_tokens must be at least 16, not {limit}."
        raise invalid_request(message, "max_output_tokens", "integer_below_min_value")
    task = read_sampling(fields) | {"max_tokens": limit or DEFAULT_MAX_TOKENS}
    top_logprobs = fields.get("top_logprobs", int, 0, 20) or 0
    if "message.output_text.logprobs" in fields.strings("include", 16):
        task |= {"logprobs": True, "top_logprobs": top_logprobs}
    instructions = fields.get("instructions", str)
    messages = [{"role": "system", "content": instructions}] if instructions else []
    return ResponsesCall(
        tasks=[task | {"messages": messages + _read_input(fields.body.get("input"))}],
        stream=fields.flag("stream"),
        repeated={
            "instructions": instructions,
            "max_output_tokens": limit,
            "metadata": fields.object("metadata").body,
            "reasoning": {"effort": None, "summary": None} | fields.object("reasoning").body,
            "store": fields.get("store", bool) is not False,
            "temperature": task["temperature"],
            "text": {"format": {"type": "text"}} | text.body,
            "top_logprobs": top_logprobs,
            "top_p": task.get("top_p", 1.0),
            "user": fields.get("user", str),
        },
    )


def _read_input(value: Any) -> list[dict[str, str]]:
    if value is None:
        message = "input is missing: a text, or a list of messages."
        raise invalid_request(message, "input", "missing_required_parameter")
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    for item in value if isinstance(value, list) else ():
        if Fields(item).body.get("type") not in (None, "message"):
            raise invalid_request("The local model takes no items but messages.", "input")
    return read_messages(value, "input", ("input_text", "output_text"), _ROLES)


def _finished(
    begun: dict[str, Any], item_id: str, outcome: Outcome, *, filters: bool
) -> dict[str, Any]:
    prompt, text = outcome.usage
    is_cut = outcome.finish_reason == "length"
    status = "incomplete" if is_cut else "completed"
    found = {"blocked": False, "content_filter_results": SAFE}
    results = [found | {"source_type": source} for source in ("prompt", "completion")]
    usage = {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": text,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + text,
    }
    return begun | {
        "status": status,
        "content_filters": results if filters else None,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": [_MESSAGE | {"id": item_id, "status": status, "content": [_part(outcome)]}],
        "usage": usage,
    }


def _part(outcome: Outcome) -> dict[str, Any]:
    """Return the message's text, with the tokens' log-probabilities where they were asked for."""
    said = {"text": outcome.text, "logprobs": outcome.logprobs}
    return {"type": "output_text", "annotations": []} | said


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(25)}"
