"""When a request is the one that was recorded. Pure.

VCR.py itself compares method, scheme, host, port, path and query. A body of JSON is compared as
JSON, and a form as a form. Of the headers all are compared that a cassette holds: a credential's
value is none of it, but its kind is.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from vcr.request import Request  # type: ignore[import-untyped]

MATCH_ON = ("method", "scheme", "host", "port", "path", "query", "meaning", "sent_headers")


def meaning(sent: Request, recorded: Request) -> None:
    """Compare two bodies by their meaning."""
    sent_body, expected = _read(sent), _read(recorded)
    assert sent_body == expected, f"the body says {sent_body!r}, and the recorded one {expected!r}"


def sent_headers(sent: Request, recorded: Request) -> None:
    """Compare the headers that a cassette holds."""
    found, expected = dict(sent.headers), dict(recorded.headers)
    assert found == expected, f"the headers are {found!r}, and the recorded ones {expected!r}"


def _read(request: Request) -> Any:
    body = request.body
    if isinstance(body, bytes):
        body = body.decode()
    if not body:
        return None
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return sorted(parse_qsl(body))
    try:
        return json.loads(body)
    except ValueError:
        return body
