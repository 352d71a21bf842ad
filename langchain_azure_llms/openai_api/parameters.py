"""Parameters of text completions, for the APIs that came after them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_azure_llms.exceptions import ConfigurationError

_NEUTRAL: dict[str, Any] = {
    "best_of": 1,
    "echo": False,
    "frequency_penalty": 0,
    "logit_bias": {},
    "n": 1,
    "presence_penalty": 0,
    "suffix": "",
}
"""Values without effect: leaving out the parameter changes nothing."""


def drop_unsupported(
    given: Mapping[str, Any], unsupported: tuple[str, ...], api: str
) -> dict[str, Any]:
    """Return the parameters without those that an API lacks, if these have no effect.

    Args:
        given: The parameters of a text completion. One that is None counts as not given.
        unsupported: The names that the API lacks.
        api: The API's name, for the error.

    Raises:
        ConfigurationError: If one of them has an effect.
    """
    params = {name: value for name, value in given.items() if value is not None}
    lost = [
        name
        for name in unsupported
        if name in params and (name not in _NEUTRAL or params[name] != _NEUTRAL[name])
    ]
    if lost:
        raise ConfigurationError(
            f"{api} has no counterpart of {', '.join(lost)}: leave out what it cannot do, or "
            "deploy a text-completion model."
        )
    return {name: value for name, value in params.items() if name not in unsupported}


def rename(params: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return the parameters with one under a new name; a value already there takes precedence."""
    if old not in params:
        return params
    others = {name: value for name, value in params.items() if name != old}
    return {new: params[old], **others}
