"""Taking turns: who works how often and in which order, and what is kept of it."""

import gc
from collections.abc import Callable, Iterator

import pytest

from tests.benchmarks import rounds
from tests.benchmarks.rounds import Contender, Turn, interleaved


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    """Give the collector back what the turns have set aside."""
    yield
    gc.unfreeze()


def contender(name: str, told: list[str], most_rounds: int = 9) -> Contender:
    """Return one whose work is to say its name."""

    def say(what: str) -> Callable[[], int]:
        def work() -> int:
            told.append(what)
            return 2

        return work

    return Contender(name, "floor", say(name), say(f"warm {name}"), most_rounds)


def test_every_turn_is_warmed_up_and_somebody_else_begins_each_round() -> None:
    """Nobody always follows the same neighbour."""
    told: list[str] = []
    interleaved([contender("a", told), contender("b", told)], rounds=2)
    assert ["warm a", "a", "warm b", "b", "warm b", "b", "warm a", "a"] == told


def test_a_slow_contender_gets_fewer_turns() -> None:
    """The others go on without it."""
    told: list[str] = []
    found = interleaved([contender("a", told), contender("b", told, most_rounds=1)], rounds=3)
    assert (3, 1) == (told.count("a"), told.count("b"))
    assert (3, 1) == (found["a"].rounds, found["b"].rounds)
    assert (6, 2) == (found["a"].calls, found["b"].calls)


def test_the_best_of_each_figure_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPU and wall may come from different turns."""
    turns = iter([Turn(3, 5, 1), Turn(2, 9, 1), Turn(4, 7, 1)])
    monkeypatch.setattr(rounds, "turn_of", lambda _: next(turns))
    best = interleaved([contender("a", [])], rounds=3)["a"]
    assert (2, 5) == (best.cpu, best.wall)


def test_only_connections_of_the_turns_themselves_count() -> None:
    """What warming up opens is not the turn's."""
    told: list[str] = []
    found = interleaved([contender("a", told)], rounds=2, connections=lambda: told.count("a") * 3)
    assert found["a"].connections == 6


def test_a_turn_tells_its_figures_per_call() -> None:
    """Two calls share what their turn took."""
    clock = rounds.turn_of(lambda: 2)
    assert clock.calls == 2
    assert 0 <= clock.cpu
    assert 0 < clock.wall


def test_garbage_of_the_turn_before_is_gone_when_a_turn_begins() -> None:
    """A turn does not pay for its predecessor."""
    left: list[int] = []

    class Cycle:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            left.append(1)

    def work() -> int:
        assert [1] == left
        return 1

    gc.disable()
    try:
        Cycle()
        rounds.turn_of(work)
    finally:
        gc.enable()
