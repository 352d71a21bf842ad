"""Clean environments made from the package index, and processes that run in them."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 600
_ENDING_SECONDS = 20
_KEPT = ("HOME", "LANG", "PATH", "TMPDIR", "SYSTEMROOT", "XDG_CACHE_HOME")
"""Of the developer's own environment, nothing else reaches what is tried."""
ENTRA_TOKEN = "entra-token"
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and the empty folder that its processes run in."""

    folder: Path
    python: Path

    def run(self, *arguments: str | Path, **variables: str) -> Done:
        """Run its Python, isolated from the working folder and the user's own packages."""
        return subprocess.run(
            [self.python, "-I", *arguments],
            cwd=self.folder,
            env={**_kept(), **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )


def make(folder: Path, what: Sequence[str | Path]) -> Environment:
    """Make an environment of what is to be installed.

    Raises:
        subprocess.CalledProcessError: If it cannot be installed; the installer says why.
    """
    folder.mkdir()
    _uv("venv", "--python", sys.executable, folder / "venv")
    scripts = "Scripts" if sys.platform == "win32" else "bin"
    made = Environment(folder, folder / "venv" / scripts / "python")
    add(made, what)
    return made


def add(environment: Environment, what: Sequence[str | Path]) -> None:
    """Install more into an environment.

    Raises:
        subprocess.CalledProcessError: If it cannot be installed; the installer says why.
    """
    _uv("pip", "install", "--python", environment.python, *what)


@contextmanager
def endpoints(environment: Environment) -> Iterator[Mapping[str, str]]:
    """Run the installed command that serves local endpoints; give the variables it prints."""
    serve = ["-I", "-m", "langchain_azure_llms.local", "--engine", "echo", "--token", ENTRA_TOKEN]
    with subprocess.Popen(
        [environment.python, *serve],
        cwd=environment.folder,
        env=_kept(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(5)]
            yield dict(shlex.split(line)[1].split("=", 1) for line in lines)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _kept() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def _uv(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", "--quiet", *arguments], check=True)
