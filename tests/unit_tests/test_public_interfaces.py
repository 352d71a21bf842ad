"""The package uses public interfaces of its dependencies alone.

A private name may change with any minor release. The syntax trees of all modules are searched for
attributes and imports that begin with an underscore and belong to somebody else.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import langchain_azure_llms

_PACKAGE = Path(langchain_azure_llms.__file__).parent
_MODULES = sorted(_PACKAGE.rglob("*.py"))
_HOOKS = frozenset(
    {
        "_add_version",
        "_agenerate",
        "_astream",
        "_generate",
        "_get_ls_params",
        "_identifying_params",
        "_llm_type",
        "_stream",
    }
)
"""What LangChain documents for those who write an LLM class."""
_DOCUMENTED = frozenset({"_asdict", "_fields", "_make", "_replace"})
"""Documented members of named tuples."""
_OWN = ("self", "cls", "super()")
_REFUSED_NAMES = ("__globals__", "__pydantic_", "_getframe")


def _our_names(trees: dict[Path, ast.Module]) -> set[str]:
    """Return the private names that the package defines itself."""
    names = {path.stem for path in trees}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names


_TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in _MODULES}
_OURS = _our_names(_TREES) - _HOOKS


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _problems(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            module = getattr(node, "module", None) or ""
            for alias in node.names:
                parts = f"{module}.{alias.name}".split(".")
                if parts[0] != "langchain_azure_llms" and any(map(_is_private, parts)):
                    yield f"line {node.lineno} imports {'.'.join(parts)}"
        elif isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            allowed = owner in _OWN or node.attr in _OURS | _HOOKS | _DOCUMENTED
            if _is_private(node.attr) and not allowed:
                yield f"line {node.lineno} uses {owner}.{node.attr}"
            if any(name in node.attr for name in _REFUSED_NAMES):
                yield f"line {node.lineno} uses {owner}.{node.attr}"
        elif isinstance(node, ast.Constant) and str(node.value).startswith(_REFUSED_NAMES):
            yield f"line {node.lineno} names {node.value!r}"


def _patches(tree: ast.Module) -> Iterator[str]:
    """Return where attributes of other modules' objects are replaced by name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) != "setattr":
            continue
        if ast.unparse(node.args[0]) not in {"llm", "self"}:
            yield f"line {node.lineno} sets an attribute of {ast.unparse(node.args[0])}"


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: str(path.relative_to(_PACKAGE)))
def test_no_private_name_of_a_dependency_is_used(path: Path) -> None:
    """Neither imported nor looked up."""
    assert list(_problems(_TREES[path])) == []


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: str(path.relative_to(_PACKAGE)))
def test_only_loading_replaces_attributes_of_other_modules(path: Path) -> None:
    """For LangChain's own `load_llm`, and only where the user asks for it."""
    if path.name != "loading.py":
        assert list(_patches(_TREES[path])) == []


@pytest.mark.parametrize(
    "code",
    [
        "from httpx2._client import BaseClient",
        "import asyncio\nasyncio._get_running_loop()",
        "client._mounts.clear()",
        "function.__globals__",
        "sys._getframe()",
        "llm.__pydantic_private__",
        "state['__pydantic_private__']",
    ],
)
def test_private_names_are_found(code: str) -> None:
    """The search itself finds what it is for."""
    assert list(_problems(ast.parse(code)))
