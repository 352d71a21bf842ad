"""What of a request may be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms._redaction import public_url, shortened


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@host.example:8443/a/b?key=s#f", "https://host.example:8443/a/b"),
        ("https://host.example", "https://host.example"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("host.example/a?key=s", "host.example/a"),
        ("u:p@host.example/a", "host.example/a"),
        ("", ""),
        ("https://[::1", "(malformed URL)"),
        ("https://host:port/", "(malformed URL)"),
    ],
)
def test_urls_are_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    """Neither user-info, nor query, nor fragment."""
    assert public_url(url) == shown


@given(st.text())
def test_any_text_can_be_shown(text: str) -> None:
    """A malformed URL is no crash, and no query is shown."""
    assert "?" not in public_url(text)


@pytest.mark.parametrize(("text", "shown"), [("abcde", "abcde"), ("abcdef", "ab..."), ("", "")])
def test_long_texts_are_cut_and_marked(text: str, shown: str) -> None:
    """At the limit, the mark included."""
    assert shortened(text, 5) == shown
