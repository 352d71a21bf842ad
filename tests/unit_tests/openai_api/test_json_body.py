"""JSON bodies are decoded as the json module decodes them, and encoded as ASCII."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.exceptions import ConfigurationError, ResponseFormatError
from langchain_azure_llms.openai_api.json_body import decode_json, encode_json, refuse_reserved

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
    """Return whether two values are equal, types and NaN included."""
    return repr(one) == repr(other)


@given(value=_VALUES, ascii_only=st.booleans())
def test_any_value_is_decoded_as_json_decodes_it(value: Any, ascii_only: bool) -> None:  # noqa: FBT001
    """As text and as bytes, with characters escaped or not."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    expected = json.loads(text)
    assert _same(expected, decode_json(text, "f"))
    if ascii_only:  # bytes hold a lone surrogate as an escape only
        assert _same(expected, decode_json(text.encode(), "f"))


@pytest.mark.parametrize("text", _ODD)
def test_unusual_json_is_decoded_as_json_decodes_it(text: str) -> None:
    """A stream may split a surrogate pair; some servers write NaN and infinity."""
    assert _same(json.loads(text), decode_json(text, "f"))
    assert _same(json.loads(text), decode_json(text.encode(), "f"))


def test_a_byte_order_mark_is_skipped() -> None:
    """Some gateways add one."""
    assert [1] == decode_json(b"\xef\xbb\xbf[1]", "f")


def test_bytes_that_are_not_utf8_are_an_error() -> None:
    """Replacement characters would look like the model's words."""
    with pytest.raises(ResponseFormatError, match="expected JSON in UTF-8"):
        decode_json(b'{"a": "\xffb"}', "f")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_in_another_unicode_encoding_is_read(encoding: str) -> None:
    """With a byte-order mark, or without: the first bytes tell."""
    assert {"a": "caf\u00e9"} == decode_json('{"a": "caf\u00e9"}'.encode(encoding), "f")


@pytest.mark.parametrize("text", ["", "{", "[1,]", "01", "1 2", "{'a': 1}", '"tab\t"', "<html>"])
def test_a_body_that_is_not_json_is_an_error(text: str) -> None:
    """The error names the reader."""
    for given_as in (text, text.encode()):
        with pytest.raises(ResponseFormatError, match="f expected JSON"):
            decode_json(given_as, "f")


def test_extreme_nesting_is_an_error() -> None:
    """Not a `RecursionError`."""
    with pytest.raises(ResponseFormatError):
        decode_json("[" * 100_000, "f")


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        (b"<html>502</html>", "That is a page"),
        (b"oops", "Check the endpoint's URL"),
    ],
)
def test_the_error_of_a_format_gives_advice(body: bytes, advice: str) -> None:
    """A page comes from a gateway or a wrong URL."""
    with pytest.raises(ResponseFormatError, match=advice) as caught:
        decode_json(body, "The completions format")
    assert ("The completions format", body.decode()) == (caught.value.formatter, caught.value.body)


def test_the_error_of_a_formatter_asks_whether_it_fits_the_model() -> None:
    """The likeliest mistake."""
    with pytest.raises(ResponseFormatError, match=r"answered '\(nothing\)'\. Does this formatter"):
        decode_json(b"", "MyFormatter")


def test_a_payload_is_compact_ascii() -> None:
    """Lone surrogates included."""
    assert rb'{"a":["\u00e9","\ud83d"]}' == encode_json({"a": ["\u00e9", "\ud83d"]})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_a_value_that_is_not_json_is_refused(value: object) -> None:
    """NaN would be sent as something that is not JSON."""
    with pytest.raises(ConfigurationError, match="cannot be sent as JSON"):
        encode_json({"a": value})


def test_the_prompts_own_name_is_refused_as_a_parameter() -> None:
    """It would replace the prompt."""
    with pytest.raises(ConfigurationError, match="'prompt' is no model parameter"):
        refuse_reserved("prompt", {"prompt": "other"})
    refuse_reserved("prompt", {"temperature": 1})
