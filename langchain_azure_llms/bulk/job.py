"""Bulk jobs: a file of prompts in, a file of records out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from langchain_azure_llms.bulk.azure_batch_state import refuse_pending
from langchain_azure_llms.bulk.engine import Done, Engine
from langchain_azure_llms.bulk.limits import Concurrency, Limits
from langchain_azure_llms.bulk.output import Output
from langchain_azure_llms.bulk.packs import OF_ALL_PROMPTS
from langchain_azure_llms.bulk.pending import check_count, fingerprint, open_rows, pending
from langchain_azure_llms.bulk.progress import BulkSummary, Progress
from langchain_azure_llms.bulk.prompts import Columns, Prompt
from langchain_azure_llms.bulk.records import read
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.llms.base import AzureLLM
from langchain_azure_llms.llms.event_loop import run_in_event_loop, runs_in_event_loop

GRACE_SECONDS = 30.0
_OF_ALL = frozenset(cls.__name__ for cls in OF_ALL_PROMPTS)
_HOPELESS_AT_FIRST, _HOPELESS_LATER = 3, 100
"""So many errors in a row that say nothing about a prompt, such as a wrong key's, end the job."""


class BulkJob:
    """A job. `run_bulk` and `arun_bulk` make one and run it.

    Args:
        llm: The LLM.
        source: JSONL (`.jsonl`, `.ndjson`), CSV (`.csv`, `.tsv`), gzip of these (`.gz`), Parquet
            (needs pyarrow), or `"-"` for standard input. Lines in the format of Azure's Batch API
            (`custom_id`, `body`) are understood.
        output: The file for the records: JSONL, which is appended to. Missing folders are made.
        template: A text with names of columns in braces, in place of a column with the prompt.
        prompt_column: The column with the prompt; `prompt` by default.
        id_column: The column with the id; by default `id` where there is one, else the id is the
            row's number, counted from 0.
        max_concurrency: See `records` of the LLM classes, as for the next two.
        requests_per_minute: How many requests may be sent in a minute.
        tokens_per_minute: How many tokens prompts and answers may have in a minute.
        max_tokens_total: The job ends when its output has about so many tokens.
        limit: How many rows are asked, the first ones; all by default.
        retry_all: Whether refusals (a content filter, a prompt that is too long) are asked again.
        force: Whether the output may hold answers of other settings, which are kept.
        dry_run: Whether to count and to estimate only. Nothing is sent or written.
        grace: Seconds that what is in flight is awaited after an interrupt.
        progress: Whether the state of the job is shown on standard error.
        callbacks: LangChain callbacks for each request; see `records`.
        **params: Parameters of all prompts: `max_tokens`, `stop` and the like.

    Raises:
        ConfigurationError: If an argument is wrong, or the input cannot be read.
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
        max_concurrency: Concurrency = "auto",
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        max_tokens_total: int | None = None,
        limit: int | None = None,
        retry_all: bool = False,
        force: bool = False,
        dry_run: bool = False,
        grace: float = GRACE_SECONDS,
        progress: bool = True,
        callbacks: Any = None,
        **params: Any,
    ) -> None:
        self._llm, self._params, self._callbacks = llm, params, callbacks
        self._limits = Limits(max_concurrency, requests_per_minute, tokens_per_minute)
        self._columns = Columns(prompt_column, id_column, template)
        self._budget, self._limit, self._grace = max_tokens_total, limit, grace
        self._dry_run = dry_run
        check_count(max_tokens_total, "max_tokens_total")
        check_count(limit, "limit")
        path = Path(output)
        self._rows = open_rows(source, path, self._columns)
        refuse_pending(path)
        mark = fingerprint(llm, params, self._columns)
        self._output = Output(path, mark, force=force, retry_all=retry_all)
        total = self._rows.total
        if limit is not None:
            total = limit if total is None else min(total, limit)
        self._progress = Progress(total, is_shown=progress)
        self._hopeless = self._given = 0
        self._is_out_of_budget = False

    def run(self) -> BulkSummary:
        """Run the job, from a sync caller; see `run_bulk`."""
        in_threads = not runs_in_event_loop(self._llm)
        return run_in_event_loop(partial(self.arun, in_threads=in_threads))

    async def arun(self, *, in_threads: bool = False) -> BulkSummary:
        """Run the job, in asyncio; see `arun_bulk`."""
        engine = Engine(
            self._llm, self._limits, self._params, self._callbacks, in_threads=in_threads
        )
        if self._dry_run:
            return self._estimated()
        with self._output:
            showing = asyncio.create_task(self._show(engine))
            try:
                await self._ask(engine)
            except asyncio.CancelledError:
                await self._drain(engine)
                raise
            finally:
                await engine.aclose()
                self._write(engine.take())
                showing.cancel()
                self._progress.show(str(self._summary()), is_last=True)
        return self._summary()

    async def _ask(self, engine: Engine) -> None:
        source, is_last = self._prompts(), False
        while True:
            given, is_last = ([], True) if is_last else read(source, engine.wanted())
            self._given += len(given)
            done = await engine.step(given, is_last=is_last)
            if is_last and not done:
                return
            self._write(done)

    async def _drain(self, engine: Engine) -> None:
        """Await what is in flight, but send nothing new."""
        engine.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                while done := await engine.step([], is_last=True):
                    self._write(done)

    def _write(self, done: list[Done]) -> None:
        """Write records and count them.

        Raises:
            ConfigurationError: If errors in a row say that no prompt will be answered.
        """
        progress = self._progress
        for _, record in done:
            self._given -= 1
            progress.count(record)
            self._hopeless = (
                0 if record.error is None else self._hopeless + (record.error in _OF_ALL)
            )
        if self._hopeless < (_HOPELESS_LATER if progress.answered else _HOPELESS_AT_FIRST):
            self._output.write(done)
            return
        self._hopeless = 0
        self._output.write([one for one in done if one[1].error not in _OF_ALL])
        message = next(record.error_message for _, record in done if record.error in _OF_ALL)
        raise ConfigurationError(f"The job has ended, as all its prompts would fail: {message}")

    def _prompts(self) -> Iterator[Prompt]:
        """Yield the prompts that have no record yet."""
        for _, prompt in pending(self._rows, self._columns, self._output, self._limit):
            if prompt is None:
                self._progress.skipped += 1
            elif self._is_spent(prompt):
                return
            else:
                yield prompt

    def _is_spent(self, prompt: Prompt) -> bool:
        """Return whether the tokens of the job would be spent by those that are under way."""
        if self._budget is None:
            return False
        each = self._limits.estimate.total(prompt.text)
        coming = (self._given + 1) * each
        self._is_out_of_budget = self._output.total_tokens + coming > self._budget
        return self._is_out_of_budget

    def _estimated(self) -> BulkSummary:
        """Count what there is to do, without sending or writing anything."""
        progress, tokens, left = self._progress, 0.0, 0
        self._output.read()
        for prompt in self._prompts():
            if prompt.problem is None:
                left += 1
                tokens += self._limits.estimate.total(prompt.text)
            else:
                progress.failed += 1
        return BulkSummary(
            failed=progress.failed,
            skipped=progress.skipped,
            left=left,
            estimated_tokens=round(tokens),
        )

    async def _show(self, engine: Engine) -> None:
        progress = self._progress
        while True:
            await asyncio.sleep(progress.interval)
            refused, pause = self._limits.refused, engine.pause
            line = progress.line(in_flight=engine.in_flight, refused=refused, pause=pause)
            progress.show(line)

    def _summary(self) -> BulkSummary:
        progress = self._progress
        return BulkSummary(
            answered=progress.answered,
            failed=progress.failed,
            skipped=progress.skipped,
            left=progress.left,
            prompt_tokens=progress.prompt_tokens,
            completion_tokens=progress.completion_tokens,
            refused=self._limits.refused,
            seconds=progress.seconds,
            has_stopped_early=self._is_out_of_budget,
        )


def run_bulk(llm: AzureLLM, source: str | Path, output: str | Path, **options: Any) -> BulkSummary:
    """Ask all prompts of a file, and write a record for each to another file, as it is done.

    Called again with the same arguments, it asks the prompts that have no answer yet: after a
    crash, a Ctrl-C, or a `kill -9`, which loses at most what was in flight. Ctrl-C ends a job
    gently: nothing new is sent, and what is in flight is awaited and written. A second one ends it
    at once.

    Args:
        llm: The LLM.
        source: The file of prompts; see `BulkJob`.
        output: The file for the records.
        **options: Those of `BulkJob`, and parameters of all prompts.

    Returns:
        What the job came to.

    Raises:
        ConfigurationError: If an argument is wrong, the input cannot be read, a column is not
            there, or the output is locked or another job's: nothing has been sent then. If the key
            or the deployment is refused.
        OSError: If the output cannot be written; all records but the last one are whole.
        KeyboardInterrupt: After an interrupt, when what was in flight is written.
    """
    return BulkJob(llm, source, output, **options).run()


async def arun_bulk(
    llm: AzureLLM, source: str | Path, output: str | Path, **options: Any
) -> BulkSummary:
    """Ask all prompts of a file, in asyncio; see `run_bulk`. Cancelling it is an interrupt."""
    return await BulkJob(llm, source, output, **options).arun()
