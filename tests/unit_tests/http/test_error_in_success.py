"""Errors that arrive under a successful status."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.http.error_in_success import error_inside


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({"error": {"message": "busy", "type": "server_error", "code": None}}, 500),
        ({"error": {"message": "busy", "code": "429"}}, 429),
        ({"error": {"message": "no", "code": "content_filter"}}, 400),
        ({"output": None, "error": {"status_code": 503, "body": "down"}}, 503),
        ({"error": "words"}, 500),
        ({"error": {"status": 422, "message": "no"}}, 422),
        ({"error": {"code": "99999"}}, 500),
        ({"choices": [], "error": {"message": "no"}}, 500),
        ({"choices": [{"text": ""}], "error": {"message": "no"}}, 500),
        ({"output": ["partial"], "error": {"status": 503}}, 503),
        ({"object": "error", "message": "no", "code": 400}, 400),
    ],
)
def test_an_error_inside_is_found_with_its_own_status(value: object, status: int) -> None:
    """The reply it would have been: that status, this body."""
    text = json.dumps(value)
    reply = error_inside(text)
    assert reply is not None
    assert (reply.status, reply.body) == (status, text.encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"choices": [{"text": "say \\"error\\""}]}',
        '{"choices": [{"text": "x", "content_filter_results": {"error": {"code": "y"}}}]}',
        '{"output": ["fine"], "error": 0.25}',
        '{"error": null}',
        '{"error": {}}',
        '["error"]',
        '"error"',
        '{"error',
        "",
    ],
)
def test_answers_are_no_errors(text: str) -> None:
    """Also those whose text or filter block speaks of an error."""
    assert error_inside(text) is None


@given(st.text())
def test_any_text_is_looked_at_without_a_crash(text: str) -> None:
    """Whatever an event holds."""
    found = error_inside('{"error": ' + text)
    assert found is None or 400 <= found.status < 600
