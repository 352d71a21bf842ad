"""The code of a Jupyter notebook as one module, and back.

Cells share their names, so they are rewritten together. Lines that IPython alone understands are
replaced by placeholders meanwhile.
"""

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

_CELL = "langchain_azure_llms_cell_{}"
_LINE = "langchain_azure_llms_line_{}"
_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
_AROUND_PYTHON = frozenset({"capture", "prun", "time", "timeit"})
"""Cell magics whose cell is Python."""
_LINE_MAGIC = re.compile(
    r"""^([ \t]*)                                           # kept in front of the placeholder
    ((?:[\w,\ ]+=[ \t]*)?[%!](?:[^\n]*\\\n)*[^\n]*          # %magic, !command, name = !command
    |\?[^\n]*|[^\n#'"]*\?                                   # ?help, help?
    |<!--[^\n]*-->)[ \t]*$                                  # in code of LangChain's pages
    """,
    re.M | re.X,
)
_INSTALLS = re.compile(
    r"^\s*[%!]\s*(?:uv\s+)?pip3?\s+install\b.*\blangchain[-_](?:community|openai)", re.M
)


class NotebookError(ValueError):
    """A file is no notebook of Jupyter's format 4."""


@dataclass
class Notebook:
    """A notebook's Python cells.

    Attributes:
        code: All of them as one module, each followed by a line that ends it.
        installs: The numbers, from 1, of cells that install LangChain's packages.
        unread: The numbers of cells that name LangChain, and are not Python.
    """

    text: str
    code: str = field(init=False)
    installs: list[int] = field(init=False, default_factory=list)
    unread: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._document = _document(self.text)
        self._masked: dict[str, str] = {}
        self._cells: list[int] = []
        self._starts: list[int] = []
        parts: list[str] = []
        line = 1
        for index, cell in enumerate(self._document["cells"]):
            code = self._code_of(index, cell)
            if code is not None:
                parts.append(f"{code}\n{_CELL.format(index)}\n")
                self._cells.append(index)
                self._starts.append(line)
                line += parts[-1].count("\n")
        self.code = "".join(parts)

    def place(self, line: int) -> str:
        """Return which cell, and which of its lines, a line of the code is."""
        number = bisect_right(self._starts, line) - 1
        return f"cell {self._cells[number] + 1}, line {line - self._starts[number] + 1}"

    def sources(self, code: str) -> dict[int, str]:
        """Return the source of each cell, by its number from 1."""
        found = {}
        for index in self._cells:
            source, _, code = code.partition(f"\n{_CELL.format(index)}\n")
            for placeholder, original in self._masked.items():
                source = source.replace(placeholder, original)
            found[index + 1] = source
        return found

    def with_code(self, code: str) -> str:
        """Return the notebook's file with other code; all else stays as it is."""
        before = self.sources(self.code)
        document = json.loads(self.text)
        for number, source in self.sources(code).items():
            if source != before[number]:
                cell = document["cells"][number - 1]
                lines = source.splitlines(keepends=True)
                cell["source"] = lines if isinstance(cell["source"], list) else source
        return _dumped(document, self.text, self._document)

    def _code_of(self, index: int, cell: dict[str, Any]) -> str | None:
        """Return a cell's Python; None for text, and for what is not Python."""
        if cell.get("cell_type") != "code":
            return None
        source = _text(cell)
        if _INSTALLS.search(source):
            self.installs.append(index + 1)
        magic = _CELL_MAGIC.match(source)
        if magic and magic[1] not in _AROUND_PYTHON:
            return None
        for code in (source, _LINE_MAGIC.sub(self._mask, source)):
            if _is_python(code):
                return code
        if "langchain" in source:
            self.unread.append(index + 1)
        return None

    def _mask(self, found: re.Match[str]) -> str:
        lines = found[0].count("\n")
        placeholder = _LINE.format(f"{len(self._masked)}_") + "\n" * lines
        self._masked[placeholder] = found[0].removeprefix(found[1])
        return found[1] + placeholder


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
        cells = document["cells"]
        _ = [_text(cell) for cell in cells]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotebookError("It is no notebook of Jupyter's format 4.") from error
    metadata = document.get("metadata", {})
    language = metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise NotebookError(f"Its language is {language}.")
    return dict(document)


def _text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def _is_python(code: str) -> bool:
    try:
        cst.parse_module(code)
    except cst.ParserSyntaxError:
        return False
    return True


def _dumped(document: Any, text: str, original: Any) -> str:
    """Return JSON in the layout that the file has; else in the one that Jupyter writes."""
    ends = text[len(text.rstrip()) :]
    for indent in (1, 2, 4, None):
        for ascii_only in (False, True):
            if json.dumps(original, indent=indent, ensure_ascii=ascii_only) + ends == text:
                return json.dumps(document, indent=indent, ensure_ascii=ascii_only) + ends
    return json.dumps(document, indent=1, ensure_ascii=False) + ends
