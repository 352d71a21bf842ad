"""OpenAI's Responses: `{"input": ...}` -> `{"output": [{"type": "message", ...}]}`.

No recording of an Azure deployment that speaks only this was at hand. Where the facts are from:

* the shapes of requests, answers and events: OpenAI's API reference, "Responses" and "Streaming
  events", as the types of the `openai` package (3.52) spell them out;
* the route `/openai/v1/responses` and `content_filters`, Azure's own addition: Microsoft, "Use the
  Azure OpenAI Responses API";
* what has no counterpart here: the parameters that OpenAI's reference does not list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.outputs import Generation

from langchain_azure_llms.formatters._json import dump, load, refuse_own, unexpected
from langchain_azure_llms.formatters._openai import token_logprobs
from langchain_azure_llms.formatters._parameters import renamed, without_counterparts
from langchain_azure_llms.formatters._stop import cut
from langchain_azure_llms.formatters._stream import Ending
from langchain_azure_llms.formatters.base import Answer, Event

READER = "The Responses format"
ENDING = Ending(is_finish=True)
_MISSING = (
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
_FINISH = {"completed": "stop", "max_output_tokens": "length"}
_DELTAS = ("response.output_text.delta", "response.refusal.delta")
_ENDS = ("response.completed", "response.incomplete")
_USAGE = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
}


def payload(prompt: str, params: dict[str, Any]) -> bytes:
    """Return the request body for a prompt.

    The service keeps answers of this form for thirty days unless told otherwise; text completions
    were never kept, so it is told otherwise.

    Raises:
        ConfigurationError: If a parameter is not JSON, or stands in the prompt's place.
    """
    refuse_own("input", params)
    return dump({"input": prompt, "store": False, **params})


def parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a text completion in this form's words, but for `stop`.

    Raises:
        ConfigurationError: If one of them has no counterpart.
    """
    params = without_counterparts(given, _MISSING, READER)
    params.pop("stream_options", None)  # usage always comes
    count = params.pop("logprobs", None)
    if count is not None and count is not False:
        known = params.get("include", [])
        params["include"] = [*(known if isinstance(known, list) else [known]), _LOGPROBS]
        if count is not True and count:
            params.setdefault("top_logprobs", count)
    if "reasoning_effort" in params:
        effort = params.pop("reasoning_effort")
        more = params.get("reasoning")
        params["reasoning"] = {**(more if isinstance(more, dict) else {}), "effort": effort}
    for name in ("max_tokens", "max_completion_tokens"):
        params = renamed(params, name, "max_output_tokens")
    return params


def read_answer(body: bytes, stop: Sequence[str] = (), reader: str = READER) -> Answer:
    """Return the answer to a request.

    Args:
        body: The response body.
        stop: Texts to end the answer at.
        reader: Who reads it, for the error.

    Raises:
        ResponseFormatError: If it is no response, or has no message.
    """
    value = load(body, reader)
    if not isinstance(value, dict) or not isinstance(value.get("output"), list):
        unexpected(body, reader, 'an object with "output"')
    finish = _finish_of(value)
    parts = list(_parts_of(value["output"]))
    if finish is None or (finish == "stop" and not parts):
        unexpected(body, reader, "a finished response with a message")
    whole = "".join(_text_of(part) for part in parts)
    text = cut(whole, stop)
    entries = [entry for part in parts for entry in _list_of(part, "logprobs")]
    info = {
        "finish_reason": "stop" if text != whole else finish,
        "logprobs": token_logprobs(entries),
        **_filters_of(value),
    }
    generation = Generation(text=text, generation_info=info)
    return Answer([[generation]], _usage_of(value), _model_of(value))


def read_event(data: str, reader: str = READER) -> Event | None:
    """Return what an event of a stream adds; most kinds add nothing.

    Raises:
        ResponseFormatError: If it is not JSON.
    """
    value = load(data, reader)
    if not isinstance(value, dict):
        unexpected(data, reader, "a JSON object")
    kind = value.get("type")
    if kind in _DELTAS:
        text = value.get("delta")
        if not isinstance(text, str):
            unexpected(data, reader, "a text as delta")
        info = {"finish_reason": None, "logprobs": token_logprobs(_list_of(value, "logprobs"))}
        return Event(text, info)
    response = value.get("response")
    if kind not in _ENDS or not isinstance(response, dict):
        return None
    told = {
        "finish_reason": _finish_of(response),
        "token_usage": _usage_of(response),
        "model_name": _model_of(response),
        **_filters_of(response),
    }
    return Event("", {k: v for k, v in told.items() if v})


def _finish_of(response: dict[str, Any]) -> str | None:
    """Return the reason to end in completions' words; None for one that has not ended."""
    status = response.get("status", "completed")
    if status == "incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return _FINISH.get(str(reason), str(reason))
    return _FINISH.get(str(status))


def _parts_of(output: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield what messages consist of; reasoning and tools have items of their own."""
    for item in output:
        if isinstance(item, dict) and item.get("type") == "message":
            yield from (part for part in _list_of(item, "content") if isinstance(part, dict))


def _text_of(part: dict[str, Any]) -> str:
    """Return a part's text, or the refusal that stands in its place."""
    text = part.get("text") if part.get("type") == "output_text" else part.get("refusal")
    return text if isinstance(text, str) else ""


def _filters_of(response: dict[str, Any]) -> dict[str, Any]:
    """Return the filter's findings under the names they have in completions."""
    found: dict[str, dict[str, Any]] = {"prompt": {}, "completion": {}}
    for entry in _list_of(response, "content_filters"):
        results = entry.get("content_filter_results") if isinstance(entry, dict) else None
        if isinstance(results, dict):
            found.get(str(entry.get("source_type")), {}).update(results)
    prompt = [{"prompt_index": 0, "content_filter_results": found["prompt"]}]
    return {
        **({"prompt_filter_results": prompt} if found["prompt"] else {}),
        **({"content_filter_results": found["completion"]} if found["completion"] else {}),
    }


def _usage_of(response: dict[str, Any]) -> dict[str, int]:
    usage = response.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return {new: counts[old] for old, new in _USAGE.items() if isinstance(counts.get(old), int)}


def _model_of(response: dict[str, Any]) -> str | None:
    model = response.get("model")
    return model if isinstance(model, str) and model else None


def _list_of(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []
