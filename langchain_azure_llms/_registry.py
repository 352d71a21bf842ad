"""Names for classes: saved files hold these names, and never those of modules."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Generic, TypeVar

from langchain_azure_llms.exceptions import ConfigurationError, UnknownTypeError

ClassT = TypeVar("ClassT", bound=type)


class Registry(Generic[ClassT]):
    """Names for classes of one kind.

    Args:
        kind: What the classes are, for errors.
        base: What they must derive from.
        function: The public function that registers them, for errors.
    """

    def __init__(self, kind: str, base: ClassT, function: str) -> None:
        self._kind, self._base, self._function = kind, base, function
        self._classes: dict[str, ClassT] = {}

    def register(self, name: str, cls: ClassT) -> None:
        """Give a class a name.

        Raises:
            ConfigurationError: If the name is not text or names another class already, or the
                class is not of this kind.
        """
        if not isinstance(name, str) or not name.strip():
            raise ConfigurationError(f"A {self._kind} is registered by a name, not by {name!r}.")
        if not isinstance(cls, type) or not issubclass(cls, self._base):
            raise ConfigurationError(
                f"{cls!r} cannot be registered as {name!r}: a {self._kind} is a class derived from "
                f"{self._base.__name__}."
            )
        known = self._classes.setdefault(name, cls)
        if known is not cls:
            raise ConfigurationError(
                f"{name!r} names the {self._kind} {known.__name__} already: choose another name."
            )

    def get(self, name: object) -> ClassT:
        """Return the class of a name.

        Raises:
            UnknownTypeError: If nothing is registered under it; says what is.
        """
        if isinstance(name, str) and name in self._classes:
            return self._classes[name]
        close = get_close_matches(str(name), self._classes, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UnknownTypeError(
            f"No {self._kind} is registered as {name!r}.{hint} Registered: "
            f"{', '.join(sorted(self._classes))}; {self._function} adds one."
        )

    def name_of(self, cls: type) -> str | None:
        """Return the name that a class is registered under, or None."""
        return next((name for name, known in self._classes.items() if known is cls), None)

    @property
    def names(self) -> list[str]:
        """The registered names, sorted."""
        return sorted(self._classes)
