"""Sync batches run in an event loop: threads, forks, callbacks and Ctrl-C work as without one."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter
from tests.integration_tests.wire import Connection, WireServer

_caller: ContextVar[str] = ContextVar("_caller", default="nobody")
_PROMPTS = [f"p{number}" for number in range(40)]
_DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    """Answers each prompt with itself and a mark; `hang` with silence."""

    async def serve(connection: Connection) -> None:
        while (request := await connection.request()) is not None:
            prompt = request["body"]["prompt"]
            if prompt == "hang":
                await connection.hung_up()
                return
            await asyncio.sleep(0.002)
            choice = {"text": f"{prompt}!", "index": 0, "finish_reason": "stop"}
            await connection.reply({"choices": [choice]})

    with WireServer(serve) as running:
        yield running


def _llm(server: WireServer, **settings: Any) -> AzureMLOnlineEndpoint:
    base = {
        "endpoint_url": f"{server.url}/v1/completions",
        "endpoint_api_key": "k",
        "content_formatter": CustomOpenAIContentFormatter(),
        "max_retries": 0,
    }
    return AzureMLOnlineEndpoint(**{**base, **settings})


class _ContextHandler(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.seen.append(_caller.get())


def test_callbacks_see_the_context_variables_of_the_caller(server: WireServer) -> None:
    """Tracers and token counters are kept in context variables."""
    handler = _ContextHandler()
    token = _caller.set("me")
    answers = _llm(server).batch(list(_PROMPTS), config={"callbacks": [handler]})
    _caller.reset(token)
    assert [f"{prompt}!" for prompt in _PROMPTS] == answers
    assert ["me"] * len(_PROMPTS) == handler.seen


def test_connections_are_kept_for_the_next_batch(server: WireServer) -> None:
    """The event loop is kept, and its connections with it."""
    llm = _llm(server, max_concurrency=5)
    llm.batch(list(_PROMPTS))
    opened = server.connections
    for _ in range(3):
        llm.batch(list(_PROMPTS))
    assert opened == server.connections


def test_a_batch_inside_a_running_loop_works(server: WireServer) -> None:
    """As in a notebook."""

    async def main() -> list[str]:
        return _llm(server).batch(list(_PROMPTS))

    assert [f"{prompt}!" for prompt in _PROMPTS] == asyncio.run(main())


def test_a_callback_may_start_another_batch(server: WireServer) -> None:
    """While the first one is in flight."""
    llm, found = _llm(server, max_concurrency=2), []

    class Asking(BaseCallbackHandler):
        def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
            found.append(llm.batch(["a", "b", "c"]))

    assert ["x!", "y!", "z!"] == llm.batch(["x", "y", "z"], config={"callbacks": [Asking()]})
    assert [["a!", "b!", "c!"]] * 3 == found


def test_the_callers_current_event_loop_is_left_alone(server: WireServer) -> None:
    """The caller may have set one."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        _llm(server).batch(list(_PROMPTS))
        assert loop is asyncio.get_event_loop_policy().get_event_loop()
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_several_threads_batch_at_once(server: WireServer) -> None:
    """With one object, each gets its own answers."""
    llm = _llm(server)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: llm.batch(list(_PROMPTS)), range(4)))
    assert [[f"{prompt}!" for prompt in _PROMPTS]] * 4 == found


@pytest.mark.skipif(not _DESCRIPTORS.is_dir(), reason="Linux lists open descriptors")
def test_threads_that_ended_leave_no_descriptors_behind(server: WireServer) -> None:
    """However many threads there were, no more is open than after the first ones."""
    llm = _llm(server, max_concurrency=4)
    _batch_in_new_threads(llm, 2)
    before = _open_descriptors()
    _batch_in_new_threads(llm, 8)
    ends = time.monotonic() + 3
    while _open_descriptors() > before and time.monotonic() < ends:
        time.sleep(0.02)  # the server closes its end of a connection a moment later
    assert _open_descriptors() <= before


def _batch_in_new_threads(llm: AzureMLOnlineEndpoint, count: int) -> None:
    """Run a batch in one new thread after the other."""
    for _ in range(count):
        thread = threading.Thread(target=llm.batch, args=(list(_PROMPTS),))
        thread.start()
        thread.join(20)


def _open_descriptors() -> int:
    return len(list(_DESCRIPTORS.iterdir()))


def test_ctrl_c_ends_a_batch_at_once(server: WireServer) -> None:
    """No thread is left behind, and the object answers again."""
    llm = _llm(server, timeout=60)
    llm.batch(["a", "b"])  # what is kept for the next batch is there
    before, caller = threading.active_count(), threading.get_ident()
    interrupt = threading.Timer(0.3, lambda: signal.pthread_kill(caller, signal.SIGINT))
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()
    interrupt.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            llm.batch(["hang"] * 8)
    finally:
        signal.signal(signal.SIGINT, previous)
        interrupt.join()
    assert time.monotonic() - started < 5
    assert threading.active_count() <= before
    assert ["a!", "b!"] == llm.batch(["a", "b"])


def test_ctrl_c_in_a_handlers_batch_ends_the_outer_one_too(server: WireServer) -> None:
    """And both objects answer again."""
    outer, inner = _llm(server), _llm(server)

    class Interrupted(BaseCallbackHandler):
        def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
            raise KeyboardInterrupt

    class Asking(BaseCallbackHandler):
        def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
            inner.batch(["a", "b"], config={"callbacks": [Interrupted()]})

    with pytest.raises(KeyboardInterrupt):
        outer.batch(["x", "y", "z"], config={"callbacks": [Asking()]})
    assert [llm.batch(["a", "b"]) for llm in (outer, inner)] == [["a!", "b!"]] * 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_parent_and_child_go_on_after_a_fork(server: WireServer) -> None:
    """The child opens connections of its own, and leaves the parent's alone."""
    llm = _llm(server, max_concurrency=3)
    llm.batch(["a", "b", "c"])
    opened = server.connections
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if llm.batch(["c", "d"]) == ["c!", "d!"] else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert 0 == os.waitstatus_to_exitcode(status)
    after_child = server.connections
    assert after_child > opened
    assert ["e!", "f!", "g!"] == llm.batch(["e", "f", "g"])
    assert after_child == server.connections


@pytest.mark.parametrize(
    ("call", "output"),
    [
        ("print(llm.batch(prompts))", "['a!', 'b!', 'c!']"),
        ("done = llm.batch_as_completed(prompts); print(sorted(done)[0])", "(0, 'a!')"),
        ("done = llm.batch_as_completed(prompts); print(len([next(done)]))", "1"),
    ],
    ids=["batch", "as completed", "as completed, unfinished"],
)
def test_the_interpreter_exits_without_output(server: WireServer, call: str, output: str) -> None:
    """With every warning an error, and connections, or a batch, still open."""
    program = f"""
from langchain_azure_llms import AzureMLOnlineEndpoint, CustomOpenAIContentFormatter
llm = AzureMLOnlineEndpoint(
    endpoint_url="{server.url}/v1/completions",
    endpoint_api_key="k",
    content_formatter=CustomOpenAIContentFormatter(),
)
prompts = ["a", "b", "c"]
{call}
"""
    strict = ["-W", "error", "-W", "ignore::DeprecationWarning"]
    done = subprocess.run(
        [sys.executable, *strict, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr, done.returncode) == (f"{output}\n", "", 0)


def test_an_async_only_credential_is_refused_in_batches_too() -> None:
    """As `invoke` refuses it."""

    async def give() -> str:
        return "token"

    llm = AzureOpenAI(
        azure_endpoint="http://localhost:1",
        azure_deployment="d",
        api_version="v1",
        credential=give,
        batch_size=1,
    )
    with pytest.raises(Exception, match="an async one, and this is a sync call"):
        llm.batch(["a", "b"])
