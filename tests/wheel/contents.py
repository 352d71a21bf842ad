"""What a wheel and a source distribution hold, and what their metadata say."""

import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath
from typing import Any

PACKAGE = "langchain_azure_llms"
_SOURCES = {
    ".gitignore",  # the build backend reads it
    "LICENSE",
    "Makefile",
    "PKG-INFO",
    "README.md",
    "docs",
    PACKAGE,
    "pyproject.toml",
    "tests",
}
_LEFTOVERS = ("__pycache__", ".pyc", ".pyo", ".so", ".orig", ".env")


def project(root: Path) -> dict[str, Any]:
    """Return what pyproject.toml says of the project."""
    table: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, Any] = table["project"]
    return found


def problems_of_wheel(wheel: Path, root: Path) -> Iterator[str]:
    """Return what is wrong with a wheel.

    Args:
        wheel: The file.
        root: The repository that it was built from.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        headers = HeaderParser().parsestr(archive.read(metadata).decode())
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    info = PurePosixPath(metadata).parts[0]
    for name in names:
        if PurePosixPath(name).parts[0] not in {PACKAGE, info}:
            yield f"{name} does not belong into a wheel"
    yield from _leftovers(names)
    expected = {path.relative_to(root).as_posix() for path in _sources(root / PACKAGE)}
    yield from (f"{name} is missing" for name in sorted(expected - set(names)))
    if f"{info}/licenses/LICENSE" not in names:
        yield "the licence is missing"
    if not wheel.name.endswith("-py3-none-any.whl"):
        yield f"{wheel.name} is not for every platform"
    yield from _problems_of_metadata(headers, project(root))
    yield from (f"{name} has {size} bytes" for name, size in sizes.items() if size > 100_000)


def problems_of_source(archive: Path) -> Iterator[str]:
    """Return what is wrong with a source distribution."""
    with tarfile.open(archive) as opened:
        names = [PurePosixPath(name).relative_to(_stem(archive)) for name in opened.getnames()]
    tops = {name.parts[0] for name in names if name.parts}
    yield from (f"{name} does not belong there" for name in sorted(tops - _SOURCES))
    yield from (f"{name} is missing" for name in sorted(_SOURCES - tops))
    yield from _leftovers([str(name) for name in names])


def _stem(archive: Path) -> str:
    return archive.name.removesuffix(".tar.gz")


def _sources(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix == ".py" or path.name == "py.typed")


def _leftovers(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if any(mark in name for mark in _LEFTOVERS):
            yield f"{name} is left over from work"


def _problems_of_metadata(headers: Message, declared: dict[str, Any]) -> Iterator[str]:
    """Compare a wheel's metadata with the project's."""
    expected = {
        "Name": [declared["name"]],
        "Version": [declared["version"]],
        "Summary": [declared["description"]],
        "Requires-Python": [declared["requires-python"]],
        "License-Expression": [declared["license"]],
        "Description-Content-Type": ["text/markdown"],
        "Provides-Extra": sorted(declared["optional-dependencies"]),
        "Classifier": sorted(declared["classifiers"]),
    }
    for name, values in expected.items():
        if sorted(headers.get_all(name, [])) != values:
            yield f"{name} is {headers.get_all(name)}, expected {values}"
    required = headers.get_all("Requires-Dist", [])
    at_all = sorted(one for one in required if "extra ==" not in one)
    if len(at_all) != len(declared["dependencies"]):
        yield f"{at_all} are required, expected {declared['dependencies']}"
    if not str(headers.get_payload()).startswith(f"# {declared['name']}"):
        yield "the description is not the README"
