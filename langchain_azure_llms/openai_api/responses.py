"""OpenAI's Responses: `{"input": ...}` -> `{"output": [{"type": "message", ...}]}`.

No recording of an Azure deployment that speaks only this API was at hand. Sources of the facts:

* the shapes of requests, responses and events: OpenAI's API reference, "Responses" and "Streaming
  events", as the types of the `openai` package (3.52) spell them out;
* the route `/openai/v1/responses` and `content_filters`, Azure's own addition: Microsoft, "Use the
  Azure OpenAI Responses API";
* what has no counterpart here: the parameters that OpenAI's reference does not list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.outputs import Generation

from langchain_azure_llms._completion import CompletionResponse, StreamDelta
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.openai_api.json_body import (
    decode_json,
    encode_json,
    refuse_reserved,
    unexpected,
)
from langchain_azure_llms.openai_api.llm_output import llm_output_of
from langchain_azure_llms.openai_api.logprobs import from_tokens
from langchain_azure_llms.openai_api.parameters import drop_unsupported, rename
from langchain_azure_llms.openai_api.stop import cut
from langchain_azure_llms.openai_api.stream import Ending
from langchain_azure_llms.openai_api.tool_calls import called_tools

READER = "The Responses format"
ENDING = Ending(is_finish=True)
_UNSUPPORTED = (
    "best_of",
    "echo",
    "frequency_penalty",
    "logit_bias",
    "n",
    "presence_penalty",
    "seed",
    "suffix",
)
_LOGPROBS = "message.output_text.logprobs"
_FINISH_REASONS = {"completed": "stop", "max_output_tokens": "length"}
_TEXT_EVENTS = ("response.output_text.delta", "response.refusal.delta")
_LAST_EVENTS = ("response.completed", "response.incomplete")


def build_payload(prompt: str, params: dict[str, Any]) -> bytes:
    """Return the request body for a prompt.

    The service stores responses for thirty days unless `store` is false. Text completions were
    never stored, so it is false unless the user says otherwise.

    Raises:
        ConfigurationError: If a parameter is not JSON, or is named as the prompt is; if the answer
            was to be made in the background.
    """
    refuse_reserved("input", params)
    if params.get("background"):
        raise ConfigurationError(
            "background=True is not supported: the answer would be there later, under an id. Leave "
            "it out, and raise timeout for answers that take long."
        )
    return encode_json({"input": prompt, "store": False, **params})


def translate_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a text completion under this API's names, except `stop`.

    Raises:
        ConfigurationError: If this API has no such parameter.
    """
    params = drop_unsupported(given, _UNSUPPORTED, READER)
    params.pop("stream_options", None)  # usage is always sent
    count = params.pop("logprobs", None)
    if count is not None and count is not False:
        include = params.get("include", [])
        params["include"] = [*(include if isinstance(include, list) else [include]), _LOGPROBS]
        if count is not True and count:
            params.setdefault("top_logprobs", count)
    for name, (parent, key) in _NESTED.items():
        if name in params:
            value = _flattened(params.pop(name)) if name == "response_format" else params.pop(name)
            others = params.get(parent)
            params[parent] = {**(others if isinstance(others, dict) else {}), key: value}
    for name in ("max_tokens", "max_completion_tokens"):
        params = rename(params, name, "max_output_tokens")
    return params


_NESTED = {
    "reasoning_effort": ("reasoning", "effort"),
    "response_format": ("text", "format"),
    "verbosity": ("text", "verbosity"),
}
"""Parameters of chat completions, and where this API has them."""


def _flattened(response_format: Any) -> Any:
    """Return a response format without the level that only chat completions have."""
    inner = response_format.get("json_schema") if isinstance(response_format, dict) else None
    return {"type": "json_schema", **inner} if isinstance(inner, dict) else response_format


_LEAST_TOKENS = 16


def refuse_small_limit(params: Mapping[str, Any]) -> None:
    """Refuse a limit on tokens that the service refuses.

    Raises:
        ConfigurationError: If it is below 16.
    """
    limit = params.get("max_output_tokens")
    if isinstance(limit, int) and not isinstance(limit, bool) and limit < _LEAST_TOKENS:
        raise ConfigurationError(
            f"max_tokens is {limit}, and Responses takes at least {_LEAST_TOKENS} "
            "(max_output_tokens)."
        )


def parse_response(body: bytes, stop: Sequence[str] = ()) -> CompletionResponse:
    """Return the response to a request, cut at the stop sequences.

    Raises:
        ResponseFormatError: If it is not a finished response, or has no message.
    """
    value = decode_json(body, READER)
    if not isinstance(value, dict) or not isinstance(value.get("output"), list):
        unexpected(body, READER, 'an object with "output"')
    finish = _finish_reason_of(value)
    parts = list(_message_parts(value["output"]))
    if not parts and (tools := _tools_in(value["output"])):
        raise called_tools(tools, READER)
    if finish is None or (finish == "stop" and not parts):
        unexpected(body, READER, "a finished response with a message")
    whole = "".join(map(_text_of, parts))
    text = cut(whole, stop)
    info = {
        "finish_reason": "stop" if text != whole else finish,
        "logprobs": from_tokens([token for part in parts for token in _list(part, "logprobs")]),
        **_filter_results(value),
        **_more_of(value["output"]),
    }
    generation = Generation(text=text, generation_info=info)
    return CompletionResponse([[generation]], llm_output_of(value))


def parse_event(data: str) -> StreamDelta | None:
    """Return what an event of a stream adds; most types of events add nothing.

    Raises:
        ResponseFormatError: If it is not JSON.
    """
    value = decode_json(data, READER)
    if not isinstance(value, dict):
        unexpected(data, READER, "a JSON object")
    kind = value.get("type")
    if kind in _TEXT_EVENTS:
        text = value.get("delta")
        if not isinstance(text, str):
            unexpected(data, READER, "a text as delta")
        logprobs = from_tokens(_list(value, "logprobs"))
        return StreamDelta(text, {"logprobs": logprobs} if logprobs else {})
    response = value.get("response")
    if kind not in _LAST_EVENTS or not isinstance(response, dict):
        return None
    finish = _finish_reason_of(response)
    info = {**llm_output_of(response), **_filter_results(response)}
    info |= _more_of(_list(response, "output"))
    if tools := _tools_in(_list(response, "output")):
        info["tool_calls"] = tools
    return StreamDelta("", {**({"finish_reason": finish} if finish else {}), **info})


def _finish_reason_of(response: dict[str, Any]) -> str | None:
    """Return the finish reason by its name in completions; None if it is not finished."""
    status = response.get("status", "completed")
    if status == "incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return _FINISH_REASONS.get(str(reason), str(reason))
    return _FINISH_REASONS.get(str(status))


def _message_parts(output: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield the parts of all messages; reasoning and tool calls are items of other types."""
    for item in output:
        if isinstance(item, dict) and item.get("type") == "message":
            yield from (part for part in _list(item, "content") if isinstance(part, dict))


def _more_of(output: list[Any]) -> dict[str, Any]:
    """Return what a response has beside its text: summaries of the reasoning, citations."""
    reasoning = [
        part.get("text")
        for item in output
        if isinstance(item, dict) and item.get("type") == "reasoning"
        for part in _list(item, "summary")
        if isinstance(part, dict)
    ]
    annotations = [one for part in _message_parts(output) for one in _list(part, "annotations")]
    summary = "\n\n".join(text for text in reasoning if isinstance(text, str))
    return {
        **({"reasoning_summary": summary} if summary else {}),
        **({"annotations": annotations} if annotations else {}),
    }


def _tools_in(output: list[Any]) -> list[str]:
    """Return the tools that the response wants to have called."""
    calls = ("function_call", "custom_tool_call", "computer_call", "mcp_approval_request")
    return [
        str(item.get("name") or item["type"])
        for item in output
        if isinstance(item, dict) and item.get("type") in calls
    ]


def _text_of(part: dict[str, Any]) -> str:
    """Return a part's text, or the refusal in its place."""
    text = part.get("text") if part.get("type") == "output_text" else part.get("refusal")
    return text if isinstance(text, str) else ""


def _filter_results(response: dict[str, Any]) -> dict[str, Any]:
    """Return the content filter's results under their names in completions."""
    found: dict[str, dict[str, Any]] = {"prompt": {}, "completion": {}}
    for entry in _list(response, "content_filters"):
        results = entry.get("content_filter_results") if isinstance(entry, dict) else None
        if isinstance(results, dict):
            found.get(str(entry.get("source_type")), {}).update(results)
    info: dict[str, Any] = {}
    if found["prompt"]:
        prompt = {"prompt_index": 0, "content_filter_results": found["prompt"]}
        info["prompt_filter_results"] = [prompt]
    if found["completion"]:
        info["content_filter_results"] = found["completion"]
    return info


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []
