"""`make mutants`: break what matters, one line at a time, and see that a test notices."""

import argparse
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from tests.mutants import trials
from tests.mutants.mutations import MUTATIONS, Mutation, stale
from tests.mutants.trials import Trial

_AT_ONCE = 2
_SURVIVED = "NOT NOTICED"


def main() -> int:
    """Try the mutations; return 1 unless a test failed for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("words", nargs="*", help="only mutations with one of these in their names")
    words = parser.parse_args().words
    chosen = tuple(one for one in MUTATIONS if not words or any(w in one.name for w in words))
    if not chosen:
        parser.error(f"No mutation has one of {words} in its name.")
    if problems := list(stale(chosen, trials.REPOSITORY)):
        _say("\n".join(["These mutations are stale:", *problems]))
        return 1
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        unbroken = pool.submit(trials.tried_unbroken, chosen)
        tried = pool.map(trials.tried, chosen)
        if unbroken.result() != Trial(seconds=unbroken.result().seconds):
            pool.shutdown(wait=False, cancel_futures=True)
            _say(f"The tests fail without any mutation: {unbroken.result()}")
            return 1
        return _report(zip(chosen, tried, strict=True))


def _report(outcomes: Iterable[tuple[Mutation, Trial]]) -> int:
    """Print a line for each; return 1 unless a test failed for each."""
    missed, width = [], max(len(one.name) for one in MUTATIONS)
    _say(f"{'broken, so that no more':{width}}  {'s':>5}  noticed by")
    for mutation, trial in outcomes:
        if trial.failed is None:
            missed.append(f"{mutation.name}: {trial.broken or 'every test passed'}")
        _say(f"{mutation.name:{width}}  {trial.seconds:5.1f}  {trial.failed or _SURVIVED}")
    _say("\n".join(missed) or "A test noticed each of them.")
    return 1 if missed else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command prints


if __name__ == "__main__":
    sys.exit(main())
