"""Model parameters of text completions, in the words of the forms that came after them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_azure_llms.exceptions import ConfigurationError

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "best_of": (1,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "n": (1,),
    "presence_penalty": (0,),
    "suffix": ("",),
}
"""Values that ask for nothing: a form without the parameter loses nothing by them."""


def without_counterparts(
    given: Mapping[str, Any], missing: tuple[str, ...], form: str
) -> dict[str, Any]:
    """Return the parameters without those that a form does not have, if they ask for nothing.

    Args:
        given: The parameters of a text completion.
        missing: Those that the form does not have.
        form: The form's name, for the error.

    Raises:
        ConfigurationError: If one of them asks for something.
    """
    kept = {name: value for name, value in given.items() if value is not None}
    lost = [name for name in missing if name in kept and kept[name] not in _neutral(name)]
    if lost:
        raise ConfigurationError(
            f"{form} has no counterpart of {', '.join(lost)}: leave out what it cannot do, or "
            "deploy a text-completion model."
        )
    return {name: value for name, value in kept.items() if name not in missing}


def _neutral(name: str) -> tuple[Any, ...]:
    return _NEUTRAL.get(name, ())


def renamed(given: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return the parameters with one under another name; what has that name already stays."""
    if old not in given:
        return given
    value = given.pop(old)
    return {new: value, **given}
