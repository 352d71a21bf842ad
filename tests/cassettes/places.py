"""Where a test's requests go: to a cassette, to a server on this machine, or to Azure.

A replay needs no server. A recording asks the local endpoints (a real small model behind Azure's
routes) and Microsoft's own scoring server; but Azure, where the environment names it and the test
asks for nothing that only a local endpoint does:

* `AZURE_OPENAI_ENDPOINT` and `AZURE_OPENAI_API_KEY`, with `AZURE_OPENAI_DEPLOYMENT`,
  `AZURE_OPENAI_CHAT_DEPLOYMENT` or `AZURE_OPENAI_RESPONSES_DEPLOYMENT` for what the test needs;
* `AZUREML_ENDPOINT_URL` and `AZUREML_ENDPOINT_API_KEY`, with `AZUREML_CONTENT_FORMATTER` (the
  formatter's registered name) for the format that the endpoint speaks;
* `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`, and `AZURE_AUTHORITY_HOST` where
  it is another one, for tests with tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from langchain_azure_llms.local import LocalEndpoints, Scenario
from tests.cassettes.scrub import ORIGIN, REDACTED

Service = Literal["azure-openai", "online-endpoint", "scoring-server"]

COMPLETING, CHATTING, RESPONDING = "gpt-35-turbo-instruct", "local-chat", "local-responses"
"""The local endpoints' deployments, whose names stand in every cassette."""
TENANT, APPLICATION = "recorded-tenant", "recorded-application"
ENTRA_HOST = "login.microsoftonline.com"

LOCAL = "the local endpoints, with SmolLM2-135M"
SCORING = "Microsoft's azureml-inference-server-http, with our score script"
AZURE = "Azure"

_DEPLOYMENT_VARIABLES = {
    COMPLETING: "AZURE_OPENAI_DEPLOYMENT",
    CHATTING: "AZURE_OPENAI_CHAT_DEPLOYMENT",
    RESPONDING: "AZURE_OPENAI_RESPONSES_DEPLOYMENT",
}
_DEPLOYMENT_FORMS = ("/deployments/%s/", '"model":"%s"')
"""Where a request names its deployment; its name alone may be a part of anything."""
_ENTRA_VARIABLES = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a test needs.

    Attributes:
        service: What is asked.
        deployment: The deployment of Azure OpenAI.
        path: The path of an online endpoint.
        formatter: The registered name of the formatter that an online endpoint is to understand.
        with_token: Whether the credential is a token of Microsoft Entra ID.
        scenario: What goes wrong.
        token_lifetime: Seconds that tokens live.
        local_only: Whether only the local endpoints do what the test needs.
    """

    service: Service = "azure-openai"
    deployment: str = COMPLETING
    path: str = ""
    formatter: str = ""
    with_token: bool = False
    scenario: Scenario | None = None
    token_lifetime: float = 3600.0
    local_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the requests go, and what they carry there.

    Attributes:
        url: The address of the service, without a path.
        key: The key.
        deployment: The name of the deployment.
        authority: The host of the token service.
        tenant: The directory.
        application: The one that gets tokens.
        secret: Its secret.
        authority_file: The certificates that a local token service is verified with.
        recorded_from: What answers, in words.
        hidden: What must not stand in a cassette, by what stands there instead.
    """

    url: str = ORIGIN
    key: str = REDACTED
    deployment: str = COMPLETING
    authority: str = urlsplit(ORIGIN).netloc
    tenant: str = TENANT
    application: str = APPLICATION
    secret: str = REDACTED
    authority_file: str | None = None
    recorded_from: str = "a cassette"
    hidden: Mapping[str, str] = field(default_factory=dict, repr=False)

    def credential(self, cls: Any, *, secret: str | None = None) -> Any:
        """Return a credential of azure-identity: an application with a secret."""
        verified = {} if self.authority_file is None else {"connection_verify": self.authority_file}
        return cls(
            self.tenant,
            self.application,
            secret or self.secret,
            authority=self.authority,
            disable_instance_discovery=True,
            **verified,
        )


def replayed(wanted: Wanted) -> Place:
    """Return the place of everything that was recorded."""
    return Place(deployment=wanted.deployment)


def local(wanted: Wanted, running: LocalEndpoints, authority_file: str) -> Place:
    """Return the local endpoints."""
    host = urlsplit(running.url).netloc
    failing = f"; scenario {wanted.scenario.name}" if wanted.scenario else ""
    return Place(
        url=running.url,
        key=running.api_key,
        deployment=wanted.deployment,
        authority=host,
        secret=running.client_secret,
        authority_file=authority_file,
        recorded_from=f"{LOCAL}{failing}",
        hidden=_hidden(running.api_key, running.client_secret, {host: urlsplit(ORIGIN).netloc}),
    )


def scoring_server(url: str) -> Place:
    """Return Microsoft's own server, which takes any key."""
    host = urlsplit(url).netloc
    return Place(url=url, recorded_from=SCORING, hidden={host: urlsplit(ORIGIN).netloc})


def azure(wanted: Wanted, environ: Mapping[str, str]) -> Place | None:
    """Return Azure, where the environment names all that the test needs."""
    if wanted.local_only or wanted.scenario or wanted.service == "scoring-server":
        return None
    identity = [environ.get(name, "") for name in _ENTRA_VARIABLES]
    if wanted.with_token and not all(identity):
        return None
    found = _resource(wanted, environ) or _endpoint(wanted, environ)
    if found is None:
        return None
    url, key, deployment = found
    tenant, application, secret = identity
    netloc = urlsplit(ORIGIN).netloc
    authority = environ.get("AZURE_AUTHORITY_HOST", ENTRA_HOST).removeprefix("https://")
    names = {tenant: TENANT, application: APPLICATION}
    if deployment:
        names |= {form % deployment: form % wanted.deployment for form in _DEPLOYMENT_FORMS}
    return Place(
        url=url,
        key=key,
        deployment=deployment,
        authority=authority.rstrip("/"),
        tenant=tenant,
        application=application,
        secret=secret,
        recorded_from=AZURE,
        hidden=_hidden(key, secret, {**names, urlsplit(url).netloc: netloc, authority: netloc}),
    )


def _resource(wanted: Wanted, environ: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return address, key and deployment of the Azure OpenAI resource."""
    deployment = environ.get(_DEPLOYMENT_VARIABLES.get(wanted.deployment, ""), "")
    url = environ.get("AZURE_OPENAI_ENDPOINT", "").rstrip("/")
    key = environ.get("AZURE_OPENAI_API_KEY", "")
    if wanted.service != "azure-openai" or not (deployment and url and key):
        return None
    return url, key, deployment


def _endpoint(wanted: Wanted, environ: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return address and key of the online endpoint, if it is the one that the test needs."""
    parts = urlsplit(environ.get("AZUREML_ENDPOINT_URL", ""))
    speaks = environ.get("AZUREML_CONTENT_FORMATTER", "custom_openai")
    key = environ.get("AZUREML_ENDPOINT_API_KEY", "")
    if wanted.service != "online-endpoint" or not key:
        return None
    if (parts.path, speaks) != (wanted.path, wanted.formatter):
        return None
    return f"{parts.scheme}://{parts.netloc}", key, ""


def _hidden(key: str, secret: str, names: Mapping[str, str]) -> dict[str, str]:
    every = {key: REDACTED, secret: REDACTED, **names}
    return {text: replacement for text, replacement in every.items() if text}
