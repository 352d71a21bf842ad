"""Through a real forward proxy: which requests go there, what it learns, how its faults are named.

Each test runs in threads, and in asyncio on either engine, which must not differ: installing a
package must not change where requests go.
"""

import asyncio
import base64
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from langchain_azure_llms import RetryPolicy
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    EndpointConnectionError,
    EndpointTimeoutError,
    PermissionDeniedError,
    StatusError,
)
from tests.integration_tests.gateways import parts
from tests.integration_tests.gateways.parts import (
    BASIC,
    HEADER,
    PASSWORD,
    QUERY,
    USER,
    ForwardProxy,
    Gateway,
    Service,
    Way,
)
from tests.integration_tests.wire import Connection, WireServer

HOST = "resource.example"
"""A host that only the proxy can find."""
SECRET_SETTINGS = {"default_headers": {"x-gateway": HEADER}, "default_query": {"code": QUERY}}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that no system trusts."""
    return trustme.CA()


@pytest.fixture
def trusted(way: Way, authority: trustme.CA, tmp_path: Path, monkeypatch: Any) -> None:
    """The environment trusts the authority."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture(scope="module")
def tls_gateway(authority: trustme.CA) -> Iterator[Gateway]:
    """An endpoint behind https."""
    with Gateway(tls=parts.server_context(authority, HOST, "localhost", "127.0.0.1")) as running:
        yield running


@pytest.fixture(scope="module")
def plain_gateway() -> Iterator[Gateway]:
    """An endpoint behind http."""
    with Gateway() as running:
        yield running


@pytest.fixture(scope="module")
def running_proxy() -> Iterator[ForwardProxy]:
    with ForwardProxy() as running:
        yield running


@pytest.fixture
def proxy(
    running_proxy: ForwardProxy, tls_gateway: Gateway, plain_gateway: Gateway
) -> ForwardProxy:
    """The proxy, and gateways that have forgotten earlier tests."""
    running_proxy.reset()
    tls_gateway.taken()
    plain_gateway.taken()
    return running_proxy


@pytest.fixture
def dead() -> str:
    """Address, with a password, where nothing listens any more."""
    with ForwardProxy() as gone:
        return gone.url_for(USER, PASSWORD)


# --- which requests go through it ---------------------------------------------------------------


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_https_goes_through_a_tunnel(
    variable: str,
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy learns host and port; key, query and path are for the endpoint alone."""
    monkeypatch.setenv(variable, proxy.url)
    llm = service.llm(f"https://{HOST}:{tls_gateway.port}")
    assert way.invoke(llm) == "fine"
    assert proxy.taken() == [f"CONNECT {HOST}:{tls_gateway.port}"]
    assert service.key_header not in proxy.headers[0]
    assert [(service.target, service.key_sent)] == [
        (seen.target, seen.headers[service.key_header]) for seen in tls_gateway.taken()
    ]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_plain_http_goes_to_the_proxy_as_a_whole_url(
    variable: str,
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    plain_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As forward proxies expect it."""
    monkeypatch.setenv(variable, proxy.url)
    url = f"http://{HOST}:{plain_gateway.port}"
    assert way.invoke(service.llm(url, allow_plain_http=True)) == "fine"
    assert proxy.taken() == [f"POST {url}{service.target}"]
    assert [seen.target for seen in plain_gateway.taken()] == [service.target]


def test_a_proxy_without_a_scheme_is_an_http_proxy(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`HTTPS_PROXY=proxy:3128` is how many write it."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.address)
    assert way.invoke(service.llm(f"https://{HOST}:{tls_gateway.port}")) == "fine"
    assert proxy.taken() == [f"CONNECT {HOST}:{tls_gateway.port}"]


def test_the_other_schemes_proxy_does_not_count(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    plain_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`HTTPS_PROXY` is for https alone."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert way.invoke(service.llm(plain_gateway.url)) == "fine"
    assert proxy.taken() == []


def test_lower_case_comes_before_upper_case(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    plain_gateway: Gateway,
    dead: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As curl and Python's own library have it."""
    monkeypatch.setenv("HTTP_PROXY", dead)
    monkeypatch.setenv("http_proxy", proxy.url)
    assert way.invoke(service.llm(plain_gateway.url)) == "fine"
    assert len(proxy.taken()) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_loopback_goes_through_the_proxy_too(
    host: str,
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing but NO_PROXY makes an exception."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert way.invoke(service.llm(f"https://{host}:{tls_gateway.port}")) == "fine"
    assert proxy.taken() == [f"CONNECT {host}:{tls_gateway.port}"]


@pytest.mark.parametrize(
    ("variable", "value", "host"),
    [
        ("NO_PROXY", "localhost", "localhost"),
        ("no_proxy", "10.0.0.1, localhost", "localhost"),
        ("NO_PROXY", "127.0.0.1", "127.0.0.1"),
        ("NO_PROXY", "*", "localhost"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_hosts_of_no_proxy_are_reached_directly(
    scheme: str,
    variable: str,
    value: str,
    host: str,
    way: Way,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    plain_gateway: Gateway,
    trusted: None,
    openai: Service,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever proxies there are."""
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    monkeypatch.setenv(variable, value)
    gateway = {"http": plain_gateway, "https": tls_gateway}[scheme]
    assert way.invoke(openai.llm(f"{scheme}://{host}:{gateway.port}")) == "fine"
    assert (proxy.taken(), len(gateway.taken())) == ([], 1)


def test_other_hosts_are_not_exempt(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    plain_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`localhost` in NO_PROXY is not the address 127.0.0.1, nor the reverse."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "localhost,.example.com")
    assert way.invoke(service.llm(f"http://127.0.0.1:{plain_gateway.port}")) == "fine"
    assert len(proxy.taken()) == 1


def test_the_environment_counts_as_it_was_when_the_llm_was_made(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    plain_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not as it is at the first request: objects that share a client would share a mistake."""
    direct = service.llm(plain_gateway.url)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    proxied = service.llm(plain_gateway.url)
    assert (way.invoke(direct), proxy.taken()) == ("fine", [])
    monkeypatch.delenv("HTTP_PROXY")
    assert (way.invoke(proxied), len(proxy.taken())) == ("fine", 1)
    assert (way.invoke(service.llm(plain_gateway.url)), proxy.taken()) == ("fine", [])


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_openai_proxy_comes_before_the_environments_proxies(
    how: str,
    way: Way,
    openai: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    trusted: None,
    dead: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And before NO_PROXY: it was chosen for these requests."""
    monkeypatch.setenv("HTTPS_PROXY", dead)
    monkeypatch.setenv("NO_PROXY", "*")
    if how == "environment":
        monkeypatch.setenv("OPENAI_PROXY", proxy.url_for(USER, PASSWORD))
    given = {"openai_proxy": proxy.url_for(USER, PASSWORD)} if how == "argument" else {}
    assert way.invoke(openai.llm(tls_gateway.url, **given)) == "fine"
    assert proxy.taken() == [f"CONNECT localhost:{tls_gateway.port}"]
    assert proxy.headers[0]["proxy-authorization"] == BASIC


def test_the_openai_proxy_argument_comes_before_its_variable(
    way: Way,
    openai: Service,
    proxy: ForwardProxy,
    plain_gateway: Gateway,
    dead: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Explicit arguments beat the environment."""
    monkeypatch.setenv("OPENAI_PROXY", dead)
    assert way.invoke(openai.llm(plain_gateway.url, openai_proxy=proxy.url)) == "fine"
    assert len(proxy.taken()) == 1


def test_openai_proxy_is_not_for_azure_ml(
    way: Way, proxy: ForwardProxy, plain_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is the other service's."""
    monkeypatch.setenv("OPENAI_PROXY", proxy.url)
    assert way.invoke(Service("azureml").llm(plain_gateway.url)) == "fine"
    assert proxy.taken() == []


def test_a_tunnel_serves_many_requests(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One handshake with the proxy and one with the endpoint."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    llm = service.llm(f"https://{HOST}:{tls_gateway.port}")

    async def thrice() -> list[str]:
        return [await llm.ainvoke("x") for _ in range(3)]

    found = asyncio.run(thrice()) if way.is_async else [llm.invoke("x") for _ in range(3)]
    assert found == ["fine"] * 3
    assert (len(proxy.taken()), len(tls_gateway.taken())) == (1, 3)


def test_streams_go_through_the_tunnel_too(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every call is on the same way."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert way.stream(service.llm(f"https://{HOST}:{tls_gateway.port}")) == "fine"
    assert proxy.taken() == [f"CONNECT {HOST}:{tls_gateway.port}"]


def test_a_proxy_may_speak_tls_itself(
    way: Way,
    openai: Service,
    authority: trustme.CA,
    tls_gateway: Gateway,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TLS to the endpoint then runs inside the proxy's."""
    with ForwardProxy(parts.server_context(authority, "localhost")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert way.invoke(openai.llm(f"https://{HOST}:{tls_gateway.port}")) == "fine"
        assert proxy.taken() == [f"CONNECT {HOST}:{tls_gateway.port}"]


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # of the adapter for aiohttp
def test_a_client_of_ones_own_has_a_proxy_of_its_own(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    plain_gateway: Gateway,
    dead: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given to the client, it counts; the environment's does not."""
    monkeypatch.setenv("HTTP_PROXY", dead)
    own = way.own_client(proxy=proxy.url_for(USER, PASSWORD))
    assert way.invoke(service.llm(plain_gateway.url, **own)) == "fine"
    assert len(proxy.taken()) == 1
    assert proxy.headers[0]["proxy-authorization"] == BASIC


# --- what it learns ------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_proxys_password_is_for_the_proxy_alone(
    scheme: str,
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    plain_gateway: Gateway,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The endpoint never sees it, and the object does not show it."""
    proxy.asks_for = BASIC
    monkeypatch.setenv("ALL_PROXY", proxy.url_for(USER, PASSWORD))
    gateway = {"http": plain_gateway, "https": tls_gateway}[scheme]
    llm = service.llm(f"{scheme}://{HOST}:{gateway.port}", allow_plain_http=True)
    assert way.invoke(llm) == "fine"
    assert [headers["proxy-authorization"] for headers in proxy.headers] == [BASIC]
    (seen,) = gateway.taken()
    assert "proxy-authorization" not in seen.headers
    assert PASSWORD not in f"{llm!r} {llm} {llm.model_dump()}"


def test_the_openai_proxy_argument_is_not_shown(openai: Service) -> None:
    """Neither by `repr`, nor by `print`, nor in what is traced."""
    llm = openai.llm("https://r.example", openai_proxy=f"http://{USER}:{PASSWORD}@localhost:1")
    assert PASSWORD not in f"{llm!r} {llm} {llm._identifying_params} {llm._get_ls_params()}"


@pytest.mark.parametrize(
    ("password", "sent"), [("p%40s%3As%3A%2F", "p@s:s:/"), ("p%C3%A4ss", "p\u00e4ss"), ("", "")]
)
def test_a_password_may_hold_any_character(
    password: str,
    sent: str,
    way: Way,
    openai: Service,
    proxy: ForwardProxy,
    plain_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Percent-encoded in the URL, and itself, as UTF-8, in the header."""
    proxy.asks_for = "Basic " + base64.b64encode(f"{USER}:{sent}".encode()).decode()
    monkeypatch.setenv("HTTP_PROXY", proxy.url_for(USER, password))
    assert way.invoke(openai.llm(plain_gateway.url)) == "fine"
    assert len(proxy.taken()) == 1


# --- how its faults are named --------------------------------------------------------------------


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required"])
def test_a_refused_tunnel_is_a_connection_that_was_not_made(
    status: str,
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error tells the proxy's status, in the same words on every engine."""
    proxy.refuses = status
    monkeypatch.setenv("HTTPS_PROXY", proxy.url_for(USER, PASSWORD))
    llm = service.llm(f"https://{HOST}:{tls_gateway.port}", **SECRET_SETTINGS)
    error = way.error(EndpointConnectionError, llm)
    assert (error.sent, error.attempts, len(proxy.taken())) == (False, 1, 1)
    assert f"(ProxyError: {status})" in str(error)
    assert tls_gateway.taken() == []


def test_a_wrong_password_is_not_shown(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy asked for another one."""
    proxy.asks_for = "Basic other"
    monkeypatch.setenv("HTTPS_PROXY", proxy.url_for(USER, PASSWORD))
    error = way.error(EndpointConnectionError, service.llm(f"https://{HOST}:{tls_gateway.port}"))
    assert "407 Proxy Authentication Required" in str(error)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("403 Forbidden", PermissionDeniedError),
        ("407 Proxy Authentication Required", StatusError),
    ],
)
def test_a_refused_plain_request_is_an_answer(
    status: str,
    expected: type[StatusError],
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    plain_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over plain http, a proxy's answer cannot be told from the endpoint's."""
    proxy.refuses = status
    monkeypatch.setenv("HTTP_PROXY", proxy.url_for(USER, PASSWORD))
    error = way.error(expected, service.llm(plain_gateway.url, **SECRET_SETTINGS))
    assert (type(error), error.status_code) == (expected, int(status[:3]))
    assert plain_gateway.taken() == []


def test_a_proxy_that_is_not_there_sent_nothing(
    way: Way, service: Service, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as an endpoint that refuses connections."""
    monkeypatch.setenv("HTTPS_PROXY", dead)
    error = way.error(EndpointConnectionError, service.llm(f"https://{HOST}", **SECRET_SETTINGS))
    assert (error.sent, error.is_retryable) == (False, True)


def test_an_endpoint_that_never_ends_its_handshake_in_the_tunnel_is_left_too(
    way: Way, service: Service, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is part of connecting."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)

    async def silent(connection: Connection) -> None:
        await connection.hung_up()

    with WireServer(silent) as server:
        llm = service.llm(f"https://{HOST}:{server.port}", timeout=(0.2, 10))
        started = time.monotonic()
        error = way.error(EndpointConnectionError, llm)
    assert 0.15 < time.monotonic() - started < 2
    assert (error.sent, len(proxy.taken())) == (False, 1)


def test_the_time_to_connect_does_not_bound_an_answer_through_the_tunnel(
    way: Way,
    openai: Service,
    authority: trustme.CA,
    proxy: ForwardProxy,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once there is a tunnel, the endpoint has its own time."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)

    async def slow(connection: Connection) -> None:
        while await connection.request():
            await asyncio.sleep(0.3)
            await connection.reply({"choices": [{"text": "fine", "finish_reason": "stop"}]})

    context = parts.server_context(authority, HOST)
    with WireServer(slow, context) as server:
        url = f"https://{HOST}:{server.port}"
        assert way.invoke(openai.llm(url, timeout=(0.2, 10))) == "fine"
        way.error(EndpointTimeoutError, openai.llm(url, timeout=(10, 0.1)))


def test_a_tunnel_that_was_refused_once_is_tried_again(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within `max_retries`, each on a connection of its own."""
    proxy.refuses = "503 Busy"
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    policy = RetryPolicy(max_retries=2, initial_wait=0)
    llm = service.llm(f"https://{HOST}:{tls_gateway.port}", retry_policy=policy)
    error = way.error(EndpointConnectionError, llm)
    assert (error.attempts, len(proxy.taken())) == (3, 3)


@pytest.mark.parametrize(
    "value",
    [
        f"http://{USER}:{PASSWORD}@h:notaport",
        f"http://{USER}:{PASSWORD}@localhost:99999",
        f"gopher://{USER}:{PASSWORD}@localhost:1",
        f"http://{USER}:{PASSWORD}@",
    ],
    ids=["port", "range", "scheme", "host"],
)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "all_proxy"])
def test_a_proxy_that_is_none_is_a_mistake_in_the_settings(
    variable: str, value: str, way: Way, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable, not the value."""
    monkeypatch.setenv(variable, value)
    error = way.error(ConfigurationError, service.llm("http://localhost:1"))
    assert variable in str(error)


@pytest.mark.parametrize("value", ["http://h:notaport", "http://h:99999", "gopher://h", "proxy"])
def test_an_openai_proxy_that_is_none_is_refused_by_the_constructor(
    value: str, openai: Service
) -> None:
    """Without its password."""
    given = value.replace("://", f"://{USER}:{PASSWORD}@")
    with pytest.raises(ConfigurationError, match="openai_proxy") as raised:
        openai.llm("https://r.example", openai_proxy=given)
    assert parts.secrets_in(raised.value) == []


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_needs_socksio_on_every_engine(
    scheme: str,
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    plain_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """None speaks HTTP to it, with the password in it."""
    monkeypatch.setitem(sys.modules, "socksio", None)
    url = proxy.url_for(USER, PASSWORD).replace("http", scheme)
    monkeypatch.setenv("ALL_PROXY", url)
    error = way.error(ConfigurationError, service.llm(plain_gateway.url))
    assert "socksio" in str(error)
    assert proxy.taken() == []


# --- TLS through it ------------------------------------------------------------------------------


def test_an_unknown_authority_behind_the_tunnel_is_refused_once(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As without a proxy: such proxies often are the authority themselves."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url_for(USER, PASSWORD))
    llm = service.llm(f"https://{HOST}:{tls_gateway.port}", max_retries=3, **SECRET_SETTINGS)
    error = way.error(EndpointConnectionError, llm)
    assert (error.sent, error.is_retryable, error.attempts) == (False, False, 1)
    assert "SSL_CERT_FILE" in str(error)
    assert tls_gateway.taken() == []


def test_another_hosts_certificate_behind_the_tunnel_is_refused(
    way: Way,
    service: Service,
    proxy: ForwardProxy,
    tls_gateway: Gateway,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name that counts is the endpoint's, not the proxy's."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    error = way.error(EndpointConnectionError, service.llm(f"https://a.example:{tls_gateway.port}"))
    assert (error.sent, error.is_retryable) == (False, False)
    assert tls_gateway.taken() == []
