"""`settings`: a directive that lists what the constructor of an LLM class takes."""
# ruff: noqa: INP001 - a folder of pages, not a package

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from langchain_core.language_models.llms import BaseLLM
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import stringify_annotation

import langchain_azure_llms
from docs._extensions.docstrings_in_markdown import with_literals


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("settings", Settings)
    return {"parallel_read_safe": True}


class Settings(SphinxDirective):
    """Lists the settings of the class that its argument names."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the settings as attributes of the class, as `autoclass` would show them."""
        name = self.arguments[0]
        lines = StringList(list(listed(getattr(langchain_azure_llms, name))), f"settings of {name}")
        container = nodes.container(classes=["settings"])
        self.state.nested_parse(lines, self.content_offset, container)
        return list(container.children)


def listed(cls: type[BaseLLM]) -> Iterator[str]:
    """Yield the lines that document the settings of a class."""
    for name in own_settings(cls):
        field = cls.model_fields[name]
        annotation = stringify_annotation(field.annotation, "smart")
        yield f".. py:attribute:: {langchain_azure_llms.__name__}.{cls.__name__}.{name}"
        yield f"   :type: {annotation}"
        yield ""
        yield from (f"   {with_literals(line)}" for line in documentation(cls, name))
        yield ""
        yield f"   {with_literals(beside(field))}"
        yield ""


def own_settings(cls: type[BaseLLM]) -> list[str]:
    """Return the names of a class's settings, its own before its base's, LangChain's not at all."""
    names = [name for base in cls.__mro__ if _is_ours(base) for name in base.__annotations__]
    return [name for name in dict.fromkeys(names) if name in cls.model_fields]


def documentation(cls: type[BaseLLM], name: str) -> list[str]:
    """Return the lines that stand below a setting in the code.

    Raises:
        LookupError: If there are none.
    """
    for base in filter(_is_ours, cls.__mro__):
        documented = ModuleAnalyzer.for_module(base.__module__).find_attr_docs()
        if found := documented.get((base.__name__, name)):
            return list(found)
    raise LookupError(f"{cls.__name__}.{name} has no documentation.")


def beside(field: FieldInfo) -> str:
    """Return what the code says of a setting beside its documentation."""
    parts = [f"Also given as `{field.alias}`."] if field.alias else []
    default: Any = field.default
    if default is not PydanticUndefined and default is not None:
        parts.append(f"Default: `{default!r}`.")
    return " ".join(parts)


def _is_ours(base: type) -> bool:
    package = langchain_azure_llms.__name__
    return base.__module__.startswith(package) and "__annotations__" in vars(base)
