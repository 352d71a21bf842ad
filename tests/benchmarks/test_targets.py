"""The benchmark's pure parts: what a figure is compared with, and how that is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import targets
from tests.benchmarks.fresh import FRESH_ROWS
from tests.benchmarks.growth import CURVES
from tests.benchmarks.report import ratio, value
from tests.benchmarks.results import Measured, read, write
from tests.benchmarks.rows import ROWS
from tests.benchmarks.targets import TARGETS, Target, against, against_floors, judged

FOUND: dict[str, Any] = {
    "rows": {
        "a-row": {
            "contenders": {
                "ours": {"cpu": 3.0, "wall": 8.0},
                "peer": {"cpu": 6.0, "wall": 4.0},
                "floor": {"cpu": 1.0},
                "other floor": {"cpu": 2.0},
            }
        },
        "a-curve": {
            "contenders": {"ours": {"points": [{"at": 10, "cpu": 2.0}, {"at": 1000, "cpu": 3.0}]}}
        },
    }
}


def test_a_share_is_ours_divided_by_theirs() -> None:
    """Each figure has a share of its own."""
    assert against("x", "a-row", "peer", 1).share_in(FOUND) == 0.5
    assert against("x", "a-row", "peer", 1, "wall").share_in(FOUND) == 2


def test_floors_are_added_up() -> None:
    """What lies beneath is the sum of its parts."""
    assert against_floors("x", "a-row", ("floor", "other floor"), 1).share_in(FOUND) == 1


def test_a_number_may_take_the_place_of_a_contender() -> None:
    """An ideal is measured against as a peer is."""
    assert Target("x", "1.5", Measured("a-row", "ours"), 1.5, 1).share_in(FOUND) == 2


def test_points_of_a_curve_are_found_by_their_place() -> None:
    """A curve is looked at in two places."""
    last, first = Measured("a-curve", "ours", "cpu", 1000), Measured("a-curve", "ours", "cpu", 10)
    assert Target("x", "few", last, (first,), 1).share_in(FOUND) == 1.5


@pytest.mark.parametrize(("most", "expected"), [(0.49, False), (0.5, True), (0.51, True)])
def test_a_target_is_met_up_to_its_limit(most: float, expected: bool) -> None:  # noqa: FBT001
    """The limit itself is well."""
    (verdict,) = judged(FOUND, [against("x", "a-row", "peer", most)])
    assert expected is verdict.is_met
    assert str(verdict).startswith("ok" if expected else "MISS")
    assert "is 0.500" in str(verdict)


@pytest.mark.parametrize(
    "target",
    [
        against("x", "no-row", "peer", 9),
        against("x", "a-row", "nobody", 9),
        against("x", "a-row", "floor", 9, "wall"),
        against_floors("x", "a-row", ("floor", "nobody"), 9),
        Target("x", "few", Measured("a-curve", "ours", "cpu", 11), 1.0, 9),
    ],
)
def test_what_was_not_measured_is_missed(target: Target) -> None:
    """A row that was left out does not pass for a fast one."""
    (verdict,) = judged(FOUND, [target])
    assert not verdict.is_met
    assert "was not measured" in str(verdict)


@pytest.mark.parametrize(("cpu", "expected"), [(1.0, 0), (1e9, 1)])
def test_the_command_names_what_is_missed(
    cpu: float, expected: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code tells whether all targets are met."""
    file = tmp_path / "results.json"
    write(_full_results(cpu), file)
    assert expected == targets.main(file)
    shown = capsys.readouterr().out
    assert ("MISS AzureOpenAI.invoke, cpu" in shown) is bool(expected)


def test_every_target_is_about_rows_that_are_measured() -> None:
    """A row that is renamed takes its targets with it."""
    measured = {*(row.name for row in ROWS), *(row.name for row in FRESH_ROWS), *CURVES}
    looked_at = {one.row for target in TARGETS for one in _figures_of(target)}
    assert set() == looked_at - measured


def test_without_figures_the_command_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing measured is nothing met."""
    assert targets.main(tmp_path / "results.json") == 1
    assert "run `make bench` first" in capsys.readouterr().err


def test_figures_come_back_as_they_were_written(tmp_path: Path) -> None:
    """The file holds all that was found."""
    file = tmp_path / "folder" / "results.json"
    write(FOUND, file)
    assert FOUND == read(file)
    assert FOUND == json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("ours", "other", "expected"),
    [(1.0, 3.0, "0.333"), (3.0, 2.0, "1.500"), (None, 1.0, ""), (1.0, None, ""), (1.0, 0.0, "")],
)
def test_a_ratio_is_told_with_three_places(
    ours: float | None, other: float | None, expected: str
) -> None:
    """Without two figures there is no ratio."""
    assert expected == ratio(ours, other)


@pytest.mark.parametrize(
    ("figure", "number", "expected"),
    [
        ("cpu", 0.0012345, "1,234.5 µs"),
        ("wall", None, ""),
        ("memory", 3 * 1024 * 1024, "3.0 MiB"),
        ("connections", 64.0, "64"),
    ],
)
def test_figures_are_told_in_their_units(figure: str, number: float | None, expected: str) -> None:
    """Seconds become microseconds, bytes mebibytes."""
    assert expected == value(figure, number)


def _figures_of(target: Target) -> list[Measured]:
    return [target.ours, *(target.theirs if isinstance(target.theirs, tuple) else ())]


def _full_results(ours: float) -> dict[str, Any]:
    """Return results in which each target finds its figures: ours all alike, the others' 100."""
    rows: dict[str, Any] = {}

    def put(measured: Measured, number: float) -> None:
        row = rows.setdefault(measured.row, {"contenders": {}})
        one = row["contenders"].setdefault(measured.contender, {"points": []})
        if measured.at is None:
            one[measured.figure] = number
        else:
            one["points"].append({"at": measured.at, measured.figure: number})

    for target in TARGETS:
        is_absolute = isinstance(target.theirs, float)
        put(target.ours, 0.01 if is_absolute and ours == 1.0 else ours)
        for one in _figures_of(target)[1:]:
            put(one, 100.0)
    return {"rows": rows}
