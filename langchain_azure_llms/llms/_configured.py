"""An LLM that is its settings: checked, compared, saved, copied and told apart by them."""

from __future__ import annotations

import copy
import pickle
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from langchain_core.caches import BaseCache
from langchain_core.globals import get_llm_cache
from langchain_core.language_models.llms import BaseLLM
from langchain_core.load.serializable import (
    SerializedConstructor,
    SerializedNotImplemented,
    to_json_not_implemented,
)
from langchain_core.runnables import RunnableSerializable
from langchain_core.runnables.utils import AnyConfigurableField
from pydantic import ConfigDict, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic.fields import ModelPrivateAttr

from langchain_azure_llms._during import During
from langchain_azure_llms._redact import Private, public_url, without_frames
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.llms import _fields, _settings
from langchain_azure_llms.llms._copies import original_of, set_by_user
from langchain_azure_llms.llms._derived import KEPT, Derived
from langchain_azure_llms.llms._identity import digest
from langchain_azure_llms.llms._registered import llm_registry

if TYPE_CHECKING:
    from langchain_azure_llms.llms._saved import Saved

RUN_ARGUMENTS = frozenset({"tags", "metadata", "run_name", "run_id"})
_PRIVATE_ARGUMENTS = frozenset({"extra_headers", "extra_query"})
"""Arguments of a call whose values may be secrets: caches and tracers get a digest of them."""
_call_arguments: ContextVar[tuple[int, dict[str, Any]] | None] = ContextVar(
    "_call_arguments", default=None
)


class ConfiguredLLM(BaseLLM):
    """Base of LLMs whose settings are all there is to them."""

    shared_resources: ClassVar[tuple[str, ...]] = ()
    """Settings that are live objects: copies share them, and files do not hold them."""
    never_travel: ClassVar[tuple[str, ...]] = ()
    """Private attributes that belong to this process: a pickle does not hold them."""

    call_arguments: ClassVar[frozenset[str]] = frozenset()
    """Settings that a call may have of its own."""

    _from_environment: frozenset[str] = PrivateAttr(default=frozenset())
    _derived: dict[str, Any] = PrivateAttr(default_factory=dict)

    model_config = ConfigDict(
        populate_by_name=True,
        protected_namespaces=(),
        hide_input_in_errors=True,
        ignored_types=(Derived,),
        defer_build=True,  # classes that only others derive from need no validator
    )

    def __init__(self, *positional: Any, **settings: Any) -> None:
        if positional:
            raise ConfigurationError(f"{type(self).__name__} takes its settings by name only.")
        problem, before = None, original_of(type(self), settings)
        try:
            super().__init__(**(set_by_user(settings, before) if before else settings))
        except ValidationError as error:
            problem = _settings.configuration_error(type(self).__name__, error)
        except ConfigurationError as error:
            problem = error
        if problem is not None:
            before = None
            settings.clear()  # no frame of the traceback may hold what was passed, nor pydantic's
            raise without_frames(problem)
        given = self.model_fields_set
        self._from_environment = frozenset(
            name
            for name, field in type(self).model_fields.items()
            if name not in given and _settings.value_of_environment(field, vars(self)) is not None
        )

        for name in self.never_travel if before else ():
            setattr(self, name, getattr(before, name))

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Return the LLM that a mapping of settings describes, as the constructor does.

        Raises:
            ConfigurationError: If a setting is wrong, missing, or in conflict with another.
        """
        if not isinstance(obj, Mapping):
            return super().model_validate(obj, **options)
        settings = {**obj}
        obj = None  # as in the constructor, which empties its own
        try:
            return cls(**settings)
        except ConfigurationError as error:
            settings.clear()
            problem = error
        raise without_frames(problem)

    @model_validator(mode="before")
    @classmethod
    def _accept(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        known, unknown = _settings.by_field_name(values, cls.model_fields, cls.__name__)
        return cls._accept_unknown(known, unknown)

    @classmethod
    def _accept_unknown(cls, known: dict[str, Any], unknown: dict[str, Any]) -> dict[str, Any]:
        """Refuse arguments that are no settings; a subclass may find another place for them."""
        for name in unknown:
            suggestion = _settings.nearest(name, cls.model_fields)
            raise _settings.unknown_argument(name, suggestion, cls.__name__)
        return known

    def configurable_fields(self, **kwargs: AnyConfigurableField) -> RunnableSerializable[Any, str]:
        """Let each call set some settings; see LangChain's `configurable_fields`.

        Args:
            **kwargs: Settings, each with LangChain's description of what may be set.
        """
        from langchain_azure_llms.llms._configurable import (  # noqa: PLC0415 - few need it
            configurable,
        )

        return configurable(super().configurable_fields(**kwargs))

    # --- compared ---------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        """Compare class and settings; connections and what was learned do not count."""
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in type(self).model_fields)

    __hash__ = None  # type: ignore[assignment] # settings can change

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, self._guarded(name, value))
        self._forget()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._forget()

    def _forget(self) -> None:
        """Drop what was worked out of settings that may be others now."""
        cast("dict[str, Any]", self.__pydantic_private__)[KEPT] = {}

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._forget()  # noqa: SLF001 - the dict is shared with the copy
        return copied

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other settings, which are not checked before the next call."""
        if deep:  # pydantic's own way would copy live objects, too, where there is an update
            return copy.deepcopy(self).model_copy(update=update)
        guarded = {name: self._guarded(name, value) for name, value in (update or {}).items()}
        return super().model_copy(update=guarded)

    def _guarded(self, name: str, value: Any) -> Any:
        """Return a bare text that is to become a secret setting as a secret."""
        return SecretStr(value) if isinstance(value, str) and name in self._secret_names else value

    @property
    def _secret_names(self) -> set[str]:
        """The settings that never travel."""
        return {*self.lc_secrets, "credential"}

    def __repr_args__(self) -> Any:
        for name, value in super().__repr_args__():
            is_url = name is not None and name.endswith(("_url", "_endpoint", "_base"))
            yield name, public_url(value) if is_url and isinstance(value, str) else value

    # --- saved ------------------------------------------------------------------------------

    def save(self, file_path: Path | str) -> None:
        """Save the settings as JSON or YAML, by the file's suffix, whole or not at all.

        What was given, as an argument or by the environment, is saved. Credentials are not, nor
        what may hold one: user-info, and values of headers and query parameters that are not known
        to be harmless. A warning names what was given and left out.

        Args:
            file_path: A path that ends in .json, .yaml or .yml. Missing folders are made.

        Raises:
            UnsupportedFileError: If the suffix is another.
            ConfigurationError: If this class, or its content formatter's, is not registered.
            OSError: If the file cannot be written.
        """
        from langchain_azure_llms import _codecs  # noqa: PLC0415 - most never save

        cls = type(self)
        name = llm_registry.name_of(cls)
        if name is None:
            raise ConfigurationError(
                f"The LLM {cls.__name__} cannot be saved, for files hold registered names only: "
                f'register_llm("{cls.__name__}", {cls.__name__}) registers it.'
            )
        saved = self._saved()
        _codecs.write(Path(file_path), {"_type": name, **saved.settings})
        if saved.left_out:
            warnings.warn(
                f"{cls.__name__} was saved without {', '.join(saved.left_out)}: to be given again "
                "when loading.",
                stacklevel=2,
            )

    def _saved(self) -> Saved:
        from langchain_azure_llms.llms._saved import (  # noqa: PLC0415 - most never save
            saved_settings,
        )

        explicit = self.model_fields_set
        names = explicit | self._from_environment - self._overruled
        fields = type(self).model_fields
        given = {name: getattr(self, name) for name in fields if name in names}
        if not (self.metadata or {}).keys() - {"lc_versions"}:
            given.pop("metadata", None)
        return saved_settings(given, explicit, self._secret_names)

    @property
    def _overruled(self) -> frozenset[str]:
        """Settings of the environment that do not count beside those that were passed."""
        return frozenset()

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Say that LangChain's `dumps` works."""
        return True

    def to_json(self) -> SerializedConstructor | SerializedNotImplemented:
        """Return the form that LangChain's `dumps` writes: settings, and references to secrets."""
        formatter = getattr(self, "content_formatter", None)
        try:
            settings = self._saved().settings
        except ConfigurationError:  # tracing must not fail for a formatter nobody registered
            return to_json_not_implemented(self)
        if formatter is None:
            settings.pop("content_formatter", None)
        settings = {name: value for name, value in settings.items() if value is not None}
        secrets = {name: _reference(variable) for name, variable in self._secrets_in_use.items()}
        return {
            "lc": 1,
            "type": "constructor",
            "id": self.lc_id(),
            "kwargs": {**settings, **secrets},
        }

    @property
    @abstractmethod
    def _secrets_in_use(self) -> dict[str, str]:
        """The secret settings that are used, with the environment variable that may hold each."""

    # --- copied -----------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        for name in self.shared_resources:
            resource = getattr(self, name, None)
            memo.setdefault(id(resource), resource)
        memo[id(self._derived)] = {}
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Return what a pickle holds. Secrets of the environment stay: the child reads its own."""
        state = copy.copy(super().__getstate__())
        values = {name: value for name, value in state["__dict__"].items() if name != "_serialized"}
        for name in self.shared_resources:
            _refuse_unpicklable(name, values.get(name))
        known = self._from_environment
        stay = [
            n for n in known if n in _fields.HOLDS_SECRET or isinstance(values.get(n), SecretStr)
        ]
        state["__dict__"] = {**values, **dict.fromkeys(stay)}
        private = (state["__pydantic_private__"] or {}).items()
        stay = [*self.never_travel, KEPT]
        state["__pydantic_private__"] = {n: v for n, v in private if n not in stay}
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        known = self.__private_attributes__
        fresh = {name: _fresh(known[name]) for name in (*self.never_travel, KEPT)}
        object.__setattr__(self, "__pydantic_private__", fresh | state["__pydantic_private__"])
        for name in self._from_environment:
            if vars(self)[name] is None:
                field = type(self).model_fields[name]
                vars(self)[name] = _settings.value_of_environment(field, vars(self))

    # --- told apart -------------------------------------------------------------------------

    def asdict(self) -> dict[str, Any]:
        """Return what identifies this LLM and the call under way; caches and tracers use it."""
        call = _call_arguments.get()
        arguments = call[1] if call is not None and call[0] == id(self) else {}
        digests = {n: digest(arguments[n]) for n in _PRIVATE_ARGUMENTS & arguments.keys()}
        identity = {"settings_digest": self._settings_digest, **arguments, **digests}
        return {**super().asdict(), **identity}

    @property
    def _settings_digest(self) -> str:
        """A digest of every setting that changes answers: it tells LLMs apart, and no more."""
        values = vars(self)
        return digest(
            {name: values[name] for name in _fields.telling(type(self), *self.lc_secrets)}
        )

    def _dict_for_compat(self) -> dict[str, Any]:
        """Return `asdict`, without silencing a deprecated method of that purpose on the way.

        LangChain asks with every call, and the silence takes longer than the rest.
        """
        is_old = type(self).dict is not BaseLLM.dict  # a user's subclass has it
        return super()._dict_for_compat() if is_old else self.asdict()

    @property
    def _cache_in_use(self) -> BaseCache | None:
        if self.cache is None or self.cache is True:
            return get_llm_cache()
        return None if self.cache is False else self.cache

    def _refuse_settings(self, arguments: Mapping[str, Any]) -> None:
        """Refuse arguments of a call that are settings of the object: models do not know them.

        Raises:
            ConfigurationError: If there is one.
        """
        for name in _fields.settings_alone(type(self)).intersection(arguments):
            raise ConfigurationError(
                f"{name} is a setting of {type(self).__name__}, not an argument of a call: pass it "
                f"to the constructor; model_copy(update={{{name!r}: ...}}) makes another object."
            )

    def _calling(self, kwargs: Mapping[str, Any]) -> During[tuple[int, dict[str, Any]] | None]:
        """Make a call's own arguments count for the cache, which LangChain leaves out."""
        arguments = {name: kwargs[name] for name in kwargs if name not in RUN_ARGUMENTS}
        return During(_call_arguments, (id(self), arguments))


def private(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return a call's arguments with those that may be secret hidden from tracers and reports."""
    for name in _PRIVATE_ARGUMENTS & arguments.keys():
        value = arguments[name]
        if isinstance(value, Mapping) and not isinstance(value, Private):
            arguments = {**arguments, name: Private(value)}
    return arguments


def _fresh(attribute: ModelPrivateAttr) -> Any:
    """Return a private attribute's default; none of ours looks at other values."""
    if attribute.default_factory is None:
        return attribute.default
    return cast("Callable[[], Any]", attribute.default_factory)()


def _reference(variable: str) -> dict[str, Any]:
    return {"lc": 1, "type": "secret", "id": [variable]}


def _refuse_unpicklable(name: str, value: Any) -> None:
    try:
        pickle.dumps(value)
    except Exception as error:
        raise ConfigurationError(
            f"{name} cannot be pickled ({type(error).__name__}): make the LLM without it, and "
            "give the other process one of its own."
        ) from error
