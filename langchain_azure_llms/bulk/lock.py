"""A lock on an output file: two jobs would write the same records twice."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

from langchain_azure_llms.exceptions import ConfigurationError


class FileLock:
    """A lock that its process holds; it ends with the process, however that ends.

    Args:
        path: The file to lock. The lock is on another one beside it, which stays.

    Raises:
        ConfigurationError: If another process, or another job of this one, holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f".{path.name}.lock")
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._file)
        except OSError:
            os.close(self._file)
            raise ConfigurationError(
                f"Another job writes to {path}: wait for its end, or name another output."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._file)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
