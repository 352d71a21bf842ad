"""llama.cpp's stream, and what goes wrong in it."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from langchain_azure_llms.local._engine import LlamaEngine
from langchain_azure_llms.local._errors import ApiError
from langchain_azure_llms.local._generation import Piece

Read = Callable[[dict[str, Any] | None], bool]


class Params(SimpleNamespace):
    """Takes every setting."""

    def __init__(self) -> None:
        super().__init__(
            **{n: SimpleNamespace() for n in ("model", "cpuparams", "cpuparams_batch")}
        )


def generated(
    monkeypatch: pytest.MonkeyPatch,
    handle: Callable[[Any, Read], None],
    *,
    cancelled: bool = False,
    **task: Any,
) -> list[Any]:
    """Return what a task emits when llama.cpp handles it so."""
    server = SimpleNamespace(handle_completions=handle, handle_chat_completions=handle)
    llama = SimpleNamespace(CommonParams=Params, Server=lambda _params: server)
    monkeypatch.setitem(sys.modules, "xllamacpp", llama)
    engine = LlamaEngine(Path("model.gguf"))
    ended, emitted = threading.Event(), list[Any]()

    def emit(item: Piece | Exception | None) -> None:
        emitted.append(item)
        if not isinstance(item, Piece):
            ended.set()

    engine.start(task, emit, lambda: cancelled)
    assert ended.wait(10)
    engine.close()
    return emitted


def chunk(choice: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"choices": [{"finish_reason": None, **choice}], **more}


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (chunk({"text": "a", "logprobs": None}), Piece("a", [])),
        (chunk({"delta": {"content": "a"}}), Piece("a", [])),
        (chunk({"delta": {"role": "assistant", "content": None}}), Piece("", [])),
        (
            {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
            Piece(usage=(1, 2)),
        ),
        (
            chunk({"text": "a", "logprobs": {"content": [{"id": 1, "token": "a"}]}}),
            Piece("a", [{"token": "a"}]),
        ),
    ],
)
def test_a_chunk_of_either_operation_becomes_a_piece(
    monkeypatch: pytest.MonkeyPatch, received: dict[str, Any], expected: Piece
) -> None:
    """Text, logprobs without ids, the counts; the chunk that marks the end is none."""

    def handle(_request: Any, read: Read) -> None:
        for one in (received, chunk({"text": "", "finish_reason": "stop"}), None):
            assert read(one) is False

    pieces = generated(monkeypatch, handle, prompt="p")
    assert [expected, Piece("", [], "stop"), None] == pieces


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": 400, "type": "exceed_context_size_error"}, (400, "context_length_exceeded")),
        ({"code": 400}, (400, None)),
        ({"code": 503}, (500, None)),
    ],
    ids=str,
)
def test_an_error_of_the_model_ends_the_task(
    monkeypatch: pytest.MonkeyPatch, error: dict[str, Any], expected: tuple[int, str | None]
) -> None:
    """With what Azure would answer; the generation is stopped."""

    def handle(_request: Any, read: Read) -> None:
        assert read({"error": {**error, "message": "no"}}) is True

    (failure,) = generated(monkeypatch, handle, prompt="p")
    assert isinstance(failure, ApiError)
    assert expected == (failure.status, failure.body["error"]["code"])


def test_a_handler_that_raises_ends_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for it would wait for ever."""

    def handle(_request: Any, _read: Read) -> None:
        raise RuntimeError("broken")

    assert ["broken"] == [str(one) for one in generated(monkeypatch, handle, messages=[])]


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_generation_that_breaks_off_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
    cancelled: bool,  # noqa: FBT001
) -> None:
    """Also one that was cancelled before its turn, which is not begun."""
    begun: list[Any] = []
    (failure,) = generated(
        monkeypatch, lambda request, _read: begun.append(request), cancelled=cancelled, prompt="p"
    )
    assert "The generation ended before it was finished." == str(failure)
    assert (not cancelled) == bool(begun)
