"""Alternating rounds: who works how often and in which order, and what is kept of it."""

import gc
from collections.abc import Callable, Iterator

import pytest

from tests.benchmarks import rounds
from tests.benchmarks.rounds import Contender, Turn, alternate


@pytest.fixture(autouse=True)
def _unfrozen() -> Iterator[None]:
    """Let the collector see again what the turns have set aside."""
    yield
    gc.unfreeze()


def contender(name: str, log: list[str], most_rounds: int = 9) -> Contender:
    """Return one whose work is to log its name."""

    def logs(entry: str) -> Callable[[], int]:
        def work() -> int:
            log.append(entry)
            return 2

        return work

    return Contender(name, logs(name), logs(f"warm {name}"), most_rounds)


def test_every_turn_is_warmed_up_and_another_contender_begins_each_round() -> None:
    log: list[str] = []
    alternate([contender("a", log), contender("b", log)], rounds=2)
    assert ["warm a", "a", "warm b", "b", "warm b", "b", "warm a", "a"] == log


def test_a_slow_contender_has_fewer_turns() -> None:
    log: list[str] = []
    found = alternate([contender("a", log), contender("b", log, most_rounds=1)], rounds=3)
    assert (3, 1) == (log.count("a"), log.count("b"))
    assert (3, 1) == (found["a"].rounds, found["b"].rounds)


def test_the_best_of_each_figure_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPU and wall may come from different turns."""
    turns = iter([Turn(3, 5), Turn(2, 9), Turn(4, 7)])
    monkeypatch.setattr(rounds, "turn_of", lambda _: next(turns))
    best = alternate([contender("a", [])], rounds=3)["a"]
    assert (2, 5) == (best.cpu, best.wall)


def test_figures_are_per_call(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 16.0])
    cpu = iter([1.0, 5.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    monkeypatch.setattr("time.process_time", lambda: next(cpu))
    assert Turn(cpu=2.0, wall=3.0) == rounds.turn_of(lambda: 2)


def test_garbage_of_the_turn_before_is_gone_when_a_turn_begins() -> None:
    collected: list[int] = []

    class Cycle:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            collected.append(1)

    def work() -> int:
        assert [1] == collected
        return 1

    gc.disable()
    try:
        Cycle()
        rounds.turn_of(work)
    finally:
        gc.enable()
