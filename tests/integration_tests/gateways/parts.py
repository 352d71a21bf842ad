"""What stands between an LLM and its endpoint: gateways and forward proxies, real, on loopback."""

import asyncio
import base64
import contextlib
import gc
import json
import os
import ssl
import traceback
import warnings
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import trustme
from httpx_aiohttp.httpx2 import Httpx2AiohttpClient

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    GPT2ContentFormatter,
)
from tests.integration_tests import ways
from tests.integration_tests.ways import ResultT
from tests.integration_tests.wire import Connection, WireServer
from tests.support.engines import fresh_transports, use_engine
from tests.support.llms import AzureLLM

SERVICES = ("openai", "azureml")
KEY, PASSWORD, HEADER, QUERY = "k3y-planted", "p4ss-planted", "h3ad-planted", "qu3r-planted"
USER = "alice"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (KEY, PASSWORD, HEADER, QUERY, BASIC.removeprefix("Basic "))
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
ErrorT = TypeVar("ErrorT", bound=Exception)


class Way(ways.Way):
    """One way of calling, perhaps through a client of the user's own."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._own: list[Any] = []

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Run async work in an event loop of its own; own async clients are closed in it."""

        async def main() -> ResultT:
            try:
                return await work
            finally:
                for client in self._own:
                    await client.aclose()

        return asyncio.run(main())

    def error(self, expected: type[ErrorT], llm: AzureLLM, **arguments: Any) -> ErrorT:
        """Return the error of a call: of the class that is expected, and without any secret."""
        with pytest.raises(expected) as raised:
            self.invoke(llm, **arguments)
        if self.is_async:  # aiohttp leaves a TLS transport that timed out to the collector
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect(1)
        assert secrets_in(raised.value) == []
        return raised.value

    def own_client(self, **settings: Any) -> dict[str, Any]:
        """Return the argument with a client of one's own, for this way."""
        classes: dict[str, Any] = {"httpx2": httpx2.AsyncClient, "aiohttp": Httpx2AiohttpClient}
        client: Any = classes.get(self.name, httpx2.Client)(**settings)
        self._own.append(client)
        return {"http_async_client" if self.is_async else "http_client": client}

    def end(self) -> None:
        """Close own sync clients."""
        for client in self._own:
            if not self.is_async:
                client.close()


def on(way: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """Give a way, with shared clients and a network environment of the test's own."""
    for name in (*VARIABLES, *map(str.lower, VARIABLES), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in list(os.environ):
        if name.startswith(("AZURE_OPENAI_", "AZUREML_", "OPENAI_")):
            monkeypatch.delenv(name)
    use_engine(way, monkeypatch)
    with fresh_transports(monkeypatch):
        calling = Way(way)
        yield calling
        calling.end()


def secrets_in(error: BaseException) -> list[str]:
    """Return the planted secrets that an error shows, by itself or by what it was raised from."""
    shown = ["".join(traceback.format_exception(error))]
    inner: BaseException | None = error
    while inner is not None:
        shown += [str(inner), repr(inner), repr(vars(inner)), repr(inner.args)]
        inner = inner.__cause__ or inner.__context__
    return [secret for secret in SECRETS if secret in " ".join(shown)]


class Service:
    """One of the LLM classes, and where its requests go."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.key_header = {"openai": "api-key", "azureml": "authorization"}[name]
        self.key_sent = {"openai": KEY, "azureml": f"Bearer {KEY}"}[name]
        self.path = {"openai": "/openai/deployments/d/completions", "azureml": "/score"}[name]
        self.target = self.path + ("?api-version=2024-10-21" if name == "openai" else "")

    def llm(self, url: str, **settings: Any) -> AzureLLM:
        """Return an LLM whose endpoint is at this address, which may have a path."""
        common = {"timeout": 10, "max_retries": 0}
        if self.name == "openai":
            own = {"azure_deployment": "d", "api_version": "2024-10-21", "api_key": KEY}
            return AzureOpenAI(**{"azure_endpoint": url, **own, **common, **settings})
        scoring = {"endpoint_url": f"{url}/score", "endpoint_api_key": KEY}
        formatter = {"content_formatter": GPT2ContentFormatter()}
        return AzureMLOnlineEndpoint(**{**scoring, **formatter, **common, **settings})


@dataclass(frozen=True)
class Seen:
    """A request, as a gateway received it."""

    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """The path, without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query parameters."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


Judge = Callable[[Seen], tuple[str, Mapping[str, str], Any] | None]


class Gateway(WireServer):
    """Answers as both services do, unless its judge has another answer; records what it gets."""

    def __init__(self, judge: Judge = lambda _: None, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._answer, tls)
        self.judge = judge
        self.seen: list[Seen] = []
        self.certificates: list[Any] = []

    def taken(self) -> list[Seen]:
        """Return the requests since the last time."""
        taken, self.seen = self.seen, []
        return taken

    async def _answer(self, connection: Connection) -> None:
        tls = connection.writer.get_extra_info("ssl_object")
        while request := await connection.request():
            seen = Seen(request["line"].split(" ")[1], request["headers"])
            self.seen.append(seen)
            self.certificates.append(tls.getpeercert() if tls else None)
            status, headers, body = self.judge(seen) or ("200 OK", {}, _fine(seen.path))
            payload = json.dumps(body).encode()
            lines = {"content-type": "application/json", **headers, "content-length": len(payload)}
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            await connection.send(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + payload)


def _fine(path: str) -> Any:
    if path.endswith("/score"):
        return [{"0": "fine"}]
    return {"choices": [{"text": "fine", "index": 0, "finish_reason": "stop"}]}


class ForwardProxy(WireServer):
    """A forward proxy: tunnels for https, whole URLs for http. Every name it is given is loopback.

    Attributes:
        lines: The request lines it received.
        headers: The headers that came with them.
        asks_for: The `Proxy-Authorization` that it insists on.
        refuses: The status line it answers everything with.
        hangs: What it does instead of answering: `"up"`, or `"on"` until the client leaves.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._proxy, tls)
        self.lines: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.asks_for: str | None = None
        self.refuses: str | None = None
        self.hangs: str | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"localhost:{self.port}"

    def url_for(self, user: str, password: str) -> str:
        """Return its URL with a user name and password."""
        return self.url.replace("://", f"://{user}:{password}@")

    def reset(self) -> None:
        """Forget everything, and be obliging again."""
        self.lines, self.headers = [], []
        self.asks_for = self.refuses = self.hangs = None

    def taken(self) -> list[str]:
        """Return the request lines since the last time, without their version."""
        taken, self.lines = self.lines, []
        return [line.rpartition(" ")[0] for line in taken]

    async def _proxy(self, connection: Connection) -> None:
        client = (connection.reader, connection.writer)
        while head := await _head(client[0]):
            line, headers = head
            self.lines.append(line)
            self.headers.append(headers)
            if self.hangs is not None:
                await (connection.hung_up() if self.hangs == "on" else asyncio.sleep(0))
                return
            refusal = self.refuses
            if self.asks_for not in {None, headers.get("proxy-authorization")}:
                refusal = "407 Proxy Authentication Required"
            if refusal is not None:
                rest = "proxy-authenticate: Basic realm=x\r\ncontent-length: 0\r\n"
                await connection.send(f"HTTP/1.1 {refusal}\r\n{rest}\r\n".encode())
                return
            if line.startswith("CONNECT "):
                await _tunnel(line.split(" ")[1], client)
                return
            await _forward(line, headers, client)


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    line, *lines = text.strip().split("\r\n")
    return line, {name.lower(): value for name, _, value in (h.partition(": ") for h in lines)}


async def _tunnel(target: str, client: Streams) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(target.rpartition(":")[2]))
    client[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    back = asyncio.ensure_future(_pump(reader, client[1]))
    try:
        await _pump(client[0], writer)
        await back
    finally:
        back.cancel()
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _forward(line: str, headers: Mapping[str, str], client: Streams) -> None:
    method, url, version = line.split(" ")
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    passed = {k: v for k, v in headers.items() if not k.startswith("proxy-")}
    head = "".join(f"{name}: {value}\r\n" for name, value in passed.items())
    body = await client[0].readexactly(int(headers.get("content-length", "0")))
    reader, writer = await asyncio.open_connection("127.0.0.1", parts.port or 80)
    try:
        writer.write(f"{method} {target} {version}\r\n{head}\r\n".encode() + body)
        answer = await _head(reader)
        assert answer is not None
        back = "".join(f"{name}: {value}\r\n" for name, value in answer[1].items())
        payload = await reader.readexactly(int(answer[1]["content-length"]))
        client[1].write(f"{answer[0]}\r\n{back}\r\n".encode() + payload)
        await client[1].drain()
    finally:
        writer.close()


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return what a TLS server needs to be these hosts."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context
