"""The sampling parameters that Azure's completions and chat share."""

from typing import Any

from langchain_azure_llms.local._fields import Fields, InvalidFieldError

MOST_TOKENS = 1 << 20
_MOST_STOPS = 4
_RANGES = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
}
# llama.cpp reads the largest 32-bit number as "no seed given".
_SEEDS = (1 << 32) - 1
_WIDEST = 1 << 63


def read_sampling(fields: Fields) -> dict[str, Any]:
    """Read what steers sampling, in llama.cpp's parameters (which bear the same names).

    Raises:
        InvalidFieldError: When a value is out of the range that Azure documents.
    """
    sampling: dict[str, Any] = {"temperature": 1.0}
    for name, (low, high) in _RANGES.items():
        if (value := fields.number(name, low, high)) is not None:
            sampling[name] = value
    if stop := fields.strings("stop", _MOST_STOPS):
        sampling["stop"] = stop
    if bias := fields.object("logit_bias").get_all():
        sampling["logit_bias"] = _read_bias(bias)
    return sampling


def candidates(body: dict[str, Any], count: int, seed: int | None) -> list[dict[str, Any]]:
    """Repeat `body` for `count` texts; a given seed makes them differ, the same in every call."""
    if seed is None:
        return [body] * count
    return [{**body, "seed": as_seed(seed + number)} for number in range(count)]


def read_seed(fields: Fields) -> int | None:
    """Read the seed: any 64-bit number."""
    return fields.integer("seed", -_WIDEST, _WIDEST)


def as_seed(seed: int) -> int:
    """Fit a seed into what llama.cpp takes."""
    return seed % _SEEDS


def _read_bias(bias: dict[str, Any]) -> dict[str, float]:
    tokens = Fields(bias)
    if not all(token.isdecimal() for token in bias):
        raise InvalidFieldError("logit_bias must map token ids to numbers.", "logit_bias")
    return {token: tokens.number(token, -100, 100) or 0.0 for token in bias}
