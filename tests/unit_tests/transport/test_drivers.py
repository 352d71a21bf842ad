"""The two drivers do the same: send, read within bounds, stream, and say what failed."""

import asyncio
import itertools
import json
import ssl
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from types import SimpleNamespace

import httpx2
import pytest
from pydantic import SecretStr

from langchain_azure_llms.exceptions import ResponseFormatError, StreamInterruptedError
from langchain_azure_llms.transport import _async, _reading, _sync
from langchain_azure_llms.transport._exchange import (
    Command,
    Failure,
    FailureKind,
    HttpRequest,
    Reply,
    Send,
    Sleep,
    Steps,
)
from langchain_azure_llms.transport._failures import failure_of

_REQUEST = HttpRequest("https://host.example/p?q=1", {"x-a": "1"}, b'{"a":1}', timeout=None)
_STREAMED = HttpRequest("https://host.example/p", {}, b"{}", stream=True)
Handler = Callable[[httpx2.Request], httpx2.Response]
Outcome = Reply | Failure


class Parts(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that comes in these parts, and may then fail."""

    def __init__(self, *parts: bytes, error: Exception | None = None) -> None:
        self.parts, self.error, self.closed = parts, error, False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.parts
        if self.error:
            raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def _sent_sync(handler: Handler, request: HttpRequest) -> Outcome:
    with httpx2.Client(transport=httpx2.MockTransport(handler)) as client:
        return _sync.send(client, request, request.headers)


def _sent_async(handler: Handler, request: HttpRequest) -> Outcome:
    async def send() -> Outcome:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as client:
            return await _async.send(client, request, request.headers)

    return asyncio.run(send())


def _events_sync(stream: Parts, content_type: str = "text/event-stream") -> list[str]:
    found: list[str] = []
    handler = _streaming(stream, content_type)
    with httpx2.Client(transport=httpx2.MockTransport(handler)) as client:
        reply = _sync.send(client, _STREAMED, {})
        assert isinstance(reply, Reply)
        for data in _sync.events(reply):
            found.append(data)  # noqa: PERF402 - what came before an error counts
    return found


def _events_async(stream: Parts, content_type: str = "text/event-stream") -> list[str]:
    async def collect() -> list[str]:
        handler = _streaming(stream, content_type)
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as client:
            reply = await _async.send(client, _STREAMED, {})
            assert isinstance(reply, Reply)
            return [data async for data in _async.events(reply)]

    return asyncio.run(collect())


def _streaming(stream: Parts, content_type: str) -> Handler:
    return lambda _request: httpx2.Response(
        200, headers={"content-type": content_type}, stream=stream
    )


both_send = pytest.mark.parametrize("send", [_sent_sync, _sent_async])
both_events = pytest.mark.parametrize("events", [_events_sync, _events_async])
Sending = Callable[[Handler, HttpRequest], Outcome]
Reading = Callable[..., list[str]]


@both_send
def test_the_request_is_sent_as_it_is(send: Sending) -> None:
    """URL, headers and body arrive unchanged."""
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, content=b"fine", headers={"x-b": "2"})

    reply = send(handler, _REQUEST)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.headers["x-b"], reply.body) == (200, "2", b"fine")
    (request,) = seen
    assert str(request.url) == _REQUEST.url
    assert (request.method, request.headers["x-a"], request.content) == ("POST", "1", b'{"a":1}')


@both_send
def test_redirects_are_not_followed(send: Sending) -> None:
    """The reply itself comes back."""
    calls = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        calls.append(request.url)
        return httpx2.Response(307, headers={"location": "https://elsewhere.example/"})

    reply = send(handler, _REQUEST)
    assert (getattr(reply, "status", None), len(calls)) == (307, 1)


def test_redirects_are_not_followed_by_a_users_client_that_would() -> None:
    """The request decides, not the client."""
    calls = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        calls.append(request.url)
        return httpx2.Response(307, headers={"location": "https://elsewhere.example/"})

    transport = httpx2.MockTransport(handler)
    with httpx2.Client(transport=transport, follow_redirects=True) as client:
        _sync.send(client, _REQUEST, {})
    assert len(calls) == 1


@both_send
def test_a_reply_over_the_limit_is_refused_and_closed(
    send: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading stops at the limit, not at the end."""
    monkeypatch.setattr(_reading, "MAX_BYTES", 10)
    body = Parts(b"12345678", b"90123", b"never read", error=AssertionError("read too far"))
    outcome = send(lambda _request: httpx2.Response(200, stream=body), _REQUEST)
    assert isinstance(outcome, Failure)
    assert (outcome.kind, body.closed) == (FailureKind.TOO_LARGE, True)


@both_send
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.ConnectError("refused"), FailureKind.NOT_CONNECTED),
        (httpx2.ConnectTimeout("slow"), FailureKind.NOT_CONNECTED),
        (httpx2.PoolTimeout("full"), FailureKind.NOT_CONNECTED),
        (httpx2.ProxyError("407"), FailureKind.NOT_CONNECTED),
        (httpx2.ReadTimeout("slow"), FailureKind.TIMED_OUT),
        (httpx2.WriteTimeout("slow"), FailureKind.TIMED_OUT),
        (httpx2.ReadError("reset"), FailureKind.DISCONNECTED),
        (httpx2.WriteError("reset"), FailureKind.DISCONNECTED),
        (httpx2.RemoteProtocolError("gone"), FailureKind.DISCONNECTED),
        (httpx2.LocalProtocolError("bad header"), FailureKind.UNSENDABLE),
        (httpx2.UnsupportedProtocol("ftp"), FailureKind.UNSENDABLE),
        (httpx2.DecodingError("gzip"), FailureKind.UNREADABLE),
    ],
)
def test_each_exception_is_a_kind_of_failure(
    send: Sending, error: Exception, kind: FailureKind
) -> None:
    """What was never sent is told apart from what may have been processed."""

    def handler(_request: httpx2.Request) -> httpx2.Response:
        raise error

    outcome = send(handler, _REQUEST)
    assert isinstance(outcome, Failure)
    assert outcome.kind is kind


@both_send
def test_a_reply_cut_in_its_body_is_a_broken_connection(send: Sending) -> None:
    """Half an answer is none."""
    body = Parts(b'{"half', error=httpx2.RemoteProtocolError("cut"))
    outcome = send(lambda _request: httpx2.Response(200, stream=body), _REQUEST)
    assert isinstance(outcome, Failure)
    assert (outcome.kind, body.closed) == (FailureKind.DISCONNECTED, True)


@both_send
def test_broken_compression_cannot_be_read(send: Sending) -> None:
    """A gateway that says gzip and sends something else."""
    headers = {"content-encoding": "gzip"}
    outcome = send(
        lambda _request: httpx2.Response(200, headers=headers, stream=Parts(b"not gzip")), _REQUEST
    )
    assert getattr(outcome, "kind", None) is FailureKind.UNREADABLE


def _engine_error(*names: str) -> Exception:
    """Return an exception whose class has these names, most general first, as aiohttp's have."""
    cls: type[Exception] = Exception
    for name in names:
        cls = type(name, (cls,), {})
    return cls("from the engine")


def _failure(error: Exception) -> Failure:
    failure = failure_of(error)
    assert isinstance(failure, Failure)
    return failure


@pytest.mark.parametrize(
    ("names", "reported", "kind"),
    [
        (
            ("ClientConnectionError", "ServerDisconnectedError"),
            httpx2.ConnectTimeout,
            "DISCONNECTED",
        ),
        (("ClientConnectionError", "ClientOSError"), httpx2.ConnectTimeout, "DISCONNECTED"),
        (("ClientOSError", "ClientConnectorError"), httpx2.ConnectError, "NOT_CONNECTED"),
        (
            ("ClientOSError", "ClientConnectorError", "ClientConnectorCertificateError"),
            httpx2.ConnectError,
            "UNTRUSTED",
        ),
        (
            ("ServerTimeoutError", "ConnectionTimeoutError"),
            httpx2.TimeoutException,
            "NOT_CONNECTED",
        ),
        (("ServerTimeoutError", "SocketTimeoutError"), httpx2.ReadTimeout, "TIMED_OUT"),
    ],
)
def test_the_engines_own_exception_decides(
    names: tuple[str, ...], reported: type[httpx2.HTTPError], kind: str
) -> None:
    """Its adapter says `ConnectTimeout` of a hang-up after sending; repeating could bill twice."""
    error = reported("as reported")
    error.__cause__ = _engine_error(*names)
    assert _failure(error).kind.name == kind


def test_the_names_of_the_engines_exceptions_exist() -> None:
    """They are matched by name, as aiohttp need not be installed; a renamed one would be lost."""
    aiohttp = pytest.importorskip("aiohttp")
    from langchain_azure_llms.transport._failures import _BY_ENGINE  # noqa: PLC0415

    assert [] == [name for name in _BY_ENGINE if not hasattr(aiohttp, name)]


def test_an_untrusted_certificate_is_told_from_a_refused_connection() -> None:
    """Trying again cannot help."""
    error = httpx2.ConnectError("tls")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    assert _failure(error).kind is FailureKind.UNTRUSTED


_EVENTS = ['{"t":"día ☀"}', '{"t":"two\\nlines"}', "[DONE]"]
_WIRE = (
    "\ufeff: a comment\n"
    f"data: {_EVENTS[0]}\r\n\r\n"
    "event: message\nid: 7\n"
    f"data:{_EVENTS[1]}\n\n"
    f"data: {_EVENTS[2]}\n\n"
).encode()


@both_events
def test_events_are_whole_wherever_the_bytes_are_split(events: Reading) -> None:
    """A mark, comments, CRLF, other fields and UTF-8, split at every byte."""
    for at in range(len(_WIRE) + 1):
        assert events(Parts(_WIRE[:at], _WIRE[at:])) == _EVENTS


@both_events
def test_events_are_whole_byte_by_byte(events: Reading) -> None:
    """The slowest server there is."""
    assert events(Parts(*(bytes([byte]) for byte in _WIRE))) == _EVENTS


@both_events
def test_several_data_lines_are_one_event(events: Reading) -> None:
    """As the standard of server-sent events says."""
    (data,) = events(Parts(b'data: {"a":\ndata: 1}\n\n'), "text/event-stream; charset=utf-8")
    assert json.loads(data) == {"a": 1}


@both_events
def test_a_cut_stream_is_interrupted_and_closed(events: Reading) -> None:
    """The caller learns of it."""
    stream = Parts(b"data: 1\n\n", error=httpx2.RemoteProtocolError("peer closed"))
    with pytest.raises(StreamInterruptedError, match="was cut: peer closed"):
        events(stream)
    assert stream.closed


@both_events
def test_an_endless_event_is_refused(events: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end does not fill the memory."""
    monkeypatch.setattr(_reading, "MAX_BYTES", 100)
    with pytest.raises(ResponseFormatError, match="cannot be read"):
        events(Parts(b"data: ", *([b"x" * 50] * 10)))


def test_leaving_a_stream_closes_it() -> None:
    """A sync `break` ends the connection, and with it the service's work."""
    stream = Parts(b"data: 1\n\n", b"data: 2\n\n")
    handler = _streaming(stream, "text/event-stream")
    with httpx2.Client(transport=httpx2.MockTransport(handler)) as client:
        reply = _sync.send(client, _STREAMED, {})
        assert isinstance(reply, Reply)
        events = _sync.events(reply)
        next(events)
        events.close()
    assert stream.closed


@both_send
def test_a_service_that_does_not_stream_is_read_whole(send: Sending) -> None:
    """Its JSON is the reply's body."""
    reply = send(lambda _request: httpx2.Response(200, json={"a": 1}), _STREAMED)
    assert isinstance(reply, Reply)
    assert (reply.source, json.loads(reply.body)) == (None, {"a": 1})


@both_send
def test_an_error_before_a_stream_is_read_whole(send: Sending) -> None:
    """Even if it claims to be an event stream."""
    headers = {"content-type": "text/event-stream"}
    reply = send(
        lambda _request: httpx2.Response(500, headers=headers, content=b"broken"), _STREAMED
    )
    assert (getattr(reply, "status", 0), getattr(reply, "body", b"")) == (500, b"broken")


# --- work that nobody waits for any more --------------------------------------------------------


class _Given:
    """An exchange that asks for these commands, and returns a reply."""

    def __init__(self, *commands: Command) -> None:
        self.commands, self.done = list(commands), 0

    def steps(self) -> Steps:
        for command in self.commands:
            yield command
            self.done += 1
        return Reply(200, {}, b"done")


def _run_for(waiting: _sync.Waiting | None, given: _Given) -> Reply:
    def nobody_asks(_refused: SecretStr | None, _claims: str | None) -> SecretStr:
        raise AssertionError("no token is needed")

    token = _sync.abandoned.set(waiting)
    try:
        with httpx2.Client(
            transport=httpx2.MockTransport(lambda _: httpx2.Response(503))
        ) as client:
            return _sync.run(given.steps(), _REQUEST, client, nobody_asks)
    finally:
        _sync.abandoned.reset(token)


class _GoneMeanwhile(threading.Event):
    """Set while somebody sleeps on it."""

    def wait(self, timeout: float | None = None) -> bool:
        self.slept = timeout
        self.set()
        return True


def test_nothing_is_sent_for_nobody() -> None:
    """A pause ends at once when nobody waits any more, and so does the exchange behind it."""
    gone, given = _GoneMeanwhile(), _Given(Sleep(3600), Send({}))
    with pytest.raises(_sync.AbandonedError):
        _run_for(_sync.Waiting(gone), given)
    assert (3600, 1) == (gone.slept, given.done)


@pytest.mark.parametrize("has_context", [True, False])
def test_what_comes_after_a_batch_is_for_somebody(
    monkeypatch: pytest.MonkeyPatch, *, has_context: bool
) -> None:
    """A callback that kept the context of a batch waits in full, as without one."""
    gone, slept = threading.Event(), list[float]()
    gone.set()
    monkeypatch.setattr(_sync, "time", SimpleNamespace(sleep=slept.append))
    waiting = _sync.Waiting(gone) if has_context else None
    if waiting is not None:
        waiting.is_over = True
    assert b"done" == _run_for(waiting, _Given(Sleep(12.5), Send({}))).body
    assert [12.5] == slept


# --- what follows a stream's end marker ---------------------------------------------------------


class _Socket:
    """A connection's socket: shutting it ends the read that hangs."""

    def __init__(self, *, is_closed: bool = False) -> None:
        self.shut, self.is_closed = threading.Event(), is_closed

    def get_extra_info(self, _name: str) -> "_Socket":
        return self

    def shutdown(self, _how: int) -> None:
        self.shut.set()
        if self.is_closed:
            raise OSError("it is not connected")


def _streamed(*, is_framed: bool = True, network: _Socket | None = None) -> Reply:
    headers = {"content-length": "9"} if is_framed else {}
    extensions = {} if network is None else {"network_stream": network}
    source = httpx2.Response(200, headers=headers, extensions=extensions)
    return Reply(200, {}, source=source)


def _drained_sync(reply: Reply, events: Iterable[str]) -> None:
    _sync.drain(reply, (event for event in events))


def _drained_async(reply: Reply, events: Iterable[str]) -> None:
    async def rest() -> AsyncGenerator[str]:
        for event in events:
            yield event

    asyncio.run(_async.drain(reply, rest()))


both_drain = pytest.mark.parametrize("drain", [_drained_sync, _drained_async])
Draining = Callable[[Reply, Iterable[str]], None]


@both_drain
@pytest.mark.parametrize("is_framed", [True, False])
def test_the_end_of_a_framed_stream_is_read(drain: Draining, *, is_framed: bool) -> None:
    """One without an end of its own would keep its connection for itself."""
    events = iter(["ping", "pong"])
    drain(_streamed(is_framed=is_framed), events)
    assert ([] if is_framed else ["ping", "pong"]) == list(events)


@both_drain
def test_events_without_a_pause_are_not_read_for_ever(
    drain: Draining, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that had come already are never waited for."""
    monkeypatch.setattr(_reading, "DRAIN_SECONDS", 0.05)
    many, before = itertools.count(), set(threading.enumerate())
    drain(_streamed(), (str(next(many)) for _ in itertools.repeat(None)))
    assert next(many) > 1
    for reader in set(threading.enumerate()) - before:
        reader.join(5)
        assert not reader.is_alive()


@both_drain
def test_a_stream_that_breaks_behind_its_end_marker_is_no_error(drain: Draining) -> None:
    """Everything had arrived."""

    def breaking() -> Iterator[str]:
        yield "ping"
        raise StreamInterruptedError("cut", url="https://host.example")

    drain(_streamed(), breaking())


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_read_that_hangs_is_ended_by_shutting_the_socket(
    monkeypatch: pytest.MonkeyPatch, *, is_closed: bool
) -> None:
    """From another thread; the peer may have closed it meanwhile."""
    monkeypatch.setattr(_reading, "DRAIN_SECONDS", 0.05)
    network = _Socket(is_closed=is_closed)

    def hanging() -> Iterator[str]:
        if not network.shut.wait(20):
            yield "nobody shut it"
        raise StreamInterruptedError("cut", url="https://host.example")

    _drained_sync(_streamed(network=network), hanging())
    assert network.shut.is_set()


def test_a_read_that_hangs_on_an_unknown_connection_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no socket to shut: a user's own transport reads on, in a thread of its own."""
    monkeypatch.setattr(_reading, "DRAIN_SECONDS", 0.05)
    go_on, left = threading.Event(), threading.Event()

    def hanging() -> Iterator[str]:
        assert go_on.wait(20)
        left.set()
        yield "late"

    _drained_sync(_streamed(), hanging())
    assert not left.is_set()
    go_on.set()
    assert left.wait(20)
