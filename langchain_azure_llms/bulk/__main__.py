"""`python -m langchain_azure_llms.bulk`: bulk jobs as a command."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

from langchain_azure_llms.bulk.azure_batch_command import add_batch_commands
from langchain_azure_llms.bulk.job import GRACE_SECONDS, BulkJob
from langchain_azure_llms.bulk.limits import Concurrency
from langchain_azure_llms.bulk.options import add_shared_options, llm_of, params_of
from langchain_azure_llms.exceptions import AzureLLMError

SUCCESS, SOME_FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended by a supervisor: as by Ctrl-C
    try:
        status: int = options.run(options)
    except AzureLLMError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except OSError as error:
        where = error.filename or getattr(options, "output", "")
        print(f"{where} cannot be written: {error.strerror or error}.", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m langchain_azure_llms.bulk",
        description="Ask all prompts of a file, and write a record for each: now (run), or within "
        "a day and at half price by Azure OpenAI's Batch API (submit, status, fetch, cancel).",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="ask all prompts of a file; go on where an earlier run ended",
        description="Ask all prompts of a file, and write a record for each to another file, as it "
        "is done. The same command again goes on where the last one ended. Exit status: 0, "
        "1 if some prompts failed or are left, 2 after a mistake, 130 when interrupted.",
    )
    run.set_defaults(run=_run)
    add: Callable[..., argparse.Action] = run.add_argument
    add("source", metavar="INPUT", help=".jsonl, .csv, .tsv, .gz of these, .parquet, or -")
    add("output", metavar="OUTPUT", help="JSONL, which is appended to")
    add_shared_options(run)
    add("--max-concurrency", type=_concurrency, default="auto", metavar="N", help="default: auto")
    add("--rpm", type=float, metavar="N", help="requests per minute")
    add("--tpm", type=float, metavar="N", help="tokens per minute")
    add("--max-tokens-total", type=int, metavar="N", help="end when the output has about so many")
    add("--limit", type=int, metavar="N", help="ask the first N rows only")
    add("--dry-run", action="store_true", help="count and estimate; send and write nothing")
    add("--retry-all", action="store_true", help="ask again what was refused, too")
    add("--force", action="store_true", help="keep answers of other settings in the output")
    what = f"seconds to await what is in flight after Ctrl-C (default: {GRACE_SECONDS:g})"
    add("--grace", type=float, default=GRACE_SECONDS, metavar="SECONDS", help=what)
    add("--quiet", action="store_true", help="show no progress")
    add_batch_commands(commands.add_parser)
    return parser


def _concurrency(text: str) -> Concurrency:
    return "auto" if text == "auto" else int(text)


def _run(options: argparse.Namespace) -> int:
    job = BulkJob(
        llm_of(options),
        options.source,
        options.output,
        template=options.template,
        prompt_column=options.prompt_column,
        id_column=options.id_column,
        max_concurrency=options.max_concurrency,
        requests_per_minute=options.rpm,
        tokens_per_minute=options.tpm,
        max_tokens_total=options.max_tokens_total,
        limit=options.limit,
        retry_all=options.retry_all,
        force=options.force,
        dry_run=options.dry_run,
        grace=options.grace,
        progress=not options.quiet,
        **params_of(options),
    )
    summary = job.run()
    if options.dry_run:
        print(summary)
        return SUCCESS
    return SOME_FAILED if summary.failed or summary.has_stopped_early else SUCCESS


if __name__ == "__main__":
    sys.exit(main())
