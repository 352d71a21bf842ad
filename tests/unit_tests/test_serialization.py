"""Mappings as files: read by safe loaders, written completely or not at all."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms import _serialization
from langchain_azure_llms.exceptions import LoadError, UnsupportedFileError

_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml", ".JSON"])
def test_a_mapping_is_read_as_it_was_written(suffix: str, tmp_path: Path) -> None:
    """In each format, with every kind of value, surrogates and control characters included."""

    @given(st.dictionaries(st.text(), _PLAIN, max_size=4))
    def is_equal(value: dict[str, Any]) -> None:
        path = tmp_path / f"x{suffix}"
        _serialization.write(path, value)
        assert value == _serialization.read(path)

    is_equal()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.json", "", "it is no JSON"),
        ("x.json", "{broken", "it is no JSON"),
        ("x.json", "[1]", "it holds a list"),
        ("x.json", '"text"', "it holds a str"),
        ("x.json", "[" * 100_000, "nested too deeply"),
        ("x.json", b"\xff\xfe{", "it is no JSON"),
        ("x.yaml", "", "it holds a NoneType"),
        ("x.yaml", "a: [", "it is no YAML"),
        ("x.yaml", "- 1", "it holds a list"),
        ("x.yaml", "!!python/object/apply:os.system ['true']", "it is no YAML"),
        ("x.yml", "a: !!python/name:os.system", "it is no YML"),
        ("x.yaml", "a: &x [1]\nb: *x", "alias"),
        ("x.yaml", "a: &x {b: *x}", "alias"),
        ("x.yaml", "[" * 5_000, "nested too deeply"),
    ],
)
def test_a_file_without_a_mapping_is_a_load_error(
    name: str, content: str | bytes, reason: str, tmp_path: Path
) -> None:
    """Its message has the path and the reason."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(LoadError) as raised:
        _serialization.read(path)
    assert str(path) == raised.value.path
    assert str(path) in str(raised.value)
    assert reason in str(raised.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    """The message has the operating system's reason."""
    with pytest.raises(LoadError, match="No such file"):
        _serialization.read(tmp_path / "nothing.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(LoadError, match="Is a directory"):
        _serialization.read(tmp_path / "folder.json")


@pytest.mark.parametrize("name", ["x", "x.txt", "x.json.bak", ".json"])
def test_other_suffixes_are_refused_both_ways(name: str, tmp_path: Path) -> None:
    """The error lists those that are known, and nothing is written."""
    for act in (_serialization.read, lambda path: _serialization.write(path, {})):
        with pytest.raises(UnsupportedFileError, match=r"\.json, \.yaml, \.yml"):
            act(tmp_path / name)
    assert [] == list(tmp_path.iterdir())


def test_dates_in_yaml_are_read_as_text(tmp_path: Path) -> None:
    """Such as `openai_api_version: 2024-10-21`, written by hand."""
    path = tmp_path / "x.yaml"
    path.write_text("openai_api_version: 2024-10-21\n")
    assert {"openai_api_version": "2024-10-21"} == _serialization.read(path)


def test_missing_folders_are_created(tmp_path: Path) -> None:
    """As LangChain's own `save` does."""
    path = tmp_path / "a" / "b" / "x.json"
    _serialization.write(path, {"a": 1})
    assert {"a": 1} == json.loads(path.read_text())


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no temporary file beside it."""
    path = tmp_path / "x.json"
    _serialization.write(path, {"old": True})

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        _serialization.write(path, {"new": True})
    assert {"old": True} == json.loads(path.read_text())
    assert ["x.json"] == [entry.name for entry in tmp_path.iterdir()]


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    """Not those of a temporary file."""
    old = os.umask(0o027)
    try:
        _serialization.write(tmp_path / "x.json", {})
    finally:
        os.umask(old)
    assert 0o640 == stat.S_IMODE((tmp_path / "x.json").stat().st_mode)
