"""`python -m langchain_azure_llms.local`: run the local endpoints in the foreground.

Prints one `export NAME=value` line for each environment variable that points the LLM classes
here, then serves until it is interrupted.
"""

import argparse
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from typing import get_args

from langchain_azure_llms.local import LocalEndpoints, LocalEndpointsError
from langchain_azure_llms.local._endpoints import COMPLETION_DEPLOYMENTS, EngineName
from langchain_azure_llms.local._weights import weights

_HIGHEST_PORT = 65535
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line's arguments; the process's own by default.

    Returns:
        The exit code: 0 when it was interrupted while serving, 1 after an error.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.fetch_only:
            weights()
        else:
            _serve(options)
    except LocalEndpointsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def _serve(options: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended by a supervisor: as by Ctrl-C
    endpoints = LocalEndpoints(
        api_key=options.api_key,
        port=options.port,
        tokens=options.token,
        deployments=options.deployment or COMPLETION_DEPLOYMENTS,
        threads=options.threads,
        engine=options.engine,
        scenario=options.scenario,
    )
    with endpoints:
        try:
            for name, value in endpoints.environ.items():
                print(f"export {name}={shlex.quote(value)}", flush=True)
            print("Serving; Ctrl-C ends it. Paste these into another shell.", file=sys.stderr)
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m langchain_azure_llms.local",
        description="Serve Azure's routes on loopback, answered by a real small language model.",
    )
    add = parser.add_argument
    add("--port", type=_port, default=0, help="port to listen on (default: any free one)")
    add("--api-key", help="key to accept (default: a random one, printed)")
    add("--token", action="append", default=[], help="bearer token to accept too (repeatable)")
    add(
        "--deployment",
        action="append",
        help="name of a deployment that completes text, '*' for any (repeatable; "
        f"default: {', '.join(COMPLETION_DEPLOYMENTS)})",
    )
    add("--threads", type=_positive, help="CPU threads that generate (default: half of them)")
    add("--engine", choices=get_args(EngineName), default="model", help="what answers")
    add(
        "--scenario",
        action="append",
        help="what goes wrong, such as rate-limited or mixed (repeatable)",
    )
    add("--fetch-only", action="store_true", help="fetch the model if it is missing, and leave")
    return parser


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 <= port <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must be from 0 to {_HIGHEST_PORT}, not {text}")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
