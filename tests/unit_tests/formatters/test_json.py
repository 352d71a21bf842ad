"""JSON is read as Python's own reader reads it, whoever reads it first."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.exceptions import ResponseFormatError
from langchain_azure_llms.formatters._json import load

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_ODD = (
    '"\\ud83d"',
    '{"text": "\\ud83d", "other": "\\ude00"}',
    '"\\ud83d\\ude00"',
    "[NaN, Infinity, -Infinity, 1e400, -0, 1.0, 12345678901234567890123]",
    '{"a": 1, "a": 2}',
    " [1 ] \r\n",
    "[" * 400 + "]" * 400,
    "0.1000000000000000055511151231257827021181583404541015625",
    "1.7976931348623157e308",
    "5e-324",
)


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are alike, types and NaN included."""
    return repr(one) == repr(other)


@given(value=_VALUES, ascii_only=st.booleans())
def test_any_value_is_read_alike(value: Any, ascii_only: bool) -> None:  # noqa: FBT001
    """As text and as bytes, characters escaped or not."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    expected = json.loads(text)
    assert _same(expected, load(text, "f"))
    if ascii_only:  # bytes can hold no half character but as an escape
        assert _same(expected, load(text.encode(), "f"))


@pytest.mark.parametrize("text", _ODD)
def test_odd_texts_are_read_alike(text: str) -> None:
    """A stream may cut a character in two; some servers write what JSON does not know."""
    assert _same(json.loads(text), load(text, "f"))
    assert _same(json.loads(text), load(text.encode(), "f"))


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    """Some gateways put one before."""
    assert [1] == load(b"\xef\xbb\xbf[1]", "f")


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    """The rest of the answer is worth more than a refusal."""
    assert {"a": "\ufffdb"} == load(b'{"a": "\xffb"}', "f")


@pytest.mark.parametrize("text", ["", "{", "[1,]", "01", "1 2", "{'a': 1}", '"tab\t"', "<html>"])
def test_what_is_no_json_is_an_error(text: str) -> None:
    """With what the endpoint answered."""
    for given_as in (text, text.encode()):
        with pytest.raises(ResponseFormatError, match="f expected JSON"):
            load(given_as, "f")


def test_nesting_without_end_is_an_error() -> None:
    """Not a crash."""
    with pytest.raises(ResponseFormatError):
        load("[" * 100_000, "f")
