"""How a cassette is written: YAML that a reviewer can read, and the same file for the same traffic.

Bodies stand as they were sent, as text of several lines; one that is no UTF-8 stands as latin-1 and
says so. Requests that went out at once are put in order.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import yaml

_NEVER_FOLDED = 1_000_000


class _Body(str):
    """Text that is written line by line."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Indents lists, and repeats values instead of naming them."""

    def ignore_aliases(self, data: Any) -> bool:
        """Answer yes: anchors are hard to read."""
        return True


_Dumper.add_representer(
    _Body, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
)


def serialize(cassette: dict[str, Any]) -> str:
    """Return a cassette's text, with where it was recorded from."""
    interactions = _in_order(cassette["interactions"])
    sources = {one["response"].pop("recorded_from") for one in interactions}
    written = {
        "recorded_from": ", ".join(sorted(sources)),
        "interactions": [
            {"request": _request(one["request"]), "response": _response(one["response"])}
            for one in interactions
        ],
        "version": cassette["version"],
    }
    text: str = yaml.dump(
        written, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_NEVER_FOLDED
    )
    return text


def deserialize(text: str) -> dict[str, Any]:
    """Return a cassette as VCR.py takes it."""
    cassette: dict[str, Any] = yaml.safe_load(text)
    for one in cassette["interactions"]:
        response = one["response"]
        body = response["body"].encode(response.pop("body_encoding", "utf-8"))
        response["body"] = {"string": body}
        response["headers"] = {name: [value] for name, value in response["headers"].items()}
    return cassette


def _request(request: dict[str, Any]) -> dict[str, Any]:
    headers = {name: values[0] for name, values in request["headers"].items()}
    body = None if request["body"] is None else _Body(request["body"])
    return {"method": request["method"], "uri": request["uri"], "headers": headers, "body": body}


def _response(response: dict[str, Any]) -> dict[str, Any]:
    headers = {name: ", ".join(values) for name, values in response["headers"].items()}
    written = {"status": response["status"], "headers": headers}
    body = response["body"]["string"]
    if isinstance(body, bytes):  # what is no UTF-8 was left as it is
        return {**written, "body": _Body(body.decode("latin-1")), "body_encoding": "latin-1"}
    return {**written, "body": _Body(body)}


def _in_order(interactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort requests of one path by their bodies; attempts of one request stay in their order."""
    paths = list(dict.fromkeys(_path(one) for one in interactions))
    return sorted(
        interactions, key=lambda one: (paths.index(_path(one)), one["request"]["body"] or "")
    )


def _path(interaction: dict[str, Any]) -> str:
    return urlsplit(str(interaction["request"]["uri"])).path
