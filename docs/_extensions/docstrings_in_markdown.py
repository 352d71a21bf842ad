"""Docstrings here are plain text with Markdown's code; autodoc expects reStructuredText."""
# ruff: noqa: INP001 - a folder of pages, not a package

import re
from typing import Any

from sphinx.application import Sphinx

_FENCE = re.compile(r"( *)```(\w*)$")
_CODE = re.compile(r"(?<![`:])`([^`]+)`(?=(\w?))")
_ATTRIBUTES = frozenset({"attribute", "data", "property"})
_SETTINGS_BEGIN = "Where to send it, and who sends it:"
_SETTINGS_END = "Raises:"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the translation, before that of Google's sections."""
    app.connect("autodoc-process-docstring", _translate, priority=100)
    app.connect("autodoc-process-signature", _without_signature)
    return {"parallel_read_safe": True}


def _translate(
    _app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    blocks = with_code_blocks(with_fences(without_settings(lines)))
    # Google's style allows "type: description" as an attribute's first line. Ours are sentences,
    # and an empty comment before them says so.
    before = ["..", ""] if what in _ATTRIBUTES else []
    lines[:] = before + [with_literals(line) for line in blocks]


def _without_signature(
    _app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, args: Any, _returns: Any
) -> tuple[str, None] | None:
    """Say nothing of how errors are made: that is not for users, and fills pages."""
    return ("", None) if what == "exception" and args else None


def without_settings(lines: list[str]) -> list[str]:
    """Return an LLM's docstring without its list of settings: the page lists them itself."""
    if _SETTINGS_BEGIN not in lines:
        return lines
    begin = lines.index(_SETTINGS_BEGIN)
    return lines[:begin] + lines[lines.index(_SETTINGS_END, begin) :]


def with_fences(lines: list[str]) -> list[str]:
    """Return the lines with fenced blocks as directives."""
    translated: list[str] = []
    inside = False
    for line in lines:
        fence = _FENCE.match(line)
        if fence is None:
            translated.append(f"    {line}" if inside and line else line)
            continue
        inside = not inside
        translated += [f"{fence[1]}.. code-block:: {fence[2]}", ""] if inside else [""]
    return translated


def with_literals(line: str) -> str:
    """Return a line with its code in two backquotes; a letter may follow it."""
    return _CODE.sub(lambda found: f"``{found[1].strip()}``" + ("\\ " if found[2] else ""), line)


def with_code_blocks(lines: list[str]) -> list[str]:
    """Return the lines with indented blocks behind a colon as literal ones."""
    return [
        f"{line}:" if _begins_block(lines, number) else line for number, line in enumerate(lines)
    ]


def _begins_block(lines: list[str], number: int) -> bool:
    line, following = lines[number], lines[number + 1 : number + 3]
    if not line.endswith(":") or line.endswith("::") or len(following) < 2 or following[0]:
        return False
    return following[1].startswith(" " * (_indentation(line) + 4))


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())
