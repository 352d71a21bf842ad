"""The test of the distributions itself: it notices what does not belong there, and what lacks."""

import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wheel import contents
from tests.wheel.__main__ import Row, _report, main
from tests.wheel.contents import PACKAGE

_PROJECT = """
[project]
name = "langchain-azure-llms"
version = "1.2.3"
description = "A package"
license = "MIT"
requires-python = ">=3.11"
classifiers = ["Typing :: Typed"]
dependencies = ["pyyaml>=6.0"]
[project.optional-dependencies]
entra = ["azure-identity"]
"""
_METADATA = """Metadata-Version: 2.4
Name: langchain-azure-llms
Version: 1.2.3
Summary: A package
License-Expression: MIT
Classifier: Typing :: Typed
Requires-Python: >=3.11
Requires-Dist: pyyaml>=6.0
Provides-Extra: entra
Requires-Dist: azure-identity; extra == 'entra'
Description-Content-Type: text/markdown

# langchain-azure-llms
"""
_INFO = f"{PACKAGE}-1.2.3.dist-info"
_FILES = {
    f"{PACKAGE}/__init__.py": "",
    f"{PACKAGE}/py.typed": "",
    f"{_INFO}/METADATA": _METADATA,
    f"{_INFO}/licenses/LICENSE": "",
}
_SOURCES = (
    ".gitignore",
    "LICENSE",
    "Makefile",
    "PKG-INFO",
    "README.md",
    "docs/index.md",
    f"{PACKAGE}/__init__.py",
    "pyproject.toml",
    "tests/test_it.py",
)
Files = dict[str, str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What the wheel is to be built from."""
    (tmp_path / "pyproject.toml").write_text(_PROJECT)
    (tmp_path / PACKAGE).mkdir()
    for name in ("__init__.py", "py.typed"):
        (tmp_path / PACKAGE / name).touch()
    return tmp_path


def _wheel(folder: Path, files: Files, name: str = f"{PACKAGE}-1.2.3-py3-none-any.whl") -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return folder / name


def _with(more: Files) -> Callable[[Files], Files]:
    return lambda files: {**files, **more}


def _without(name: str) -> Callable[[Files], Files]:
    return lambda files: {file: text for file, text in files.items() if file != name}


def _saying(old: str, new: str) -> Callable[[Files], Files]:
    return _with({f"{_INFO}/METADATA": _METADATA.replace(old, new)})


def test_a_wheel_as_it_should_be_has_no_problem(repository: Path) -> None:
    """Neither with its contents nor with its metadata."""
    assert list(contents.problems_of_wheel(_wheel(repository, _FILES), repository)) == []


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_with({"tests/test_it.py": ""}), "tests/test_it.py does not belong into a wheel"),
        (_with({"docs/index.md": ""}), "docs/index.md does not belong into a wheel"),
        (_with({f"{PACKAGE}/__pycache__/a.pyc": ""}), "left over from work"),
        (_with({f"{PACKAGE}/weights.py": "1" * 200_000}), "has 200000 bytes"),
        (_without(f"{PACKAGE}/py.typed"), "py.typed is missing"),
        (_without(f"{PACKAGE}/__init__.py"), "__init__.py is missing"),
        (_without(f"{_INFO}/licenses/LICENSE"), "the licence is missing"),
        (_saying("Version: 1.2.3", "Version: 1.2.4"), "Version is ['1.2.4'], expected ['1.2.3']"),
        (_saying(">=3.11", ">=3.9"), "Requires-Python is ['>=3.9']"),
        (_saying("Provides-Extra: entra\n", ""), "Provides-Extra is None, expected ['entra']"),
        (_saying("Provides-Extra", "Requires-Dist: tqdm\nProvides-Extra"), "are required"),
        (_saying("# langchain-azure-llms", ""), "the description is not the README"),
    ],
)
def test_what_is_wrong_with_a_wheel_is_reported(
    repository: Path, spoil: Callable[[Files], Files], expected: str
) -> None:
    """Once, and nothing else."""
    (problem,) = contents.problems_of_wheel(_wheel(repository, spoil(_FILES)), repository)
    assert expected in problem


def test_a_wheel_of_one_platform_is_refused(repository: Path) -> None:
    """By its name."""
    wheel = _wheel(repository, _FILES, f"{PACKAGE}-1.2.3-cp311-cp311-linux_x86_64.whl")
    (problem,) = contents.problems_of_wheel(wheel, repository)
    assert "is not for every platform" in problem


def _source(folder: Path, *names: str) -> Path:
    path = folder / f"{PACKAGE}-1.2.3.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(f"{PACKAGE}-1.2.3/{name}"), io.BytesIO())
    return path


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (_SOURCES, []),
        (_SOURCES[1:], [".gitignore is missing"]),
        ((*_SOURCES, "secrets/key"), ["secrets does not belong there"]),
        ((*_SOURCES, "tests/a.pyc"), ["tests/a.pyc is left over from work"]),
    ],
)
def test_what_is_wrong_with_a_source_distribution_is_reported(
    tmp_path: Path, names: tuple[str, ...], expected: list[str]
) -> None:
    """What is too much, and what lacks."""
    assert list(contents.problems_of_source(_source(tmp_path, *names))) == expected


def test_the_probe_sees_that_this_is_no_installed_wheel() -> None:
    """Here the package is the repository's own, and every extra is there."""
    probe = Path(__file__).with_name("probe.py")
    done = subprocess.run(
        [sys.executable, probe, "0.0.0"], capture_output=True, text=True, check=True, timeout=60
    )
    problems = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert problems["the_package_is_the_installed_one"].startswith("AssertionError")
    assert problems["aiohttp_is_the_engine_or_is_not_needed"].startswith("AssertionError")
    assert problems["local_endpoints_serve_or_are_named"].startswith("AssertionError")
    assert problems["the_migration_rewrites_or_names_its_extra"].startswith("AssertionError")
    assert problems["tiktoken_counts_or_is_named"]
    assert problems["both_classes_answer_in_every_way"]
    assert not problems["every_public_name_can_be_imported"]


def test_a_tag_of_another_version_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is built or installed."""
    monkeypatch.setattr(sys, "argv", ["wheel", "--tag", "v0.0.0"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "The tag is 'v0.0.0'" in capsys.readouterr().err


@pytest.mark.parametrize(("problem", "code"), [("", 0), ("it is torn", 1)])
def test_the_table_tells_each_problem(
    problem: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the exit code whether there was one."""
    assert _report([Row("here", "a check", problem), Row("here", "another")]) == code
    shown = capsys.readouterr().out
    assert problem in shown
    assert shown.count("FAILED") == code
