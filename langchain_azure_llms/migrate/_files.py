"""Files that are migrated: which there are, what they hold, and how they differ afterwards."""

import difflib
import os
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import libcst as cst

from langchain_azure_llms.migrate._notebook import Notebook
from langchain_azure_llms.migrate._rewrite import Migration, migrate

SUFFIXES = (".ipynb", ".py")
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages"})


class FileError(Exception):
    """A file cannot be migrated; the text says why."""


@dataclass(frozen=True)
class Changed:
    """What becomes of one file.

    Attributes:
        path: The file.
        diff: The lines that differ; none where nothing does.
        content: What is to be written.
        notes: What needs a look: where, and what.
        elsewhere: The same, where only another file uses the LLM classes.
        uses_ours: Whether the file uses them.
    """

    path: Path
    diff: list[str]
    content: bytes
    notes: list[tuple[str, str]]
    elsewhere: list[tuple[str, str]]
    uses_ours: bool


def find(paths: Iterable[Path]) -> list[Path]:
    """Return the Python files and notebooks at some paths, each once.

    Hidden folders, virtual environments and installed packages are left out.

    Args:
        paths: Files, and folders to search.

    Raises:
        FileError: If a path does not exist, or is a file of another kind.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found |= dict.fromkeys(_walk(path))
        elif not path.exists():
            raise FileError(f"There is no {path}.")
        elif path.suffix not in SUFFIXES:
            raise FileError(f"{path} is neither a .py nor an .ipynb file.")
        else:
            found[path] = None
    return [*found]


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _LEFT_OUT
            and not name.startswith(".")
            and not Path(root, name, "pyvenv.cfg").exists()
        )
        yield from (Path(root, name) for name in sorted(files) if name.endswith(SUFFIXES))


def changed(path: Path) -> Changed:
    """Return what becomes of a file; it is read, and not written.

    Args:
        path: A Python file, or a notebook.

    Raises:
        FileError: If it cannot be read, or is not Python.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".ipynb":
            return _changed_notebook(path, Notebook(content.decode()))
        encoding, _ = tokenize.detect_encoding(BytesIO(content).readline)
        code = content.decode(encoding)
        migration = migrate(code)
    except cst.ParserSyntaxError as error:
        raise FileError(f"{path}:{error.editor_line}: It is not Python 3.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise FileError(f"{path}: {error}") from error
    diff = _diff(str(path), code, migration.code)
    where = {note.line: f"{path}:{note.line}" for note in migration.notes}
    return _of(path, migration, diff, migration.code.encode(encoding), where)


def _changed_notebook(path: Path, notebook: Notebook) -> Changed:
    migration = migrate(notebook.code)
    before, after = notebook.sources(notebook.code), notebook.sources(migration.code)
    diff = [
        line
        for number, source in before.items()
        for line in _diff(f"{path}, cell {number}", source, after[number])
    ]
    content = notebook.with_code(migration.code).encode() if diff else b""
    where = {note.line: f"{path}, {notebook.place(note.line)}" for note in migration.notes}
    found = _of(path, migration, diff, content, where)
    installs = notebook.installs if migration.uses_ours else []
    install, unread = (
        "Install langchain-azure-llms here, too.",
        "It is not Python: nothing changed.",
    )
    first = [(number, install) for number in installs]
    first += [(number, unread) for number in notebook.unread]
    found.notes[:0] = [(f"{path}, cell {number}", text) for number, text in first]
    return found


def _of(
    path: Path, migration: Migration, diff: list[str], content: bytes, where: dict[int, str]
) -> Changed:
    notes, elsewhere = (
        [(where[note.line], note.text) for note in migration.notes if note.elsewhere is kind]
        for kind in (False, True)
    )
    return Changed(path, diff, content, notes, elsewhere, migration.uses_ours)


def _diff(name: str, before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    return [line.rstrip("\r\n") for line in lines]
