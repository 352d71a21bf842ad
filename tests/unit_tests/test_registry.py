"""Names for classes, as saved files hold them."""

import pytest

from langchain_azure_llms._registry import Registry
from langchain_azure_llms.exceptions import ConfigurationError, UnknownTypeError


class _Base:
    pass


class _One(_Base):
    pass


class _Two(_Base):
    pass


@pytest.fixture
def registry() -> Registry[type[_Base]]:
    """A registry with one class."""
    made: Registry[type[_Base]] = Registry("thing", _Base, "register_thing(name, cls)")
    made.register("one", _One)
    return made


def test_a_class_is_found_by_its_name_and_a_name_by_its_class(
    registry: Registry[type[_Base]],
) -> None:
    """A class that is not registered has no name."""
    assert _One is registry.get("one")
    assert ["one", None] == [registry.name_of(_One), registry.name_of(_Two)]


def test_registering_again_changes_nothing(registry: Registry[type[_Base]]) -> None:
    """The same class under the same name, as when a module is imported twice."""
    registry.register("one", _One)
    assert ["one"] == registry.names


def test_a_name_is_not_given_to_a_second_class(registry: Registry[type[_Base]]) -> None:
    """The error says which class has it."""
    with pytest.raises(ConfigurationError, match="names the thing _One already"):
        registry.register("one", _Two)


@pytest.mark.parametrize(("name", "cls"), [("", _Two), (7, _Two), ("two", int), ("two", _Two())])
def test_only_classes_derived_from_the_base_are_registered(
    registry: Registry[type[_Base]], name: object, cls: object
) -> None:
    """And only under names that are text."""
    with pytest.raises(ConfigurationError):
        registry.register(name, cls)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "hint"), [("oen", "Did you mean 'one'"), (None, "Registered: one")]
)
def test_the_error_of_an_unknown_name_helps(
    registry: Registry[type[_Base]], name: object, hint: str
) -> None:
    """It says which name is similar, which there are, and how to register another."""
    with pytest.raises(UnknownTypeError) as raised:
        registry.get(name)
    assert hint in str(raised.value)
    assert "register_thing(name, cls)" in str(raised.value)
