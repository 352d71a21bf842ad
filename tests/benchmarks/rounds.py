"""Taking turns: many short rounds, in each of which every contender does the same work once.

A machine has slow spells of seconds, from its neighbours or its clock. In short turns these hit
all contenders alike; and each one's best turn is one without them. So ratios hold, where times by
themselves do not: only figures of one run may be compared.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["ours", "peer", "floor"]


@dataclass(frozen=True)
class Turn:
    """What one turn took, per call.

    Attributes:
        cpu: CPU seconds of this process, all threads.
        wall: Seconds.
        calls: How many calls it made.
    """

    cpu: float
    wall: float
    calls: int


@dataclass(frozen=True)
class Best:
    """The best of a contender's turns, each figure by itself.

    Attributes:
        role: What the contender is to the comparison.
        cpu: CPU seconds per call.
        wall: Seconds per call.
        rounds: How many turns it had.
        calls: How many calls all of these made.
        connections: How many connections they opened.
    """

    role: Role
    cpu: float
    wall: float
    rounds: int
    calls: int
    connections: int


@dataclass(frozen=True)
class Contender:
    """One that is measured.

    Attributes:
        name: What tables call it.
        role: What it is to the comparison.
        work: Does a turn's work, and returns how many calls it made.
        warm: Does a little of the same, so that connections are open.
        most_rounds: How many turns it gets at most: one that takes seconds gets few.
    """

    name: str
    role: Role
    work: Callable[[], int]
    warm: Callable[[], object]
    most_rounds: int = 1000


def interleaved(
    contenders: Sequence[Contender], rounds: int, connections: Callable[[], int] = lambda: 0
) -> dict[str, Best]:
    """Measure contenders in turns, and return each one's best."""
    turns: dict[str, list[Turn]] = {one.name: [] for one in contenders}
    opened = dict.fromkeys(turns, 0)
    settle()
    for number in range(rounds):
        start = number % len(contenders)  # nobody always follows the same neighbour
        for one in (*contenders[start:], *contenders[:start]):
            if number < one.most_rounds:
                one.warm()
                before = connections()
                turns[one.name].append(turn_of(one.work))
                opened[one.name] += connections() - before
    return {
        one.name: Best(
            role=one.role,
            cpu=min(turn.cpu for turn in turns[one.name]),
            wall=min(turn.wall for turn in turns[one.name]),
            rounds=len(turns[one.name]),
            calls=sum(turn.calls for turn in turns[one.name]),
            connections=opened[one.name],
        )
        for one in contenders
    }


def settle() -> None:
    """Collect all garbage, and set what is left aside from further collections."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def turn_of(work: Callable[[], int]) -> Turn:
    """Measure one turn.

    The collector first takes what the turn before has left; else this one would pay for it. Then
    all that lives is set aside: the modules of all contenders together are several hundred thousand
    objects, and whoever happened to start a full collection would pay for walking through all of
    them, its rivals' too. What a turn itself leaves behind, it pays for, as its users do.
    """
    gc.collect()
    gc.freeze()
    wall, cpu = time.perf_counter(), time.process_time()
    calls = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Turn(cpu / calls, wall / calls, calls)
