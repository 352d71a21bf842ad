"""Texts end where the caller wants, however they come in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.formatters._stop import StopCutter, cut

_texts = st.text("abc", max_size=12)


def _cut_at_first(text: str, stop: list[str]) -> str:
    """Cut where the one begins that is complete first; of several, the longest."""
    ends = [(text.index(one) + len(one), text.index(one)) for one in stop if one in text]
    return text[: min(ends)[1]] if ends else text


@given(_texts, st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_a_text_is_cut_at_the_first_of_them(text: str, stop: list[str]) -> None:
    """As if it had been searched as a whole."""
    assert _cut_at_first(text, stop) == cut(text, stop)


@given(st.lists(_texts), st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_pieces_pass_on_what_the_whole_would(pieces: list[str], stop: list[str]) -> None:
    """No piece shows a part of what ends the text, and nothing is lost."""
    cutter = StopCutter(stop)
    passed = "".join(cutter.feed(piece) for piece in pieces)
    whole = "".join(pieces)
    assert passed + cutter.rest() == _cut_at_first(whole, stop)


def test_only_what_may_be_the_beginning_is_held_back() -> None:
    """Everything else is shown at once."""
    cutter = StopCutter(["\nHuman:"])
    passed = [cutter.feed(piece) for piece in ("yes", "\n", "no\n", "Hum", "an: hi")]
    assert ["yes", "", "\nno", "", ""] == passed
    assert cutter.stopped
    assert cutter.feed("more") + cutter.rest() == ""


@pytest.mark.parametrize("stop", [[], [""]])
def test_nothing_to_end_at_cuts_nothing(stop: list[str]) -> None:
    """An empty text is none."""
    assert "abc" == cut("abc", stop)
