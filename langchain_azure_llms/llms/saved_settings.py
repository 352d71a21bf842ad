"""Which settings of an LLM are saved, in which plain form, and which are left out.

What was given, as an argument or by the environment, is saved even when it equals the default.
Secrets are not, nor is what may hold one: values of headers, query parameters and user-info that
are not known to be harmless.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

from langchain_azure_llms.formatters.registry import formatter_config

HARMLESS_HEADERS = frozenset(
    {
        "accept",
        "accept-language",
        "azureml-model-deployment",
        "content-type",
        "extra-parameters",
        "openai-organization",
        "user-agent",
    }
)
HARMLESS_QUERY = frozenset({"api-version"})
_NEVER = ("allow_plain_http", "verify")
"""Settings that only a caller may make."""
_URLS = ("azure_endpoint", "endpoint_url", "openai_api_base", "openai_proxy")
_LONGEST_NUMBER = 10_000
"""In bits: Python refuses to write, and to read, much longer ones."""
_TIMEOUTS = ("timeout", "request_timeout")


class _CannotBeSavedError(Exception):
    """A value has no plain form."""


class Saved(NamedTuple):
    """The settings that are saved, and the names of those that are left out."""

    settings: dict[str, Any]
    left_out: list[str]


def saved_settings(
    values: Mapping[str, Any], explicit: Iterable[str], secret: Iterable[str] = ()
) -> Saved:
    """Return the plain form of settings.

    Args:
        values: The settings that were given.
        explicit: Those of them that were arguments: if one cannot be saved, it is named. What the
            environment gave, and can only be saved in part, is not saved: loading reads it anew.
        secret: Those that are never saved, whatever they hold.
    """
    saved, passed, hidden = Saved({}, []), set(explicit), {*secret, *_NEVER}
    for name, value in values.items():
        if value is None:
            saved.settings[name] = None
            continue
        try:
            plain_value, dropped = _form(name, hidden)(name, value)
        except _CannotBeSavedError:
            saved.left_out.extend([name] if name in passed else [])
            continue
        if name in passed or not dropped:
            saved.settings[name] = plain_value
            saved.left_out.extend(dropped)
    return saved


Form = Callable[[str, Any], tuple[Any, list[str]]]


def _form(name: str, hidden: set[str]) -> Form:
    return _refused if name in hidden else _FORMS.get(name, _whole)


def _refused(_name: str, _value: Any) -> tuple[Any, list[str]]:
    raise _CannotBeSavedError


def _whole(_name: str, value: Any) -> tuple[Any, list[str]]:
    return plain(value), []


def _harmless(allowed: frozenset[str]) -> Form:
    def form(name: str, value: Any) -> tuple[Any, list[str]]:
        kept = {key: plain(item) for key, item in value.items() if key.lower() in allowed}
        return kept, [f"{name}[{key!r}]" for key in value if key not in kept]

    return form


def _url(name: str, value: Any) -> tuple[Any, list[str]]:
    """Drop user-info and query parameters that are not known to be harmless."""
    try:
        parts = urlsplit(value)
    except ValueError:
        raise _CannotBeSavedError from None
    query = parse_qsl(parts.query, keep_blank_values=True)
    kept = [pair for pair in query if pair[0].lower() in HARMLESS_QUERY]
    userinfo, at, host = parts.netloc.rpartition("@")
    dropped = [f"the user-info of {name}"] if at else []
    unknown = [pair for pair in query if pair not in kept]
    # Without a value, what looks like a name may itself be a token.
    dropped += [f"{key!r} of {name}" if item else f"a part of {name}" for key, item in unknown]
    dropped += [f"the fragment of {name}"] if parts.fragment else []
    if not dropped and not userinfo:
        return value, []
    clean = parts._replace(netloc=host, query=urlencode(kept), fragment="")
    return urlunsplit(clean), dropped


def _timeout(_name: str, value: Any) -> tuple[Any, list[str]]:
    parts = ("connect", "read", "write", "pool")
    if all(hasattr(value, part) for part in parts):
        return plain({part: getattr(value, part) for part in parts}), []
    return plain(value), []


def _metadata(_name: str, value: Any) -> tuple[Any, list[str]]:
    """Leave out what LangChain adds itself."""
    return plain({key: item for key, item in value.items() if key != "lc_versions"}), []


_FORMS: dict[str, Form] = {
    "content_formatter": lambda _name, value: (plain(formatter_config(value)), []),
    "default_headers": _harmless(HARMLESS_HEADERS),
    "default_query": _harmless(HARMLESS_QUERY),
    "metadata": _metadata,
    "retry_policy": lambda _name, value: (plain(asdict(value)), []),
    **dict.fromkeys(_TIMEOUTS, _timeout),
    **dict.fromkeys(_URLS, _url),
}


def plain(value: Any) -> Any:
    """Return a value as JSON's own types; raise where it has no such form."""
    try:
        return _plain(value)
    except RecursionError:
        raise _CannotBeSavedError from None


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, Mapping):
        named = {_key(key): _plain(item) for key, item in value.items()}
        if len(named) < len(value):  # such as 1 and "1": one would be lost
            raise _CannotBeSavedError
        return named
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset) and all(isinstance(item, str) for item in value):
        return sorted(value)
    return _scalar(value)


def _scalar(value: Any) -> bool | float | str | None:
    """Return JSON's own type also for a subclass of it, which YAML's safe writer refuses."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, int) and value.bit_length() <= _LONGEST_NUMBER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise _CannotBeSavedError


def _key(key: Any) -> str:
    """Return a mapping's key as JSON would write it."""
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, str | int | float) and not isinstance(key, SecretStr):
        return key if isinstance(key, str) else repr(key)
    raise _CannotBeSavedError
