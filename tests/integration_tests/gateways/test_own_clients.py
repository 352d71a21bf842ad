"""HTTP clients of one's own: what they bring counts, what cannot work is refused, they stay open.

And timeouts, which are the same with every client. Each test looks at what a server on loopback
received, in threads, and in asyncio on either engine.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import pytest
from httpx_aiohttp.httpx2 import Httpx2AiohttpClient

from langchain_azure_llms.exceptions import (
    AzureLLMError,
    ConfigurationError,
    EndpointConnectionError,
    EndpointTimeoutError,
    RateLimitError,
)
from tests.integration_tests.gateways import parts
from tests.integration_tests.gateways.parts import (
    HEADER,
    PASSWORD,
    QUERY,
    USER,
    Gateway,
    Service,
    Way,
)
from tests.integration_tests.ways import WAYS
from tests.integration_tests.wire import Connection, WireServer


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """Address of a server that takes requests and never answers."""

    async def serve(connection: Connection) -> None:
        while await connection.request():
            pass

    with WireServer(serve) as server:
        yield server.url


@pytest.fixture(scope="module")
def unreachable() -> Iterator[str]:
    """Address of a server whose queue of connections is full: connecting to it never ends."""
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}"


# --- what they bring -----------------------------------------------------------------------------


def test_headers_and_parameters_of_the_client_are_sent(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """Beside ours, which count where both have one."""
    own = way.own_client(
        headers={"x-mine": HEADER, "x-both": "client", service.key_header: "client"},
        params={"mine": QUERY, "both": "client"},
    )
    llm = service.llm(
        gateway.url, default_headers={"x-both": "llm"}, default_query={"both": "llm"}, **own
    )
    assert way.invoke(llm) == "fine"
    (seen,) = gateway.taken()
    names = ("x-mine", "x-both", service.key_header)
    assert [HEADER, "llm", service.key_sent] == [seen.headers[name] for name in names]
    version = {"api-version": "2024-10-21"} if service.name == "openai" else {}
    assert {**version, "mine": QUERY, "both": "llm"} == seen.query


def test_cookies_of_the_client_are_sent(way: Way, service: Service, gateway: Gateway) -> None:
    """It is nobody else's; the shared client has none."""
    own = way.own_client(cookies={"session": "mine"})
    assert way.invoke(service.llm(gateway.url, **own)) == "fine"
    assert ["session=mine"] == [seen.headers["cookie"] for seen in gateway.taken()]


def test_event_hooks_of_the_client_are_called(way: Way, service: Service, gateway: Gateway) -> None:
    """They may change the request, and they see the response."""
    answered = []

    def mark(request: httpx2.Request) -> None:
        request.headers["x-marked"] = "yes"

    def note(response: httpx2.Response) -> None:
        answered.append(response.status_code)

    async def amark(request: httpx2.Request) -> None:
        mark(request)

    async def anote(response: httpx2.Response) -> None:
        note(response)

    hooks: Any = {"request": [amark if way.is_async else mark]}
    hooks["response"] = [anote if way.is_async else note]
    assert way.invoke(service.llm(gateway.url, **way.own_client(event_hooks=hooks))) == "fine"
    assert ["yes"] == [seen.headers["x-marked"] for seen in gateway.taken()]
    assert answered == [200]


@pytest.mark.parametrize("reading", ["read", "unread"])
def test_a_hook_that_raises_for_the_status_changes_no_error(
    reading: str, way: Way, service: Service, gateway: Gateway
) -> None:
    """The reply is judged, and tried again, as without the hook."""

    def judge(response: httpx2.Response) -> None:
        if reading == "read":
            response.read()
        response.raise_for_status()

    async def ajudge(response: httpx2.Response) -> None:
        if reading == "read":
            await response.aread()
        response.raise_for_status()

    gateway.judge = lambda _: ("429 Busy", {"retry-after-ms": "7"}, {"message": "too much"})
    own = way.own_client(event_hooks={"response": [ajudge if way.is_async else judge]})
    settings = {"default_query": {"code": QUERY}, "max_retries": 1}
    error = way.error(RateLimitError, service.llm(gateway.url, **settings, **own))
    assert (error.attempts, error.retry_after, len(gateway.taken())) == (2, 0.007, 2)
    assert ("too much" in str(error)) == (reading == "read")


def test_auth_of_the_client_comes_over_our_authorization(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """A client that proves itself to a gateway does so last; Azure OpenAI's key is not touched."""
    own = way.own_client(auth=(USER, PASSWORD))
    assert way.invoke(service.llm(gateway.url, **own)) == "fine"
    (seen,) = gateway.taken()
    assert seen.headers["authorization"] == parts.BASIC
    assert seen.headers.get("api-key") == (service.key_sent if service.name == "openai" else None)


def test_the_base_url_of_the_client_does_not_count(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """The endpoint is the LLM's setting, and always whole."""
    own = way.own_client(base_url="http://localhost:1/elsewhere")
    assert way.invoke(service.llm(gateway.url, **own)) == "fine"
    assert [service.target] == [seen.target for seen in gateway.taken()]


def test_a_transport_of_the_client_is_used(way: Way, service: Service) -> None:
    """Nothing else touches the network, whatever proxies the environment has."""
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(200, json=parts._fine(request.url.path))

    own = way.own_client(transport=httpx2.MockTransport(answer))
    assert way.invoke(service.llm("https://resource.example", **own)) == "fine"
    assert asked == [f"https://resource.example{service.target}"]


def test_a_transport_of_the_client_ignores_the_environments_proxies(
    way: Way, service: Service, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As httpx2 has it; the shared client on aiohttp's engine is not such a one."""
    monkeypatch.setenv("HTTP_PROXY", "http://localhost:1")
    transport = httpx2.AsyncHTTPTransport() if way.is_async else httpx2.HTTPTransport()
    assert way.invoke(service.llm(gateway.url, **way.own_client(transport=transport))) == "fine"
    error = way.error(EndpointConnectionError, service.llm(gateway.url))
    assert error.sent is False


def test_limits_of_the_client_hold(way: Way, service: Service) -> None:
    """Six calls at once, on one connection."""

    async def takes_a_moment(connection: Connection) -> None:
        while request := await connection.request():
            await asyncio.sleep(0.01)
            await connection.reply(parts._fine(request["line"].split(" ")[1].partition("?")[0]))

    with WireServer(takes_a_moment) as server:
        own = way.own_client(limits=httpx2.Limits(max_connections=1))
        one_each = {"batch_size": 1} if service.name == "openai" else {}
        llm = service.llm(server.url, **one_each, **own)
        prompts: list[Any] = ["x"] * 6

        async def at_once() -> list[str]:
            try:
                return await llm.abatch(prompts)
            finally:
                await own["http_async_client"].aclose()

        found = asyncio.run(at_once()) if way.is_async else llm.batch(prompts)
        assert (found, server.most_open) == (["fine"] * 6, 1)


# --- which of the two is used --------------------------------------------------------------------


def test_a_client_for_threads_is_not_for_asyncio(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """Each half has its own; the shared client serves the other."""
    threads = httpx2.Client(headers={"x-client": "threads"})
    with threads:
        llm = service.llm(gateway.url, http_client=threads)
        assert way.invoke(llm) == "fine"
    expected = None if way.is_async else "threads"
    assert [expected] == [seen.headers.get("x-client") for seen in gateway.taken()]


def test_a_client_for_asyncio_is_not_for_threads(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """The reverse."""
    loops = httpx2.AsyncClient(headers={"x-client": "loops"})

    async def main() -> str:
        async with loops:
            return await llm.ainvoke("x")

    llm = service.llm(gateway.url, http_async_client=loops)
    assert (asyncio.run(main()) if way.is_async else llm.invoke("x")) == "fine"
    expected = "loops" if way.is_async else None
    assert [expected] == [seen.headers.get("x-client") for seen in gateway.taken()]


def test_both_are_used_each_in_its_half(way: Way, service: Service, gateway: Gateway) -> None:
    """Whichever the call uses."""
    threads = httpx2.Client(headers={"x-client": "threads"})
    loops = httpx2.AsyncClient(headers={"x-client": "loops"})
    llm = service.llm(gateway.url, http_client=threads, http_async_client=loops)

    async def main() -> str:
        async with loops:
            return await llm.ainvoke("x")

    with threads:
        assert (asyncio.run(main()) if way.is_async else llm.invoke("x")) == "fine"
    assert ["loops" if way.is_async else "threads"] == [
        seen.headers["x-client"] for seen in gateway.taken()
    ]


def test_closing_the_llm_leaves_the_client_open(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """It is the user's to close."""
    (name, client), *_ = way.own_client().items()
    llm = service.llm(gateway.url, **{name: client})

    async def main() -> list[str]:
        async with client:
            first = await llm.ainvoke("x")
            await llm.aclose()
            return [first, await llm.ainvoke("x")]

    if way.is_async:
        assert asyncio.run(main()) == ["fine", "fine"]
    else:
        first = llm.invoke("x")
        llm.close()
        assert [first, llm.invoke("x"), client.is_closed] == ["fine", "fine", False]


# --- what cannot work ----------------------------------------------------------------------------


def _wrong(name: str) -> list[Any]:
    async_wanted = name == "http_async_client"
    other_half = httpx2.Client if async_wanted else httpx2.AsyncClient
    return [httpx.Client, httpx.AsyncClient, other_half, object, dict]


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in ("http_client", "http_async_client") for kind in _wrong(name)],
)
def test_what_is_no_client_of_httpx2_is_refused_by_the_constructor(
    name: str, kind: Any, service: Service
) -> None:
    """The sentence says which class to pass."""
    wanted = {"http_client": "httpx2.Client", "http_async_client": "httpx2.AsyncClient"}[name]
    given = kind()
    with pytest.raises(ConfigurationError) as raised:
        service.llm("https://resource.example", **{name: given})
    assert str(raised.value).startswith(f"{name} is a {kind.__module__.partition('.')[0]}.")
    assert f"Pass an {wanted}" in str(raised.value)
    same = "which takes the same arguments" in str(raised.value)
    assert same == (kind in {httpx.Client, httpx.AsyncClient})
    if hasattr(given, "aclose"):
        asyncio.run(given.aclose())
    elif hasattr(given, "close"):
        given.close()


def test_a_closed_client_is_a_mistake_in_the_settings(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """The error says that it was closed, and nothing is sent."""
    own = way.own_client()
    client = next(iter(own.values()))
    if way.is_async:
        asyncio.run(client.aclose())
    else:
        client.close()
    error = way.error(ConfigurationError, service.llm(gateway.url, **own))
    assert "closed" in str(error)
    assert gateway.taken() == []


# --- timeouts ------------------------------------------------------------------------------------

TO_CONNECT = [
    pytest.param(0.2, id="float"),
    pytest.param((0.2, 10), id="pair"),
    pytest.param(httpx2.Timeout(10, connect=0.2), id="object"),
    pytest.param(httpx.Timeout(10, connect=0.2), id="httpx"),
]
TO_READ = [
    pytest.param(0.2, id="float"),
    pytest.param((10, 0.2), id="pair"),
    pytest.param(httpx2.Timeout(10, read=0.2), id="object"),
    pytest.param("0.2", id="text"),
]


@pytest.mark.parametrize("timeout", TO_CONNECT)
def test_no_connection_in_time_is_a_connection_error(
    timeout: Any, way: Way, service: Service, unreachable: str
) -> None:
    """Nothing was sent, so trying again is always safe."""
    settings = {"default_headers": {"x-auth": HEADER}, "default_query": {"code": QUERY}}
    started = time.monotonic()
    error = way.error(
        EndpointConnectionError, service.llm(unreachable, timeout=timeout, **settings)
    )
    assert 0.15 < time.monotonic() - started < 2
    assert (error.sent, error.is_retryable, error.attempts) == (False, True, 1)


def test_the_adapters_own_client_shows_no_secrets_either(
    service: Service, unreachable: str
) -> None:
    """Errors of aiohttp hold whole URLs."""
    settings = {"default_query": {"code": QUERY}, "timeout": 0.2}
    client = Httpx2AiohttpClient()

    async def main() -> str:
        async with client:
            return await service.llm(unreachable, http_async_client=client, **settings).ainvoke("x")

    with pytest.raises(EndpointConnectionError) as raised:
        asyncio.run(main())
    assert (raised.value.sent, parts.secrets_in(raised.value)) == (False, [])


@pytest.mark.parametrize("timeout", TO_CONNECT[:3])
def test_no_handshake_in_time_is_a_connection_error(
    timeout: Any, way: Way, service: Service, silent: str
) -> None:
    """A server that takes the connection and says nothing to TLS."""
    llm = service.llm(silent.replace("http:", "https:"), timeout=timeout)
    started = time.monotonic()
    error = way.error(EndpointConnectionError, llm)
    assert 0.15 < time.monotonic() - started < 2
    assert (error.sent, error.is_retryable) == (False, True)


@pytest.mark.parametrize("timeout", TO_READ)
def test_no_answer_in_time_is_a_timeout_error(
    timeout: Any, way: Way, service: Service, silent: str
) -> None:
    """The service may have worked on it: the error says so."""
    settings = {"default_headers": {"x-auth": HEADER}, "default_query": {"code": QUERY}}
    started = time.monotonic()
    error = way.error(EndpointTimeoutError, service.llm(silent, timeout=timeout, **settings))
    assert 0.15 < time.monotonic() - started < 2
    assert (error.attempts, "billed" in str(error)) == (1, True)


def test_a_calls_own_timeout_counts_for_it(way: Way, openai: Service, silent: str) -> None:
    """Over the setting."""
    started = time.monotonic()
    way.error(EndpointTimeoutError, openai.llm(silent), timeout=0.2)
    assert 0.15 < time.monotonic() - started < 2


def test_the_timeout_of_ones_own_client_counts_where_none_is_set(
    way: Way, openai: Service, silent: str
) -> None:
    """`AzureOpenAI` has none of its own then."""
    own = way.own_client(timeout=0.2)
    started = time.monotonic()
    way.error(EndpointTimeoutError, openai.llm(silent, timeout=None, **own))
    assert 0.15 < time.monotonic() - started < 2


def test_a_timeout_that_is_set_counts_over_the_clients(
    way: Way, service: Service, silent: str
) -> None:
    """The LLM's setting is the nearer one."""
    own = way.own_client(timeout=30)
    started = time.monotonic()
    way.error(EndpointTimeoutError, service.llm(silent, timeout=0.2, **own))
    assert 0.15 < time.monotonic() - started < 2


@pytest.mark.parametrize("way", WAYS[:2], indirect=True)
def test_an_own_clients_impossible_proxy_is_a_typed_error(way: Way, openai: Service) -> None:
    """httpx2's async engine reports it as a group of errors; aiohttp's adapter has an own one."""
    own = way.own_client(proxy="http://localhost:99999")
    error = way.error(AzureLLMError, openai.llm("https://localhost:1", **own))
    assert type(error) in {ConfigurationError, EndpointConnectionError}


def test_a_hang_up_after_the_request_was_sent_is_named_so(way: Way, service: Service) -> None:
    """With every client: the adapter for aiohttp reports it as a timeout of connecting."""

    async def hangs_up(connection: Connection) -> None:
        await connection.request()

    with WireServer(hangs_up) as server:
        own = way.own_client()
        error = way.error(EndpointConnectionError, service.llm(server.url, **own))
    assert error.sent is True
