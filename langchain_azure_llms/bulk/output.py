"""The output of a job: append-only JSONL, a line for each prompt, written as soon as it is done.

A line that was cut off when its job was killed is cut away when the next one begins. Records say
which LLM, parameters and prompt they come from, so that a job goes on with its own records only.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

from langchain_azure_llms.bulk.ids import id_key
from langchain_azure_llms.bulk.lock import FileLock
from langchain_azure_llms.bulk.prompts import Prompt, kept_columns
from langchain_azure_llms.bulk.record import PromptRecord
from langchain_azure_llms.exceptions import ConfigurationError

_FINGERPRINT = "fingerprint"
_MARK = b'"fingerprint": "'
_BEGINNING = b'{"id": '
"""What each line begins with: anything else was not written here, and is not cut off."""
_COMPARED = 1_000
"""How many records are compared with the prompts of the input."""
_NOT_OF_PROMPTS = (401, 403, 404, 429)
"""Statuses that say who asked, and whom; the prompt may be asked again by another."""


def line_of(prompt: Prompt, record: PromptRecord, fingerprint: str) -> bytes:
    """Return the line of a record, with the columns of its row that are kept."""
    mark = f"{fingerprint}-{prompt_mark(prompt)}"
    value = {**record.as_dict(), **kept_columns(prompt.columns), _FINGERPRINT: mark}
    try:
        return (json.dumps(value, ensure_ascii=False, default=str) + "\n").encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return (json.dumps(value, default=str) + "\n").encode()


def prompt_mark(prompt: Prompt) -> str:
    """Return a mark that tells prompts apart."""
    return sha256(prompt.text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def is_asked_again(record: Mapping[str, Any], *, retry_all: bool = False) -> bool:
    """Return whether the prompt of a record is to be asked again by the next job.

    Those are prompts whose error may pass, whose error was about the key or the deployment, and
    which were never sent. What the service refuses for good costs as much the second time.
    """
    if record.get("error") is None:
        return False
    passes = record.get("is_retryable") or record.get("status_code") in _NOT_OF_PROMPTS
    return bool(retry_all or passes or not record.get("attempts"))


class _Read(NamedTuple):
    """What is needed of a line."""

    id: str | int
    settings: str
    mark: str
    tokens: int
    is_asked_again: bool


def _read_answer(line: bytes) -> _Read | None:
    """Read a line with an answer without parsing it, in a fourth of the time.

    No key can be within a text, whose quotation marks are escaped; the columns of a row come after
    the keys of the record, and before the fingerprint.
    """
    id_end = line.find(b', "text": "')  # an answer has a text
    error = line.find(b', "error": null, ', id_end)
    tokens = line.rfind(b', "total_tokens": ', 0, error) + len(b', "total_tokens": ')
    raw_id = line[len(_BEGINNING) : id_end]
    if id_end < 0 or error < 0 or b"\\" in raw_id or not line.endswith(b'"}\n'):
        return None
    settings, _, mark = line[line.rfind(_MARK) + len(_MARK) : -3].decode().partition("-")
    try:
        own_id = raw_id[1:-1].decode() if raw_id.startswith(b'"') else int(raw_id)
        count = line[tokens : line.find(b",", tokens)]
        total = 0 if count == b"null" else int(count)
        return _Read(own_id, settings, mark, total, is_asked_again=False)
    except ValueError:
        return None


def _read_record(line: bytes, *, retry_all: bool) -> _Read | None:
    """Read any line; return None if it holds no record."""
    try:
        record = json.loads(line)
        settings, _, mark = record[_FINGERPRINT].partition("-")
        again = is_asked_again(record, retry_all=retry_all)
        return _Read(record["id"], settings, mark, record.get("total_tokens") or 0, again)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


class Output:
    """An output file, locked while it is open.

    Args:
        path: The file; missing folders are made.
        fingerprint: Of the LLM's settings and the parameters.
        force: Whether records of another fingerprint are accepted.
        retry_all: Whether every prompt with an error is asked again.
        keep_failed: Whether none is.

    Attributes:
        total_tokens: The tokens of the records that were there, and of those that were written.

    Raises:
        ConfigurationError: If the file is locked, holds something else, or comes from other
            settings. It is not changed then.
        OSError: If it cannot be read or written.
    """

    def __init__(
        self,
        path: Path,
        fingerprint: str,
        *,
        force: bool = False,
        retry_all: bool = False,
        keep_failed: bool = False,
    ) -> None:
        self._path = path.resolve()  # behind a link, the file it stands for is written
        self._fingerprint = fingerprint
        self._force, self._retry_all, self._keep_failed = force, retry_all, keep_failed
        self._done: dict[int, bool] = {}
        self._marks: dict[str | int, str] = {}
        self._open = ExitStack()
        self.total_tokens = 0

    def __enter__(self) -> Self:
        path = self._path
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as undo:
            undo.enter_context(FileLock(path))
            dropped, end = self.read()
            if path.exists() and end < path.stat().st_size:  # cut off when its job was killed
                os.truncate(path, end)
            if dropped:
                self._rewrite()
            self._file = undo.enter_context(path.open("ab", buffering=0))
            self._open = undo.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._open.close()

    def is_done(self, own_id: str | int) -> bool:
        """Return whether the prompt with an id has a record that stays."""
        return id_key(own_id) in self._done

    def is_doubled(self, own_id: str | int) -> bool:
        """Return whether it is the second time that this is asked about an id that is done."""
        key = id_key(own_id)
        was_met, self._done[key] = self._done[key], True
        return was_met

    def check(self, prompt: Prompt) -> None:
        """Compare a prompt that has a record with what is known of that record's own prompt.

        Raises:
            ConfigurationError: If that is another one.
        """
        mark = self._marks.pop(prompt.id, None)
        if mark is not None and prompt.problem is None and mark != prompt_mark(prompt):
            raise ConfigurationError(
                f"{self._path} is the output of another job: its record of {prompt.id!r} comes "
                "from another prompt. Name another output."
            )

    @property
    def compares(self) -> bool:
        """Whether there are records left that are to be compared."""
        return bool(self._marks)

    def write(self, done: Iterable[tuple[Prompt, PromptRecord]]) -> None:
        """Append records.

        Raises:
            OSError: If they cannot be written.
        """
        lines = []
        for prompt, record in done:
            lines.append(line_of(prompt, record, self._fingerprint))
            self.total_tokens += record.total_tokens or 0
        rest = memoryview(b"".join(lines))
        while rest:
            rest = rest[self._file.write(rest) :]

    def read(self) -> tuple[int, int]:
        """Read the records that are there, without changing anything.

        Returns:
            How many have prompts that are asked again, and where the last whole line ends.

        Raises:
            ConfigurationError: If the file holds something else, or comes from other settings.
        """
        dropped, end = 0, 0
        if self._path.exists():
            with self._path.open("rb") as file:
                for number, line in self._lines(file):
                    if line.endswith(b"\n"):
                        end += len(line)
                        dropped += self._is_dropped(number, line)
        return dropped, end

    def _lines(self, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
        for number, line in enumerate(file, start=1):
            if not line.startswith(_BEGINNING) and not _BEGINNING.startswith(line):
                raise self._foreign(number)
            yield number, line

    def _is_dropped(self, number: int, line: bytes) -> bool:
        """Return whether the prompt of a record is asked again; note the record otherwise."""
        read = _read_answer(line) or _read_record(line, retry_all=self._retry_all)
        if read is None:
            raise self._foreign(number)
        if read.settings != self._fingerprint and not self._force:
            raise ConfigurationError(
                f"{self._path} comes from other settings, parameters or columns: go on with those, "
                "name another output, or use force to keep its answers."
            )
        if read.is_asked_again and not self._keep_failed:
            return True
        self.total_tokens += read.tokens
        self._done[id_key(read.id)] = False
        if len(self._marks) < _COMPARED:
            self._marks[read.id] = read.mark
        return False

    def _foreign(self, number: int) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} is not the output of a bulk job (line {number}): name another output."
        )

    def _rewrite(self) -> None:
        """Replace the file by one with the records that stay, whole or not at all."""
        part = self._path.with_name(f".{self._path.name}-{secrets.token_hex(8)}")
        try:
            with self._path.open("rb") as old, part.open("xb") as new:
                for line in old:
                    if not is_asked_again(json.loads(line), retry_all=self._retry_all):
                        new.write(line)
            part.chmod(self._path.stat().st_mode & 0o777)
            part.replace(self._path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
