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
from langchain_azure_llms.openai_api.json_body import (
    decode_json,
    encode_json,
    refuse_reserved,
    unexpected,
)
from langchain_azure_llms.openai_api.logprobs import from_tokens
from langchain_azure_llms.openai_api.parameters import drop_unsupported, rename
from langchain_azure_llms.openai_api.stop import cut
from langchain_azure_llms.openai_api.stream import Ending

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
_USAGE = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
    "cached_tokens": "cached_tokens",
    "reasoning_tokens": "reasoning_tokens",
}


def build_payload(prompt: str, params: dict[str, Any]) -> bytes:
    """Return the request body for a prompt.

    The service stores responses for thirty days unless `store` is false. Text completions were
    never stored, so it is false unless the user says otherwise.

    Raises:
        ConfigurationError: If a parameter is not JSON, or is named as the prompt is.
    """
    refuse_reserved("input", params)
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
    if "reasoning_effort" in params:
        effort = params.pop("reasoning_effort")
        others = params.get("reasoning")
        params["reasoning"] = {**(others if isinstance(others, dict) else {}), "effort": effort}
    for name in ("max_tokens", "max_completion_tokens"):
        params = rename(params, name, "max_output_tokens")
    return params


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
    if finish is None or (finish == "stop" and not parts):
        unexpected(body, READER, "a finished response with a message")
    whole = "".join(map(_text_of, parts))
    text = cut(whole, stop)
    info = {
        "finish_reason": "stop" if text != whole else finish,
        "logprobs": from_tokens([token for part in parts for token in _list(part, "logprobs")]),
        **_filter_results(value),
    }
    generation = Generation(text=text, generation_info=info)
    return CompletionResponse([[generation]], _llm_output_of(value))


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
    info = {**_llm_output_of(response), **_filter_results(response)}
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


def _llm_output_of(response: dict[str, Any]) -> dict[str, Any]:
    """Return usage, by its names in completions, and model."""
    usage, model = response.get("usage"), response.get("model")
    counts = usage if isinstance(usage, dict) else {}
    for side in ("input", "output"):
        details = counts.get(f"{side}_tokens_details")
        counts = {**(details if isinstance(details, dict) else {}), **counts}
    named = {new: counts[old] for old, new in _USAGE.items() if isinstance(counts.get(old), int)}
    return {
        **({"token_usage": named} if named else {}),
        **({"model_name": model} if isinstance(model, str) and model else {}),
    }


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []
