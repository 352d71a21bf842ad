"""The hook into LangChain's loaders where only one of the two packages is installed."""

import sys
import warnings

import pytest

from langchain_azure_llms import loading

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is sunset, and says so
    import langchain_community.llms.loading  # noqa: F401 - found in sys.modules


def test_without_classic_the_communitys_loader_is_hooked_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is said of the missing one."""
    for name in [name for name in sys.modules if name.startswith("langchain_classic")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "langchain_classic", None)
    monkeypatch.setitem(sys.modules, "langchain_classic.llms", None)
    loading.register_with_langchain()
    try:
        hooked = {name for name, _ in loading._originals}
    finally:
        loading.unregister_with_langchain()
    assert hooked == {"langchain_community.llms", "langchain_community.llms.loading"}
