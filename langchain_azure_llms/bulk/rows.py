"""Rows of an input file: JSONL, CSV, gzip of both, standard input, Parquet.

A line that cannot be read is a row with a problem; it ends nothing.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, cast

from langchain_azure_llms.exceptions import ConfigurationError

STDIN = "-"
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSONL = (".jsonl", ".ndjson")
_MARK = b"\xef\xbb\xbf"
_UNREADABLE = (OSError, EOFError, zlib.error)
_HEAD = 100
"""How many rows are looked at to learn the columns, where no header names them."""
_LONGEST_FIELD = 2**31 - 1


_decode = json.JSONDecoder().decode
Opened = Callable[[], Any]
"""Opens a file of bytes."""


class Row(NamedTuple):
    """One row.

    Attributes:
        number: Its number, counted from 0.
        place: Where it stands, for messages: `"line 7"`.
        values: Its columns; empty where there is a problem.
        problem: Why it cannot be read.
    """

    number: int
    place: str
    values: dict[str, Any]
    problem: str | None = None


class Rows:
    """The rows of an input, which can be read once.

    Args:
        source: A path, or `"-"` for standard input (JSONL, or CSV with a header).

    Attributes:
        columns: The names of the columns; for JSONL, those that the first hundred lines have.
        total: How many rows there are; None for standard input.

    Raises:
        ConfigurationError: If the input cannot be read, or is none of the known formats.
    """

    def __init__(self, source: str | Path) -> None:
        self.name = "standard input" if str(source) == STDIN else str(source)
        self._path = None if str(source) == STDIN else Path(source)
        self.total: int | None = None
        self.columns: tuple[str, ...] = ()
        try:
            rows = self._open()
            head = list(islice(rows, _HEAD))
        except _UNREADABLE as error:
            raise self._unreadable(error) from None
        self.columns = self.columns or tuple(dict.fromkeys(name for r in head for name in r.values))
        self._rows = chain(head, rows)

    def __iter__(self) -> Iterator[Row]:
        try:
            yield from self._rows
        except _UNREADABLE as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> ConfigurationError:
        reason = str(getattr(error, "strerror", None) or error or type(error).__name__)
        return ConfigurationError(f"{self.name} cannot be read: {reason.rstrip('.')}.")

    def _open(self) -> Iterator[Row]:
        if self._path is None:
            stdin = cast("io.BufferedReader", sys.stdin.buffer)
            is_json = stdin.peek().removeprefix(_MARK).lstrip()[:1] in (b"{", b'"')
            return _jsonl(lambda: stdin) if is_json else self._csv(lambda: stdin, ",")
        suffixes = [suffix.lower() for suffix in self._path.suffixes]
        is_gzip = suffixes[-1:] == [".gz"]
        suffix = "".join((suffixes[:-1] if is_gzip else suffixes)[-1:])
        if suffix == ".parquet" and not is_gzip:
            return self._parquet(self._path)
        opened: Opened = partial(gzip.GzipFile if is_gzip else open, self._path, "rb")
        if suffix in _JSONL:
            with opened() as file:
                self.total = sum(not line.isspace() for line in file)
            return _jsonl(opened)
        if suffix in _DELIMITERS:
            records = _csv_records(opened, _DELIMITERS[suffix])
            self.total = max(0, sum(1 for _ in records) - 1)
            return self._csv(opened, _DELIMITERS[suffix])
        known = ", ".join((*_JSONL, *_DELIMITERS, ".gz of these", ".parquet"))
        raise ConfigurationError(f"{self.name} has an unknown suffix, expected one of {known}.")

    def _csv(self, opened: Opened, delimiter: str) -> Iterator[Row]:
        records = _csv_records(opened, delimiter)
        _, header, _ = next(records, (0, [], None))
        doubled = next((name for name in header if header.count(name) > 1), None)
        problem = "has no header" if not header else None
        if any(map(_is_damaged, header)):
            problem = "is not in UTF-8"
        elif doubled is not None:
            problem = f"has two columns named {doubled!r}"
        if problem is not None:
            expected = "expected a line of column names, in UTF-8"
            raise ConfigurationError(f"{self.name} {problem}, {expected}.")
        self.columns = tuple(header)
        return _csv_rows(records, header)

    def _parquet(self, path: Path) -> Iterator[Row]:
        try:
            from pyarrow import ArrowException, parquet  # noqa: PLC0415 - optional, and heavy
        except ModuleNotFoundError:
            message = f"{self.name} is Parquet, which needs pyarrow: pip install pyarrow."
            raise ConfigurationError(message) from None
        try:
            file = parquet.ParquetFile(path)
        except ArrowException as error:
            raise self._unreadable(error) from None
        self.total, self.columns = file.metadata.num_rows, tuple(file.schema_arrow.names)
        values = (row for batch in file.iter_batches() for row in batch.to_pylist())
        return (Row(number, f"row {number + 1}", row) for number, row in enumerate(values))


def _jsonl(opened: Opened) -> Iterator[Row]:
    number = 0
    with opened() as lines:
        for at, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            values, problem = _parsed(line.removeprefix(_MARK) if at == 1 else line)
            yield Row(number, f"line {at}", values, problem)
            number += 1


def _parsed(line: bytes) -> tuple[dict[str, Any], str | None]:
    try:
        value = _decode(line.decode())
    except UnicodeDecodeError:
        return {}, "it is not UTF-8"
    except (ValueError, RecursionError):
        return {}, "it is not JSON"
    if isinstance(value, str):
        return {"prompt": value}, None
    if not isinstance(value, dict):
        return {}, "it is neither a JSON object nor a text"
    return value, None


def _csv_records(opened: Opened, delimiter: str) -> Iterator[tuple[int, list[str], str | None]]:
    """Yield the line, the fields and the problem of each record that is not empty."""
    csv.field_size_limit(_LONGEST_FIELD)  # prompts are longer than its default of 128 KiB
    with io.TextIOWrapper(opened(), "utf-8-sig", errors="surrogateescape", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter)
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, [], f"it is not CSV ({error})"
                continue
            if fields:
                yield line, fields, None


def _csv_rows(
    records: Iterable[tuple[int, list[str], str | None]], header: list[str]
) -> Iterator[Row]:
    for number, (line, fields, found) in enumerate(records):
        problem = found
        if problem is None and len(fields) != len(header):
            problem = f"it has {len(fields)} fields, expected {len(header)}"
        if problem is None and any(map(_is_damaged, fields)):
            problem = "it is not UTF-8"
        values = {} if problem else dict(zip(header, fields, strict=True))
        yield Row(number, f"line {line}", values, problem)


def _is_damaged(field: str) -> bool:
    """Return whether a text holds bytes that are not UTF-8."""
    return not field.isascii() and any("\udc80" <= char <= "\udcff" for char in field)
