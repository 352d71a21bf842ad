"""How much of the package one call passes through, and how that is counted."""

import sys
from pathlib import Path
from threading import Thread

import pytest
from langchain_core.language_models.llms import BaseLLM

from tests.shape.__main__ import Figure, sizes
from tests.shape.calls import LLMS, Calls, Counter, calls_of_invoke

_REACHED_CALLS, _REACHED_FILES = 85, 22
"""What was reached, so that nothing grows unseen; `make shape` prints the goals beside it."""


@pytest.mark.parametrize("has_handler", [False, True], ids=["no handler", "one handler"])
@pytest.mark.parametrize("cls", LLMS, ids=lambda cls: cls.__name__)
def test_one_invoke_makes_few_calls_in_few_files(cls: type[BaseLLM], has_handler: bool) -> None:  # noqa: FBT001
    found = calls_of_invoke(cls, has_handler=has_handler)
    assert found.calls <= _REACHED_CALLS
    assert found.files <= _REACHED_FILES


def test_calls_are_counted_with_resumed_generators_and_in_threads(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from b import numbers\ndef add():\n    return sum(numbers())\n")
    (tmp_path / "b.py").write_text("def numbers():\n    yield 1\n    yield 2\n")
    sys.path.insert(0, str(tmp_path))
    try:
        from a import add  # type: ignore[import-not-found]  # noqa: PLC0415 - made above
    finally:
        sys.path.remove(str(tmp_path))
    counter = Counter(tmp_path)

    def call() -> None:
        add()
        thread = Thread(target=add)
        thread.start()
        thread.join()

    with counter.installed():
        add()
        found = counter.count(call)
        add()
    # Each time: `add`, and `numbers` entered for its first item, its second, and its end.
    assert Calls(calls=8, files=2) == found


def test_sizes_tell_local_and_bulk_from_the_rest(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "bulk").mkdir()
    for name, lines in (("a", 10), ("b", 20), ("c", 401), ("local/d", 7), ("bulk/e", 5)):
        (tmp_path / f"{name}.py").write_text("pass\n" * lines)
    assert [431, 7, 5, 1, 20] == [figure.found for figure in sizes(tmp_path)]


@pytest.mark.parametrize(("found", "expected"), [(5800, "ok  "), (5801, "MISS")])
def test_a_figure_above_its_limit_is_marked(found: int, expected: str) -> None:
    assert f"{expected} lines: {found:,}, at most 5,800" == str(Figure("lines", found, 5800))
