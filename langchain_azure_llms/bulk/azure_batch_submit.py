"""Prompts on their way to the Batch API: cut into files, uploaded, begun as batches."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_azure_llms.bulk.azure_batch_api import BatchApi, BatchInfo
from langchain_azure_llms.bulk.azure_batch_lines import BatchLines, check_llm
from langchain_azure_llms.bulk.azure_batch_state import (
    BatchPart,
    BatchState,
    load_state,
    save_state,
)
from langchain_azure_llms.bulk.output import Output
from langchain_azure_llms.bulk.pending import check_count, fingerprint, open_rows, pending
from langchain_azure_llms.bulk.prompts import Columns, Prompt
from langchain_azure_llms.bulk.record import failed
from langchain_azure_llms.bulk.rows import STDIN
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.http.request import Step
from langchain_azure_llms.llms.generation import SURROUNDINGS

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

MOST_LINES, MOST_BYTES = 100_000, 200_000_000
"""The limits of one file (Microsoft, "Azure OpenAI quotas and limits")."""


class Content(NamedTuple):
    """The content of a file that is to be uploaded.

    Attributes:
        first: The number of the first row in it.
        end: The number after that of the last row.
        lines: Its lines.
    """

    first: int
    end: int
    lines: list[bytes]


class Submission:
    """A job that submits prompts. `submit_batch` and `asubmit_batch` make one and run it.

    Args:
        llm: The LLM.
        source: The input.
        output: The output that the records will be in.
        **options: Those of `submit_batch`.

    Attributes:
        state: What was done so far.
        unsendable: How many rows cannot be sent.

    Raises:
        ConfigurationError: If an argument is wrong, the input cannot be read, or batches of the
            output are under way.
    """

    def __init__(
        self,
        llm: AzureLLM,
        source: str | Path,
        output: str | Path,
        *,
        template: str | None = None,
        prompt_column: str | None = None,
        id_column: str | None = None,
        limit: int | None = None,
        retry_all: bool = False,
        force: bool = False,
        lines_per_batch: int = MOST_LINES,
        **params: Any,
    ) -> None:
        self._llm = check_llm(llm)
        columns = Columns(prompt_column, id_column, template)
        check_count(limit, "limit")
        check_count(lines_per_batch, "lines_per_batch")
        if str(source) == STDIN:
            raise ConfigurationError("A batch cannot read standard input: fetch reads it again.")
        self._path, self._columns, self._limit = Path(output), columns, limit
        self._lines_per_batch = min(lines_per_batch, MOST_LINES)
        self._rows = open_rows(source, self._path, columns)
        before = load_state(output)
        self._lines = BatchLines(self._llm, params, None if before is None else before.api)
        mark = fingerprint(llm, params, columns)
        self.state = BatchState(
            source=str(Path(source).absolute()),
            settings=llm.settings_digest,
            fingerprint=mark,
            api=self._lines.api,
            deployment=self._lines.deployment,
            template=columns.template,
            prompt_column=columns.prompt,
            id_column=columns.id,
            limit=limit,
            force=force,
            params=params,
        )
        if before is not None:
            self._go_on(before)
        self._output = Output(
            self._path, mark, force=force, retry_all=retry_all, keep_failed=before is not None
        )
        self._api = BatchApi(self._llm, SURROUNDINGS)
        self.unsendable = 0

    def _go_on(self, before: BatchState) -> None:
        """Go on with a submission that was interrupted."""
        if before.is_complete:
            raise ConfigurationError(
                f"Batches are under way for {self._path}: fetch their answers first."
            )
        now = self.state
        same = ("source", "fingerprint", "limit")
        wrong = next((name for name in same if getattr(before, name) != getattr(now, name)), None)
        if wrong is not None:
            what = "settings, parameters or columns" if wrong == "fingerprint" else wrong
            raise ConfigurationError(
                f"A submission for {self._path} was interrupted, which had another {what}: go on "
                "with the same, or cancel it."
            )
        self.state = before

    def __enter__(self) -> None:
        self._output.__enter__()

    def __exit__(self, *exc_info: object) -> None:
        self._output.__exit__(*exc_info)

    def contents(self) -> Iterator[Content]:
        """Yield the contents of the files, one after the other.

        What cannot be sent has its record in the output by then.

        Raises:
            ConfigurationError: If the output comes from another input.
            OSError: If the output cannot be written.
        """
        content, size = Content(0, 0, []), 0
        for number, prompt in pending(self._rows, self._columns, self._output, self._limit):
            if prompt is None or number < self.state.next_row:
                continue
            line = self._line_of(number, prompt)
            if line is None:
                continue
            is_full = len(content.lines) == self._lines_per_batch
            if content.lines and (is_full or size + len(line) > MOST_BYTES):
                yield content
                content, size = Content(0, 0, []), 0
            first = content.first if content.lines else number
            content.lines.append(line)
            content, size = Content(first, number + 1, content.lines), size + len(line)
        if content.lines:
            yield content
        self.state.is_complete = True
        if self.state.parts:
            save_state(self._path, self.state)

    def _line_of(self, number: int, prompt: Prompt) -> bytes | None:
        """Return the line of a prompt; None if it cannot be sent, which its record says then."""
        try:
            if prompt.problem is None:
                return self._lines.line_of(number, prompt)
            error = ConfigurationError(prompt.problem)
        except ConfigurationError as refusal:
            error = refusal
        self.unsendable += 1
        if not self._output.is_done(prompt.id):
            self._output.write([(prompt, failed(prompt.id, error))])
        return None

    def go_on(self) -> Generator[Step, Any, None]:
        """Begin the batches whose files were uploaded by a submission that was interrupted.

        Raises:
            AzureLLMError: If that fails.
        """
        for part in self.state.parts:
            if part.batch_id is None:
                found = yield from self._api.find(part.file_id)
                yield from self._begin(part, found)

    def send(self, content: Content) -> Generator[Step, Any, None]:
        """Upload a file, and begin its batch.

        Raises:
            AzureLLMError: If that fails; the same job again goes on there.
            OSError: If the state cannot be written.
        """
        name = f"prompts-{content.first}.jsonl"
        file_id = yield from self._api.upload(name, b"".join(content.lines))
        part = BatchPart(content.first, content.end, len(content.lines), file_id)
        self.state.parts.append(part)
        self.state.next_row = content.end
        save_state(self._path, self.state)  # before the batch costs anything
        yield from self._begin(part, None)

    def _begin(self, part: BatchPart, found: BatchInfo | None) -> Generator[Step, Any, None]:
        info = found or (yield from self._api.create(part.file_id, self._lines.url))
        part.note(info)
        save_state(self._path, self.state)
