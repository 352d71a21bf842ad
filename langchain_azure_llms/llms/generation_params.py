"""The parameters of one call to Azure OpenAI, from their several places, whichever the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from typing import Any, NamedTuple

from langchain_azure_llms.exceptions import ConfigurationError

FILL_CONTEXT = -1
"""The value of `max_tokens` that means: as many as the model's context leaves."""
_SAME = (
    ("max_tokens", "max_completion_tokens", "max_output_tokens"),
    ("logprobs", "top_logprobs"),
    ("reasoning", "reasoning_effort"),
)
"""Names of one thing, in one API or another."""
_OTHER_NAMES = {name: set(names) - {name} for names in _SAME for name in names}


class GenerationParams(NamedTuple):
    """What one call requests.

    Attributes:
        settings: The LLM's model parameters, defaults included: completions send them all.
        explicit_names: The names of the settings that the user set: the other APIs get no more.
        model_kwargs: The LLM's other model parameters.
        extra_body: What the LLM adds to the body, as it is.
        call: The call's own parameters.
        call_body: What the call adds to the body, as it is.
        stop: Stop sequences.
        model: The deployment's name.
        stream: Whether the response is to be streamed.
        stream_usage: Whether a streamed response is to have token counts.
    """

    settings: Mapping[str, Any]
    explicit_names: AbstractSet[str]
    model_kwargs: Mapping[str, Any]
    extra_body: Mapping[str, Any]
    call: Mapping[str, Any]
    call_body: Mapping[str, Any]
    stop: Sequence[str] | None
    model: str | None
    stream: bool
    stream_usage: bool


def layered(params: GenerationParams) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters to be translated into an API's names, and those sent as they are.

    The call's override the LLM's, and of each the extra body overrides the rest; a parameter counts
    under each of its names.
    """
    given: dict[str, Any] = {}
    verbatim: dict[str, Any] = {}
    for layer, place in (
        ({k: v for k, v in params.settings.items() if k in params.explicit_names}, given),
        (params.model_kwargs, given),
        (params.extra_body, verbatim),
        (params.call, given),
        (params.call_body, verbatim),
    ):
        for name, value in layer.items():
            for other in _OTHER_NAMES.get(name, ()):
                if not _refines(name, value):
                    given.pop(other, None)
                    verbatim.pop(other, None)
                elif other in verbatim and place is given:
                    given[other] = verbatim.pop(other)
            given.pop(name, None)
            verbatim.pop(name, None)
        place.update(layer)
    if given.get("max_tokens") == FILL_CONTEXT:  # only text completions can be told that
        del given["max_tokens"]
    return given, verbatim


def _refines(name: str, value: Any) -> bool:
    """Return whether a parameter adds to its other names, instead of overriding them."""
    return name in ("reasoning_effort", "top_logprobs") or (name == "logprobs" and value is True)


def finished_body(body: Mapping[str, Any], params: GenerationParams) -> dict[str, Any]:
    """Return the request body but for the prompt; parameters that are None are not sent."""
    body = {**body, "model": body.get("model") or params.model}
    if params.stop is not None:
        body["stop"] = params.stop
    if body.pop("stream", None):
        raise ConfigurationError("Call stream or astream, or pass streaming=True, to stream.")
    if params.stream:
        body["stream"] = True
        if params.stream_usage:
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
        "response_format",
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
            raise ConfigurationError(f"{name!r} is not a parameter. Did you mean {near!r}?")


def check_stop(stop: Any) -> None:
    """Refuse stop sequences that are not text.

    Raises:
        ConfigurationError: If it is neither a text nor a list of texts.
    """
    if stop is None:
        return
    texts = [stop] if isinstance(stop, str) else stop
    if not isinstance(texts, list | tuple) or not all(isinstance(t, str | None) for t in texts):
        raise ConfigurationError("stop must be a text, or a list of texts.")


def count_of(body: Mapping[str, Any], name: str) -> int:
    """Return a number of completions that a body asks for.

    Raises:
        ConfigurationError: If it is not a number of at least 1.
    """
    value = body.get(name, 1)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{name} is {value!r}, expected a whole number of at least 1.")
    return value


def refuse_choice(n: int, best_of: int) -> None:
    """Refuse several completions of a stream.

    Raises:
        ConfigurationError: If there are to be more than one.
    """
    if n > 1 or best_of > 1:
        raise ConfigurationError("A stream gives one completion: n and best_of must be 1.")
