"""Signatures name classes by the module that holds them; pages show them by their public name."""
# ruff: noqa: INP001 - a folder of pages, not a package

from typing import Any

from docutils.nodes import Element
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

_PUBLIC = (
    "langchain_azure_llms",
    "langchain_azure_llms.bulk",
    "langchain_azure_llms.exceptions",
    "langchain_azure_llms.local",
)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the look-up of what Sphinx itself does not find."""
    app.connect("missing-reference", _found)
    return {"parallel_read_safe": True}


def _found(
    app: Sphinx, environment: BuildEnvironment, node: Element, content: Element
) -> Element | None:
    if node.get("refdomain") != "py":
        return None
    domain: Any = environment.get_domain("py")
    name = node["reftarget"].rpartition(".")[2]
    for module in _PUBLIC:
        if f"{module}.{name}" in domain.objects:
            found = domain.resolve_xref(
                environment, node["refdoc"], app.builder, "obj", f"{module}.{name}", node, content
            )
            return found if isinstance(found, Element) else None
    return None
