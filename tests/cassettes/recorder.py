"""Recorded traffic: how VCR.py plays it to our clients, and how it is recorded anew.

No adapter is needed between VCR.py and our HTTP clients. Since version 8.2 VCR.py wraps
`handle_request` of httpx2's transports, through which our sync client sends. Our async client runs
on aiohttp's engine where that is installed, whose `ClientSession` VCR.py wraps, too; where it is
not, it sends through httpx2's async transport. azure-identity sends by requests and by aiohttp,
which VCR.py also knows. What it does not do: while it records, it reads an answer to its end before
it hands it over, and it keeps no answer that breaks off. So a replayed stream comes in one piece,
and failures without a whole answer have no cassettes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vcr import VCR  # type: ignore[import-untyped]
from vcr.cassette import Cassette  # type: ignore[import-untyped]
from vcr.request import Request  # type: ignore[import-untyped]

from tests.cassettes import matching, scrub, serializer
from tests.cassettes.places import Place

FOLDER = Path(__file__).parent / "recorded"


def prepare(vcr: VCR) -> None:
    """Make VCR.py write and compare in our way."""
    vcr.register_serializer("yaml", serializer)
    vcr.register_matcher("meaning", matching.meaning)
    vcr.register_matcher("sent_headers", matching.sent_headers)


def settings(place: Place, *, recording: bool) -> dict[str, Any]:
    """Return VCR.py's settings for the exchanges with a place."""

    def on_request(request: Request) -> Request:
        return scrub.scrubbed_request(request, place.hidden, moved=recording)

    def on_response(response: dict[str, Any]) -> dict[str, Any]:
        return scrub.scrubbed_response(response, place.hidden)

    def on_save(request: Request, response: dict[str, Any]) -> tuple[Request, dict[str, Any]]:
        return request, {**response, "recorded_from": place.recorded_from}

    return {
        "match_on": matching.MATCH_ON,
        "before_record_request": on_request,
        "before_record_response": on_response,
        "before_save_interaction": on_save,
        "decode_compressed_response": True,
    }


def unplayed(cassette: Cassette) -> list[str]:
    """Return what of a cassette nothing asked for."""
    return [
        f"{request.method} {request.uri}"
        for number, request in enumerate(cassette.requests)
        if not cassette.play_counts[number]
    ]
