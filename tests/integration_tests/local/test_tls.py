"""Everything over TLS."""

import time
from pathlib import Path

import httpx2
import pytest

from langchain_azure_llms.local import LocalEndpoints, LocalEndpointsError
from tests.integration_tests.local.tls import Certificate

BODY = {"prompt": "Hi", "max_tokens": 1}


def test_the_routes_are_served_over_tls(
    endpoints: LocalEndpoints, certificate: Certificate
) -> None:
    """And the addresses say so; the key may stand in the certificate's file."""
    with LocalEndpoints(ssl_certfile=certificate.together) as secure:
        answer = httpx2.post(
            f"{secure.url}/v1/completions",
            json=BODY,
            headers={"api-key": secure.api_key},
            verify=certificate.context(),
            timeout=60,
        )
        environ = secure.environ
    assert answer.status_code == 200
    assert environ["AZURE_OPENAI_ENDPOINT"].startswith("https://127.0.0.1:")
    assert environ["AZUREML_ENDPOINT_URL"].startswith("https://127.0.0.1:")


def test_a_client_that_does_not_know_the_authority_is_not_served(
    endpoints: LocalEndpoints, certificate: Certificate
) -> None:
    """Nor is one that speaks no TLS; the next one is."""
    with LocalEndpoints(ssl_certfile=certificate.chain, ssl_keyfile=certificate.key) as secure:
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx2.get(secure.url)
        with pytest.raises(httpx2.TransportError):
            httpx2.get(secure.url.replace("https", "http"))
        assert httpx2.get(secure.url, verify=certificate.context()).status_code == 404


def test_an_idle_connection_does_not_hold_up_the_end(
    endpoints: LocalEndpoints, certificate: Certificate
) -> None:
    """The client's consent to the end of TLS is not waited for."""
    with httpx2.Client(verify=certificate.context()) as client:
        with LocalEndpoints(ssl_certfile=certificate.together) as secure:
            client.get(secure.url)
            started = time.monotonic()
        seconds = time.monotonic() - started
    assert seconds < 2


@pytest.mark.parametrize("name", ["missing.pem", "wrong.pem"])
def test_a_certificate_that_is_none_is_one_sentence(
    endpoints: LocalEndpoints, tmp_path: Path, name: str
) -> None:
    """It names the file."""
    (tmp_path / "wrong.pem").write_text("no certificate")
    with pytest.raises(LocalEndpointsError, match=name) as caught:
        LocalEndpoints(ssl_certfile=tmp_path / name).__enter__()
    assert "\n" not in str(caught.value)


def test_a_key_without_a_certificate_is_refused() -> None:
    """Before anything is started."""
    with pytest.raises(LocalEndpointsError, match="ssl_certfile"):
        LocalEndpoints(ssl_keyfile="key.pem")


@pytest.mark.parametrize("name", ["api_key", "client_secret"])
def test_an_empty_secret_is_refused(name: str) -> None:
    """It would let everybody in who sends none."""
    with pytest.raises(LocalEndpointsError, match=name):
        LocalEndpoints(**{name: " "})  # type: ignore[arg-type]
