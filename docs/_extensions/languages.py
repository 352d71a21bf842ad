"""The language of a page, which its name ends with: `azure_openai.ko` is Korean."""
# ruff: noqa: INP001 - a folder of pages, not a package

from typing import Any

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what tells browsers and screen readers the language."""
    app.connect("html-page-context", _set_language)
    return {"parallel_read_safe": True}


def _set_language(
    _app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    _, dot, language = page.rpartition("/")[2].partition(".")
    if dot:
        context["language"] = language
