"""Behind gateways and TLS servers: what they demand is sent, and where they point is not followed.

Each test looks at what a server on loopback received, in threads, and in asyncio on either engine.
"""

import hashlib
import shutil
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509

from langchain_azure_llms.exceptions import (
    AuthenticationError,
    ConfigurationError,
    EndpointConnectionError,
    StatusError,
)
from tests.integration_tests.gateways import parts
from tests.integration_tests.gateways.parts import (
    HEADER,
    QUERY,
    Gateway,
    Seen,
    Service,
    Way,
)
from tests.integration_tests.wire import Connection, WireServer

VERSION = "2024-10-21"


@pytest.fixture(scope="module")
def running_other() -> Iterator[Gateway]:
    with Gateway() as running:
        yield running


@pytest.fixture
def other(running_other: Gateway) -> Gateway:
    """Another origin, which should hear nothing."""
    running_other.taken()
    return running_other


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that no system trusts."""
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's certificate, as a file."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="module")
def running_tls_gateway(authority: trustme.CA) -> Iterator[Gateway]:
    with Gateway(tls=parts.server_context(authority, "localhost")) as running:
        yield running


@pytest.fixture
def tls_gateway(running_tls_gateway: Gateway) -> Gateway:
    """A gateway behind https."""
    running_tls_gateway.taken()
    return running_tls_gateway


# --- headers and queries that they demand --------------------------------------------------------


def _demands_header(name: str, value: str) -> parts.Judge:
    def judge(seen: Seen) -> tuple[str, Mapping[str, str], Any] | None:
        if seen.headers.get(name) == value:
            return None
        return "401 Access Denied", {}, {"statusCode": 401, "message": "subscription key missing"}

    return judge


def test_a_gateways_own_header_is_sent(way: Way, service: Service, gateway: Gateway) -> None:
    """API Management's subscription key, beside the service's own."""
    gateway.judge = _demands_header("ocp-apim-subscription-key", HEADER)
    llm = service.llm(gateway.url, default_headers={"Ocp-Apim-Subscription-Key": HEADER})
    assert way.invoke(llm) == "fine"
    (seen,) = gateway.taken()
    assert seen.headers[service.key_header] == service.key_sent


def test_a_gateways_missing_header_is_an_authentication_error(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """With what the gateway said, and without what was sent."""
    gateway.judge = _demands_header("ocp-apim-subscription-key", "another")
    llm = service.llm(gateway.url, default_headers={"Ocp-Apim-Subscription-Key": HEADER})
    error = way.error(AuthenticationError, llm)
    assert (error.status_code, "subscription key missing" in str(error)) == (401, True)


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_authorization_of_ones_own_replaces_ours(
    name: str, way: Way, service: Service, gateway: Gateway
) -> None:
    """Whatever the case of its name: never two of them."""
    llm = service.llm(gateway.url, default_headers={name: f"Custom {HEADER}"})
    assert way.invoke(llm) == "fine"
    (seen,) = gateway.taken()
    assert seen.headers["authorization"] == f"Custom {HEADER}"


def test_the_key_of_azure_openai_is_replaced_by_its_own_header(
    way: Way, openai: Service, gateway: Gateway
) -> None:
    """A gateway has keys of its own, under the service's name."""
    llm = openai.llm(gateway.url, default_headers={"Api-Key": HEADER})
    assert way.invoke(llm) == "fine"
    assert [HEADER] == [seen.headers["api-key"] for seen in gateway.taken()]


def test_a_custom_authorization_header_is_sent(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """Under any name."""
    gateway.judge = _demands_header("x-auth", HEADER)
    assert way.invoke(service.llm(gateway.url, default_headers={"x-auth": HEADER})) == "fine"


def test_our_other_headers_can_be_replaced(way: Way, service: Service, gateway: Gateway) -> None:
    """The user agent, for gateways that sort by it."""
    llm = service.llm(gateway.url, default_headers={"user-agent": "batch/1"})
    assert way.invoke(llm) == "fine"
    assert ["batch/1"] == [seen.headers["user-agent"] for seen in gateway.taken()]


def test_a_gateways_query_parameter_is_sent(way: Way, service: Service, gateway: Gateway) -> None:
    """Beside the API version, escaped."""
    given = {"subscription-key": f"{QUERY} &=+", "tier": 2}
    assert way.invoke(service.llm(gateway.url, default_query=given)) == "fine"
    (seen,) = gateway.taken()
    version = {"api-version": VERSION} if service.name == "openai" else {}
    assert {**version, "subscription-key": f"{QUERY} &=+", "tier": "2"} == seen.query
    assert seen.path == service.path


def test_a_gateways_query_parameter_is_in_no_error(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """Function keys travel there."""
    gateway.judge = lambda _: ("500 Broken", {}, {"message": "broken"})
    llm = service.llm(gateway.url, default_query={"code": QUERY})
    error = way.error(StatusError, llm)
    assert (error.status_code, error.url) == (500, f"{gateway.url}{service.path}")


def test_a_query_in_the_endpoints_address_is_sent(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """Beside the others."""
    place = {"azure_endpoint": f"{gateway.url}?code={QUERY}"}
    if service.name == "azureml":
        place = {"endpoint_url": f"{gateway.url}/score?code={QUERY}"}
    assert way.invoke(service.llm(gateway.url, **place, default_query={"tier": 2})) == "fine"
    (seen,) = gateway.taken()
    assert (seen.path, seen.query["code"], seen.query["tier"]) == (service.path, QUERY, "2")


def test_the_api_version_can_be_replaced_by_the_default_query(
    way: Way, openai: Service, gateway: Gateway
) -> None:
    """Once, not twice."""
    assert way.invoke(openai.llm(gateway.url, default_query={"api-version": "x"})) == "fine"
    assert [f"{openai.path}?api-version=x"] == [seen.target for seen in gateway.taken()]


@pytest.mark.parametrize("prefix", ["/prefix", "/team-a/llm", "/a%20b"])
def test_a_gateways_path_comes_first(
    prefix: str, way: Way, service: Service, gateway: Gateway
) -> None:
    """The service's own path stands behind it."""
    assert way.invoke(service.llm(f"{gateway.url}{prefix}")) == "fine"
    assert [prefix + service.target] == [seen.target for seen in gateway.taken()]


def test_base_url_has_a_path_too(way: Way, openai: Service, gateway: Gateway) -> None:
    """The endpoint's old name, for gateways that old code points to."""
    llm = openai.llm(gateway.url, azure_endpoint=None, base_url=f"{gateway.url}/prefix/openai/")
    assert way.invoke(llm) == "fine"
    assert ["/prefix" + openai.target] == [seen.target for seen in gateway.taken()]


def test_the_v1_api_has_a_path_too(way: Way, openai: Service, gateway: Gateway) -> None:
    """Without an API version."""
    llm = openai.llm(f"{gateway.url}/prefix", api_version="v1")
    assert way.invoke(llm) == "fine"
    assert ["/prefix/openai/v1/completions"] == [seen.target for seen in gateway.taken()]


def test_what_a_call_adds_comes_over_the_defaults(
    way: Way, openai: Service, gateway: Gateway
) -> None:
    """For that call alone."""
    defaults: dict[str, Any] = {
        "default_headers": {"x-team": "default", "x-kept": "kept"},
        "default_query": {"tier": "default", "kept": "kept"},
    }
    llm = openai.llm(gateway.url, **defaults)
    added = {"extra_headers": {"X-Team": "call"}, "extra_query": {"tier": "call"}}
    assert (way.invoke(llm, **added), way.invoke(llm)) == ("fine", "fine")
    found = [
        (seen.headers["x-team"], seen.headers["x-kept"], seen.query["tier"], seen.query["kept"])
        for seen in gateway.taken()
    ]
    assert found == [("call", "kept", "call", "kept"), ("default", "kept", "default", "kept")]


def test_what_cannot_be_a_header_is_refused_before_anything_is_sent(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """The error does not show its value: a line break in it would end the header."""
    headers = {"x-auth": f"{HEADER}\r\nx-more: 1"}
    with pytest.raises(ConfigurationError, match="x-auth") as raised:
        way.invoke(service.llm(gateway.url, default_headers=headers))
    assert (parts.secrets_in(raised.value), gateway.taken()) == ([], [])


# --- redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("client", ["shared", "own"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_that_names_its_target(
    status: int, client: str, way: Way, service: Service, gateway: Gateway, other: Gateway
) -> None:
    """Key and prompt never reach another origin, with a client that follows redirects neither."""
    location = f"{other.url}/elsewhere?code={QUERY}"
    gateway.judge = lambda _: (f"{status} Moved", {"location": location}, {})
    own = way.own_client(follow_redirects=True) if client == "own" else {}
    error = way.error(StatusError, service.llm(gateway.url, max_retries=2, **own))
    assert (error.status_code, error.attempts, error.is_retryable) == (status, 1, False)
    assert other.url in str(error)
    assert (len(gateway.taken()), other.taken(), other.connections) == (1, [], 0)


def test_a_redirected_stream_is_an_error_too(
    way: Way, service: Service, gateway: Gateway, other: Gateway
) -> None:
    """Streams are requests like others."""
    gateway.judge = lambda _: ("307 Moved", {"location": f"{other.url}/?code={QUERY}"}, {})
    with pytest.raises(StatusError, match=other.url) as raised:
        way.stream(service.llm(gateway.url))
    assert (parts.secrets_in(raised.value), other.connections) == ([], 0)


def test_a_redirect_within_the_origin_is_not_followed_either(
    way: Way, service: Service, gateway: Gateway
) -> None:
    """A POST that became a GET would lose the prompt."""
    gateway.judge = lambda _: ("302 Found", {"location": f"/login?next={QUERY}"}, {})
    error = way.error(StatusError, service.llm(gateway.url))
    assert "it points to /login" in str(error)
    assert len(gateway.taken()) == 1


# --- TLS -----------------------------------------------------------------------------------------


def test_an_unknown_authority_is_refused_without_secrets(
    way: Way, service: Service, tls_gateway: Gateway
) -> None:
    """The error says what would help; trying again would not."""
    settings = {"default_headers": {"x-auth": HEADER}, "default_query": {"code": QUERY}}
    llm = service.llm(tls_gateway.url, max_retries=3, **settings)
    error = way.error(EndpointConnectionError, llm)
    assert (error.sent, error.is_retryable, error.attempts) == (False, False, 1)
    assert "SSL_CERT_FILE" in str(error)
    assert tls_gateway.taken() == []


def test_an_authority_in_a_file_of_the_environment_is_trusted(
    way: Way, service: Service, tls_gateway: Gateway, bundle: Path, monkeypatch: Any
) -> None:
    """By SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert way.invoke(service.llm(tls_gateway.url)) == "fine"


def test_an_authority_in_a_folder_of_the_environment_is_trusted(
    way: Way,
    service: Service,
    tls_gateway: Gateway,
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By SSL_CERT_DIR, under the name that OpenSSL looks for."""
    pem = bundle.read_bytes()
    (tmp_path / f"{_openssl_hash(pem)}.0").write_bytes(pem)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert way.invoke(service.llm(tls_gateway.url)) == "fine"


def test_the_authorities_count_as_they_were_when_the_llm_was_made(
    way: Way,
    service: Service,
    tls_gateway: Gateway,
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each object trusts what its environment trusted."""
    own_path = shutil.copy(bundle, tmp_path / "not-read-by-any-other-test.pem")
    distrustful = service.llm(tls_gateway.url)
    monkeypatch.setenv("SSL_CERT_FILE", str(own_path))
    trustful = service.llm(tls_gateway.url)
    monkeypatch.delenv("SSL_CERT_FILE")
    way.error(EndpointConnectionError, distrustful)
    assert way.invoke(trustful) == "fine"


def test_an_authority_that_cannot_be_read_is_a_mistake_in_the_settings(
    way: Way, service: Service, tls_gateway: Gateway, tmp_path: Path, monkeypatch: Any
) -> None:
    """A file that is not there, or is no certificate."""
    (tmp_path / "no.pem").write_text("no certificate")
    for name in ("missing.pem", "no.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
        assert "SSL_CERT_FILE" in str(way.error(ConfigurationError, service.llm(tls_gateway.url)))


def test_an_authority_of_ones_own_client_is_trusted(
    way: Way, service: Service, tls_gateway: Gateway, bundle: Path
) -> None:
    """By `verify`."""
    own = way.own_client(verify=ssl.create_default_context(cafile=bundle))
    assert way.invoke(service.llm(tls_gateway.url, **own)) == "fine"


def test_a_client_of_ones_own_may_trust_anyone(
    way: Way, service: Service, tls_gateway: Gateway
) -> None:
    """With `verify=False`: the user's choice."""
    assert way.invoke(service.llm(tls_gateway.url, **way.own_client(verify=False))) == "fine"


def test_a_client_of_ones_own_that_does_not_trust_it_refuses(
    way: Way, service: Service, tls_gateway: Gateway
) -> None:
    """The same error as with ours."""
    error = way.error(EndpointConnectionError, service.llm(tls_gateway.url, **way.own_client()))
    assert (error.is_retryable, "SSL_CERT_FILE" in str(error)) == (False, True)


@pytest.mark.parametrize("client", ["shared", "own"])
def test_another_hosts_certificate_is_refused(
    client: str, way: Way, service: Service, tls_gateway: Gateway, bundle: Path, monkeypatch: Any
) -> None:
    """However trusted its authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    own = way.own_client() if client == "own" else {}
    llm = service.llm(f"https://127.0.0.1:{tls_gateway.port}", max_retries=2, **own)
    error = way.error(EndpointConnectionError, llm)
    assert (error.sent, error.is_retryable, error.attempts) == (False, False, 1)
    assert tls_gateway.taken() == []


def test_a_certificate_of_ones_own_is_shown_to_those_who_ask(
    way: Way, service: Service, authority: trustme.CA, bundle: Path
) -> None:
    """Through the own client's TLS context."""
    asking = parts.server_context(authority, "localhost")
    asking.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(asking)
    mine = ssl.create_default_context(cafile=bundle)
    authority.issue_cert("me@client.example").configure_cert(mine)
    with Gateway(tls=asking) as gateway:
        assert way.invoke(service.llm(gateway.url, **way.own_client(verify=mine))) == "fine"
        (shown,) = gateway.certificates
        assert shown["subjectAltName"] == (("email", "me@client.example"),)


def test_no_certificate_for_those_who_ask_is_a_connection_error(
    way: Way, service: Service, authority: trustme.CA, bundle: Path, monkeypatch: Any
) -> None:
    """The server ends the connection, and got nothing that it would process."""
    asking = parts.server_context(authority, "localhost")
    asking.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(asking)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with Gateway(tls=asking) as gateway:
        way.error(EndpointConnectionError, service.llm(gateway.url))
        assert gateway.taken() == []


def test_tls_towards_a_server_without_tls_is_a_connection_error(way: Way, service: Service) -> None:
    """A wrong scheme is the likeliest mistake with a local server."""

    async def refuses(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")

    with WireServer(refuses) as server:
        error = way.error(EndpointConnectionError, service.llm(f"https://localhost:{server.port}"))
    assert (error.sent, error.is_retryable) == (False, True)


def _openssl_hash(pem: bytes) -> str:
    """Return the name that OpenSSL looks for: a hash of the subject in a form of its own."""
    subject = x509.load_pem_x509_certificate(pem).subject
    form = b"".join(
        _der(0x31, _der(0x30, _oid(part.oid) + _der(0x0C, _folded(str(part.value)))))
        for part in subject
    )
    digest = hashlib.sha1(form, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _folded(text: str) -> bytes:
    return " ".join(text.lower().split()).encode()


def _der(tag: int, content: bytes) -> bytes:
    assert len(content) < 0x80
    return bytes((tag, len(content))) + content


def _oid(oid: x509.ObjectIdentifier) -> bytes:
    first, second, *rest = map(int, oid.dotted_string.split("."))
    assert max(rest) < 0x80
    return _der(0x06, bytes((40 * first + second, *rest)))
