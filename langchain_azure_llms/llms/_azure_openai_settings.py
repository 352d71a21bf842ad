"""The settings of `AzureOpenAI`: the names and defaults of its peer, checked before any I/O."""

from __future__ import annotations

import os
import warnings
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from langchain_azure_llms.auth import (
    Authorization,
    api_key,
    bearer,
    check_secret,
    is_web_token,
    key_of,
    token_bearer,
)
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    MissingCredentialError,
)
from langchain_azure_llms.llms import _settings
from langchain_azure_llms.llms._base import AzureLLM
from langchain_azure_llms.llms._derived import Derived
from langchain_azure_llms.llms._urls import (
    V1_VERSIONS,
    AzureOpenAIRoute,
    azure_openai_route,
    check_azure_openai,
    check_proxy,
    check_url,
    check_version,
)

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
_SECRETS = frozenset(
    {"authorization", "credentials", "header", "headers", "key", "password", "secret", "token"}
)
"""Last words of names that model parameters, which are shown and saved, do not have, but one."""
_HARMLESS = "prompt_cache_key"
_ENTRA_TYPES = frozenset({"azure_ad", "azuread"})
_PROVIDERS = ("azure_ad_token_provider", "azure_ad_async_token_provider")


class _TokenFromEnv(_settings.SecretFromEnv):
    """The environment's token: `OPENAI_API_KEY` holds one when `OPENAI_API_TYPE` says so."""

    def value(self, data: Mapping[str, Any]) -> Any:
        """Return the token, or None."""
        if str(data.get("openai_api_type")).lower() in _ENTRA_TYPES:
            token = _settings.SecretFromEnv("OPENAI_API_KEY").value(data)
            if token is not None:
                return token
        return super().value(data)


class AzureOpenAISettings(AzureLLM):
    """What `AzureOpenAI` is told, and what follows from it: endpoint and credential.

    What the model parameters mean, and their ranges, is from Microsoft's "Azure OpenAI REST API
    reference", "Completions - Create"; their defaults are those of langchain-openai.
    """

    default_scopes: ClassVar[tuple[str, ...]] = ("https://cognitiveservices.azure.com/.default",)
    credential_settings: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("credential",),
        ("openai_api_key",),
        ("azure_ad_token",),
        _PROVIDERS,
    )
    shared_resources: ClassVar[tuple[str, ...]] = (
        *AzureLLM.shared_resources,
        *_PROVIDERS,
    )

    call_arguments: ClassVar[frozenset[str]] = frozenset(
        {*MODEL_PARAMETERS, "best_of", "extra_body", "model", "timeout"}
    )

    azure_endpoint: str | None = Field(default_factory=_settings.FromEnv("AZURE_OPENAI_ENDPOINT"))
    """The resource's address, such as `https://<resource>.openai.azure.com`.

    From `AZURE_OPENAI_ENDPOINT` if not given.
    """
    deployment_name: str | None = Field(default=None, alias="azure_deployment")
    """The deployment's name."""
    openai_api_version: str | None = Field(
        default_factory=_settings.FromEnv("OPENAI_API_VERSION"), alias="api_version"
    )
    """A dated version such as `2024-10-21`, or `v1`. From `OPENAI_API_VERSION` if not given."""
    openai_api_type: str | None = Field(
        default_factory=_settings.FromEnv("OPENAI_API_TYPE", default="azure")
    )
    """`azure_ad` when the key is a Microsoft Entra token. From `OPENAI_API_TYPE`, else `azure`."""
    openai_api_key: SecretStr | None = Field(
        default_factory=_settings.SecretFromEnv("AZURE_OPENAI_API_KEY"), alias="api_key"
    )
    """The resource's key. From `AZURE_OPENAI_API_KEY` if not given."""
    azure_ad_token: SecretStr | None = Field(default_factory=_TokenFromEnv("AZURE_OPENAI_AD_TOKEN"))
    """A Microsoft Entra token.

    From the environment if not given: `OPENAI_API_KEY` when the api type is `azure_ad`, else
    `AZURE_OPENAI_AD_TOKEN`.
    """
    azure_ad_token_provider: Callable[[], str] | None = Field(default=None, exclude=True)
    """Returns a Microsoft Entra token; called for every request."""
    azure_ad_async_token_provider: Callable[[], Awaitable[str]] | None = Field(
        default=None, exclude=True
    )
    """The same for the async methods; they call the sync one in a thread when there is none."""
    validate_base_url: bool = True
    """Whether `base_url` is understood as an endpoint; False uses it as it is."""
    openai_api_base: str | None = Field(default=None, alias="base_url")
    """The endpoint under its old name."""
    openai_organization: str | None = Field(
        default_factory=_settings.FromEnv("OPENAI_ORG_ID", "OPENAI_ORGANIZATION"),
        alias="organization",
    )
    """The organization that requests are counted for. From `OPENAI_ORG_ID` if not given."""
    openai_proxy: str | None = Field(
        default_factory=_settings.FromEnv("OPENAI_PROXY"), repr=False, validate_default=True
    )
    """A proxy's URL, instead of the environment's proxies. From `OPENAI_PROXY` if not given."""

    model_name: str = Field(default="gpt-3.5-turbo-instruct", alias="model")
    """The model behind the deployment, for counting tokens and for `print`."""
    temperature: float = 0.7
    """How freely words are drawn, 0 to 2."""
    max_tokens: int = 256
    """The most tokens to generate; -1 for as many as the model's context leaves."""
    top_p: float = 1
    """The share of probability that words are drawn from, 0 to 1."""
    frequency_penalty: float = 0
    """Makes words rarer the more often they came, -2 to 2."""
    presence_penalty: float = 0
    """Makes words rarer that came at all, -2 to 2."""
    n: int = Field(default=1, ge=1)
    """How many completions each prompt gets."""
    best_of: int = Field(default=1, ge=1)
    """How many are generated, and billed, for the service to choose the `n` best from."""
    logit_bias: dict[str, float] | None = None
    """Makes tokens, by their ids, rarer or more frequent: -100 to 100."""
    seed: int | None = None
    """Makes the service try to answer the same way twice."""
    logprobs: int | None = None
    """How many likely tokens to tell the log probabilities of, 0 to 5."""
    api: Literal["auto", "completions", "chat_completions", "responses"] = "auto"
    """What the deployment speaks.

    `auto` begins with completions. Where the service says that the deployment does not offer them,
    it goes on to chat completions and to Responses, and remembers what worked, in this object and
    its copies. The prompt is one user message in the former, the input in the latter; only
    parameters that were set are sent.
    """
    streaming: bool = False
    """Whether `invoke` and `generate` stream too, so that callbacks see each token."""
    stream_usage: bool = False
    """Whether a stream is asked for its token counts (`stream_options`).

    Some services send them unasked; old API versions refuse the question.
    """
    batch_size: int = Field(default=20, ge=1)
    """How many prompts one request carries; one for each in the other forms."""
    request_timeout: Any = Field(default=None, alias="timeout")
    """Seconds for every step of a request, a pair (connect, read), or an `httpx2.Timeout`.

    None means 5 to connect and 600 to read; with a client of your own, that client's.
    """
    extra_body: Mapping[str, Any] | None = None
    """More properties of the request body, as they are; a call's own arguments come over them."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """More model parameters: `echo`, `suffix`, `user` and the like."""
    allowed_special: Literal["all"] | set[str] = Field(default_factory=set)
    """Special tokens that a text to be counted may hold."""
    disallowed_special: Literal["all"] | Collection[str] = "all"
    """Special tokens that it may not hold."""
    tiktoken_model_name: str | None = None
    """The model whose tokens are counted, if not `model_name`'s."""

    @classmethod
    def _accept_unknown(cls, known: dict[str, Any], unknown: dict[str, Any]) -> dict[str, Any]:
        """Take arguments that resemble no setting for model parameters, as the peer does."""
        known, unknown = _settings.with_request_options(known, unknown)
        moved = {}
        for name, value in unknown.items():
            if suggestion := _settings.nearest(name, cls.model_fields):
                raise _settings.unknown_argument(name, suggestion, cls.__name__)
            if name.lower().replace("-", "_").split("_")[-1] in _SECRETS and name != _HARMLESS:
                raise ConfigurationError(
                    f"{cls.__name__} has no argument {name!r}, and what is called so may be a "
                    "secret: pass api_key, azure_ad_token, credential or default_headers; a model "
                    "parameter of that name goes into model_kwargs."
                )
            warnings.warn(
                f"{cls.__name__} has no argument {name!r}: it was put into model_kwargs.",
                stacklevel=6,
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

    @field_validator("disallowed_special")
    @classmethod
    def _as_a_set(cls, value: Any) -> Any:
        return value if isinstance(value, str) else frozenset(value)

    @field_validator("azure_endpoint", "openai_api_base")
    @classmethod
    def _trim(cls, value: str | None) -> str | None:
        return value.strip() if value is not None else None

    @field_validator("openai_api_version")
    @classmethod
    def _check_version(cls, value: str | None) -> str | None:
        return check_version(value.strip()) if value is not None else None

    @field_validator("openai_proxy")
    @classmethod
    def _check_proxy(cls, value: str | None) -> str | None:
        if value is not None:
            check_proxy(value, "openai_proxy")
        return value

    @field_validator("request_timeout", mode="before")
    @classmethod
    def _check_timeout(cls, value: Any) -> Any:
        return _settings.checked_timeout(value, "timeout")

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        check_azure_openai(self._address, "azure_endpoint")
        check_url(self._address, "azure_endpoint", allow_plain_http=self.allow_plain_http)
        other = self._route.deployment
        if other and self.deployment_name and other != self.deployment_name:
            raise ConfigurationError(
                f"The endpoint's address names the deployment {other!r}, and deployment_name is "
                f"{self.deployment_name!r}: leave one of them out."
            )
        check_secret(self.openai_api_key, "api_key")
        check_secret(self.azure_ad_token, "azure_ad_token")
        self._check_one_credential()
        _ = self._authorization
        if self.max_tokens < -1 or self.max_tokens == 0:
            raise ConfigurationError(
                f"max_tokens is {self.max_tokens}, expected a number above 0, or -1 for as many as "
                "fit."
            )
        if self.streaming and (self.n > 1 or self.best_of > 1):
            raise ConfigurationError(
                "streaming=True gives one completion: n and best_of must be 1."
            )
        return self

    @Derived
    def _address(self) -> str:
        """The endpoint; an explicit one, under either name, comes before the environment's."""
        if self._is_explicit("openai_api_base"):
            if self._is_explicit("azure_endpoint"):
                raise ConfigurationError("Pass azure_endpoint or base_url, not both.")
            return self.openai_api_base or ""
        if not self.azure_endpoint:
            other = " OPENAI_API_BASE is not read." if os.environ.get("OPENAI_API_BASE") else ""
            raise ConfigurationError(
                "No endpoint: pass azure_endpoint, or set AZURE_OPENAI_ENDPOINT, such as "
                f"https://<resource>.openai.azure.com.{other}"
            )
        return self.azure_endpoint

    @Derived
    def _route(self) -> AzureOpenAIRoute:
        return azure_openai_route(
            self._address,
            self.openai_api_version,
            version_is_explicit="openai_api_version" in self.model_fields_set,
            exact=self._is_explicit("openai_api_base") and not self.validate_base_url,
        )

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The secret settings, with the environment variable that may hold each."""
        return {"openai_api_key": "AZURE_OPENAI_API_KEY", "azure_ad_token": "AZURE_OPENAI_AD_TOKEN"}

    @property
    def _secrets_in_use(self) -> dict[str, str]:
        """The one that is sent: several may come from the environment."""
        used = "azure_ad_token" if self._sends_token else "openai_api_key"
        if self.credential is not None:
            used = "openai_api_key" if key_of(self.credential) is not None else ""
        elif self._has_provider or getattr(self, used) is None:
            used = ""
        return {name: variable for name, variable in self.lc_secrets.items() if name == used}

    @property
    def _overruled(self) -> frozenset[str]:
        """What of the environment does not count here, but would if it were saved.

        That is its endpoint beside `base_url`, and a dated version beside an address of the v1 API.
        """
        dated = self.openai_api_version not in V1_VERSIONS
        overruled = {"openai_api_version"} if dated and self._route.is_v1 else set()
        if self._is_explicit("openai_api_base"):
            overruled.add("azure_endpoint")
        return frozenset(overruled)

    @property
    def _sends_token(self) -> bool:
        return self.azure_ad_token is not None and not self._is_explicit("openai_api_key")

    @property
    def _has_provider(self) -> bool:
        return any(getattr(self, name) is not None for name in _PROVIDERS)

    @property
    def _authorization(self) -> Authorization:
        if self.credential is not None:
            holds_key = hasattr(self.credential, "key")  # an AzureKeyCredential holds no token
            with_key = api_key if holds_key else self._with_key
            return self._authorization_of(self.credential, with_key)
        return self._fixed_authorization

    @Derived
    def _fixed_authorization(self) -> Authorization:
        if self._has_provider:
            from langchain_azure_llms.auth._tokens import (  # noqa: PLC0415 - keys need none
                ProvidedTokens,
            )

            pair = (self.azure_ad_token_provider, self.azure_ad_async_token_provider)
            return token_bearer(ProvidedTokens(*pair), identity=id(pair[0] or pair[1]))
        if self.azure_ad_token is not None and self._sends_token:
            return bearer(self.azure_ad_token)
        if self.openai_api_key is None:
            raise MissingCredentialError(_missing_credential())
        if self._is_explicit("openai_api_key"):
            return self._with_key(self.openai_api_key)
        return api_key(self.openai_api_key)

    def _with_key(self, key: SecretStr) -> Authorization:
        """Return the authorization of a key that was passed, or of a token in its place.

        The api type says which, if it was passed too. One of the environment belongs to the key of
        the environment, and counts here only for what is a token by its looks.
        """
        is_entra = str(self.openai_api_type).lower() in _ENTRA_TYPES
        is_told = self._is_explicit("openai_api_type")
        return bearer(key) if is_entra and (is_told or is_web_token(key)) else api_key(key)


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
