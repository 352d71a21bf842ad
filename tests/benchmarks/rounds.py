"""Alternating rounds: in each of many short rounds every contender does the same work once.

A machine has slow spells of seconds, from its neighbours or its clock. In short turns these hit
all contenders alike, and the best turn of each is one without them. So ratios hold, where times by
themselves do not: only figures of one run may be compared.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

OURS = "ours"
FLOOR = "floor"


class Turn(NamedTuple):
    """What one turn took, per call: seconds of CPU of this process (all threads), and seconds."""

    cpu: float
    wall: float


class Best(NamedTuple):
    """The best of a contender's turns, each figure by itself."""

    cpu: float
    wall: float
    rounds: int


@dataclass(frozen=True)
class Contender:
    """One that is measured.

    Attributes:
        name: What tables call it.
        work: Does the work of one turn, and returns how many calls it made.
        warm: Does a little of the same before each turn, so that connections are open.
        most_rounds: How many turns it has at most: one that takes seconds has few.
    """

    name: str
    work: Callable[[], int]
    warm: Callable[[], object]
    most_rounds: int = 1000


def alternate(contenders: Sequence[Contender], rounds: int) -> dict[str, Best]:
    """Measure contenders in alternating rounds, and return the best of each."""
    turns: dict[str, list[Turn]] = {one.name: [] for one in contenders}
    gc.unfreeze()
    for number in range(rounds):
        start = number % len(contenders)  # nobody always follows the same neighbour
        for one in (*contenders[start:], *contenders[:start]):
            if number < one.most_rounds:
                one.warm()
                turns[one.name].append(turn_of(one.work))
    return {
        name: Best(min(turn.cpu for turn in found), min(turn.wall for turn in found), len(found))
        for name, found in turns.items()
    }


def turn_of(work: Callable[[], int]) -> Turn:
    """Measure one turn.

    The garbage of the turn before is collected first, and all that lives is then set aside: the
    modules of all contenders together are several hundred thousand objects, and whoever happened to
    start a full collection would pay for walking through all of them. A turn pays for what it
    leaves behind itself, as in a user's program.
    """
    gc.collect()
    gc.freeze()
    wall, cpu = time.perf_counter(), time.process_time()
    calls = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Turn(cpu / calls, wall / calls)
