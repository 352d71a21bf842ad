"""Over real sockets: each fault has its error; connections are kept, shared and closed.

Most tests run synchronously, and in asyncio on either engine, which must not differ.
"""

import asyncio
import gc
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from langchain_azure_llms import AzureMLOnlineEndpoint, CustomOpenAIContentFormatter, RetryPolicy
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    EndpointConnectionError,
    EndpointTimeoutError,
    StreamInterruptedError,
)
from tests.integration_tests.ways import WAYS, Way
from tests.integration_tests.wire import Connection, WireServer
from tests.support.engines import fresh_transports, limit_bodies, use_engine

_ANSWER = {"choices": [{"text": "fine", "index": 0, "finish_reason": "stop"}]}
_EVENT = {"choices": [{"text": "half", "index": 0, "finish_reason": None}]}
_UNFRAMED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
_LAST = {"choices": [{"text": "", "index": 0, "finish_reason": "stop"}]}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """Every way to call, with connections of the test's own."""
    use_engine(request.param, monkeypatch)
    with fresh_transports(monkeypatch):
        yield Way(request.param)


def _llm(url: str, **settings: Any) -> AzureMLOnlineEndpoint:
    base = {
        "endpoint_url": f"{url}/v1/completions",
        "endpoint_api_key": "k",
        "content_formatter": CustomOpenAIContentFormatter(),
        "timeout": 10,
        "max_retries": 0,
    }
    return AzureMLOnlineEndpoint(**{**base, **settings})


def _eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


async def _answers(connection: Connection) -> None:
    while await connection.request():
        await connection.reply(_ANSWER)


async def _hangs_up(connection: Connection) -> None:
    await connection.request()


async def _resets(connection: Connection) -> None:
    await connection.request()
    connection.cut()


@pytest.mark.parametrize("serve", [_hangs_up, _resets])
def test_a_hang_up_before_the_reply_was_sent(way: Way, serve: Any) -> None:
    """It may have been processed: the error says so."""
    with WireServer(serve) as server, pytest.raises(EndpointConnectionError) as raised:
        way.invoke(_llm(server.url))
    assert (raised.value.sent, raised.value.attempts) == (True, 1)


def test_a_hang_up_is_tried_again(way: Way) -> None:
    """A stale connection of the pool is the commonest failure there is."""
    seen = []

    async def first_hangs_up(connection: Connection) -> None:
        while await connection.request():
            seen.append(1)
            if len(seen) == 1:
                return
            await connection.reply(_ANSWER)

    with WireServer(first_hangs_up) as server:
        policy = RetryPolicy(max_retries=1, initial_wait=0)
        assert way.invoke(_llm(server.url, retry_policy=policy)) == "fine"
    assert len(seen) == 2


def test_a_connection_that_the_server_dropped_is_replaced(way: Way) -> None:
    """Servers close idle connections; the next call succeeds all the same."""

    async def once(connection: Connection) -> None:
        await connection.request()
        await connection.reply(_ANSWER)

    with WireServer(once) as server:
        policy = RetryPolicy(max_retries=1, initial_wait=0)
        assert way.invoke_in_turn(*[_llm(server.url, retry_policy=policy)] * 3) == ["fine"] * 3


def test_a_refused_connection_was_never_sent(way: Way) -> None:
    """Trying again is always safe."""
    with WireServer(_answers) as server:
        url = server.url
    with pytest.raises(EndpointConnectionError) as raised:
        way.invoke(_llm(url))
    assert (raised.value.sent, raised.value.is_retryable) == (False, True)


def test_a_slow_reply_is_a_timeout(way: Way) -> None:
    """Of our own class."""

    async def slow(connection: Connection) -> None:
        await connection.request()
        await connection.hung_up()

    with WireServer(slow) as server, pytest.raises(EndpointTimeoutError):
        way.invoke(_llm(server.url, timeout=0.2))


@pytest.mark.parametrize("part", [b"a", b"HTTP/1.1 102 Processing\r\n\r\n"])
@pytest.mark.parametrize("way", WAYS[1:], indirect=True)
def test_a_reply_that_never_begins_is_a_timeout_in_asyncio(way: Way, part: bytes) -> None:
    """Headers that drip, and interim replies for ever: each part comes in time."""

    async def drips(connection: Connection) -> None:
        await connection.request()
        if part == b"a":
            await connection.send(b"HTTP/1.1 200 OK\r\nx-long: ")
        for _ in range(500):
            await connection.send(part)
            await asyncio.sleep(0.02)

    with WireServer(drips) as server, pytest.raises(EndpointTimeoutError):
        way.invoke(_llm(server.url, timeout=0.2))


def test_a_body_that_drips_is_a_timeout(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its parts comes in time, and their sum never ends."""
    limit_bodies(monkeypatch, seconds=0.3)

    async def drips(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        for _ in range(500):
            await connection.send(b" ")
            await asyncio.sleep(0.02)

    with WireServer(drips) as server, pytest.raises(EndpointTimeoutError, match="did not end"):
        way.invoke(_llm(server.url, timeout=0.2))


def test_a_reply_cut_in_its_body_is_an_error(way: Way) -> None:
    """Not half an answer."""

    async def half(connection: Connection) -> None:
        await connection.request()
        await connection.send(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"choices": [')

    with WireServer(half) as server, pytest.raises(EndpointConnectionError) as raised:
        way.invoke(_llm(server.url))
    assert raised.value.sent


def test_a_stream_is_read_to_its_end(way: Way) -> None:
    """And its connection serves the next one."""

    async def streams(connection: Connection) -> None:
        while await connection.request():
            await connection.begin_stream()
            for event in (_EVENT, _LAST, "[DONE]"):
                await connection.event(event)
            await connection.end_stream()

    with WireServer(streams) as server:
        llm = _llm(server.url)
        assert way.stream(llm) == "half"
        assert way.stream(llm) == "half"
    assert server.connections == (2 if way.is_async else 1)  # an event loop each


@pytest.mark.parametrize("framing", ["chunked", "until closed"])
def test_a_stream_ends_with_its_end_marker(way: Way, framing: str) -> None:
    """Whatever the server goes on sending after it."""

    async def goes_on(connection: Connection) -> None:
        await connection.request()
        chunked = framing == "chunked"
        await (connection.begin_stream() if chunked else connection.send(_UNFRAMED))
        send = connection.event if chunked else connection.bare_event
        for event in (_EVENT, _LAST, "[DONE]"):
            await send(event)
        for _ in range(100):
            await asyncio.sleep(0.1)
            await send("ping")

    with WireServer(goes_on) as server:
        started = time.monotonic()
        assert way.stream(_llm(server.url)) == "half"
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("how", ["hang up", "reset"])
def test_a_stream_that_breaks_after_its_end_marker_is_whole(way: Way, how: str) -> None:
    """The answer had arrived."""

    async def breaks(connection: Connection) -> None:
        await connection.request()
        await connection.begin_stream()
        for event in (_EVENT, _LAST, "[DONE]"):
            await connection.event(event)
        if how == "reset":
            await asyncio.sleep(0.1)
            connection.cut()

    with WireServer(breaks) as server:
        assert way.stream(_llm(server.url)) == "half"


def test_long_headers_are_read(way: Way) -> None:
    """Gateways write policies into them."""

    async def verbose(connection: Connection) -> None:
        await connection.request()
        body = json.dumps(_ANSWER)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-policy: {'a' * 20_000}\r\n"
        await connection.send(f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())

    with WireServer(verbose) as server:
        assert way.invoke(_llm(server.url)) == "fine"


@pytest.mark.parametrize(
    "reply",
    [
        b"junk\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: nine\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nbad header line\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_connection_error_without_secrets(way: Way, reply: bytes) -> None:
    """The same on each engine, and tried again."""
    seen = []

    async def talks_nonsense(connection: Connection) -> None:
        await connection.request()
        seen.append(1)
        await connection.send(reply)

    with WireServer(talks_nonsense) as server:
        policy = RetryPolicy(max_retries=1, initial_wait=0)
        llm = _llm(server.url, retry_policy=policy, endpoint_api_key="s3cret")
        with pytest.raises(EndpointConnectionError) as raised:
            way.invoke(llm)
    assert (len(seen), raised.value.sent) == (2, True)
    shown = str(raised.value), repr(raised.value.__cause__), repr(raised.value.__context__)
    assert "s3cret" not in " ".join(shown)


def test_a_peer_that_stops_reading_is_a_timeout(way: Way) -> None:
    """A large prompt does not wait for ever."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        llm = _llm(url, timeout=0.3, model_kwargs={"padding": "x" * 8_000_000})
        with pytest.raises(EndpointTimeoutError):
            way.invoke(llm)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # aiohttp's, of bytes nobody took
        gc.collect()


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as at a terminal: a job in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_a_batch_at_once(ctrl_c: None) -> None:
    """Nothing more is sent, and requests in flight are not waited for."""
    asked: list[float] = []

    async def busy(connection: Connection) -> None:
        while await connection.request():
            asked.append(time.monotonic())
            await connection.reply({}, "503 Busy\r\nretry-after: 2")

    with WireServer(busy) as server:
        llm = _llm(server.url, max_retries=5)
        threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            llm.batch(["a", "b", "c"])
        ended = time.monotonic()
        time.sleep(2.5)
    assert ended - started < 1.5
    assert [moment for moment in asked if moment > ended] == []


@pytest.mark.parametrize("how", ["hang up", "reset"])
def test_a_stream_that_is_cut_keeps_the_text_so_far(way: Way, how: str) -> None:
    """Never a silent short answer."""

    async def cuts(connection: Connection) -> None:
        await connection.request()
        await connection.begin_stream()
        await connection.event(_EVENT)
        await asyncio.sleep(0.1)
        if how == "reset":
            connection.cut()

    with WireServer(cuts) as server, pytest.raises(StreamInterruptedError) as raised:
        way.stream(_llm(server.url))
    assert raised.value.text_so_far == "half"


def test_leaving_a_stream_hangs_up(way: Way) -> None:
    """So that the service stops working."""
    left = threading.Event()

    async def endless(connection: Connection) -> None:
        await connection.request()
        await connection.begin_stream()
        await connection.event(_EVENT)
        await connection.hung_up()
        left.set()

    with WireServer(endless) as server:
        assert way.stream(_llm(server.url), take=1) == "half"
        assert left.wait(5)


def test_calls_share_a_connection_and_so_do_objects(way: Way) -> None:
    """One TLS handshake for all of them."""
    with WireServer(_answers) as server:
        first, second = _llm(server.url), _llm(server.url)
        assert way.invoke_in_turn(first, second, first) == ["fine"] * 3
        assert server.connections == 1


def test_cookies_are_not_kept(way: Way) -> None:
    """Clients are shared: one caller's session is not another's."""
    sent = []

    async def sets_a_cookie(connection: Connection) -> None:
        while request := await connection.request():
            sent.append(request["headers"].get("cookie"))
            body = json.dumps(_ANSWER)
            head = (
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: a=1; path=/\r\n"
            )
            await connection.send(f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())

    with WireServer(sets_a_cookie) as server:
        llm = _llm(server.url)
        way.invoke_in_turn(llm, llm)
    assert sent == [None, None]


def test_a_batch_opens_no_more_connections_than_it_may(way: Way) -> None:
    """One for each request in flight, kept for the next ones."""

    async def takes_a_moment(connection: Connection) -> None:
        while await connection.request():
            await asyncio.sleep(0.01)
            await connection.reply(_ANSWER)

    with WireServer(takes_a_moment) as server:
        llm = _llm(server.url, max_concurrency=5)
        assert way.batch(llm, ["x"] * 40) == ["fine"] * 40
        assert (server.connections, server.most_open) == (5, 5)


def test_closing_ends_the_connections_and_the_object_stays_usable(way: Way) -> None:
    """In asyncio those of the running event loop."""

    async def main(llm: AzureMLOnlineEndpoint) -> list[int | str]:
        found: list[int | str] = [await llm.ainvoke("x"), server.open]
        await llm.aclose()
        found.append(await asyncio.to_thread(_eventually, lambda: server.open == 0))
        return [*found, await llm.ainvoke("x")]

    def in_this_thread(llm: AzureMLOnlineEndpoint) -> list[int | str]:
        found: list[int | str] = [llm.invoke("x"), server.open]
        llm.close()
        return [*found, _eventually(lambda: server.open == 0), llm.invoke("x")]

    with WireServer(_answers) as server:
        llm = _llm(server.url)
        found = way.run(main(llm)) if way.is_async else in_this_thread(llm)
        assert found == ["fine", 1, True, "fine"]
        llm.close()


def test_closing_what_was_never_used_does_nothing() -> None:
    """Twice, in either way."""
    llm = _llm("http://localhost:1")
    for _ in range(2):
        llm.close()
        asyncio.run(llm.aclose())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that no system trusts."""
    return trustme.CA()


def _tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def test_an_unknown_authority_is_refused_once(way: Way, authority: trustme.CA) -> None:
    """Trying again would not help; the error says what would."""
    with WireServer(_answers, _tls(authority)) as server:
        llm = _llm(server.url, max_retries=3)
        with pytest.raises(EndpointConnectionError, match="SSL_CERT_FILE") as raised:
            way.invoke(llm)
        assert (raised.value.attempts, raised.value.is_retryable) == (1, False)


def test_an_authority_of_the_environment_is_trusted(
    way: Way, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SSL_CERT_FILE, as companies set it."""
    with authority.cert_pem.tempfile() as bundle, WireServer(_answers, _tls(authority)) as server:
        monkeypatch.setenv("SSL_CERT_FILE", bundle)
        llm = _llm(server.url)
        assert way.invoke_in_turn(llm, llm) == ["fine", "fine"]
        assert server.connections == 1


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_each_variable_of_an_authority_counts(
    way: Way, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """As other clients read them; the first one before the second."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with authority.cert_pem.tempfile() as bundle, WireServer(_answers, _tls(authority)) as server:
        monkeypatch.setenv(variable, bundle)
        assert "fine" == way.invoke(_llm(server.url))
        if variable == "REQUESTS_CA_BUNDLE":
            monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
            with pytest.raises((EndpointConnectionError, ConfigurationError)):
                way.invoke(_llm(server.url))


@pytest.mark.parametrize("kind", ["file", "path", "context", "off"])
def test_verify_says_how_certificates_are_checked(
    way: Way, authority: trustme.CA, kind: str, tmp_path: Path
) -> None:
    """A file, TLS settings, or not at all; in place of the environment's."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    verify: dict[str, Any] = {
        "file": str(file),
        "path": file,
        "context": ssl.create_default_context(cafile=file),
        "off": False,
    }
    with WireServer(_answers, _tls(authority)) as server:
        assert "fine" == way.invoke(_llm(server.url, verify=verify[kind]))
        with pytest.raises(EndpointConnectionError, match="http_async_client"):
            way.invoke(_llm(server.url))


@pytest.mark.parametrize("wrong", ["/no/such/file.pem", 7, None, b"x"])
def test_what_verify_cannot_be_is_refused(wrong: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="verify is"):
        _llm("https://e.example", verify=wrong)


def test_connections_are_kept_alive_while_an_answer_is_silent(way: Way) -> None:
    """Network address translation forgets a connection after four silent minutes."""
    found: list[int] = []

    async def looks(connection: Connection) -> None:
        while await connection.request():
            found.extend(_kept_alive())
            await connection.reply(_ANSWER)

    with WireServer(looks) as server:
        port = int(server.url.rpartition(":")[2])

        def _kept_alive() -> list[int]:
            sockets = [one for one in gc.get_objects() if isinstance(one, socket.socket)]
            return [
                one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                for one in sockets
                if one.fileno() >= 0 and _peer(one) == port
            ]

        assert "fine" == way.invoke(_llm(server.url))
    assert [1] == found


def _peer(one: socket.socket) -> int | None:
    try:
        return int(one.getpeername()[1])
    except (OSError, IndexError):
        return None


@pytest.mark.parametrize("way", WAYS[1:], indirect=True)
def test_one_object_serves_many_event_loops(way: Way) -> None:
    """`asyncio.run` again and again: no socket is left open, and no loop in memory."""
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def invoke(llm: AzureMLOnlineEndpoint) -> str:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        return await llm.ainvoke("x")

    with WireServer(_answers) as server:
        llm = _llm(server.url)
        assert [way.run(invoke(llm)) for _ in range(10)] == ["fine"] * 10
        assert _eventually(lambda: server.open == 0)
        assert (server.connections, server.most_open) == (10, 1)
    gc.collect()
    assert sum(loop() is not None for loop in loops) <= 1  # the last one, until the next begins


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_after_a_fork_the_child_has_connections_of_its_own(way: Way) -> None:
    """It neither uses nor closes the parent's."""

    def in_child(llm: AzureMLOnlineEndpoint) -> None:
        code = 1
        try:
            signal.alarm(20)
            code = 0 if way.invoke_in_turn(llm, llm) == ["fine", "fine"] else 2
            llm.close()
        finally:
            os._exit(code)

    with WireServer(_answers) as server:
        llm = _llm(server.url)
        assert llm.invoke("x") == "fine"
        child = os.fork()
        if child == 0:
            in_child(llm)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert (llm.invoke("x"), server.connections) == ("fine", 2)


_CALL_AND_LIST_ENGINES = """
import asyncio, sys
from langchain_azure_llms import AzureMLOnlineEndpoint, CustomOpenAIContentFormatter
if sys.argv[2] == "without":
    sys.modules["httpx_aiohttp"] = None
llm = AzureMLOnlineEndpoint(
    endpoint_url=sys.argv[1],
    endpoint_api_key="k",
    content_formatter=CustomOpenAIContentFormatter(),
    max_retries=0,
)
print(asyncio.run(llm.ainvoke("x")), bool(sys.modules.get("httpx_aiohttp")))
"""


@pytest.mark.parametrize("extra", ["with", "without"])
def test_the_extra_alone_chooses_the_engine(extra: str) -> None:
    """Without it, nothing else changes."""
    with WireServer(_answers) as server:
        done = subprocess.run(
            [sys.executable, "-c", _CALL_AND_LIST_ENGINES, f"{server.url}/v1/completions", extra],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.stdout, done.stderr) == (f"fine {extra == 'with'}\n", "")
