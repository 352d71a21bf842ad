"""`make wheel-test`: builds the package, installs it alone and with each extra, and uses it."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

from tests.wheel import contents, environments
from tests.wheel.environments import Environment

REPOSITORY = Path(__file__).parents[2]
_PROBE = Path(__file__).with_name("probe.py")
_EXAMPLES = REPOSITORY / "docs" / "examples"
_BESIDE = {"azure_ml_dolly_llm_chain": "langchain-classic"}
"""What an example needs that is no dependency of ours."""
_PREFIXES = {"BART": "/score", "DOLLY": "/score", "SERVERLESS": "/v1/completions"}
_READ_BY_TESTS = ("docs", "pyproject.toml", "README.md", "Makefile", ".github")


@dataclass(frozen=True)
class Row:
    """One check, in one environment; `problem` is empty where all is well."""

    place: str
    check: str
    problem: str = ""


def main() -> int:
    """Test the distributions; return 1 when something is wrong with them."""
    parser = argparse.ArgumentParser(prog="python -m tests.wheel")
    parser.add_argument("--dist", type=Path, help="where they lie; built anew if not given")
    parser.add_argument("--tag", help="what releases them; must be v and the version")
    options = parser.parse_args()
    given, version = options.dist, contents.project(REPOSITORY)["version"]
    if options.tag is not None and options.tag != f"v{version}":
        parser.error(f"The tag is {options.tag!r}, and the version {version!r}.")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wheel-") as folder:
        dist = given.resolve() if given else _built(Path(folder) / "dist")
        (wheel,), (source,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
        code = _report(_rows(wheel, source, Path(folder)))
    _say(f"{time.monotonic() - began:.0f} s")
    return code


def _built(dist: Path) -> Path:
    """Build the source distribution, and from that the wheel."""
    command = ["-m", "build", "--installer", "uv", "--outdir", str(dist), str(REPOSITORY)]
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return dist


def _rows(wheel: Path, source: Path, folder: Path) -> Iterator[Row]:
    yield _row(wheel.name, "contents and metadata", contents.problems_of_wheel(wheel, REPOSITORY))
    yield _row(source.name, "contents", contents.problems_of_source(source))
    yield _row("both", "an index would take them", _problems_of_upload(wheel, source))
    extras = sorted(contents.project(REPOSITORY)["optional-dependencies"])
    with ExitStack() as exits:
        local = environments.make(folder / "local", [f"{wheel}[local]"])
        variables = exits.enter_context(environments.endpoints(local))
        yield from _probed(local, {"local"}, variables)
        yield from _examples(local, variables)
        for chosen in [set[str](), *({one} for one in extras if one != "local"), {*extras}]:
            what = f"{wheel}[{','.join(sorted(chosen))}]" if chosen else wheel
            made = environments.make(folder / _name(chosen), [what])
            yield from _probed(made, chosen, variables)
    yield _unit_tests(made)


def _problems_of_upload(*files: Path) -> Iterator[str]:
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    if done.returncode:
        yield done.stdout + done.stderr


def _name(extras: set[str]) -> str:
    return "+".join(sorted(extras)) or "no extra"


def _probed(made: Environment, extras: set[str], variables: Mapping[str, str]) -> Iterator[Row]:
    """Run the probe, which must see everything that it looks for."""
    version = contents.project(REPOSITORY)["version"]
    script = copy(_PROBE, made.folder)
    done = made.run("-W", "error", script, version, *sorted(extras), **variables)
    for line in done.stdout.splitlines():
        check, _, problem = line.partition("\t")
        yield Row(_name(extras), check.replace("_", " "), problem)
    yield _row(_name(extras), "ended without a word", _unless_quiet(done))


def _examples(made: Environment, variables: Mapping[str, str]) -> Iterator[Row]:
    """Run the documentation's examples; the demo brings its own endpoints, and a real model."""
    url, key = variables["AZURE_OPENAI_ENDPOINT"], variables["AZURE_OPENAI_API_KEY"]
    placed = {f"{name}_ENDPOINT_URL": url + path for name, path in _PREFIXES.items()}
    keys = {f"{name}_ENDPOINT_API_KEY": key for name in _PREFIXES}
    for example in sorted(_EXAMPLES.glob("*.py")):
        if example.stem in _BESIDE:
            environments.add(made, [_BESIDE[example.stem]])
        done = made.run(copy(example, made.folder), **variables, **placed, **keys)
        problems = [] if done.returncode == 0 and done.stdout else [done.stderr[-500:]]
        yield _row("local", f"docs/examples/{example.name}", problems)


def _unit_tests(made: Environment) -> Row:
    """Run the unit tests where there is no package but the installed one."""
    environments.add(made, ["--group", f"{REPOSITORY / 'pyproject.toml'}:test"])
    left_out = ignore_patterns("__pycache__", "_build")
    copytree(REPOSITORY / "tests", made.folder / "tests", ignore=left_out)
    for name in _READ_BY_TESTS:
        place = REPOSITORY / name
        if place.is_dir():
            copytree(place, made.folder / name, ignore=left_out)
        else:
            copy(place, made.folder)
    options = ["-q", "-n", "2", "-p", "no:cacheprovider"]
    done = made.run("-m", "pytest", *options, "tests/unit_tests")
    closing = done.stdout.strip().rpartition("\n")[2]
    problems = [done.stdout[-2000:] + done.stderr[-500:]] if done.returncode else []
    return _row("installed wheel", f"unit tests: {closing.strip('= ')}", problems)


def _unless_quiet(done: environments.Done) -> Iterator[str]:
    if done.returncode or done.stderr:
        yield f"exit code {done.returncode}: {done.stderr[-500:]}"


def _row(place: str, check: str, problems: Iterable[str]) -> Row:
    return Row(place, check, "; ".join(problems))


def _report(rows: Iterable[Row]) -> int:
    """Print a line for each row; return 1 when one of them has a problem."""
    code = 0
    for row in rows:
        _say(f"{'FAILED' if row.problem else 'ok':6}  {row.place:32}  {row.check}")
        if row.problem:
            _say(f"        {row.problem}")
            code = 1
    return code


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command prints


if __name__ == "__main__":
    sys.exit(main())
