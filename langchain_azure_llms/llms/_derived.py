"""What follows from an LLM's settings: worked out once, and again when one is assigned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

ValueT = TypeVar("ValueT")
OURS = "langchain_azure_llms."
"""How the names of this package's modules begin."""
KEPT = "_derived"
"""The private attribute that holds what was worked out: a dict, replaced by each assignment."""


class Derived(Generic[ValueT]):
    """A property whose value is kept until a setting of its object is assigned.

    For what follows from settings that can only be replaced as a whole; not from what can change
    within, such as a dict of parameters. In a user's subclass nothing is kept: there, settings may
    be properties that change by themselves.
    """

    def __init__(self, work: Callable[[Any], ValueT]) -> None:
        self._work = work
        self.__doc__ = work.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, llm: None, owner: type) -> Derived[ValueT]: ...
    @overload
    def __get__(self, llm: Any, owner: type) -> ValueT: ...
    def __get__(self, llm: Any, owner: type) -> Derived[ValueT] | ValueT:
        if llm is None:
            return self
        if not type(llm).__module__.startswith(OURS):
            return self._work(llm)
        # The dict of this moment: a value of settings that another thread replaces meanwhile is
        # kept in one that nobody will look at.
        kept: dict[str, ValueT] = llm.__pydantic_private__[KEPT]
        if self._name not in kept:
            kept[self._name] = self._work(llm)
        return kept[self._name]
