"""The local endpoints where something is missing, late or cut short."""

import asyncio
import json
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from langchain_azure_llms.local import (
    LocalEndpoints,
    LocalEndpointsError,
    __main__,
    _engine,
    _fetch,
    _weights,
)
from langchain_azure_llms.local import _generation as generation
from langchain_azure_llms.local import _score_route as score_route
from langchain_azure_llms.local import _scripted as scripted
from langchain_azure_llms.local import _shared_engine as shared_engine
from langchain_azure_llms.local._answer import EventStream
from langchain_azure_llms.local._cancellations import Cancellations
from langchain_azure_llms.local._pieces import Task
from langchain_azure_llms.local._script import Script
from langchain_azure_llms.local.score import read_request


class _Receive:
    """Gives messages as a web server does, and then waits for ever."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._messages = list(messages)

    async def __call__(self) -> dict[str, Any]:
        if not self._messages:
            await asyncio.Event().wait()
        return self._messages.pop(0)

    @property
    def left(self) -> int:
        """How many messages were not asked for."""
        return len(self._messages)


def _scripted_before(app: Any) -> Any:
    return scripted.Scripted(app, Script([]), threading.Event())


_PART = {"type": "http.request", "body": b"a", "more_body": True}
_END = {"type": "http.request", "body": b"b"}
_GONE = {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("messages", "expected"), [((_PART, _END), b"ab"), ((_PART, _GONE), None), ((_GONE,), None)]
)
async def test_a_body_is_read_whole_or_not_at_all(
    messages: tuple[dict[str, Any], ...], expected: bytes | None
) -> None:
    """A client may hang up in its middle."""
    assert await scripted._read(_Receive(*messages)) == expected


async def test_a_request_that_was_cut_is_answered_by_nobody() -> None:
    """There is no one to read it."""

    async def nobody(*_: Any) -> None:
        raise AssertionError("it was answered")

    app = _scripted_before(nobody)
    await app({"type": "http", "method": "POST", "path": "/"}, _Receive(_PART, _GONE), nobody)


@pytest.mark.parametrize("scope", [{"type": "http", "method": "GET"}, {"type": "lifespan"}])
async def test_what_asks_for_no_text_is_not_scripted(scope: dict[str, Any]) -> None:
    """It goes to the application as it came."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    receive = _Receive()
    await _scripted_before(app)(scope, receive, app)
    assert seen == [(scope, receive, app)]


async def test_only_a_disconnect_is_one() -> None:
    """Parts of a body that still come are none."""
    for wait in (
        scripted._until_disconnect,
        lambda receive: generation._until_disconnect(SimpleNamespace(receive=receive)),  # type: ignore[arg-type]
    ):
        receive = _Receive(_PART, _END, _GONE, _GONE)
        await wait(receive)
        assert receive.left == 1


async def test_a_score_script_that_fails_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    """With the header of Microsoft's server; the reason stands in the log alone."""

    def run(_raw: str) -> Any:
        raise ValueError("secret detail")

    request: Any = SimpleNamespace(receive=_Receive())
    answer = await score_route._run_script(request, run, "{}", threading.Event())
    assert (answer.status, answer.headers["x-ms-run-function-failed"]) == (500, "True")
    assert "secret detail" not in str(answer.body)
    assert "secret detail" in caplog.text


def test_a_failure_within_a_stream_is_an_event() -> None:
    """In the service's own shape."""
    data = EventStream.failure("The model failed.").removeprefix("data: ")
    error = json.loads(data)["error"]
    assert (error["message"], error["type"]) == ("The model failed.", "server_error")


def test_a_call_that_comes_after_the_stop_is_stopped() -> None:
    """Nobody would stop it any more."""
    cancellations = Cancellations()
    before = cancellations.new()
    assert not before.is_set()
    cancellations.stop()
    assert [before.is_set(), cancellations.new().is_set()] == [True, True]


def test_endpoints_are_not_opened_twice() -> None:
    """The second server would be nobody's to stop."""
    endpoints = LocalEndpoints(engine="echo")
    endpoints._port = 1  # as if they were open
    with pytest.raises(LocalEndpointsError, match="running already"):
        endpoints.__enter__()


def test_without_a_holder_there_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The score script would load a second one."""
    monkeypatch.setattr(shared_engine, "_engine", None)
    with pytest.raises(RuntimeError, match="acquire"):
        shared_engine.current()


def test_a_single_prompt_needs_no_list() -> None:
    """As in Hugging Face's own clients."""
    assert [task.body["prompt"] for task in read_request({"inputs": "p"}).tasks] == ["p"]


def test_an_engine_that_cannot_be_loaded_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its loader names the file that is missing."""
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('libodd.so.1: not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    with pytest.raises(LocalEndpointsError, match=r"libodd\.so\.1"):
        _engine.Engine(tmp_path / "model.gguf")
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)


def test_the_end_of_a_generation_is_no_failure() -> None:
    """The engine marks it by a chunk that is none."""
    given: list[Any] = []
    reader = _engine._StreamReader(given.append, threading.Event())
    assert reader.read(None) is False
    assert given == []


def test_a_task_that_was_cancelled_before_its_turn_is_not_begun() -> None:
    """The engine has no handler to be asked for."""
    cancelled = threading.Event()
    cancelled.set()
    given: list[Any] = []
    engine = object.__new__(_engine.Engine)
    engine._generate(Task("completions", {}), given.append, cancelled)
    assert ["The generation ended before it was finished."] == [str(each) for each in given]


def test_without_an_installer_there_is_nothing_to_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither pip nor uv."""
    monkeypatch.setattr(_fetch, "find_spec", lambda _name: None)
    monkeypatch.setattr(_fetch, "_uv_beside_python", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(_fetch._installers(tmp_path)) == []


def test_on_windows_the_weights_are_kept_where_its_programs_keep_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other systems' variable does not count there."""
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("XDG_CACHE_HOME", "elsewhere")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert _weights.cache_file().is_relative_to(tmp_path)


def test_fetching_that_is_interrupted_ends_as_ctrl_c_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a traceback."""

    def interrupted() -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "weights", interrupted)
    assert __main__.main(["--fetch-only"]) == 130
