"""Bulk jobs at half price: Azure OpenAI's Batch API, from a file of prompts to a file of records.

`submit_batch` uploads the prompts, `batch_status` says how far the service is, `fetch_batch` writes
the records, `cancel_batch` gives up. What was done is kept in a small file beside the output, so
that each may run in a process of its own. It was never run against Azure: shapes and limits are
those of Microsoft's public pages.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_azure_llms.bulk.azure_batch_fetch import Reception, Results
from langchain_azure_llms.bulk.azure_batch_state import BatchPart, BatchState
from langchain_azure_llms.bulk.azure_batch_submit import MOST_LINES, Submission
from langchain_azure_llms.bulk.progress import BulkSummary
from langchain_azure_llms.exceptions import ConfigurationError, StreamInterruptedError
from langchain_azure_llms.http import async_io, sync_io

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

POLL_SECONDS = 60.0
"""How often the service is asked (Microsoft asks for no less than a minute between two times)."""
_DOWNLOADS = 3
"""How often a file is downloaded, where the connection breaks."""


@dataclass(frozen=True)
class BatchStatus:
    """How far the batches of a job are.

    Attributes:
        batches: The batches, each with `batch_id`, `status`, `prompts`, `completed`, `failed` and
            `errors`.
        is_submitted: Whether all prompts are in one of them.
        unsendable: How many rows `submit_batch` could not send; their records are in the output.
    """

    batches: tuple[BatchPart, ...]
    is_submitted: bool
    unsendable: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether all batches have ended, so that all answers can be fetched."""
        return all(one.is_fetched or one.has_ended for one in self.batches)

    def __str__(self) -> str:
        lines = [str(one) for one in self.batches] or ["no prompt is left to be asked"]
        if not self.is_submitted:
            lines.append("not all prompts are submitted: submit again")
        if self.unsendable:
            rows = "1 row" if self.unsendable == 1 else f"{self.unsendable:,} rows"
            lines.append(f"{rows} cannot be sent: the output says why")
        return "\n".join(lines)


def submit_batch(
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
) -> BatchStatus:
    """Submit the prompts of a file that have no answer yet to Azure OpenAI's Batch API.

    They are asked with the parameters that they would have online. A job of more than 100,000
    prompts, or 200 MB, becomes several batches. Where it is interrupted, the same call goes on.

    Args:
        llm: The LLM, an `AzureOpenAI` whose deployment is one for batches (its type is Global Batch
            or Data Zone Batch) and speaks chat completions, or Responses (`api="responses"`).
        source: The file of prompts, as for `run_bulk`; standard input cannot be read twice. It must
            stay as it is until the answers are fetched.
        output: The file for the records, as for `run_bulk`. Only what cannot be sent has its record
            at once.
        template: A text with names of columns in braces, in place of a column with the prompt.
        prompt_column: The column with the prompt; `prompt` by default.
        id_column: The column with the id; `id` by default, else the row's number.
        limit: How many rows are asked, the first ones; all by default.
        retry_all: Whether refusals are asked again.
        force: Whether the output may hold answers of other settings, which are kept.
        lines_per_batch: How many prompts a batch has at most: fewer, where the deployment's quota
            of enqueued tokens is small.
        **params: Parameters of all prompts: `max_tokens`, `stop` and the like.

    Returns:
        The batches.

    Raises:
        ConfigurationError: If an argument is wrong, the input cannot be read, or batches of this
            output are under way. Nothing has been sent then.
        AzureLLMError: If the service refuses a file or a batch.
        OSError: If the output, or the state beside it, cannot be written.
    """
    job = Submission(
        llm,
        source,
        output,
        template=template,
        prompt_column=prompt_column,
        id_column=id_column,
        limit=limit,
        retry_all=retry_all,
        force=force,
        lines_per_batch=lines_per_batch,
        **params,
    )
    with job:
        sync_io.run(job.go_on(), llm.endpoint)
        for content in job.contents():
            sync_io.run(job.send(content), llm.endpoint)
    return _status(job.state, job.unsendable)


async def asubmit_batch(
    llm: AzureLLM, source: str | Path, output: str | Path, **options: Any
) -> BatchStatus:
    """Submit the prompts of a file, in asyncio; see `submit_batch`."""
    job = await asyncio.to_thread(Submission, llm, source, output, **options)
    with job:
        await async_io.run(job.go_on(), llm.endpoint)
        contents = job.contents()
        while (content := await asyncio.to_thread(next, contents, None)) is not None:
            await async_io.run(job.send(content), llm.endpoint)
    return _status(job.state, job.unsendable)


def batch_status(llm: AzureLLM, output: str | Path) -> BatchStatus:
    """Return how far the batches of an output's job are.

    Args:
        llm: The LLM that they were submitted with.
        output: The output.

    Raises:
        ConfigurationError: If nothing was submitted for this output, or by another LLM.
        AzureLLMError: If the service does not say.
    """
    job = Reception(llm, output)
    sync_io.run(job.refresh(), llm.endpoint)
    return _status(job.state)


async def abatch_status(llm: AzureLLM, output: str | Path) -> BatchStatus:
    """Return how far the batches of an output's job are, in asyncio; see `batch_status`."""
    job = Reception(llm, output)
    await async_io.run(job.refresh(), llm.endpoint)
    return _status(job.state)


def cancel_batch(llm: AzureLLM, output: str | Path) -> BatchStatus:
    """Cancel the batches of an output's job that have not ended.

    What they had answered is billed, and can be fetched. The prompts that have no answer then are
    asked by the next `submit_batch`, or by `run_bulk`.

    Args:
        llm: The LLM that they were submitted with.
        output: The output.

    Raises:
        ConfigurationError: If nothing was submitted for this output, or by another LLM.
        AzureLLMError: If the service does not cancel one.
    """
    with Reception(llm, output) as job:
        sync_io.run(job.cancel(), llm.endpoint)
    return _status(job.state)


async def acancel_batch(llm: AzureLLM, output: str | Path) -> BatchStatus:
    """Cancel the batches of an output's job, in asyncio; see `cancel_batch`."""
    with Reception(llm, output) as job:
        await async_io.run(job.cancel(), llm.endpoint)
    return _status(job.state)


def fetch_batch(
    llm: AzureLLM,
    output: str | Path,
    *,
    wait: bool = False,
    poll_seconds: float = POLL_SECONDS,
    progress: bool = True,
) -> BulkSummary:
    """Write the records of the batches that have ended to the output.

    Called again, it goes on: no record is written twice. When all batches are fetched, the state
    beside the output is removed. Prompts without a record then (of a batch that failed its
    validation, or was cancelled) are asked by the next `submit_batch`, or by `run_bulk`; so are
    those of a batch that expired.

    Args:
        llm: The LLM that they were submitted with.
        output: The output.
        wait: Whether to wait until all batches have ended.
        poll_seconds: How often the service is asked then.
        progress: Whether the batches are shown on standard error while it waits.

    Returns:
        What came of them; `left` counts the prompts that have no record.

    Raises:
        ConfigurationError: If nothing was submitted for this output, or by another LLM, or the
            input has changed since.
        AzureLLMError: If the service does not give a file.
        OSError: If the output cannot be written.
    """
    with _reception(llm, output, poll_seconds) as job:
        while True:
            sync_io.run(job.refresh(), llm.endpoint)
            for part in job.ready():
                with job.results() as results:
                    for file_id in part.files:
                        _download(job, file_id, results, llm)
                    job.write(part, results)
            if not (wait and job.is_under_way):
                return job.end()
            _show(job, is_shown=progress)
            time.sleep(poll_seconds)


async def afetch_batch(
    llm: AzureLLM,
    output: str | Path,
    *,
    wait: bool = False,
    poll_seconds: float = POLL_SECONDS,
    progress: bool = True,
) -> BulkSummary:
    """Write the records of the batches that have ended, in asyncio; see `fetch_batch`."""
    with _reception(llm, output, poll_seconds) as job:
        while True:
            await async_io.run(job.refresh(), llm.endpoint)
            for part in job.ready():
                with job.results() as results:
                    for file_id in part.files:
                        await _adownload(job, file_id, results, llm)
                    await asyncio.to_thread(job.write, part, results)
            if not (wait and job.is_under_way):
                return job.end()
            _show(job, is_shown=progress)
            await asyncio.sleep(poll_seconds)


def _reception(llm: AzureLLM, output: str | Path, poll_seconds: float) -> Reception:
    if not poll_seconds > 0:
        raise ConfigurationError(f"poll_seconds is {poll_seconds!r}, expected more than 0.")
    return Reception(llm, output)


def _download(job: Reception, file_id: str, results: Results, llm: AzureLLM) -> None:
    """Add the lines of a file to the results; from its beginning, where the connection breaks."""
    for is_last in _attempts():
        request, flow = job.open_file(file_id)
        response = sync_io.run(flow, llm.endpoint)
        try:
            for line in sync_io.pieces(response.stream, request):
                results.add(line)
        except StreamInterruptedError:
            if is_last:
                raise
        else:
            return


async def _adownload(job: Reception, file_id: str, results: Results, llm: AzureLLM) -> None:
    """Add the lines of a file to the results; from its beginning, where the connection breaks."""
    for is_last in _attempts():
        request, flow = job.open_file(file_id)
        response = await async_io.run(flow, llm.endpoint)
        try:
            async for line in async_io.pieces(response.stream, request):
                results.add(line)
        except StreamInterruptedError:
            if is_last:
                raise
        else:
            return


def _attempts() -> Iterator[bool]:
    """Yield for each attempt whether it is the last one."""
    return (number == _DOWNLOADS for number in range(1, _DOWNLOADS + 1))


def _status(state: BatchState, unsendable: int = 0) -> BatchStatus:
    return BatchStatus(tuple(state.parts), state.is_complete or not state.parts, unsendable)


def _show(job: Reception, *, is_shown: bool) -> None:
    if is_shown:
        sys.stderr.write(f"{_status(job.state)}\n")
