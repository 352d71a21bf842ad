"""Where tokens come from, as plain HTTP clients and azure-identity see it."""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential

from langchain_azure_llms.local import LocalEndpoints
from tests.integration_tests.local.tls import Certificate

SCOPE = "https://cognitiveservices.azure.com/.default"
TOKEN = "/my-tenant/oauth2/v2.0/token"
IMDS = "/metadata/identity/oauth2/token"
MACHINE = {"api-version": "2018-02-01", "resource": "https://ml.azure.com"}


@pytest.fixture
def service(endpoints: LocalEndpoints) -> Iterator[LocalEndpoints]:
    """Endpoints of the test's own, to count by; the model is loaded already."""
    with LocalEndpoints(token_lifetime=120, client_secret="secret") as running:
        yield running


@pytest.fixture
def secure(endpoints: LocalEndpoints, certificate: Certificate) -> Iterator[LocalEndpoints]:
    """The same over TLS, which azure-identity insists on."""
    with LocalEndpoints(ssl_certfile=certificate.chain, ssl_keyfile=certificate.key) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the identity of the machine that the tests run on."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)


def ask(service: LocalEndpoints, **change: str) -> httpx2.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": "my-app",
        "client_secret": service.client_secret,
        "scope": SCOPE,
    }
    headers = {"client-request-id": "my-id"}
    return httpx2.post(service.url + TOKEN, data=form | change, headers=headers)


def status(service: LocalEndpoints, token: str) -> int:
    """Return how a call with `token` is answered."""
    answer = httpx2.post(
        f"{service.url}/openai/deployments/gpt-35-turbo-instruct/completions",
        params={"api-version": "2024-10-21"},
        json={"prompt": "Hi", "max_tokens": 1},
        headers={"authorization": f"Bearer {token}"},
        timeout=60,
    )
    return answer.status_code


def test_an_application_gets_a_token_that_the_deployments_take(service: LocalEndpoints) -> None:
    """It is counted, and its scope is told."""
    answer = ask(service)
    body = answer.json()
    assert (answer.status_code, body["token_type"], body["expires_in"]) == (200, "Bearer", 120)
    assert answer.headers["cache-control"] == "no-store, no-cache"
    assert status(service, body["access_token"]) == 200
    assert (service.tokens_issued, service.scopes_requested) == (1, (SCOPE,))


@pytest.mark.parametrize(
    ("change", "status_code", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"scope": "https://cognitiveservices.azure.com"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
    ],
)
def test_an_application_is_refused(
    service: LocalEndpoints, change: dict[str, str], status_code: int, error: str
) -> None:
    """With OAuth's name for the reason, Microsoft's number, and the ids."""
    answer = ask(service, **change)
    body = answer.json()
    assert (answer.status_code, body["error"]) == (status_code, error)
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    assert body["correlation_id"] == "my-id"
    assert service.tokens_issued == 0


def test_a_request_that_is_no_form_is_refused(service: LocalEndpoints) -> None:
    """As one without any field."""
    answer = httpx2.post(service.url + TOKEN, json={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_tenant_tells_where_its_tokens_are(service: LocalEndpoints) -> None:
    """Discovery leads from the host to the tenant, and from the tenant to the token."""
    authorize = f"{service.url}/my-tenant/oauth2/v2.0/authorize"
    params = {"api-version": "1.1", "authorization_endpoint": authorize}
    found = httpx2.get(f"{service.url}/common/discovery/instance", params=params).json()
    told = httpx2.get(found["tenant_discovery_endpoint"]).json()
    assert told["token_endpoint"] == service.url + TOKEN
    assert told["authorization_endpoint"] == authorize
    assert found["metadata"][0]["aliases"] == [service.url.removeprefix("http://")]


def test_discovery_without_a_tenant_is_refused(service: LocalEndpoints) -> None:
    """There is nowhere to lead to."""
    answer = httpx2.get(f"{service.url}/common/discovery/instance")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_machine_gets_a_token_without_a_secret(service: LocalEndpoints) -> None:
    """All its numbers are strings."""
    answer = httpx2.get(service.url + IMDS, params=MACHINE, headers={"Metadata": "true"})
    body = answer.json()
    assert (answer.status_code, body["expires_in"], body["token_type"]) == (200, "120", "Bearer")
    assert body["resource"] == MACHINE["resource"]
    assert abs(int(body["expires_on"]) - (time.time() + 120)) < 30
    assert status(service, body["access_token"]) == 200
    assert service.scopes_requested == (MACHINE["resource"],)


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({}, MACHINE),
        ({"Metadata": "false"}, MACHINE),
        ({"Metadata": "true"}, {"api-version": "2018-02-01"}),
        ({"Metadata": "true"}, {"resource": "https://ml.azure.com"}),
    ],
    ids=["no header", "wrong header", "no resource", "no version"],
)
def test_a_machine_is_refused(
    service: LocalEndpoints, headers: dict[str, str], params: dict[str, str]
) -> None:
    """The header proves that no stranger made the machine ask."""
    answer = httpx2.get(service.url + IMDS, params=params, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert service.tokens_issued == 0


def credential(
    service: LocalEndpoints, certificate: Certificate, **change: Any
) -> ClientSecretCredential:
    arguments = {"client_secret": service.client_secret} | change
    return ClientSecretCredential(
        "my-tenant",
        "my-app",
        **arguments,
        authority=service.url,
        disable_instance_discovery=True,
        connection_verify=str(certificate.authority),
    )


def test_azure_identity_gets_an_applications_token(
    secure: LocalEndpoints, certificate: Certificate
) -> None:
    """Once: it keeps the token while that is good for five minutes more."""
    with credential(secure, certificate) as entra:
        tokens = [entra.get_token(SCOPE) for _ in range(2)]
    assert tokens[0].token == tokens[1].token
    assert abs(tokens[0].expires_on - (time.time() + 3600)) < 30
    assert (secure.tokens_issued, secure.scopes_requested) == (1, (SCOPE,))


@pytest.mark.parametrize(
    ("change", "scope", "code"),
    [({"client_secret": "wrong"}, SCOPE, "AADSTS7000215"), ({}, "wrong", "AADSTS1002012")],
    ids=["secret", "scope"],
)
def test_azure_identity_understands_a_refusal(
    secure: LocalEndpoints, certificate: Certificate, change: Any, scope: str, code: str
) -> None:
    """It raises what it raises on Azure."""
    with (
        credential(secure, certificate, **change) as entra,
        pytest.raises(ClientAuthenticationError, match=code),
    ):
        entra.get_token(scope)


def test_azure_identity_gets_a_machines_token(
    service: LocalEndpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for the resource that the scope belongs to."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", service.url)
    with ManagedIdentityCredential() as machine:
        token = machine.get_token("https://ml.azure.com/.default")
    assert status(service, token.token) == 200
    assert service.scopes_requested == ("https://ml.azure.com",)
