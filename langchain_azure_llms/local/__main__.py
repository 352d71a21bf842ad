"""`python -m langchain_azure_llms.local`: run the local endpoints in the foreground.

Prints one `export NAME=value` line for each environment variable that points the LLM classes
here, then serves until it is interrupted.
"""

import argparse
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import get_args

from langchain_azure_llms.local import LocalEndpoints, LocalEndpointsError
from langchain_azure_llms.local._endpoints import COMPLETION_DEPLOYMENTS, EngineName
from langchain_azure_llms.local._weights import weights


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0 when it was interrupted while serving, and 1 after an error."""
    options = vars(_parser().parse_args(arguments))
    options["tokens"] = options.pop("token")
    options["deployments"] = options.pop("deployment") or COMPLETION_DEPLOYMENTS
    try:
        if options.pop("fetch_only"):
            weights()
        else:
            _serve(LocalEndpoints(**options))
    except LocalEndpointsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _serve(endpoints: LocalEndpoints) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended by a supervisor: as by Ctrl-C
    with endpoints, suppress(KeyboardInterrupt):
        for name, value in endpoints.environ.items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        print("Serving; Ctrl-C ends it. Paste these into another shell.", file=sys.stderr)
        threading.Event().wait()


def _parser() -> argparse.ArgumentParser:
    what = "Serve Azure's routes on loopback, answered by a real small language model."
    parser = argparse.ArgumentParser(prog="python -m langchain_azure_llms.local", description=what)
    add: Callable[..., argparse.Action] = parser.add_argument
    add("--port", type=partial(_number, 0, 65535), default=0, help="port (default: any free one)")
    add("--api-key", help="key to accept (default: a random one, printed)")
    add("--token", action="append", default=[], help="bearer token to accept too (repeatable)")
    names = ", ".join(COMPLETION_DEPLOYMENTS)
    what = f"name of a deployment that completes text, '*' for any (repeatable; default: {names})"
    add("--deployment", action="append", help=what)
    half = "CPU threads that generate (default: half of them)"
    add("--threads", type=partial(_number, 1, 1024), help=half)
    add("--engine", choices=get_args(EngineName), default="model", help="what answers")
    what = "what goes wrong, such as rate-limited or mixed (repeatable)"
    add("--scenario", action="append", help=what)
    add("--fetch-only", action="store_true", help="fetch the model if it is missing, and leave")
    return parser


def _number(low: int, high: int, text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"must be from {low} to {high}, not {text}")
    return number


if __name__ == "__main__":
    sys.exit(main())
