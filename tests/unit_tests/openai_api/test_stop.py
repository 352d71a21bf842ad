"""Stop sequences cut a text, whether it arrives whole or in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.openai_api.stop import StopCutter, cut

_texts = st.text("abc", max_size=12)


def _cut_at_first(text: str, stop: list[str]) -> str:
    """Cut before the sequence that ends first; if several end there, before the longest."""
    ends = [(text.index(one) + len(one), text.index(one)) for one in stop if one in text]
    return text[: min(ends)[1]] if ends else text


@given(_texts, st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_a_text_is_cut_at_the_first_stop_sequence(text: str, stop: list[str]) -> None:
    """The one that ends first."""
    assert _cut_at_first(text, stop) == cut(text, stop)


@given(st.lists(_texts), st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_pieces_are_cut_as_the_whole_text_is(pieces: list[str], stop: list[str]) -> None:
    """No piece contains a part of the stop sequence, and nothing else is lost."""
    cutter = StopCutter(stop)
    returned = "".join(cutter.feed(piece) for piece in pieces)
    whole = "".join(pieces)
    assert returned + cutter.rest() == _cut_at_first(whole, stop)


def test_only_a_possible_beginning_is_held_back() -> None:
    """Everything else is returned at once."""
    cutter = StopCutter(["\nHuman:"])
    returned = [cutter.feed(piece) for piece in ("yes", "\n", "no\n", "Hum", "an: hi")]
    assert ["yes", "", "\nno", "", ""] == returned
    assert cutter.stopped
    assert cutter.feed("more") + cutter.rest() == ""


@pytest.mark.parametrize("stop", [[], [""]])
def test_no_stop_sequence_cuts_nothing(stop: list[str]) -> None:
    """An empty one does not count."""
    assert "abc" == cut("abc", stop)
