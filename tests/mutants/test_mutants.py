"""The mutations themselves: each can still be made, and a test that fails is seen to fail."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants import trials
from tests.mutants.__main__ import _report
from tests.mutants.mutations import MUTATIONS, PACKAGE, Mutation, stale
from tests.mutants.trials import REPOSITORY, Trial

_MUTATION = Mutation("two is two", "_number.py", "TWO = 2", "TWO = 3", ("test_number.py",))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one line to break and one test of it."""
    (tmp_path / PACKAGE).mkdir()
    (tmp_path / PACKAGE / "__init__.py").touch()
    (tmp_path / PACKAGE / "_number.py").write_text("TWO = 2\n")
    (tmp_path / "tests" / "unit_tests").mkdir(parents=True)
    (tmp_path / "tests" / "unit_tests" / "test_number.py").write_text(
        f"from {PACKAGE}._number import TWO\n\ndef test_it():\n    assert TWO == 2\n"
    )
    return tmp_path


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_line_to_break_is_still_there(mutation: Mutation) -> None:
    """Exactly once, and its tests are there."""
    assert list(stale((mutation,), REPOSITORY)) == []
    assert mutation.old != mutation.new
    for file, _, name in (target.partition("::") for target in mutation.targets):
        assert f"def {name}" in (REPOSITORY / file).read_text(encoding="utf-8")


def test_each_promise_has_a_name_of_its_own() -> None:
    """The table would say of one what it found of another."""
    assert len(MUTATIONS) == len({mutation.name for mutation in MUTATIONS})


@pytest.mark.parametrize(
    ("file", "old"), [("_number.py", "TWO = 22"), ("_number.py", "TWO"), ("_none.py", "TWO = 2")]
)
def test_a_stale_mutation_is_an_error(repository: Path, file: str, old: str) -> None:
    """Its text is gone, stands there twice, or its file is gone."""
    (repository / PACKAGE / "_number.py").write_text("TWO = 2  # TWO\n")
    mutation = replace(_MUTATION, file=file, old=old)
    assert len(list(stale((mutation,), repository))) == 1
    with pytest.raises(ValueError, match="two is two"):
        mutation.apply(repository)


def test_a_mutation_that_a_test_notices_is_reported_with_the_test(repository: Path) -> None:
    """By its name."""
    _MUTATION.apply(repository)
    trial = trials.run(repository, _MUTATION.targets)
    assert ("test_number.py::test_it", None) == (trial.failed, trial.broken)


def test_tests_that_pass_notice_nothing(repository: Path) -> None:
    """Then a mutation has survived."""
    trial = trials.run(repository, _MUTATION.targets)
    assert Trial(seconds=trial.seconds) == trial


def test_tests_that_cannot_run_notice_nothing(repository: Path) -> None:
    """An import that fails says nothing of what the tests check."""
    replace(_MUTATION, new="TWO = ").apply(repository)
    trial = trials.run(repository, _MUTATION.targets)
    assert trial.failed is None
    assert "SyntaxError" in (trial.broken or "")


@pytest.mark.parametrize(
    ("trial", "code", "expected"),
    [
        (Trial(failed="test_number.py::test_it"), 0, "test_number.py::test_it"),
        (Trial(), 1, "every test passed"),
        (Trial(broken="exit code 2"), 1, "exit code 2"),
    ],
)
def test_the_table_says_who_noticed(
    trial: Trial, code: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the exit code whether each was noticed."""
    assert _report([(_MUTATION, trial)]) == code
    assert expected in capsys.readouterr().out
