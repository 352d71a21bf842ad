"""What the settings of `AzureOpenAI` mean: its address, its credential, its model parameters.

What the model parameters mean, and their ranges, is from Microsoft's "Azure OpenAI REST API
reference", "Completions - Create"; their defaults are those of langchain-openai.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, SecretStr

from langchain_azure_llms.auth import (
    Authorization,
    api_key,
    bearer,
    credential_authorization,
    is_web_token,
    key_of,
    provider_authorization,
)
from langchain_azure_llms.exceptions import ConfigurationError, MissingCredentialError
from langchain_azure_llms.llms import checks, settings
from langchain_azure_llms.llms.openai_urls import (
    NO_VERSION,
    check_azure_openai,
    check_version,
    token_scopes,
)
from langchain_azure_llms.llms.urls import check_proxy, check_url

if TYPE_CHECKING:
    from langchain_azure_llms.llms.azure_openai import AzureOpenAI

MODEL_PARAMETERS = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "n",
    "logit_bias",
    "max_tokens",
    "seed",
    "logprobs",
)
"""The settings that are properties of the request body."""
OTHER_NAMES = MappingProxyType(
    {
        "ad_token": "azure_ad_token",
        "ad_token_provider": "azure_ad_token_provider",
        "azure_api_key": "api_key",
        "azure_base_url": "base_url",
        "azure_credential": "credential",
        "azure_openai_api_key": "api_key",
        "azure_openai_api_version": "api_version",
        "azure_openai_deployment": "azure_deployment",
        "azure_openai_endpoint": "azure_endpoint",
        "deployment": "azure_deployment",
        "deployment_id": "azure_deployment",
        "endpoint": "azure_endpoint",
        "endpoint_url": "azure_endpoint",
        "engine": "azure_deployment",
        "host": "azure_endpoint",
        "key": "api_key",
        "model_deployment": "azure_deployment",
        "openai_api_endpoint": "azure_endpoint",
        "project_endpoint": "azure_endpoint",
        "proxies": "openai_proxy",
        "proxy": "openai_proxy",
        "token": "azure_ad_token",
        "token_credential": "credential",
        "token_provider": "azure_ad_token_provider",
        "url": "azure_endpoint",
        "version": "api_version",
    }
)
_ENTRA_TYPES = frozenset({"azure_ad", "azuread"})
PROVIDERS = ("azure_ad_token_provider", "azure_ad_async_token_provider")


def _trimmed(value: str | None) -> str | None:
    return value.strip() if value is not None else None


def _checked_version(value: str | None) -> str | None:
    return check_version(value.strip()) if value is not None else None


def _checked_proxy(value: str | None) -> str | None:
    if value is not None:
        check_proxy(value, "openai_proxy")
    return value


Address = Annotated[str | None, AfterValidator(_trimmed)]
Version = Annotated[str | None, AfterValidator(_checked_version)]
Proxy = Annotated[str | None, AfterValidator(_checked_proxy)]


class TokenFromEnv(settings.SecretFromEnv):
    """The environment's token: `OPENAI_API_KEY` holds one when `OPENAI_API_TYPE` says so."""

    def value(self, data: Mapping[str, Any]) -> Any:
        """Return the token, or None."""
        if str(data.get("openai_api_type")).lower() in _ENTRA_TYPES:
            token = settings.SecretFromEnv("OPENAI_API_KEY").value(data)
            if token is not None:
                return token
        return super().value(data)


def accept_unknown(
    cls: type[AzureOpenAI], known: dict[str, Any], unknown: dict[str, Any]
) -> dict[str, Any]:
    """Take arguments that resemble no setting as model parameters, as langchain-openai does.

    Raises:
        ConfigurationError: If one is misspelt, may be a secret, or is given twice.
    """
    known, unknown = settings.with_request_options(known, unknown)
    moved = {}
    for name, value in unknown.items():
        if settings.nearest(name, cls):
            raise settings.unknown_argument(name, cls)
        settings.check_model_parameters({name: value}, cls)
        warnings.warn(
            f"{cls.__name__} has no argument {name!r}: it was put into model_kwargs.",
            stacklevel=7,
        )
        moved[name] = value
    given = known.get("model_kwargs") or {}
    if not isinstance(given, Mapping):
        return known  # pydantic says what is wrong with it
    misplaced = {name: given[name] for name in given if name in {*MODEL_PARAMETERS, "best_of"}}
    if elsewhere := cls.model_fields.keys() & given.keys() - misplaced.keys():
        raise ConfigurationError(
            f"{cls.__name__}: model_kwargs holds {', '.join(sorted(elsewhere))}, which is no "
            "model parameter: pass it as an argument of its own."
        )
    for name in [*moved, *misplaced]:
        if name in known or (name in moved and name in given):
            raise ConfigurationError(f"{cls.__name__}: {name} is given twice.")
    rest = {name: value for name, value in given.items() if name not in misplaced}
    return {
        **known,
        **misplaced,
        **({"model_kwargs": {**rest, **moved}} if given or moved else {}),
    }


def shown_parameters(llm: AzureOpenAI) -> dict[str, Any]:
    """Return the model and its parameters as caches and tracers see them.

    Those of text completions are the documented ones, defaults included; other APIs are sent the
    deployment as the model, and what was set. What was learned of a deployment does not count: a
    cache key must not depend on it, for the first call of a process knows nothing yet.
    """
    params = {name: getattr(llm, name) for name in MODEL_PARAMETERS}
    if llm.api in ("auto", "completions"):
        best_of = {"best_of": llm.best_of} if (llm.best_of or 1) > 1 else {}
        params["logit_bias"] = llm.logit_bias or {}
        return {"model_name": llm.model_name, **params, **best_of}
    given = {name: value for name, value in params.items() if llm.is_explicit(name)}
    return {"model_name": llm.deployment_name or llm.route.deployment or llm.model_name, **given}


def check_counts(llm: AzureOpenAI) -> None:
    """Refuse numbers of tokens and completions that cannot be.

    Raises:
        ConfigurationError: If one is out of range.
    """
    limit = llm.max_tokens
    if limit is not None and (limit < -1 or limit == 0):
        raise ConfigurationError(
            f"max_tokens is {llm.max_tokens}, expected a number above 0, or -1 for as many as fit."
        )
    if llm.streaming and ((llm.n or 1) > 1 or (llm.best_of or 1) > 1):
        raise ConfigurationError("streaming=True gives one completion: n and best_of must be 1.")


def check_deployment(llm: AzureOpenAI) -> None:
    """Refuse two names of the deployment, or two APIs.

    Raises:
        ConfigurationError: If the address names another one.
    """
    if llm.route.api not in (None, llm.api) and llm.api != "auto":
        raise ConfigurationError(
            f"The endpoint's address is one of {llm.route.api}, and api is {llm.api!r}: leave api "
            "out, or give another address."
        )
    other = llm.route.deployment
    if other and llm.deployment_name and other != llm.deployment_name:
        raise ConfigurationError(
            f"The endpoint's address names the deployment {other!r}, and deployment_name is "
            f"{llm.deployment_name!r}: leave one of them out."
        )


def address_of(llm: AzureOpenAI) -> str:
    """Return the endpoint; an explicit one, under either name, comes before the environment's.

    Raises:
        ConfigurationError: If there is none, or both names are given.
    """
    if llm.is_explicit("openai_api_base"):
        if llm.is_explicit("azure_endpoint"):
            raise ConfigurationError("Pass azure_endpoint or base_url, not both.")
        return llm.openai_api_base or ""
    if not llm.azure_endpoint:
        other = " OPENAI_API_BASE is not read." if os.environ.get("OPENAI_API_BASE") else ""
        raise ConfigurationError(
            "No endpoint: pass azure_endpoint, or set AZURE_OPENAI_ENDPOINT, such as "
            f"https://<resource>.openai.azure.com.{other}"
        )
    return llm.azure_endpoint


# --- who sends -----------------------------------------------------------------------------------


def refuse_missing(llm: AzureOpenAI) -> None:
    """Name all that is missing at once; refuse an address that cannot be.

    Raises:
        ConfigurationError: If the endpoint, the API version or the credential is missing or wrong.
    """
    problems: list[ConfigurationError] = []
    for check in (address_of, _route_of, authorization_of):
        try:
            check(llm)
        except MissingCredentialError as error:
            problems.append(error)
        except ConfigurationError as error:
            if not str(error).startswith("No "):  # wrong, not missing: said alone
                raise
            problems.append(error)
    checks.refuse_missing(problems)


def _route_of(llm: AzureOpenAI) -> None:
    if llm.azure_endpoint or llm.is_explicit("openai_api_base"):
        address = llm.endpoint_address
        check_azure_openai(address, "azure_endpoint")
        check_url(address, "azure_endpoint", allow_plain_http=llm.allow_plain_http)
        _ = llm.route
    elif llm.openai_api_version is None:
        raise ConfigurationError(NO_VERSION)


def secret_in_use(llm: AzureOpenAI) -> str:
    """Return the name of the secret setting that is sent; empty where there is none."""
    if llm.credential is not None:
        return "openai_api_key" if key_of(llm.credential) is not None else ""
    used = "azure_ad_token" if _sends_token(llm) else "openai_api_key"
    return "" if _has_provider(llm) or getattr(llm, used) is None else used


def authorization_of(llm: AzureOpenAI) -> Authorization:
    """Return how an LLM object's requests prove who sends them.

    Raises:
        MissingCredentialError: If there is no credential.
    """
    if llm.credential is not None:
        holds_key = hasattr(llm.credential, "key")  # an AzureKeyCredential never holds a token
        scopes = llm.credential_scopes or token_scopes(llm.endpoint_address, llm.default_scopes)
        with_key: Callable[[Any], Authorization] = api_key
        if not holds_key and (key := key_of(llm.credential)) and _is_token(llm, key):
            with_key = bearer
        return credential_authorization(llm.credential, scopes, with_key)
    if _has_provider(llm):
        return provider_authorization(
            llm.azure_ad_token_provider, llm.azure_ad_async_token_provider
        )
    if checks.has_own_credential(llm, "openai_api_key", "azure_ad_token"):
        return Authorization()
    if llm.azure_ad_token is not None and _sends_token(llm):
        return bearer(llm.azure_ad_token)
    if llm.openai_api_key is None:
        raise MissingCredentialError(_missing_credential())
    if llm.is_explicit("openai_api_key") and _is_token(llm, llm.openai_api_key):
        return bearer(llm.openai_api_key)
    return api_key(llm.openai_api_key)


def _sends_token(llm: AzureOpenAI) -> bool:
    return llm.azure_ad_token is not None and not llm.is_explicit("openai_api_key")


def _has_provider(llm: AzureOpenAI) -> bool:
    return any(getattr(llm, name) is not None for name in PROVIDERS)


def _is_token(llm: AzureOpenAI, key: SecretStr) -> bool:
    """Return whether what was passed as a key is a token, by the api type.

    An api type of the environment belongs to the key of the environment, and counts here only for
    what looks like a token.
    """
    is_entra = str(llm.openai_api_type).lower() in _ENTRA_TYPES
    return is_entra and (llm.is_explicit("openai_api_type") or is_web_token(key))


def _missing_credential() -> str:
    ways = (
        "No credential: pass credential (a key, a credential of azure-identity such as "
        "DefaultAzureCredential(), or a function that returns a token), api_key, azure_ad_token, "
        "azure_ad_token_provider or azure_ad_async_token_provider; or set AZURE_OPENAI_API_KEY, "
        "AZURE_OPENAI_AD_TOKEN, or OPENAI_API_TYPE=azure_ad with a Microsoft Entra token in "
        "OPENAI_API_KEY."
    )
    if os.environ.get("OPENAI_API_KEY"):
        ways += (
            " OPENAI_API_KEY is set, but without that type it is a key of another service and is "
            "not sent to Azure."
        )
    return ways
