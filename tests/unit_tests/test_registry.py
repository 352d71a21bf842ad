"""Names for classes."""

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


def test_a_name_leads_to_its_class_and_back(registry: Registry[type[_Base]]) -> None:
    """Subclasses are not their base."""
    assert (registry.get("one"), registry.name_of(_One), registry.name_of(_Two)) == (
        _One,
        "one",
        None,
    )


def test_registering_again_changes_nothing(registry: Registry[type[_Base]]) -> None:
    """The same class under the same name, as when a module is imported twice."""
    registry.register("one", _One)
    assert registry.names == ["one"]


def test_a_name_is_never_taken_over(registry: Registry[type[_Base]]) -> None:
    """The error says whose it is."""
    with pytest.raises(ConfigurationError, match="names the thing _One already"):
        registry.register("one", _Two)


@pytest.mark.parametrize(("name", "cls"), [("", _Two), (7, _Two), ("two", int), ("two", _Two())])
def test_only_classes_of_the_kind_get_names(
    registry: Registry[type[_Base]], name: object, cls: object
) -> None:
    """Names are texts, classes derive from the base."""
    with pytest.raises(ConfigurationError):
        registry.register(name, cls)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "hint"), [("oen", "Did you mean 'one'"), (None, "Registered: one")]
)
def test_an_unknown_name_teaches(registry: Registry[type[_Base]], name: object, hint: str) -> None:
    """What is near, what there is, and how to add one."""
    with pytest.raises(UnknownTypeError) as raised:
        registry.get(name)
    assert hint in str(raised.value)
    assert "register_thing(name, cls)" in str(raised.value)
