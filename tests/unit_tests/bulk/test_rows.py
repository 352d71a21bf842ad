"""Reading rows: every format, and lines that cannot be read."""

import csv
import gzip
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.bulk.rows import Row, Rows
from langchain_azure_llms.exceptions import ConfigurationError

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"))


def _read(path: Path) -> list[Row]:
    return list(Rows(path))


def _values(path: Path) -> list[dict[str, Any]]:
    return [row.values for row in _read(path)]


@given(st.lists(st.dictionaries(_TEXTS, _TEXTS | st.integers() | st.none()), max_size=5))
def test_jsonl_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert _values(path) == rows
    assert Rows(path).total == len(rows)


@given(st.lists(st.tuples(_TEXTS, _TEXTS.filter(bool)), max_size=5))
def test_csv_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("a", "b"), *rows])
    assert _values(path) == [{"a": a, "b": b} for a, b in rows]
    assert Rows(path).total == len(rows)
    assert Rows(path).columns == ("a", "b")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'{"prompt": "x"}\n'),
        ("a.ndjson", b'{"prompt": "x"}'),
        ("a.csv", b"prompt\r\nx\r\n"),
        ("a.tsv", b"prompt\nx\n"),
        ("a.CSV", b"\xef\xbb\xbfprompt\nx\n"),
        ("a.jsonl", b'\xef\xbb\xbf{"prompt": "x"}\n'),
        ("a.jsonl", b'"x"\n'),
    ],
)
@pytest.mark.parametrize("is_gzip", [False, True])
def test_each_format_is_known_by_its_suffix(
    tmp_path: Path,
    name: str,
    content: bytes,
    is_gzip: bool,  # noqa: FBT001
) -> None:
    path = tmp_path / (f"{name}.gz" if is_gzip else name)
    path.write_bytes(gzip.compress(content, mtime=0) if is_gzip else content)
    assert _values(path) == [{"prompt": "x"}]


@pytest.mark.parametrize("content", [b'{"prompt": "x"}\n', b"prompt\nx\n"])
def test_standard_input_is_jsonl_or_csv(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
    rows = Rows("-")
    assert rows.total is None
    assert [row.values for row in rows] == [{"prompt": "x"}]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{broken", "it is not JSON"),
        (b'{"prompt": "\xff"}', "it is not UTF-8"),
        (b"[1]", "it is neither a JSON object nor a text"),
    ],
)
def test_a_bad_line_of_jsonl_is_a_row_with_its_place_and_problem(
    tmp_path: Path, line: bytes, problem: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"prompt": "a"}\n\n' + line + b'\n{"prompt": "b"}\n')
    expected = [
        Row(0, "line 1", {"prompt": "a"}),
        Row(1, "line 3", {}, problem),
        Row(2, "line 4", {"prompt": "b"}),
    ]
    assert _read(path) == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"1", "it has 1 fields, expected 2"),
        (b"1,2,3", "it has 3 fields, expected 2"),
        (b"1,\xff", "it is not UTF-8"),
    ],
)
def test_a_bad_line_of_csv_is_a_row_with_its_place_and_problem(
    tmp_path: Path, line: bytes, problem: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,prompt\n0,"two\nlines"\n' + line + b"\n2,b\n")
    expected = [
        Row(0, "line 2", {"id": "0", "prompt": "two\nlines"}),
        Row(1, "line 4", {}, problem),
        Row(2, "line 5", {"id": "2", "prompt": "b"}),
    ]
    assert _read(path) == expected


def test_a_field_of_csv_may_be_long(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("prompt\n" + "x" * 200_000 + "\n")
    assert _values(path) == [{"prompt": "x" * 200_000}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.jsonl", None, "cannot be read: No such file or directory"),
        ("a.xlsx", b"", "unknown suffix, expected one of .jsonl, .ndjson, .csv, .tsv, .gz"),
        ("a", b"", "unknown suffix"),
        ("a.csv", b"", "no header, expected a line of column names"),
        ("a.csv", b"a,b,a\n", "two columns named 'a'"),
        (
            "a.csv",
            "prömpt\nx\n".encode("latin-1"),
            "is not in UTF-8, expected",
        ),
        ("a.jsonl.gz", b"no gzip", "cannot be read: Not a gzipped file"),
        (
            "a.jsonl.gz",
            gzip.compress(b"{}\n" * 100, mtime=0)[:-9],
            "cannot be read: Compressed file ended",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        Rows(path)


def test_parquet_without_pyarrow_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(ConfigurationError, match="needs pyarrow: pip install pyarrow"):
        Rows(path)


def test_parquet_that_pyarrow_cannot_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ArrowError(Exception):
        pass

    def refuse(path: Path) -> None:
        raise ArrowError("no magic bytes")

    parquet = SimpleNamespace(ParquetFile=refuse)
    fake = SimpleNamespace(ArrowException=ArrowError, parquet=parquet)
    monkeypatch.setitem(sys.modules, "pyarrow", fake)
    with pytest.raises(ConfigurationError, match="cannot be read: no magic bytes"):
        Rows(tmp_path / "a.parquet")


def test_parquet_is_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = [SimpleNamespace(to_pylist=lambda n=n: [{"prompt": f"p{n}"}]) for n in range(2)]
    file = SimpleNamespace(
        metadata=SimpleNamespace(num_rows=2),
        schema_arrow=SimpleNamespace(names=["prompt"]),
        iter_batches=lambda: iter(batches),
    )
    parquet = SimpleNamespace(ParquetFile=lambda _path: file)
    fake = SimpleNamespace(ArrowException=OSError, parquet=parquet)
    monkeypatch.setitem(sys.modules, "pyarrow", fake)
    rows = Rows(tmp_path / "a.parquet")
    assert (rows.total, rows.columns) == (2, ("prompt",))
    assert list(rows) == [Row(n, f"row {n + 1}", {"prompt": f"p{n}"}) for n in range(2)]


def test_standard_input_that_breaks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def __next__(self) -> bytes:
            if self.tell() > 4000:
                raise OSError(5, "Input/output error")
            return super().__next__()

        def peek(self) -> bytes:
            return b"{"

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Broken(b'{"prompt": "x"}\n' * 1000)))
    rows = Rows("-")
    with pytest.raises(ConfigurationError, match="standard input cannot be read: Input/output"):
        list(rows)


def test_parquet_is_read_with_pyarrow(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet  # noqa: PLC0415 - optional

    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"id": [1, 2], "prompt": ["a", None]}), path)
    rows = Rows(path)
    assert (rows.total, rows.columns) == (2, ("id", "prompt"))
    expected = [
        Row(0, "row 1", {"id": 1, "prompt": "a"}),
        Row(1, "row 2", {"id": 2, "prompt": None}),
    ]
    assert list(rows) == expected
