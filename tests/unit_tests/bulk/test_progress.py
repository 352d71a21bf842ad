"""What a job shows."""

import io
from typing import Any

import pytest

from langchain_azure_llms.bulk.progress import BulkSummary, Progress, duration


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _progress(stream: io.StringIO, **counts: Any) -> Progress:
    progress = Progress(1000, stream=stream)
    for name, value in counts.items():
        setattr(progress, name, value)
    return progress


def test_a_terminal_shows_one_line_that_changes() -> None:
    stream = _Terminal()
    progress = _progress(stream)
    progress.show("a long line")
    progress.show("short")
    progress.show("the end", is_last=True)
    assert stream.getvalue() == "\ra long line\rshort      \rthe end\n"
    assert progress.interval == 0.5


def test_a_log_has_a_line_a_minute() -> None:
    stream = io.StringIO()
    progress = _progress(stream)
    progress.show("one")
    progress.show("two", is_last=True)
    assert stream.getvalue() == "one\ntwo\n"
    assert progress.interval == 60


def test_nothing_is_shown_where_nobody_wants_it() -> None:
    stream = io.StringIO()
    Progress(5, is_shown=False, stream=stream).show("a line")
    assert stream.getvalue() == ""


def test_the_line_tells_what_is_done_and_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "seconds", 10.0)
    counts = {"answered": 190, "failed": 10, "skipped": 100, "prompt_tokens": 4000}
    progress = _progress(io.StringIO(), **counts)
    assert progress.line(in_flight=16, refused=3, pause=12.4) == (
        "190 done, 10 failed, 100 before, 700 left, 20.0/s, 4,000 tokens, 16 in flight, "
        "3 refused by limits, waiting 12 s, ETA 0:35"
    )


def test_the_line_leaves_out_what_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "seconds", 10.0)
    progress = Progress(None, stream=io.StringIO())
    assert progress.line(in_flight=1, refused=0, pause=0.0) == (
        "0 done, 0 failed, 0.0/s, 0 tokens, 1 in flight"
    )


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (36_005, "10:00:05")]
)
def test_a_duration_is_hours_minutes_and_seconds(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        (BulkSummary(), "0 answered, 0 failed; 0 + 0 tokens; 0:00, 0/s"),
        (
            BulkSummary(
                answered=1200,
                failed=2,
                skipped=3,
                left=4,
                prompt_tokens=5000,
                completion_tokens=6,
                refused=7,
                seconds=60.0,
            ),
            "1,200 answered, 2 failed, 3 done before, 4 left; 5,000 + 6 tokens; 1:00, 20/s, "
            "7 requests refused by limits",
        ),
        (
            BulkSummary(left=4, estimated_tokens=1000),
            "0 answered, 0 failed, 4 left; about 1,000 tokens to come",
        ),
    ],
)
def test_a_summary_is_one_line(summary: BulkSummary, expected: str) -> None:
    assert str(summary) == expected
