"""`python -m langchain_azure_llms.migrate PATH... [--write]`: take LangChain's names from here.

Prints what would change as a diff, then what needs a look. Without `--write` no file is changed.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_azure_llms._install import install_command

if TYPE_CHECKING:
    from langchain_azure_llms.migrate._files import Changed

_RED, _GREEN, _PLAIN = "\033[31m", "\033[32m", "\033[0m"
_COLOURS = {"-": _RED, "+": _GREEN}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 when all files could be read, 1 when one could not, 2 when nothing was done.
    """
    options = _parser().parse_args(arguments)
    try:
        from langchain_azure_llms.migrate import _files  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        hint = install_command("migrate")
        return _fail(f"It needs an extra ({error.name} is missing): {hint}.", 2)
    try:
        paths = _files.find(options.path)
    except _files.FileError as error:
        return _fail(str(error), 2)
    found, code = [], 0
    for path in paths:
        try:
            found.append(_files.changed(path))
        except _files.FileError as error:
            code = _fail(str(error), 1)
    _report(found, len(paths), is_written=options.write)
    if options.write:
        for one in found:
            if one.diff:
                one.path.write_bytes(one.content)
    return code


def _report(found: Sequence["Changed"], files: int, *, is_written: bool) -> None:
    changed = [one for one in found if one.diff]
    for one in changed:
        _print(one.diff)
    notes = [note for one in found for note in _notes(one, found)]
    if notes:
        _print(["", "Needs a look:", *(f"  {where}: {text}" for where, text in notes)])
    if not changed:
        end = "Nothing to change."
    elif is_written:
        end = "Written."
    else:
        end = "Nothing was written: add --write."
    count = f"{len(changed)} of {files} files {'changed' if is_written else 'would change'}"
    _print(["", f"{count}, {len(notes)} places need a look. {end}"])


def _notes(one: "Changed", found: Sequence["Changed"]) -> list[tuple[str, str]]:
    """Return a file's notes; without LLMs in any file, errors of openai are none of ours."""
    is_concerned = any(other.uses_ours for other in found)
    return [*one.notes, *(one.elsewhere if is_concerned else [])]


def _print(lines: Iterable[str]) -> None:
    is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in lines:
        colour = _COLOURS.get(line[:1]) if is_coloured else None
        print(f"{colour}{line}{_PLAIN}" if colour else line)


def _fail(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m langchain_azure_llms.migrate",
        description="Import LangChain's Azure LLMs from langchain_azure_llms: shows a diff of "
        "Python files and notebooks, and what needs a look.",
    )
    parser.add_argument("path", nargs="+", type=Path, help="files, and folders to search")
    parser.add_argument("--write", action="store_true", help="change the files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
