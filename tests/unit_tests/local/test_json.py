"""Reading JSON."""

import pytest

from langchain_azure_llms.local._parameters import loads


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (r'"a\ud800b"', "a\N{REPLACEMENT CHARACTER}b"),
        (r'"\udc00\ud800"', "\N{REPLACEMENT CHARACTER}" * 2),
        (r'"\ud83c\udf89"', "\N{PARTY POPPER}"),
        (r'{"\ud800": ["\ud800", 1, null]}', {"\ufffd": ["\ufffd", 1, None]}),
    ],
)
def test_only_lone_surrogates_are_replaced(raw: str, expected: object) -> None:
    """At any depth, in keys too; a whole pair is a character."""
    assert expected == loads(raw)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_cannot_be_read_is_a_value_error(raw: bytes) -> None:
    """Also bytes that are not UTF-8, and nesting without end."""
    with pytest.raises(ValueError):  # noqa: PT011 (the parser words it)
        loads(raw)
