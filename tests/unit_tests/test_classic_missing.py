"""The hook into LangChain's loaders where only one of the two packages is installed."""

import sys
import warnings
from types import ModuleType

import pytest

from langchain_azure_llms import loading

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is sunset, and says so
    import langchain_community.llms.loading  # noqa: F401 - found in sys.modules


def test_without_classic_the_communitys_loader_is_hooked_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is reported about the missing one."""
    modules = [sys.modules[f"langchain_community.{name}"] for name in ("llms", "llms.loading")]
    before = [_loaders(module) for module in modules]
    for name in [name for name in sys.modules if name.startswith("langchain_classic")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "langchain_classic", None)
    monkeypatch.setitem(sys.modules, "langchain_classic.llms", None)
    loading.register_with_langchain()
    try:
        hooked = [_loaders(module) for module in modules]
    finally:
        loading.unregister_with_langchain()
    assert [True, True] == [now != then for now, then in zip(hooked, before, strict=True)]
    assert before == [_loaders(module) for module in modules]


def _loaders(module: ModuleType) -> dict[str, object]:
    names = ("get_type_to_cls_dict", "load_llm_from_config")
    return {name: getattr(module, name) for name in names if hasattr(module, name)}
