"""Microsoft Entra ID, with the real azure-identity against a token service on this machine."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from azure.identity import (
    ChainedTokenCredential,
    ClientSecretCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
    get_bearer_token_provider,
)
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from azure.identity.aio import get_bearer_token_provider as get_async_bearer_token_provider

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter
from langchain_azure_llms.exceptions import (
    AuthenticationError,
    ConfigurationError,
    CredentialError,
)
from langchain_azure_llms.local import LocalEndpoints
from tests.integration_tests.local.tls import Certificate, make_certificate
from tests.support.llms import AzureLLM

Invoke = Callable[..., str]
OPENAI_SCOPE = "https://cognitiveservices.azure.com/.default"
ML_SCOPE = "https://ml.azure.com/.default"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for loopback, of an authority of our own."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def service(
    endpoints: LocalEndpoints, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalEndpoints]:
    """Endpoints and a token service over TLS; the environment trusts their authority."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    with LocalEndpoints(
        ssl_certfile=certificate.chain, ssl_keyfile=certificate.key, token_lifetime=1000
    ) as running:
        yield running


def _application(
    service: LocalEndpoints,
    certificate: Certificate,
    cls: Any = ClientSecretCredential,
    **more: Any,
) -> Any:
    settings = {
        "authority": service.url.removeprefix("https://"),
        "disable_instance_discovery": True,
        "connection_verify": str(certificate.authority),
    }
    secret = more.pop("secret", service.client_secret)
    return cls("my-tenant", "my-app", secret, **settings, **more)


def _azure(service: LocalEndpoints, credential: Any, **settings: Any) -> AzureOpenAI:
    base = {
        "azure_endpoint": service.url,
        "azure_deployment": "gpt-35-turbo-instruct",
        "api_version": "2024-10-21",
        "max_tokens": 2,
        "max_retries": 0,
    }
    return AzureOpenAI(**{**base, "credential": credential, **settings})


def _ml(service: LocalEndpoints, credential: Any, **settings: Any) -> AzureMLOnlineEndpoint:
    base = {
        "endpoint_url": f"{service.url}/v1/completions",
        "content_formatter": CustomOpenAIContentFormatter(),
        "model_kwargs": {"max_tokens": 2},
        "max_retries": 0,
    }
    return AzureMLOnlineEndpoint(**{**base, "credential": credential, **settings})


def _sync(llm: AzureLLM) -> str:
    return llm.invoke("The capital of France is")


def _async(llm: AzureLLM) -> str:
    return asyncio.run(llm.ainvoke("The capital of France is"))


both = pytest.mark.parametrize(("make", "scope"), [(_azure, OPENAI_SCOPE), (_ml, ML_SCOPE)])
both_ways = pytest.mark.parametrize("invoke", [_sync, _async])


@both
@both_ways
def test_an_applications_secret(
    service: LocalEndpoints, certificate: Certificate, make: Any, scope: str, invoke: Invoke
) -> None:
    """One token serves every call, and it is asked for with the service's scope."""
    llm = make(service, _application(service, certificate))
    assert all(isinstance(invoke(llm), str) for _ in range(3))
    assert (1, (scope,)) == (service.tokens_issued, service.scopes_requested)


@both
@both_ways
def test_a_chain_of_credentials(
    service: LocalEndpoints, certificate: Certificate, make: Any, scope: str, invoke: Invoke
) -> None:
    """The first one that is set up gives the token."""
    chain = ChainedTokenCredential(EnvironmentCredential(), _application(service, certificate))
    assert isinstance(invoke(make(service, chain)), str)
    assert (scope,) == service.scopes_requested


@both
@both_ways
def test_a_managed_identity(
    service: LocalEndpoints,
    monkeypatch: pytest.MonkeyPatch,
    make: Any,
    scope: str,
    invoke: Invoke,
) -> None:
    """From the machine's own metadata service, which speaks plain HTTP."""
    with LocalEndpoints() as machine:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.url)
        llm = make(machine, ManagedIdentityCredential())
        assert all(isinstance(invoke(llm), str) for _ in range(2))
        resource = scope.removesuffix("/.default")
        assert (1, (resource,)) == (machine.tokens_issued, machine.scopes_requested)


@both
def test_an_async_credential(
    service: LocalEndpoints, certificate: Certificate, make: Any, scope: str
) -> None:
    """For the async methods; the sync ones say what to do, before anything is sent."""

    async def main() -> list[str]:
        credential = _application(service, certificate, AsyncClientSecretCredential)
        async with credential:
            llm = make(service, credential)
            with pytest.raises(ConfigurationError, match=r"async one.*azure\.identity.*ainvoke"):
                llm.invoke("x")
            answers: list[str] = await asyncio.gather(*(llm.ainvoke("Hello") for _ in range(4)))
            return answers

    assert 4 == len(asyncio.run(main()))
    assert (1, (scope,)) == (service.tokens_issued, service.scopes_requested)


@both_ways
def test_bearer_token_providers(
    service: LocalEndpoints, certificate: Certificate, invoke: Invoke
) -> None:
    """As `credential`, and under the peer's own names, sync and async together."""
    application = _application(service, certificate)
    provider = get_bearer_token_provider(application, OPENAI_SCOPE)

    async def async_provider() -> str:
        return provider()

    for settings in (
        {"credential": provider},
        {"credential": None, "azure_ad_token_provider": provider},
        {
            "credential": None,
            "azure_ad_token_provider": provider,
            "azure_ad_async_token_provider": async_provider,
        },
    ):
        assert isinstance(invoke(_azure(service, **settings)), str)
    assert 1 == service.tokens_issued


def test_an_async_bearer_token_provider(service: LocalEndpoints, certificate: Certificate) -> None:
    """The coroutine function of azure-identity."""

    async def main() -> str:
        async with _application(service, certificate, AsyncClientSecretCredential) as credential:
            provider = get_async_bearer_token_provider(credential, OPENAI_SCOPE)
            llm = _azure(service, None, azure_ad_async_token_provider=provider)
            return await llm.ainvoke("Hello")

    assert isinstance(asyncio.run(main()), str)


@both_ways
def test_an_object_outlives_its_first_token(
    endpoints: LocalEndpoints, certificate: Certificate, service: LocalEndpoints, invoke: Invoke
) -> None:
    """A token that ended is replaced before it is sent."""
    with LocalEndpoints(
        ssl_certfile=certificate.chain, ssl_keyfile=certificate.key, token_lifetime=1
    ) as short:
        llm = _azure(short, _application(short, certificate))
        invoke(llm)
        time.sleep(1.05)
        invoke(llm)
        assert 2 == short.tokens_issued


@both_ways
def test_a_revoked_token_is_replaced_once(
    certificate: Certificate, service: LocalEndpoints, invoke: Invoke
) -> None:
    """After the service refused it; azure-identity gives another one near its end."""
    with LocalEndpoints(
        ssl_certfile=certificate.chain, ssl_keyfile=certificate.key, token_lifetime=200
    ) as running:
        llm = _azure(running, _application(running, certificate))
        invoke(llm)
        running.revoke_tokens()
        assert isinstance(invoke(llm), str)
        assert 2 == running.tokens_issued


@both_ways
def test_a_token_that_stays_refused_is_an_error(
    service: LocalEndpoints, certificate: Certificate, invoke: Invoke
) -> None:
    """azure-identity keeps a token of its own that still has long to live."""
    llm = _azure(service, _application(service, certificate))
    invoke(llm)
    service.revoke_tokens()
    with pytest.raises(AuthenticationError):
        invoke(llm)


@both_ways
def test_a_wrong_secret_is_a_credential_error(
    service: LocalEndpoints, certificate: Certificate, invoke: Invoke
) -> None:
    """It repeats the message of Entra ID, and shows no secret."""
    llm = _azure(service, _application(service, certificate, secret="wr0ng-secret"))
    with pytest.raises(CredentialError, match="AADSTS7000215") as raised:
        invoke(llm)
    assert "wr0ng-secret" not in str(raised.value) + repr(raised.value.__cause__)


def test_sixty_four_workers_fetch_one_token(
    service: LocalEndpoints, certificate: Certificate
) -> None:
    """At the same moment, in threads and in tasks."""
    llm = _azure(service, _application(service, certificate), max_tokens=1)
    with ThreadPoolExecutor(64) as pool:
        assert 64 == len(list(pool.map(lambda _: llm.invoke("Hi"), range(64))))

    async def main() -> list[str]:
        fresh = _azure(service, _application(service, certificate), max_tokens=1)
        return await asyncio.gather(*(fresh.ainvoke("Hi") for _ in range(64)))

    assert 64 == len(asyncio.run(main()))
    assert 2 == service.tokens_issued


@both_ways
def test_the_documented_flow(
    service: LocalEndpoints, monkeypatch: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    """`OPENAI_API_TYPE=azure_ad`, and the token in `OPENAI_API_KEY`."""
    monkeypatch.setenv("OPENAI_API_KEY", service.issue_token())
    for name in ("azure_ad", "azuread", "AzureAD"):
        monkeypatch.setenv("OPENAI_API_TYPE", name)
        assert isinstance(invoke(_azure(service, None)), str)


def test_nothing_of_it_needs_azure_identity(tmp_path: Path) -> None:
    """Without it, functions and keys serve all the same."""
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    (tmp_path / "azure.py").write_text("raise ImportError('not installed')")
    program = (
        "import langchain_azure_llms as p; [getattr(p, name) for name in p.__all__];"
        "p.AzureOpenAI(azure_endpoint='https://r.example', azure_deployment='d', api_version='v1',"
        "credential=lambda: 't').endpoint.authorization.get_token(None, None); print('fine')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{tmp_path}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "fine" == done.stdout.strip()
