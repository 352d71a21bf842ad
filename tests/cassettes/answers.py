"""The completions in a cassette, read by code that shares nothing with the package. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vcr.cassette import Cassette  # type: ignore[import-untyped]

_OK = 200
_EVENT = "data: "


def answers(cassette: Cassette) -> dict[str, str]:
    """Return the recorded completion of each prompt that has one."""
    return {
        prompt: text
        for request, response in cassette.data
        if response["status"]["code"] == _OK and _asks_a_model(request)
        for prompt, text in _answered(request, response)
    }


def statuses(cassette: Cassette, path: str = "") -> list[int]:
    """Return the statuses of recorded responses, in their order, from paths that contain a text."""
    return [
        response["status"]["code"] for request, response in cassette.data if path in request.path
    ]


def _asks_a_model(request: Any) -> bool:
    """Return whether a request is none for a token."""
    return bool(request.headers.get("content-type") == "application/json")


def _answered(request: Any, response: dict[str, Any]) -> Iterator[tuple[str, str]]:
    prompts = _prompts(json.loads(request.body))
    body = response["body"]["string"].decode()
    if response["headers"]["content-type"][0].startswith("text/event-stream"):
        texts = [_streamed(body)]
    else:
        texts = _texts(json.loads(body))
    yield from zip(prompts, texts, strict=True)


def _prompts(sent: Any) -> list[str]:
    match sent:
        case {"messages": [{"content": str(prompt)}]} | {"input": str(prompt)}:
            return [prompt]
        case {"input": [{"content": str(prompt)}]}:
            return [prompt]
        case {"prompt": str(prompt)}:
            return [prompt]
        case {"prompt": list(prompts)} | {"inputs": list(prompts)}:
            return prompts
        case {"inputs": {"input_string": list(prompts)}}:
            return prompts
        case {"input_data": {"input_string": list(prompts)}} | {"input_data": list(prompts)}:
            return prompts
    raise AssertionError(f"no prompt in {sent!r}")


def _texts(body: Any) -> list[str]:
    match body:
        case {"choices": list(choices)}:
            return [_choice(one) for one in sorted(choices, key=lambda one: int(one["index"]))]
        case {"output": list(items)}:
            parts = [part for item in items for part in item.get("content", [])]
            return ["".join(part["text"] for part in parts)]
        case list(items):
            return [_item(one) for one in items]
    raise AssertionError(f"no completion in {body!r}")


def _choice(choice: Any) -> str:
    match choice:
        case {"text": str(text)} | {"message": {"content": str(text)}}:
            return text
        case {"delta": {"content": str(text)}}:
            return text
        case {"delta": dict()}:
            return ""
    raise AssertionError(f"no completion in {choice!r}")


def _item(item: Any) -> str:
    match item:
        case str(text) | {"0": str(text)} | {"0": {"generated_text": str(text)}}:
            return text
    raise AssertionError(f"no completion in {item!r}")


def _streamed(body: str) -> str:
    events = [line.removeprefix(_EVENT) for line in body.splitlines() if line.startswith(_EVENT)]
    return "".join(_piece(json.loads(event)) for event in events if event != "[DONE]")


def _piece(event: Any) -> str:
    match event:
        case {"choices": list(choices)}:
            return "".join(_choice(choice) for choice in choices)
        case {"type": "response.output_text.delta", "delta": str(delta)}:
            return delta
    return ""
