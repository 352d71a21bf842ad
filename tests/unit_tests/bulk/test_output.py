"""The output file: lines, torn lines, what is asked again, other jobs' files, the lock."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.bulk.output import Output, is_asked_again, line_of
from langchain_azure_llms.bulk.prompts import Prompt, kept_columns
from langchain_azure_llms.bulk.record import PromptRecord
from langchain_azure_llms.exceptions import ConfigurationError

_PROMPTS = [Prompt(f"r{number}", f"prompt {number}") for number in range(5)]


def _record(prompt: Prompt, **fields: Any) -> PromptRecord:
    return PromptRecord(
        **{"id": prompt.id, "text": "t", "total_tokens": 3, "attempts": 1, **fields}
    )


def _error(prompt: Prompt, **fields: Any) -> PromptRecord:
    return _record(prompt, **{"text": None, "error": "ServerError", "total_tokens": None, **fields})


def _written(path: Path, records: list[PromptRecord], fingerprint: str = "f") -> None:
    with Output(path, fingerprint) as output:
        output.write(zip(_PROMPTS, records, strict=False))


def _ids(path: Path) -> list[Any]:
    return [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()]


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text() | st.integers()))
def test_a_line_holds_the_record_and_the_columns_of_its_row(
    own_id: str, text: str, columns: dict[str, Any]
) -> None:
    record = PromptRecord(id=own_id, text=text)
    line = line_of(Prompt(own_id, "p", columns=columns), record, "f")
    assert line.startswith(b'{"id": ')
    assert line.index(b"\n") == len(line) - 1
    value = json.loads(line)
    assert {name: value[name] for name in record.as_dict()} == record.as_dict()
    assert {name: value[name] for name in kept_columns(columns)} == kept_columns(columns)


def test_a_column_that_json_does_not_know_is_a_text() -> None:
    line = line_of(Prompt(1, "p", columns={"path": Path("a")}), PromptRecord(id=1), "f")
    assert json.loads(line)["path"] == "a"


def test_half_of_a_surrogate_pair_is_escaped() -> None:
    line = line_of(Prompt(1, "p"), PromptRecord(id=1, text="\ud800"), "f")
    assert json.loads(line)["text"] == "\ud800"


@given(st.integers(0, 1_000))
def test_a_torn_last_line_is_cut_off_wherever_it_is_torn(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("output") / "a.jsonl"
    _written(path, [_record(prompt) for prompt in _PROMPTS[:3]])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut % len(whole)])
    lines_left = path.read_bytes().count(b"\n")
    with Output(path, "f") as output:
        done = [output.is_done(prompt.id) for prompt in _PROMPTS[:3]]
        output.write([(p, _record(p)) for p in _PROMPTS[:3] if not output.is_done(p.id)])
    assert done == [True] * lines_left + [False] * (3 - lines_left)
    assert path.read_bytes() == whole


def test_missing_folders_are_made(tmp_path: Path) -> None:
    _written(tmp_path / "a" / "b.jsonl", [_record(_PROMPTS[0])])
    assert _ids(tmp_path / "a" / "b.jsonl") == ["r0"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, False),
        ({"error": "ServerError", "is_retryable": True, "attempts": 3}, True),
        ({"error": "ContentFilterError", "is_retryable": False, "attempts": 1}, False),
        ({"error": "AuthenticationError", "status_code": 401, "attempts": 1}, True),
        ({"error": "DeploymentNotFoundError", "status_code": 404, "attempts": 1}, True),
        ({"error": "ConfigurationError", "attempts": 0}, True),
    ],
)
def test_a_prompt_is_asked_again_where_that_may_help(
    fields: dict[str, Any],
    expected: bool,  # noqa: FBT001
) -> None:
    record = {"error": None, **fields}
    assert is_asked_again(record) is expected
    assert is_asked_again(record, retry_all=True) is (record["error"] is not None)


def test_records_of_prompts_that_are_asked_again_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    records = [
        _record(_PROMPTS[0]),
        _error(_PROMPTS[1], is_retryable=True),
        _error(_PROMPTS[2], error="ContentFilterError", is_retryable=False, status_code=400),
    ]
    _written(path, records)
    path.chmod(0o640)
    with Output(path, "f") as output:
        assert [output.is_done(prompt.id) for prompt in _PROMPTS[:3]] == [True, False, True]
        assert output.total_tokens == 3
        output.write([(_PROMPTS[1], _record(_PROMPTS[1]))])
        assert output.total_tokens == 6
    assert _ids(path) == ["r0", "r2", "r1"]
    assert path.stat().st_mode & 0o777 == 0o640
    assert {file.name for file in tmp_path.iterdir()} == {"a.jsonl", ".a.jsonl.lock"}
    with Output(path, "f", retry_all=True):
        pass
    assert _ids(path) == ["r0", "r1"]


def test_an_output_of_other_settings_is_refused_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    _written(path, [_record(_PROMPTS[0])])
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="comes from other settings"), Output(path, "g"):
        pass
    assert path.read_bytes() == before
    with Output(path, "g", force=True) as output:
        assert output.is_done("r0")


def test_an_id_that_is_asked_about_twice_is_doubled(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    _written(path, [_record(_PROMPTS[0])])
    with Output(path, "f") as output:
        assert [output.is_doubled("r0"), output.is_doubled("r0")] == [False, True]


@given(st.text() | st.integers(), st.text(), st.dictionaries(st.text(), st.text()), st.booleans())
def test_every_record_is_found_again(
    tmp_path_factory: pytest.TempPathFactory,
    own_id: str | int,
    text: str,
    columns: dict[str, Any],
    is_error: bool,  # noqa: FBT001
) -> None:
    path = tmp_path_factory.mktemp("output") / "a.jsonl"
    nested = {"x": {"error": None, "total_tokens": 7, "note": ', "error": null, '}, **columns}
    prompt = Prompt(own_id, text, columns=nested)
    kept = {"is_retryable": False, "error": "ContentFilterError", "text": None}
    record = _record(prompt, **(kept if is_error else {"text": text}))
    with Output(path, "f") as output:
        output.write([(prompt, record)])
    with Output(path, "f") as output:
        assert output.is_done(own_id)
        assert output.total_tokens == 3
        output.check(prompt)
    with Output(path, "f", retry_all=True) as output:
        assert output.is_done(own_id) is not is_error


def test_an_output_of_other_prompts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    _written(path, [_record(_PROMPTS[0])])
    with Output(path, "f") as output, pytest.raises(ConfigurationError, match="of another job"):
        output.check(Prompt("r0", "another prompt"))


@pytest.mark.parametrize(
    "content",
    [
        b"my notes",
        b"a,b\n1,2\n",
        b'{"id": 1}\n',
        b'{"id": 1, broken}\n',
        b'{"id": 1, "fingerprint": 5}\n',
    ],
)
def test_a_file_that_is_no_output_is_refused_and_not_changed(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"not the output of a bulk job \(line 1\)"):
        Output(path, "f").__enter__()
    assert path.read_bytes() == content


def test_two_jobs_cannot_write_to_one_output(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with Output(path, "f"), pytest.raises(ConfigurationError, match="Another job writes to"):
        Output(path, "f").__enter__()
    with Output(path, "f"):
        pass


def test_an_output_behind_a_link_is_written_where_it_points(tmp_path: Path) -> None:
    _written(tmp_path / "a.jsonl", [_error(_PROMPTS[0], is_retryable=True)])
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "a.jsonl")
    _written(tmp_path / "link.jsonl", [_record(_PROMPTS[0])])
    assert (tmp_path / "link.jsonl").is_symlink()
    assert _ids(tmp_path / "a.jsonl") == ["r0"]


def test_a_failure_while_records_are_dropped_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    _written(path, [_error(_PROMPTS[0], is_retryable=True)])
    before = path.read_bytes()

    def full(*_args: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        Output(path, "f").__enter__()
    assert path.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"a.jsonl", ".a.jsonl.lock"}
