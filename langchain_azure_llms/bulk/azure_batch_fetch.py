"""Answers on their way back from the Batch API: statuses, files, records."""

from __future__ import annotations

import json
from collections.abc import Generator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Self

from langchain_azure_llms.bulk.azure_batch_api import BatchApi
from langchain_azure_llms.bulk.azure_batch_lines import BatchLines, check_llm, custom_id
from langchain_azure_llms.bulk.azure_batch_state import (
    BatchPart,
    BatchState,
    load_state,
    remove_state,
    save_state,
)
from langchain_azure_llms.bulk.engine import Done
from langchain_azure_llms.bulk.output import Output
from langchain_azure_llms.bulk.pending import have_ids, open_rows
from langchain_azure_llms.bulk.progress import BulkSummary, Progress
from langchain_azure_llms.bulk.prompts import Columns
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.http.request import HttpRequest, HttpResponse, Step
from langchain_azure_llms.llms.generation import SURROUNDINGS

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

_WRITTEN_AT_ONCE = 500


class Results:
    """The lines of a batch's files, kept on disk, by the number of the row that each is about.

    Args:
        folder: Where there is room for them.
    """

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `__exit__`
        self._places: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def add(self, line: str) -> None:
        """Add a line; one that is no result is left out, and its prompt has no record."""
        try:
            number, _, _ = json.loads(line)["custom_id"].partition("-")
            row = int(number)
        except (ValueError, TypeError, KeyError, AttributeError):
            return
        self._places[row] = self._file.seek(0, 2)
        self._file.write(line.encode("utf-8", "surrogatepass") + b"\n")

    def get(self, row: int) -> dict[str, Any] | None:
        """Return the line about a row, if there is one."""
        if row not in self._places:
            return None
        self._file.seek(self._places[row])
        line: dict[str, Any] = json.loads(self._file.readline())
        return line


class Reception:
    """A job that was submitted, and what has come of it.

    Args:
        llm: The LLM that it was submitted with.
        output: The output for its records.

    Attributes:
        state: What was done so far.

    Raises:
        ConfigurationError: If nothing was submitted for this output, or by another LLM.
    """

    def __init__(self, llm: AzureLLM, output: str | Path) -> None:
        state = load_state(output)
        if state is None:
            raise ConfigurationError(
                f"No batch is under way for {output}: none was submitted, or all are fetched."
            )
        self.state: BatchState = state
        self._path = Path(output)
        self._llm = check_llm(llm)
        if llm.settings_digest != state.settings:
            raise ConfigurationError(
                f"The batches of {output} were submitted with other settings of the LLM "
                f"(deployment {state.deployment!r}): pass the same."
            )
        self._api = BatchApi(self._llm, SURROUNDINGS)
        self._columns = Columns(state.prompt_column, state.id_column, state.template)
        self._output = Output(self._path, state.fingerprint, force=state.force, keep_failed=True)
        self._progress = Progress(None, is_shown=False)

    # --- what the service says ---------------------------------------------------------------

    def refresh(self) -> Generator[Step, Any, None]:
        """Ask the service about the batches that had not ended.

        Raises:
            AzureLLMError: If that fails.
        """
        for part in self.state.parts:
            if part.is_fetched or part.has_ended:
                continue
            if part.batch_id is None:
                found = yield from self._api.find(part.file_id)
            else:
                found = yield from self._api.get(part.batch_id)
            if found is not None:
                part.note(found)

    def cancel(self) -> Generator[Step, Any, None]:
        """Cancel the batches that have not ended, and begin no more.

        Raises:
            AzureLLMError: If that fails.
        """
        yield from self.refresh()
        for part in self.state.parts:
            if part.batch_id is None:
                part.status = "cancelled"
            elif not part.has_ended:
                part.note((yield from self._api.cancel(part.batch_id)))
            self.save()
        self.state.is_complete = True
        self.save()

    def save(self) -> None:
        """Write the state.

        Raises:
            OSError: If it cannot be written.
        """
        save_state(self._path, self.state)

    # --- answers -----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._output.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._output.__exit__(*exc_info)

    @property
    def is_under_way(self) -> bool:
        """Whether there are batches that have not ended."""
        return any(not (part.is_fetched or part.has_ended) for part in self.state.parts)

    def ready(self) -> list[BatchPart]:
        """Return the batches that have ended, and are not fetched."""
        return [one for one in self.state.parts if one.has_ended and not one.is_fetched]

    def results(self) -> Results:
        """Return a place for the lines of a batch."""
        return Results(self._path.absolute().parent)

    def open_file(self, file_id: str) -> tuple[HttpRequest, Generator[Step, Any, HttpResponse]]:
        """Return the request for a file, and the flow to its response, unread."""
        return self._api.open_file(file_id)

    def write(self, part: BatchPart, results: Results) -> None:
        """Write the records of a batch.

        Raises:
            ConfigurationError: If the input has changed since the batch was submitted.
            OSError: If the output cannot be written.
        """
        lines = BatchLines(self._llm, self.state.params, self.state.api)
        rows = open_rows(self.state.source, self._path, self._columns)
        has_ids = have_ids(rows, self._columns)
        done: list[Done] = []
        part.records = 0
        for row in islice(rows, part.first, part.end):
            result = results.get(row.number)
            if result is None:
                continue
            prompt = self._columns.prompt_of(row, has_ids=has_ids)
            if custom_id(row.number, prompt) != result["custom_id"]:
                raise ConfigurationError(
                    f"{self.state.source} has changed since its prompts were submitted "
                    f"({row.place}): restore it, and fetch again."
                )
            part.records += 1
            if not self._output.is_done(prompt.id):
                done.append((prompt, lines.record_of(prompt, result, part.seconds)))
            if len(done) == _WRITTEN_AT_ONCE:
                self._write(done)
        self._write(done)
        part.is_fetched = True
        self.save()

    def _write(self, done: list[Done]) -> None:
        self._output.write(done)
        for _, record in done:
            self._progress.count(record)
        done.clear()

    def end(self) -> BulkSummary:
        """Return what came of it; forget the job where all of it is fetched."""
        state, progress = self.state, self._progress
        if state.is_complete and all(part.is_fetched for part in state.parts):
            remove_state(self._path)
        return BulkSummary(
            answered=progress.answered,
            failed=progress.failed,
            left=sum(part.prompts - part.records for part in state.parts),
            prompt_tokens=progress.prompt_tokens,
            completion_tokens=progress.completion_tokens,
            seconds=progress.seconds,
            has_stopped_early=not state.is_complete,
        )
