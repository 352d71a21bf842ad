"""Models on Azure Machine Learning online endpoints and serverless endpoints."""

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from langchain_core.language_models.base import LangSmithParams
from pydantic import (
    Field,
    SecretStr,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from langchain_azure_llms._redaction import public_url
from langchain_azure_llms.auth import (
    Authorization,
    bearer,
    check_secret,
    credential_authorization,
    key_of,
)
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    MissingCredentialError,
)
from langchain_azure_llms.formatters import adapter
from langchain_azure_llms.formatters.base import AzureMLEndpointApiType
from langchain_azure_llms.http.endpoint import Endpoint
from langchain_azure_llms.http.error_in_success import error_inside_score
from langchain_azure_llms.llms import checks, settings, token_counting
from langchain_azure_llms.llms.base import AzureLLM
from langchain_azure_llms.llms.endpoints import make_endpoint, request_template
from langchain_azure_llms.llms.registry import llm_registry
from langchain_azure_llms.llms.scoring_requests import ScoringRequests
from langchain_azure_llms.llms.urls import check_url

_DEDICATED, _SERVERLESS = AzureMLEndpointApiType.dedicated, AzureMLEndpointApiType.serverless
_NO_CREDENTIAL = (
    "No credential for the endpoint: pass endpoint_api_key, or credential (a key, a credential of "
    "azure-identity such as DefaultAzureCredential(), or a function that returns a token); or set "
    "AZUREML_ENDPOINT_API_KEY."
)
_NO_ENDPOINT = (
    "No endpoint: pass endpoint_url, or set AZUREML_ENDPOINT_URL, to the whole scoring URL."
)
_NO_FORMATTER = (
    "No content formatter: pass content_formatter, such as CustomOpenAIContentFormatter(), that "
    "fits the deployed model."
)
_API_TYPES = ", ".join(repr(str(known)) for known in AzureMLEndpointApiType)


class AzureMLOnlineEndpoint(AzureLLM):
    """A model on an Azure Machine Learning online endpoint, dedicated or serverless.

    Example:
        .. code-block:: python

            from langchain_azure_llms import AzureMLOnlineEndpoint, CustomOpenAIContentFormatter

            llm = AzureMLOnlineEndpoint(
                endpoint_url="https://<endpoint>.<region>.inference.ml.azure.com/score",
                endpoint_api_key="my-api-key",
                content_formatter=CustomOpenAIContentFormatter(),
                model_kwargs={"temperature": 0.8, "max_new_tokens": 400},
            )
            llm.invoke("Write me a song about sparkling water:", temperature=0.5)

    Where to send it, and who sends it:
        endpoint_url: The scoring URL, path included (environment: `AZUREML_ENDPOINT_URL`).
        endpoint_api_type: `"dedicated"` or `"serverless"` (`AZUREML_ENDPOINT_API_TYPE`); by the
            URL's path if not given.
        credential: A key, an `AzureKeyCredential`, a credential of azure-identity, or a function
            that returns a Microsoft Entra token; kept, and renewed before it expires.
        credential_scopes: What its tokens are asked for; `https://ml.azure.com/.default`.
        endpoint_api_key: The key, or a token (`AZUREML_ENDPOINT_API_KEY`).
        deployment_name: Which deployment of the endpoint (`AZUREML_DEPLOYMENT_NAME`); by the
            endpoint's traffic rules if not given.
        default_headers, default_query: What gateways want; `extra_headers` and `extra_query` of a
            call come over them.
        http_client, http_async_client: Your own `httpx2.Client` and `httpx2.AsyncClient`.
        allow_plain_http: Whether keys may travel unencrypted beyond this machine; False.

    What to generate:
        content_formatter: Speaks the deployed model's schema.
        model_kwargs: Model parameters; a call's own arguments come over them.

    How:
        max_concurrency: Requests of one batch in flight at once; 16.
        timeout: Seconds per step, a pair (connect, read), or an `httpx2.Timeout`
            (`AZUREML_TIMEOUT`); 50.
        max_retries, retry_policy: How often, and how patiently, to try again; 1.
        rate_limiter: Asked before each request.

    Raises:
        ConfigurationError: If a setting is wrong or missing, or the formatter does not support the
            api type.
    """

    default_scopes: ClassVar[tuple[str, ...]] = ("https://ml.azure.com/.default",)
    credential_settings: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("credential",),
        ("endpoint_api_key",),
    )

    other_names: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "api_key": "endpoint_api_key",
            "azure_deployment": "deployment_name",
            "azure_endpoint": "endpoint_url",
            "azureml_endpoint_url": "endpoint_url",
            "base_url": "endpoint_url",
            "deployment": "deployment_name",
            "endpoint": "endpoint_url",
            "endpoint_key": "endpoint_api_key",
            "formatter": "content_formatter",
            "key": "endpoint_api_key",
            "request_timeout": "timeout",
            "token": "credential",
            "url": "endpoint_url",
        }
    )

    endpoint_url: str = Field(
        default_factory=settings.FromEnv("AZUREML_ENDPOINT_URL"), validate_default=True
    )
    """The scoring URL, path included: `https://<endpoint>.<region>.inference.ml.azure.com/score`.

    From `AZUREML_ENDPOINT_URL` if not given. Kubernetes endpoints and API gateways have longer
    paths; any path is accepted.
    """
    endpoint_api_type: AzureMLEndpointApiType = Field(
        default_factory=settings.FromEnv("AZUREML_ENDPOINT_API_TYPE"), validate_default=True
    )
    """`dedicated` or `serverless`; which schema a formatter speaks depends on it.

    From `AZUREML_ENDPOINT_API_TYPE` if not given, else from the URL: serverless when its path ends
    in `/completions`, else dedicated. `realtime` is an old name of `dedicated`.
    """
    endpoint_api_key: SecretStr | None = Field(
        default_factory=settings.SecretFromEnv("AZUREML_ENDPOINT_API_KEY")
    )
    """The endpoint's key, or a token. From `AZUREML_ENDPOINT_API_KEY` if not given."""
    deployment_name: str = Field(
        default_factory=settings.FromEnv("AZUREML_DEPLOYMENT_NAME", default="")
    )
    """Which of the endpoint's deployments answers; by its traffic rules when empty.

    From `AZUREML_DEPLOYMENT_NAME` if not given.
    """
    timeout: settings.Timeout = Field(
        default_factory=settings.FromEnv("AZUREML_TIMEOUT", default="50"), validate_default=True
    )
    """Seconds that each step of a request may take (connecting, sending, waiting for bytes).

    A number, a pair (connect, read) or an `httpx2.Timeout`. From `AZUREML_TIMEOUT`, else 50.
    """
    max_retries: int = Field(default=1, ge=0)
    content_formatter: adapter.Formatter = None
    """Translates between prompts and the deployed model's schema.

    A formatter, or `{"_type": name, ...its settings}` as saved files hold it.
    """
    model_kwargs: dict[str, Any] | None = None
    """Model parameters of every call. A call's own arguments come over them, for that call."""

    @field_validator("endpoint_url", mode="before")
    @classmethod
    def _check_url(cls, value: Any, info: ValidationInfo) -> Any:
        if not value:
            return ""  # named with all that is missing
        if not isinstance(value, str):
            return value
        trimmed = value.strip().rstrip("/")
        allowed = info.data.get("allow_plain_http", False)
        if not check_url(trimmed, "endpoint_url", allow_plain_http=allowed).path:
            raise ConfigurationError(
                f"endpoint_url is {public_url(trimmed)!r}, without a path: expected the whole "
                "scoring URL, ending in /score for a dedicated endpoint or in /completions for a "
                "serverless one."
            )
        return trimmed

    @field_validator("endpoint_api_type", mode="before")
    @classmethod
    def _read_api_type(cls, value: Any, info: ValidationInfo) -> AzureMLEndpointApiType:
        if value is None:
            serverless = urlsplit(info.data.get("endpoint_url", "")).path.endswith("/completions")
            value = _SERVERLESS if serverless else _DEDICATED
        # Old code and files hold the member, its value, or the text "AzureMLEndpointApiType.x".
        name = str(getattr(value, "value", value)).rpartition(".")[2].strip().lower()
        if name not in set(AzureMLEndpointApiType):
            shown = repr(value) if isinstance(value, str) else f"a {type(value).__name__}"
            raise ConfigurationError(f"endpoint_api_type is {shown}, expected one of {_API_TYPES}.")
        return (
            _DEDICATED if name == AzureMLEndpointApiType.realtime else AzureMLEndpointApiType(name)
        )

    @field_serializer("content_formatter", when_used="json-unless-none")
    def _write_formatter(self, value: Any) -> dict[str, Any]:
        from langchain_azure_llms.formatters.registry import (  # noqa: PLC0415 - all formatters
            formatter_config,
        )

        return formatter_config(value)

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        self._refuse_missing()
        check_secret(self.endpoint_api_key, "endpoint_api_key")
        _ = self.endpoint
        return self

    def _refuse_missing(self) -> None:
        """Name all that is missing at once; a formatter may come later, if it is all."""
        problems: list[ConfigurationError] = []
        if not self.endpoint_url:
            problems.append(ConfigurationError(_NO_ENDPOINT))
        try:
            self._authorization()
        except MissingCredentialError as error:
            problems.append(error)
        if problems and self.content_formatter is None:
            problems.append(ConfigurationError(_NO_FORMATTER))
        checks.refuse_missing(problems)

    @property
    def _llm_type(self) -> str:
        return "azureml_endpoint"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        formatter = self.content_formatter
        return {
            "deployment_name": self.deployment_name,
            "endpoint_url": public_url(self.endpoint_url),
            "endpoint_api_type": str(self.endpoint_api_type),
            "content_formatter": type(formatter).__name__ if formatter is not None else None,
            "model_kwargs": self.model_kwargs or {},
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        model = {**(self.model_kwargs or {}), **kwargs}
        model = {name: model[name] for name in ("temperature", "max_tokens") if name in model}
        params = super()._get_ls_params(stop=stop, **model)
        params["ls_provider"] = "azureml_endpoint"
        if self.deployment_name:
            params["ls_model_name"] = self.deployment_name
        return params

    def get_token_ids(self, text: str) -> list[int]:
        """Return a text's tokens: by `custom_get_token_ids`, else by LangChain's own tokenizer.

        Raises:
            ConfigurationError: If neither is there.
        """
        try:
            return super().get_token_ids(text)
        except ImportError:
            raise ConfigurationError(token_counting.NO_TOKENIZER) from None

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The secret setting, with the environment variable that may hold it."""
        return {"endpoint_api_key": "AZUREML_ENDPOINT_API_KEY"}

    @property
    def secrets_in_use(self) -> dict[str, str]:
        """The key, unless a credential gives tokens."""
        key = self.endpoint_api_key if self.credential is None else key_of(self.credential)
        return {} if key is None else self.lc_secrets

    @property
    def endpoint_address(self) -> str:
        """The scoring URL."""
        return self.endpoint_url

    @cached_property
    def formatter_api_type(self) -> AzureMLEndpointApiType:
        """The api type as the formatter calls it: `realtime` is an old name."""
        return adapter.api_type_for(self.content_formatter, self.endpoint_api_type)

    @property
    def fallback_model_name(self) -> str | None:
        """The deployment's name."""
        return self.deployment_name or None

    def _authorization(self) -> Authorization:
        if self.credential is not None:
            scopes = self.credential_scopes or self.default_scopes
            return credential_authorization(self.credential, scopes, bearer)
        if checks.has_own_credential(self, "endpoint_api_key"):
            return Authorization()
        if self.endpoint_api_key is None:
            raise MissingCredentialError(_NO_CREDENTIAL)
        return bearer(self.endpoint_api_key)

    def _make_endpoint(self) -> Endpoint:
        formatter = self.content_formatter
        if formatter is not None:
            adapter.check_api_type(formatter, self.endpoint_api_type)
        return make_endpoint(
            self,
            self._authorization(),
            timeout=settings.as_timeout(self.timeout, "timeout"),
            headers={
                "Content-Type": getattr(formatter, "content_type", None),
                "Accept": getattr(formatter, "accepts", None),
                "azureml-model-deployment": self.deployment_name,
            },
        )

    def request_builder(
        self, stop: list[str] | None, params: dict[str, Any], *, stream: bool
    ) -> ScoringRequests:
        """Return what makes the requests of one call."""
        settings.refuse_settings(params, type(self))
        formatter = self.content_formatter
        if formatter is None:
            raise ConfigurationError(_NO_FORMATTER)
        api_type = self.formatter_api_type
        stream = stream and api_type in getattr(formatter, "streaming_api_types", ())
        stream_format: Any = getattr(formatter, "stream_format", "events") if stream else None
        params = {**(self.model_kwargs or {}), **params}
        options = {name: params.pop(name, None) for name in ("extra_headers", "extra_query")}
        if stop:  # a strict score script may refuse an empty list
            params["stop"] = stop
        if params.pop("stream", None):
            raise ConfigurationError("Call stream or astream to stream, instead of `stream: True`.")
        if stream:
            params["stream"] = True
        template = request_template(
            self.endpoint,
            self.endpoint_url,
            stream=stream_format,
            find_error=error_inside_score if adapter.has_built_in_parser(formatter) else None,
            **options,
        )
        return ScoringRequests(
            template, formatter, api_type, params, self.endpoint_url, self.endpoint_url
        )


llm_registry.register("azureml_endpoint", AzureMLOnlineEndpoint)
