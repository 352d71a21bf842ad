"""Where a row's time goes: our turns under Python's own profiler."""

import cProfile
import pstats
import sys
from collections.abc import Sequence

from tests.benchmarks.rounds import Contender

TURNS = 10
SHOWN = 40


def show_profile(contenders: Sequence[Contender]) -> None:
    """Print the functions in which our turns spend most.

    The profiler makes calls dearer than they are: look at it for what is called, not for how long.
    """
    ours = next(one for one in contenders if one.role == "ours")
    ours.warm()
    profile = cProfile.Profile()
    for _ in range(TURNS):
        profile.runcall(ours.work)
    found = pstats.Stats(profile, stream=sys.stdout).strip_dirs()
    for order in ("cumulative", "tottime"):
        found.sort_stats(order).print_stats(SHOWN)
