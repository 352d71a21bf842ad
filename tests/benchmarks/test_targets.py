"""The benchmark's pure parts: what figures are compared with, how they are shown and saved."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake import FakeListLLM

from tests.benchmarks import report, targets, workloads
from tests.benchmarks.contenders import COMMUNITY, OPENAI, Handler
from tests.benchmarks.processes import PROCESS_ROWS
from tests.benchmarks.results import Measured, Results, read, write
from tests.benchmarks.rows import ROWS
from tests.benchmarks.targets import TARGETS, Target, against, judge

FOUND: dict[str, Any] = {
    "rows": {
        "a-row": {
            "title": "invoke",
            "per": "call",
            "figure": "cpu",
            "contenders": {
                "ours": {"cpu": 3e-6, "wall": 8e-6},
                "peer": {"cpu": 6e-6, "wall": 4e-6},
            },
        }
    }
}


def test_a_share_is_ours_divided_by_theirs() -> None:
    assert against("x", "a-row", "peer", 1).share_in(FOUND) == 0.5
    assert against("x", "a-row", "peer", 1, "wall").share_in(FOUND) == 2


def test_a_number_may_take_the_place_of_a_contender() -> None:
    assert Target("x", Measured("a-row", "ours"), "1.5 µs", 1.5e-6, 1).share_in(FOUND) == 2


@pytest.mark.parametrize(("most", "expected"), [(0.49, "MISS"), (0.5, "ok  "), (0.51, "ok  ")])
def test_a_target_is_met_up_to_its_limit(most: float, expected: str) -> None:
    (verdict,) = judge(FOUND, [against("x", "a-row", "peer", most)])
    assert f"{expected} x, cpu, against peer: is 0.500, at most {most:.3f}" == str(verdict)


@pytest.mark.parametrize(
    "target",
    [
        against("x", "no-row", "peer", 9),
        against("x", "a-row", "nobody", 9),
        against("x", "a-row", "peer", 9, "memory"),
    ],
)
def test_what_was_not_measured_is_missed(target: Target) -> None:
    (verdict,) = judge(FOUND, [target])
    assert not verdict.is_met
    assert "was not measured" in str(verdict)


@pytest.mark.parametrize(("ours", "expected"), [(0.01, 0), (1e9, 1)])
def test_the_command_names_what_is_missed(
    ours: float, expected: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "results.json"
    write(results_with(lambda measured: ours if measured.contender == "ours" else 100.0), file)
    assert expected == targets.main(file)
    shown = capsys.readouterr().out
    assert ("MISS AzureOpenAI.invoke, no handler, cpu" in shown) is bool(expected)


def test_without_figures_the_command_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert targets.main(tmp_path / "results.json") == 1
    assert "run `make bench` first" in capsys.readouterr().err


def test_every_target_is_about_a_row_that_is_measured() -> None:
    measured = {*(row.name for row in ROWS), *(row.name for row in PROCESS_ROWS)}
    assert set() == {target.ours.row for target in TARGETS} - measured


def test_figures_come_back_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "results.json"
    write(FOUND, file)
    assert FOUND == read(file) == json.loads(file.read_text(encoding="utf-8"))


def test_the_table_shows_each_figure_with_our_share_of_it() -> None:
    assert (
        "| row    | figure        | contender |  value | ours / it |\n"
        "| ------ | ------------- | --------- | -----: | --------: |\n"
        "| invoke | cpu per call  | ours      | 3.0 µs |           |\n"
        "| invoke | cpu per call  | peer      | 6.0 µs |     0.500 |\n"
        "| invoke | wall per call | ours      | 8.0 µs |           |\n"
        "| invoke | wall per call | peer      | 4.0 µs |     2.000 |\n"
    ) == report.table(FOUND)


@pytest.mark.parametrize(
    ("figure", "number", "expected"),
    [("cpu", 0.0012345, "1,234.5 µs"), ("memory", 3 * 2**20, "3.0 MiB"), ("connections", 64, "64")],
)
def test_figures_are_shown_in_their_units(figure: str, number: float, expected: str) -> None:
    assert expected == report.value(figure, number)


@pytest.fixture
def draw() -> Callable[[Results, Path], list[Path]]:
    """Return what draws pictures; only the environment of `make bench` can."""
    pytest.importorskip("matplotlib")
    from tests.benchmarks import pictures  # noqa: PLC0415

    return pictures.draw


def test_pictures_show_our_share_of_the_peers_cpu_and_both_times(
    draw: Callable[[Results, Path], list[Path]], tmp_path: Path
) -> None:
    calls = ("invoke", "ainvoke-32", "stream", "astream")
    peers = {f"openai-{call}{suffix}": OPENAI for call in calls for suffix in ("", "-handler")}
    peers |= {"openai-batch-slow": OPENAI, "azureml-batch-slow": COMMUNITY}
    ours, theirs = {"cpu": 1.0, "wall": 1.0}, {"cpu": 4.0, "wall": 4.0}
    rows = {row: {"contenders": {"ours": ours, peer: theirs}} for row, peer in peers.items()}
    cpu, wall = draw({"rows": rows}, tmp_path)
    assert cpu.read_text(encoding="utf-8").count(">25%<") == 8
    assert wall.read_text(encoding="utf-8").count(">4.00 s<") == 2


def test_what_was_not_measured_is_not_drawn(
    draw: Callable[[Results, Path], list[Path]], tmp_path: Path
) -> None:
    assert [] == draw(FOUND, tmp_path)


def test_a_handler_that_was_not_called_for_each_prompt_fails_the_row() -> None:
    llm = FakeListLLM(responses=["x"], callbacks=[Handler()])
    llm.invoke("a")
    workloads.check_handlers(llm, 1)
    llm.invoke("a")
    with pytest.raises(AssertionError, match="called 2 times"):
        workloads.check_handlers(llm, 2)


def results_with(number: Callable[[Measured], float]) -> dict[str, Any]:
    """Return results in which each target finds its figures."""
    rows: dict[str, Any] = {}
    for target in TARGETS:
        for one in (target.ours, target.theirs):
            if isinstance(one, Measured):
                contenders = rows.setdefault(one.row, {"contenders": {}})["contenders"]
                contenders.setdefault(one.contender, {})[one.figure] = number(one)
    return {"rows": rows}
