"""One call's requests in each of Azure OpenAI's three forms. All pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NamedTuple

from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.formatters import completions
from langchain_azure_llms.llms._calls import PromptCall
from langchain_azure_llms.llms._forms import CHAT, COMPLETIONS, Requests
from langchain_azure_llms.transport._exchange import HttpRequest

_FILL_CONTEXT = -1
_OLD_LIMIT, _NEW_LIMIT = "max_tokens", "max_completion_tokens"
_SAME = (
    ("max_tokens", "max_completion_tokens", "max_output_tokens"),
    ("logprobs", "top_logprobs"),
    ("reasoning", "reasoning_effort"),
)
"""Names of one thing, in one form of the API or another."""
_OTHER_NAMES = {name: set(names) - {name} for names in _SAME for name in names}
_NEW_LIMIT_SINCE = "2024-09-01"
"""The first API version with `max_completion_tokens`, and with the models that take no other
(Microsoft, "Azure OpenAI reasoning models")."""


class Asked(NamedTuple):
    """What one call asks for, whatever the form.

    Attributes:
        settings: The LLM's model parameters, defaults included: completions send them all.
        explicit: Those of them that the user set: the other forms send no more.
        model_kwargs: The LLM's other model parameters.
        extra_body: What the LLM adds to the body, as it is.
        params: The call's own parameters.
        call_body: What the call adds to the body, as it is.
        stop: Texts to end at.
        model: The deployment's name.
        stream: Whether the answer is to be streamed.
        stream_usage: Whether a streamed answer is to tell its usage.
        batch_size: How many prompts a request carries at most.
        old_limit: Whether the API version knows `max_tokens` only.
        room_for: Returns how many tokens the context leaves beside a prompt.
    """

    settings: Mapping[str, Any]
    explicit: Mapping[str, Any]
    params: Mapping[str, Any]
    model: str | None
    model_kwargs: Mapping[str, Any] = MappingProxyType({})
    extra_body: Mapping[str, Any] = MappingProxyType({})
    call_body: Mapping[str, Any] = MappingProxyType({})
    stop: Sequence[str] | None = None
    stream: bool = False
    stream_usage: bool = False
    batch_size: int = 20
    old_limit: bool = False
    room_for: Callable[[str], int] = lambda _prompt: 0


def knows_old_limit_only(api_version: str | None, *, is_v1: bool) -> bool:
    """Return whether an API version is older than `max_completion_tokens`."""
    return not is_v1 and (api_version or "") < _NEW_LIMIT_SINCE


def requests_in(form: str, request: HttpRequest, asked: Asked) -> Requests:
    """Return the requests of a form.

    Raises:
        ConfigurationError: If a parameter is wrong, or has no counterpart in the form.
    """
    make = {COMPLETIONS: _completions, CHAT: _chat}.get(form, _responses)
    return make(request, asked)


def _completions(request: HttpRequest, asked: Asked) -> Requests:
    params = {**asked.settings, **asked.model_kwargs, **asked.extra_body, **asked.params}
    body = _finished({**params, **asked.call_body}, asked)
    n = _count(body, "n")
    if asked.stream:
        _refuse_choice(n, _count(body, "best_of"))
    fills_context = body.get("max_tokens") == _FILL_CONTEXT

    def call(group: Sequence[str]) -> PromptCall:
        room = {"max_tokens": asked.room_for(group[0])} if fills_context else {}
        prompt = group[0] if asked.stream else list(group)
        return PromptCall(
            group,
            request.with_body(completions.payload(prompt, {**body, **room})),
            read=lambda reply: completions.read_answer(reply, len(group), n),
            read_event=completions.read_event,
        )

    return Requests(1 if asked.stream or fills_context else asked.batch_size, call)


def _chat(request: HttpRequest, asked: Asked) -> Requests:
    from langchain_azure_llms.formatters import chat_completions  # noqa: PLC0415 - as needed

    limit = _OLD_LIMIT if asked.old_limit else _NEW_LIMIT
    given, as_it_is = _layered(asked)
    params = chat_completions.parameters(given, limit=limit)
    body = _finished({**params, **as_it_is}, asked)
    n = _count(body, "n")
    if asked.stream:
        _refuse_choice(n, 1)

    def call(group: Sequence[str]) -> PromptCall:
        return PromptCall(
            group,
            request.with_body(chat_completions.payload(group[0], body)),
            read=lambda reply: chat_completions.read_answer(reply, n),
            read_event=chat_completions.read_event,
        )

    return Requests(1, call)


def _responses(request: HttpRequest, asked: Asked) -> Requests:
    from langchain_azure_llms.formatters import responses  # noqa: PLC0415 - as needed

    given, as_it_is = _layered(asked)
    stop = given.pop("stop", None) if asked.stop is None else asked.stop
    stop = (stop,) if isinstance(stop, str) else tuple(stop or ())
    body = _finished(
        {**responses.parameters(given), **as_it_is},
        asked._replace(stop=None, stream_usage=False),
    )

    def call(group: Sequence[str]) -> PromptCall:
        return PromptCall(
            group,
            request.with_body(responses.payload(group[0], body)),
            read=lambda reply: responses.read_answer(reply, stop),
            read_event=responses.read_event,
            stop=stop,
            ending=responses.ENDING,
        )

    return Requests(1, call)


def _layered(asked: Asked) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is to be put in the form's words, and what is sent as it is.

    The call comes before the LLM, and of each the extra body before the rest; a parameter counts
    under each of its names.
    """
    given: dict[str, Any] = {}
    as_it_is: dict[str, Any] = {}
    for layer, place in (
        (asked.explicit, given),
        (asked.model_kwargs, given),
        (asked.extra_body, as_it_is),
        (asked.params, given),
        (asked.call_body, as_it_is),
    ):
        for name, value in layer.items():
            for other in _OTHER_NAMES.get(name, ()):
                if not _refines(name, value):
                    given.pop(other, None)
                    as_it_is.pop(other, None)
                elif other in as_it_is and place is given:
                    given[other] = as_it_is.pop(other)
            given.pop(name, None)
            as_it_is.pop(name, None)
        place.update(layer)
    if given.get("max_tokens") == _FILL_CONTEXT:  # only text completions can be told that
        del given["max_tokens"]
    return given, as_it_is


def _refines(name: str, value: Any) -> bool:
    """Return whether a parameter adds to its other names, in place of overruling them."""
    return name in ("reasoning_effort", "top_logprobs") or (name == "logprobs" and value is True)


def _finished(params: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """Return the request body but for the prompt; what is None is not sent."""
    body = {**params, "model": params.get("model") or asked.model}
    if asked.stop is not None:
        body["stop"] = asked.stop
    if body.pop("stream", None):
        raise ConfigurationError("Call stream or astream, or pass streaming=True, to stream.")
    if asked.stream:
        body["stream"] = True
        if asked.stream_usage:
            body["stream_options"] = {"include_usage": True, **(body.get("stream_options") or {})}
    return {name: value for name, value in body.items() if value is not None}


_KNOWN = frozenset(
    {
        "best_of",
        "echo",
        "frequency_penalty",
        "include",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens",
        "metadata",
        "model",
        "n",
        "presence_penalty",
        "reasoning",
        "reasoning_effort",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "suffix",
        "temperature",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
    }
)


def refuse_misspelt(params: Mapping[str, Any]) -> None:
    """Refuse a call's argument that is nearly one of the service's, and is none.

    Raises:
        ConfigurationError: If there is one.
    """
    for name in params.keys() - _KNOWN:
        for near in get_close_matches(name, _KNOWN, n=1, cutoff=0.8):
            raise ConfigurationError(f"{name!r} is no parameter. Did you mean {near!r}?")


def check_stop(stop: Any) -> None:
    """Refuse texts to end at that are none.

    Raises:
        ConfigurationError: If it is neither a text nor a list of texts.
    """
    if stop is None:
        return
    texts = [stop] if isinstance(stop, str) else stop
    if not isinstance(texts, list | tuple) or not all(isinstance(t, str | None) for t in texts):
        raise ConfigurationError("stop must be a text, or a list of texts.")


def _count(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name, 1)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{name} is {value!r}, expected a whole number of at least 1.")
    return value


def _refuse_choice(n: int, best_of: int) -> None:
    if n > 1 or best_of > 1:
        raise ConfigurationError("A stream gives one completion: n and best_of must be 1.")
