"""What constructors accept: names, aliases, values of the environment, and their errors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated, Any

import httpx2
from langchain_core.language_models.llms import BaseLLM
from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from langchain_azure_llms._redaction import shortened
from langchain_azure_llms.exceptions import AzureLLMError, ConfigurationError
from langchain_azure_llms.http.retry import RetryPolicy

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

PACKAGE = "langchain-azure-llms"
SHARED_RESOURCES = ("http_client", "http_async_client", "credential", "rate_limiter", "verify")
"""Settings that are live objects, whichever the class."""
_OPERATIONAL = frozenset(
    {
        "allow_plain_http",
        "allowed_special",
        "batch_size",
        "cache",
        "callbacks",
        "custom_get_token_ids",
        "disallowed_special",
        "http_async_client",
        "http_client",
        "max_concurrency",
        "max_retries",
        "metadata",
        "name",
        "openai_proxy",
        "request_timeout",
        "retry_policy",
        "stream_usage",
        "streaming",
        "tags",
        "tiktoken_model_name",
        "timeout",
        "verbose",
        "verify",
    }
)
"""Settings that do not change what an endpoint answers."""
_REQUEST_OPTIONS = {"extra_headers": "default_headers", "extra_query": "default_query"}


def without_marks(value: str) -> str:
    """Return a variable's value without what files and shells leave around it.

    These are blanks, line ends, a byte-order mark, and quotes that a .env file is read with.
    """
    value = value.strip().removeprefix("\ufeff").strip()
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1].strip() if is_quoted else value


class FromEnv:
    """A field's default: the first of these environment variables that is set and not blank."""

    def __init__(self, *names: str, default: str | None = None) -> None:
        self.names, self.default = names, default

    def value(self, _data: Mapping[str, Any]) -> Any:
        """Return the variable's value, or None."""
        values = (without_marks(os.environ.get(name, "")) for name in self.names)
        return next((value for value in values if value), None)

    def __call__(self, data: dict[str, Any]) -> Any:
        """Return the variable's value, or the default; pydantic checks it as it does arguments."""
        value = self.value(data)
        return self.default if value is None else value


class SecretFromEnv(FromEnv):
    """The same for a secret."""

    def value(self, data: Mapping[str, Any]) -> Any:
        """Return the variable's value as a secret, or None."""
        value = super().value(data)
        return None if value is None else SecretStr(value)


def by_field_name(
    values: Mapping[str, Any], fields: Mapping[str, FieldInfo], owner: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort constructor arguments into settings, by their field's name, and unknown ones.

    None for a setting that the environment can give means "not given": old code passes
    `os.getenv(...)`.

    Raises:
        ConfigurationError: If a setting is given under both of its names.
    """
    names = {field.alias: name for name, field in fields.items() if field.alias}
    known: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for key, value in values.items():
        name = names.get(key, key)
        if name in known:
            alias = fields[name].alias
            raise ConfigurationError(f"{owner}: give either {name} or {alias}, not both.")
        if name not in fields:
            unknown[key] = value
        elif value is not None or not _reads_environment(fields[name]):
            known[name] = value
    return known, unknown


def value_of_environment(field: FieldInfo, values: Mapping[str, Any]) -> Any:
    """Return what the environment gives for a field now, or None."""
    factory = field.default_factory
    return factory.value(values) if isinstance(factory, FromEnv) else None


def _reads_environment(field: FieldInfo) -> bool:
    return isinstance(field.default_factory, FromEnv)


def nearest(name: str, cls: type[AzureLLM]) -> str | None:
    """Return the argument that a misspelt one probably means, or that other libraries call so."""
    if name.lower() in cls.other_names:
        return cls.other_names[name.lower()]
    fields = cls.model_fields
    accepted = [*fields, *(field.alias for field in fields.values() if field.alias)]
    return next(iter(get_close_matches(name, accepted, n=1, cutoff=0.75)), None)


def unknown_argument(name: str, cls: type[AzureLLM]) -> ConfigurationError:
    """Return the error of an argument that does not exist."""
    suggestion = nearest(name, cls)
    hint = (
        f" Did you mean {suggestion!r}?"
        if suggestion
        else " Model parameters go into model_kwargs."
    )
    return ConfigurationError(f"{cls.__name__} has no argument {name!r}.{hint}")


_SECRETS = frozenset(
    {"authorization", "credentials", "header", "headers", "key", "password", "secret", "token"}
)
"""Last words of names that model parameters, which are shown and saved, do not have."""
_HARMLESS = frozenset({"prompt_cache_key"}) | frozenset(
    f"{kind}_token" for kind in ("bos", "cls", "end", "eos", "mask", "pad", "sep", "stop", "unk")
)
_ADDRESSES = frozenset({"address", "endpoint", "host", "proxy", "uri", "url"})


def check_model_parameters(given: Mapping[str, Any], cls: type[AzureLLM]) -> None:
    """Refuse what may be a secret or an address among model parameters: they are sent and shown.

    Raises:
        ConfigurationError: If there is one.
    """
    for name, value in given.items():
        words = str(name).lower().replace("-", "_").split("_")
        is_text = isinstance(value, str | SecretStr)
        if not is_text or name in _HARMLESS or words[-1] not in _SECRETS | _ADDRESSES:
            continue
        suggestion = cls.other_names.get(str(name).lower()) or nearest(str(name), cls)
        hint = f"pass {suggestion}" if suggestion else "pass credentials and addresses as arguments"
        what = "a secret" if words[-1] in _SECRETS else "an address"
        raise ConfigurationError(
            f"{cls.__name__}: {name} may be {what}, which does not belong into the request's body: "
            f"{hint}, or default_headers."
        )


def check_model_kwargs(known: Mapping[str, Any], cls: type[AzureLLM]) -> None:
    """Refuse secrets and addresses within `model_kwargs`; see `check_model_parameters`."""
    if isinstance(given := known.get("model_kwargs"), Mapping):
        check_model_parameters(given, cls)


def configuration_error(owner: str, error: ValidationError) -> AzureLLMError:
    """Return pydantic's error as one of ours, without the values: they may be secret."""
    found = error.errors(include_url=False, include_input=False)
    for problem in found:
        own = problem.get("ctx", {}).get("error")
        if isinstance(own, AzureLLMError):
            return own
    found = [problem for problem in found if problem["type"] != "default_factory_not_called"]
    messages = (f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in found)
    return ConfigurationError(f"{owner}: {'; '.join(messages)}.")


_YEAR = 366 * 24 * 3600
_STEPS = ("connect", "read", "write", "pool")


def as_timeout(value: Any, name: str) -> httpx2.Timeout | None:
    """Return a timeout setting as what the HTTP client takes; None leaves the client's own.

    Args:
        value: Seconds for every step; a pair (connect, read); or an object or a mapping with
            `connect`, `read`, `write` and `pool`, such as `httpx2.Timeout` or `httpx.Timeout`.
        name: The setting's name, for the error.

    Raises:
        ConfigurationError: If it is none of these, or not above 0.
    """
    parts = _timeout_parts(value)
    if value is not None and parts is None:
        raise ConfigurationError(
            f"{name} is {_shown(value)}, expected seconds, a pair (connect, read) or an "
            "httpx2.Timeout."
        )
    if parts is None:
        return None
    if any(part is not None and not 0 < part < _YEAR for part in parts):
        raise ConfigurationError(
            f"{name} is {_shown(value)}, expected more than 0 seconds, up to a year."
        )
    connect, read, write, pool = parts
    return httpx2.Timeout(connect=connect, read=read, write=write, pool=pool)


def checked_timeout(value: Any, name: str) -> Any:
    """Return a timeout setting as it was given; the forms that files hold are turned back.

    Raises:
        ConfigurationError: As `as_timeout`.
    """
    timeout = as_timeout(value, name)
    if isinstance(value, Mapping):
        return timeout
    if isinstance(value, list):
        return tuple(value)
    return float(value) if isinstance(value, str) else value


Timeout = Annotated[Any, BeforeValidator(lambda value: checked_timeout(value, "timeout"))]


def _timeout_parts(value: Any) -> tuple[float | None, ...] | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value,) * 4
    if isinstance(value, Mapping) and set(value) == set(_STEPS):
        parts = tuple(value[step] for step in _STEPS)
    elif isinstance(value, tuple | list) and len(value) == 2:
        parts = (value[0], value[1], value[1], value[0])
    elif all(hasattr(value, step) for step in _STEPS):
        parts = tuple(getattr(value, step) for step in _STEPS)
    else:
        return None
    return parts if all(_is_seconds(part) for part in parts) else None


def _shown(value: Any) -> str:
    """Return what an error shows of a value: numbers and text; of others only the type."""
    parts = value if isinstance(value, tuple | list) else [value]
    if all(isinstance(part, int | float | str | None) for part in parts):
        return shortened(repr(value), 60)
    return f"a {type(value).__name__}"


def _is_seconds(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def with_request_options(
    known: dict[str, Any], unknown: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Turn `extra_headers` and `extra_query` of a constructor into settings of every request.

    Old code passes them to the constructor, or within `model_kwargs`; there they would be sent as
    parts of the body.

    Raises:
        ConfigurationError: If one is not a mapping.
    """
    known, unknown = {**known}, {**unknown}
    places = [unknown]
    if isinstance(known.get("model_kwargs"), Mapping):
        known["model_kwargs"] = {**known["model_kwargs"]}
        places.append(known["model_kwargs"])
    for name, setting in _REQUEST_OPTIONS.items():
        for given in [place.pop(name) for place in places if name in place]:
            check_mapping(given, name)
            check_mapping(known.get(setting), setting)
            known[setting] = {**(known.get(setting) or {}), **(given or {})}
    return known, unknown


def check_mapping(value: Any, name: str) -> None:
    """Refuse what is not a mapping with text keys.

    Raises:
        ConfigurationError: If it is something else.
    """
    if value is not None and not (
        isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    ):
        raise ConfigurationError(f"{name} is a {type(value).__name__}, expected a mapping by name.")


_SET_BY_HTTP = frozenset({"connection", "content-length", "host", "transfer-encoding"})


def check_headers(headers: Mapping[str, Any]) -> None:
    """Refuse headers that cannot be sent, without showing their values.

    Raises:
        ConfigurationError: If a name or a value is not printable ASCII, or the HTTP client sets it.
    """
    for name, value in headers.items():
        if name.lower() in _SET_BY_HTTP:
            raise ConfigurationError(f"The header {name!r} is set by the HTTP client alone.")
        if not (name.isascii() and name.isprintable() and name and " " not in name):
            raise ConfigurationError(f"{name!r} cannot be the name of a header.")
        if not (isinstance(value, str) and value.isascii() and value.isprintable()):
            raise ConfigurationError(
                f"The header {name!r} must be text of printable ASCII characters."
            )


# --- of the classes ------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def answer_settings(cls: type[AzureLLM], *secrets: str) -> tuple[str, ...]:
    """Return the names of the settings that change answers."""
    left_out = {*_OPERATIONAL, *secrets, *cls.shared_resources}
    return tuple(name for name in cls.model_fields if name not in left_out)


@lru_cache(maxsize=32)
def _constructor_settings(cls: type[AzureLLM]) -> frozenset[str]:
    """Return the names, aliases too, of settings that are not arguments of a call."""
    own = {n: f for n, f in cls.model_fields.items() if n not in BaseLLM.model_fields}
    aliases = {field.alias for field in own.values() if field.alias}
    return frozenset({*own, *aliases}) - cls.call_arguments


def refuse_settings(arguments: Mapping[str, Any], cls: type[AzureLLM]) -> None:
    """Refuse arguments of a call that are settings of the object: models do not know them.

    Raises:
        ConfigurationError: If there is one.
    """
    for name in _constructor_settings(cls).intersection(arguments):
        raise ConfigurationError(
            f"{name} is a setting of {cls.__name__}, not an argument of a call: pass it to the "
            f"constructor; model_copy(update={{{name!r}: ...}}) makes another object."
        )


def from_environment(llm: AzureLLM) -> frozenset[str]:
    """Return the names of the settings that the environment gave."""
    given = llm.model_fields_set
    return frozenset(
        name
        for name, field in type(llm).model_fields.items()
        if name not in given and value_of_environment(field, vars(llm)) is not None
    )


@lru_cache(maxsize=32)
def default_policy(max_retries: int) -> RetryPolicy:
    """Return the default policy with this many retries."""
    return RetryPolicy(max_retries=max_retries)


@cache
def package_version() -> str:
    """Return the version of this package, as LangChain's metadata and the user agent name it."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:  # copied or frozen without what an installation adds
        return "unknown"
