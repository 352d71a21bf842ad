"""The subcommands for Azure OpenAI's Batch API: submit, status, fetch, cancel."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from langchain_azure_llms.bulk.azure_batch import (
    POLL_SECONDS,
    batch_status,
    cancel_batch,
    fetch_batch,
    submit_batch,
)
from langchain_azure_llms.bulk.azure_batch_state import load_state
from langchain_azure_llms.bulk.azure_batch_submit import MOST_LINES
from langchain_azure_llms.bulk.options import (
    add_llm_options,
    add_shared_options,
    llm_of,
    params_of,
)
from langchain_azure_llms.llms.base import AzureLLM

_SUCCESS, _UNFINISHED = 0, 1
Run = Callable[[argparse.Namespace], int]


def add_batch_commands(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the subcommands to the command."""
    submit = add_parser(
        "submit",
        help="hand the prompts of a file over to Azure OpenAI's Batch API, at half price",
        description="Upload the prompts of a file, and begin batches of them. After an "
        "interruption, the same command goes on. A small file beside the output keeps the state.",
    )
    submit.set_defaults(run=_submit)
    add: Callable[..., argparse.Action] = submit.add_argument
    add("source", metavar="INPUT", help=".jsonl, .csv, .tsv, .gz of these, .parquet")
    add("output", metavar="OUTPUT", help="JSONL, which fetch appends to")
    add_shared_options(submit)
    add("--limit", type=int, metavar="N", help="ask the first N rows only")
    add("--retry-all", action="store_true", help="ask again what was refused, too")
    add("--force", action="store_true", help="keep answers of other settings in the output")
    what = f"prompts in a batch at most (default: {MOST_LINES:,})"
    add("--lines-per-batch", type=int, default=MOST_LINES, metavar="N", help=what)

    _add(add_parser, "status", _status, "say how far the batches of an output are")
    fetch = _add(add_parser, "fetch", _fetch, "write the records of batches that have ended")
    fetch.add_argument("--wait", action="store_true", help="wait until all batches have ended")
    what = f"seconds between two looks while waiting (default: {POLL_SECONDS:g})"
    fetch.add_argument("--poll", type=float, default=POLL_SECONDS, metavar="SECONDS", help=what)
    fetch.add_argument("--quiet", action="store_true", help="show no progress")
    _add(add_parser, "cancel", _cancel, "cancel the batches of an output that have not ended")


def _add(
    add_parser: Callable[..., argparse.ArgumentParser], name: str, run: Run, what: str
) -> argparse.ArgumentParser:
    description = (
        f"{what.capitalize()}. The deployment is the one that submit named, unless --llm or "
        "--deployment names one."
    )
    parser = add_parser(name, help=what, description=description)
    parser.set_defaults(run=run)
    parser.add_argument("output", metavar="OUTPUT", help="the output that submit named")
    add_llm_options(parser, required=False)
    return parser


def _llm_of(options: argparse.Namespace) -> AzureLLM:
    """Return the LLM that the options name, or the state of the output's job."""
    if options.llm is None and options.deployment is None:
        state = load_state(options.output)
        options.deployment = "none" if state is None else state.deployment
    return llm_of(options)


def _submit(options: argparse.Namespace) -> int:
    status = submit_batch(
        llm_of(options),
        options.source,
        options.output,
        template=options.template,
        prompt_column=options.prompt_column,
        id_column=options.id_column,
        limit=options.limit,
        retry_all=options.retry_all,
        force=options.force,
        lines_per_batch=options.lines_per_batch,
        **params_of(options),
    )
    print(status)
    return _UNFINISHED if status.unsendable else _SUCCESS


def _status(options: argparse.Namespace) -> int:
    status = batch_status(_llm_of(options), options.output)
    print(status)
    return _SUCCESS if status.has_ended else _UNFINISHED


def _fetch(options: argparse.Namespace) -> int:
    summary = fetch_batch(
        _llm_of(options),
        options.output,
        wait=options.wait,
        poll_seconds=options.poll,
        progress=not options.quiet,
    )
    print(summary)
    is_done = not (summary.failed or summary.left or summary.has_stopped_early)
    return _SUCCESS if is_done else _UNFINISHED


def _cancel(options: argparse.Namespace) -> int:
    print(cancel_batch(_llm_of(options), options.output))
    return _SUCCESS
