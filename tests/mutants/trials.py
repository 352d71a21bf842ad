"""Trying a mutation: in a scratch copy of the repository, with tests in a process of their own."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutations import PACKAGE, Mutation

REPOSITORY = Path(__file__).parents[2]
SECONDS = 240
_COPIED = (PACKAGE, "tests", "docs", "pyproject.toml", "README.md", "Makefile")
_FAILED = re.compile(r"^FAILED (?:tests/unit_tests/)?(\S+)", re.M)
_TESTS_FAILED = 1
"""pytest's exit code for that; another one says that they could not even run."""
_WHICH = f"import {PACKAGE}; print({PACKAGE}.__file__)"


@dataclass(frozen=True)
class Trial:
    """What came of running the tests on a copy.

    Attributes:
        failed: The test that failed first; None if none did.
        broken: Why the tests could not run; None if they could.
        seconds: How long it took.
    """

    failed: str | None = None
    broken: str | None = None
    seconds: float = 0.0


def tried(mutation: Mutation) -> Trial:
    """Break a copy, and run the mutation's tests there."""
    with scratch_copy() as root:
        mutation.apply(root)
        return run(root, mutation.targets)


def tried_unbroken(mutations: Sequence[Mutation]) -> Trial:
    """Run all their tests on a copy as it is: what fails there says nothing of a mutation."""
    with scratch_copy() as root:
        targets = sorted({target for each in mutations for target in each.targets})
        return run(root, targets)


@contextmanager
def scratch_copy() -> Iterator[Path]:
    """Give a copy of what the unit tests read; the working tree is never touched."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        root = Path(folder)
        leave_out = shutil.ignore_patterns("__pycache__", "_build", "cassettes")
        for name in _COPIED:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=leave_out)
            else:
                shutil.copy(source, root / name)
        yield root


def run(root: Path, targets: Sequence[str]) -> Trial:
    """Run tests on a copy until one fails."""
    began = time.monotonic()
    options = ["-x", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"]
    try:
        if not _python(root, "-c", _WHICH).stdout.startswith(str(root)):
            return Trial(broken="The copy is not what Python imports.")
        done = _python(root, "-m", "pytest", *options, *targets)
    except subprocess.TimeoutExpired:
        return Trial(broken=f"The tests did not end within {SECONDS} s.")
    seconds = time.monotonic() - began
    found = _FAILED.search(done.stdout)
    if done.returncode == _TESTS_FAILED and found is not None:
        return Trial(failed=found[1], seconds=seconds)
    broken = f"exit code {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return Trial(broken=broken if done.returncode else None, seconds=seconds)


def _python(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
