"""Formatters by name, and as the mappings that files hold."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from langchain_azure_llms import ContentFormatterBase, DollyContentFormatter, GPT2ContentFormatter
from langchain_azure_llms.exceptions import ConfigurationError, LoadError, UnknownTypeError
from langchain_azure_llms.formatters.registry import (
    formatter_config,
    formatter_from_config,
    register_content_formatter,
)


@dataclass
class _Settings(ContentFormatterBase):
    prefix: str = ""
    keys: tuple[str, ...] = ()
    names: frozenset[str] = field(default_factory=frozenset)


class _WithState(ContentFormatterBase):
    def __init__(self, prefix: str) -> None:
        self.prefix = prefix


class _Configurable(_WithState):
    def to_config(self) -> dict[str, Any]:
        return {"the_prefix": self.prefix}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "_Configurable":
        return cls(config["the_prefix"])


for _name, _cls in {
    "test_settings": _Settings,
    "test_with_state": _WithState,
    "test_configurable": _Configurable,
}.items():
    register_content_formatter(_name, _cls)


@pytest.mark.parametrize(
    ("formatter", "config"),
    [
        (DollyContentFormatter(), {"_type": "dolly"}),
        (
            _Settings("a"),
            {"_type": "test_settings", "prefix": "a", "keys": (), "names": frozenset()},
        ),
        (_Configurable("a"), {"_type": "test_configurable", "the_prefix": "a"}),
    ],
)
def test_a_formatter_becomes_a_mapping_and_back(
    formatter: ContentFormatterBase, config: dict[str, Any]
) -> None:
    """By dataclass fields, or by `to_config` and `from_config`."""
    assert config == formatter_config(formatter)
    assert formatter == formatter_from_config(config)


def test_lists_of_a_file_become_the_declared_types() -> None:
    """JSON and YAML have lists only."""
    config = {"_type": "test_settings", "keys": ["a"], "names": ["b"]}
    assert _Settings(keys=("a",), names=frozenset("b")) == formatter_from_config(config)


def test_a_formatter_without_a_name_cannot_be_saved() -> None:
    """The error says how to register it; a subclass is not its base."""

    class Unregistered(GPT2ContentFormatter):
        pass

    hint = r'register_content_formatter\("Unregistered", Unregistered\)'
    with pytest.raises(ConfigurationError, match=hint):
        formatter_config(Unregistered())


def test_state_that_would_be_lost_is_refused() -> None:
    """The error names it."""
    with pytest.raises(ConfigurationError, match=r"state that would be lost \(prefix\)"):
        formatter_config(_WithState("a"))


def test_an_unknown_name_is_an_error_that_suggests_the_nearest() -> None:
    """Import paths are unknown names too."""
    with pytest.raises(UnknownTypeError, match="Did you mean 'dolly'"):
        formatter_from_config({"_type": "doly"})


@pytest.mark.parametrize(
    "config", [{"_type": "dolly", "odd": 1}, {"_type": "test_with_state", "prefixes": "a"}]
)
def test_settings_that_do_not_fit_are_an_error(config: dict[str, Any]) -> None:
    """Not a `TypeError`."""
    with pytest.raises(LoadError, match=f"The content formatter {config['_type']!r}:"):
        formatter_from_config(config)
