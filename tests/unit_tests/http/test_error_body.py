"""Error bodies of every shape become a message and a code."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.http.error_body import ErrorDetails, decoded, filter_result, read_error


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (
            '{"error": {"code": "NoSuchThing", "message": "It is not there."}}',
            "It is not there.",
            "NoSuchThing",
        ),
        ('{"error": {"code": null, "message": "Odd.", "type": "x"}}', "Odd.", None),
        ('{"error": [{"message": "The host broke.", "code": 17}]}', "The host broke.", "17"),
        ('{"error": "Just words."}', "Just words.", None),
        ('{ "statusCode": 401, "message": "Who are you?" }', "Who are you?", None),
        ('{"object": "error", "message": "Too long.", "code": 400}', "Too long.", "400"),
        ('{"error_code": "BAD", "message": "Wrong input."}', "Wrong input.", "BAD"),
        ('{"message": "Scoring failed."}', "Scoring failed.", None),
        ('{"detail": {"loc": ["body"], "input": 3}}', '{"loc": ["body"], "input": 3}', None),
        ('{"error": {"message": "line\\n  break"}}', "line break", None),
        ('[{"message": "in a list"}]', "in a list", None),
        ('"only a text"', "only a text", None),
        ("NOT FOUND", "NOT FOUND", None),
        (
            "<html><head><title>T</title></head><body><h1>502</h1> bad\n gateway</body>",
            "502 bad gateway",
            None,
        ),
        ("", "", None),
        ("{}", "", None),
        ("null", "", None),
        ("17", "", None),
        ("{broken", "{broken", None),
    ],
)
def test_each_shape_is_read(body: str, message: str, code: str | None) -> None:
    """Wrapped, flat, listed, plain, HTML, empty: one message comes out."""
    problem = read_error(body)
    assert (problem.message, problem.code) == (message, code)


def test_an_engines_error_inside_the_servers_message_is_found() -> None:
    """Azure ML's model server puts the engine's JSON, as text, into its own."""
    engine = json.dumps({"object": "error", "message": "The context is full.", "code": 400})
    body = json.dumps({"error": {"code": "Bad Request", "message": engine, "status": 400}})
    assert read_error(body) == ErrorDetails("The context is full.", "400")


def test_a_message_that_only_looks_like_json_is_kept() -> None:
    """A brace at its start makes no JSON."""
    body = json.dumps({"error": {"message": "{curly} things"}})
    assert read_error(body).message == "{curly} things"


@pytest.mark.parametrize("key", ["content_filter_result", "content_filter_results"])
@pytest.mark.parametrize("deep", [True, False])
def test_the_filters_findings_are_kept(key: str, deep: bool) -> None:  # noqa: FBT001
    """Under either name, beside the error or inside it."""
    found = {"hate": {"filtered": True, "severity": "high"}}
    error = {"message": "no", "innererror": {"code": "x", key: found}}
    if not deep:
        error = {"message": "no", key: found}
    assert filter_result(read_error(json.dumps({"error": error}))) == found


def test_deep_nesting_ends() -> None:
    """A body made to recurse gives no message, and no crash."""
    assert read_error('{"error":' * 50_000).message.startswith('{"error"')
    assert read_error('{"error":' * 50 + '"x"' + "}" * 50).message == ""


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "message", "code", "innererror", "x"]), inner)
    ),
    max_leaves=12,
)


@given(_JSON.map(json.dumps) | st.text())
def test_any_body_gives_a_problem(body: str) -> None:
    """Whatever a gateway writes: a text and perhaps a code."""
    problem = read_error(body)
    assert isinstance(problem.message, str)
    assert problem.code is None or isinstance(problem.code, str)


def test_a_byte_order_mark_and_broken_bytes_are_read_over() -> None:
    """Windows scripts write the one, cut bodies the other."""
    assert decoded(b"\xef\xbb\xbfabc\xff") == "abc\ufffd"
