"""Azure OpenAI text completion."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from langchain_core.language_models.base import LangSmithParams
from pydantic import Field, SecretStr, field_validator, model_validator

from langchain_azure_llms._redaction import public_url
from langchain_azure_llms.auth import check_secret
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.http.endpoint import Endpoint
from langchain_azure_llms.llms import openai_settings, settings, token_counting
from langchain_azure_llms.llms.api_cache import api_cache
from langchain_azure_llms.llms.base import AzureLLM
from langchain_azure_llms.llms.endpoints import make_endpoint
from langchain_azure_llms.llms.openai_requests import OpenAIRequests
from langchain_azure_llms.llms.openai_settings import MODEL_PARAMETERS, TokenFromEnv
from langchain_azure_llms.llms.openai_urls import (
    V1_VERSIONS,
    AzureOpenAIRoute,
    azure_openai_route,
)
from langchain_azure_llms.llms.registry import llm_registry


class AzureOpenAI(AzureLLM):
    """Text completion by a deployment in Azure OpenAI, whichever API it speaks.

    Example:
        .. code-block:: python

            from langchain_azure_llms import AzureOpenAI

            llm = AzureOpenAI(
                azure_endpoint="https://<resource>.openai.azure.com",
                azure_deployment="gpt-35-turbo-instruct",
                api_version="2024-10-21",
                api_key="my-api-key",
            )
            llm.invoke("Tell me a joke")

    Where to send it, and who sends it:
        azure_endpoint: The resource's address (environment: `AZURE_OPENAI_ENDPOINT`).
        deployment_name (azure_deployment): The deployment.
        openai_api_version (api_version): A dated version, or `"v1"` (`OPENAI_API_VERSION`).
        credential: A key, an `AzureKeyCredential`, a credential of azure-identity, or a function
            that returns a Microsoft Entra token; kept, and renewed before it expires.
        credential_scopes: What its tokens are asked for;
            `https://cognitiveservices.azure.com/.default`.
        openai_api_key (api_key): The resource's key (`AZURE_OPENAI_API_KEY`).
        azure_ad_token: A Microsoft Entra token (`AZURE_OPENAI_AD_TOKEN`), instead of a key.
        azure_ad_token_provider, azure_ad_async_token_provider: Functions that return one; called
            for every request.
        openai_organization (organization), openai_proxy, default_headers, default_query: What
            gateways and networks want.
        http_client, http_async_client: Your own `httpx2.Client` and `httpx2.AsyncClient`.
        allow_plain_http: Whether keys may travel unencrypted beyond this machine; False.

    What to generate:
        api: `"completions"`, `"chat_completions"` or `"responses"`; `"auto"` finds out, at the
            first call, what the deployment speaks.
        temperature, max_tokens, top_p, frequency_penalty, presence_penalty, n, best_of, logit_bias,
            seed, logprobs: As the service understands them; `max_tokens=-1` fills the context.
        model_kwargs, extra_body: More of the request's body.

    How:
        batch_size: Prompts per request; 20.
        max_concurrency: Requests of one batch in flight at once; 16.
        request_timeout (timeout): Seconds per step, a pair (connect, read), or an `httpx2.Timeout`;
            5 to connect and 600 to read.
        max_retries, retry_policy: How often, and how patiently, to try again; 2.
        streaming: Whether `invoke` streams too; False.
        stream_usage: Whether to ask for token counts when streaming; False.
        rate_limiter: Asked before each request.

    Raises:
        ConfigurationError: If a setting is wrong, missing, or in conflict with another.
    """

    default_scopes: ClassVar[tuple[str, ...]] = ("https://cognitiveservices.azure.com/.default",)
    credential_settings: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("credential",),
        ("openai_api_key",),
        ("azure_ad_token",),
        openai_settings.PROVIDERS,
    )
    shared_resources: ClassVar[tuple[str, ...]] = (
        *settings.SHARED_RESOURCES,
        *openai_settings.PROVIDERS,
    )
    other_names: ClassVar[Mapping[str, str]] = openai_settings.OTHER_NAMES
    call_arguments: ClassVar[frozenset[str]] = frozenset(
        {*MODEL_PARAMETERS, "best_of", "extra_body", "model", "timeout"}
    )

    azure_endpoint: openai_settings.Address = Field(
        default_factory=settings.FromEnv("AZURE_OPENAI_ENDPOINT", "AZURE_AI_PROJECT_ENDPOINT"),
        validate_default=True,
    )
    """The address of the resource, such as `https://<resource>.openai.azure.com`, or of a project.

    From `AZURE_OPENAI_ENDPOINT` if not given, else from `AZURE_AI_PROJECT_ENDPOINT`.
    """
    deployment_name: str | None = Field(default=None, alias="azure_deployment")
    """The deployment's name."""
    openai_api_version: openai_settings.Version = Field(
        default_factory=settings.FromEnv("OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION"),
        alias="api_version",
        validate_default=True,
    )
    """A dated version such as `2024-10-21`, or `v1`.

    From `OPENAI_API_VERSION` if not given, else from `AZURE_OPENAI_API_VERSION`.
    """
    openai_api_type: str | None = Field(
        default_factory=settings.FromEnv("OPENAI_API_TYPE", default="azure")
    )
    """`azure_ad` when the key is a Microsoft Entra token. From `OPENAI_API_TYPE`, else `azure`."""
    openai_api_key: SecretStr | None = Field(
        default_factory=settings.SecretFromEnv("AZURE_OPENAI_API_KEY"), alias="api_key"
    )
    """The resource's key. From `AZURE_OPENAI_API_KEY` if not given."""
    azure_ad_token: SecretStr | None = Field(default_factory=TokenFromEnv("AZURE_OPENAI_AD_TOKEN"))
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
    openai_api_base: openai_settings.Address = Field(default=None, alias="base_url")
    """The endpoint under its old name."""
    openai_organization: str | None = Field(
        default_factory=settings.FromEnv("OPENAI_ORG_ID", "OPENAI_ORGANIZATION"),
        alias="organization",
    )
    """The organization that requests are counted for. From `OPENAI_ORG_ID` if not given."""
    openai_proxy: openai_settings.Proxy = Field(
        default_factory=settings.FromEnv("OPENAI_PROXY"), repr=False, validate_default=True
    )
    """A proxy's URL, instead of the environment's proxies. From `OPENAI_PROXY` if not given."""

    model_name: str = Field(default="gpt-3.5-turbo-instruct", alias="model")
    """The model behind the deployment, for counting tokens and for `print`."""
    temperature: float | None = 0.7
    """How freely words are drawn, 0 to 2. A parameter that is None is not sent."""
    max_tokens: int | None = 256
    """The most tokens to generate; -1 for as many as the model's context leaves."""
    top_p: float | None = 1
    """The share of probability that words are drawn from, 0 to 1."""
    frequency_penalty: float | None = 0
    """Makes words rarer the more often they came, -2 to 2."""
    presence_penalty: float | None = 0
    """Makes words rarer that came at all, -2 to 2."""
    n: int | None = Field(default=1, ge=1)
    """How many completions each prompt gets."""
    best_of: int | None = Field(default=1, ge=1)
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
    request_timeout: settings.Timeout = Field(default=None, alias="timeout")
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

    # --- settings, checked -------------------------------------------------------------------

    @classmethod
    def _accept_unknown(cls, known: dict[str, Any], unknown: dict[str, Any]) -> dict[str, Any]:
        return openai_settings.accept_unknown(cls, known, unknown)

    @field_validator("disallowed_special")
    @classmethod
    def _as_a_set(cls, value: Any) -> Any:
        return value if isinstance(value, str) else frozenset(value)

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        openai_settings.refuse_missing(self)
        check_secret(self.openai_api_key, "api_key")
        check_secret(self.azure_ad_token, "azure_ad_token")
        openai_settings.check_counts(self)
        openai_settings.check_deployment(self)
        _ = self.endpoint
        return self

    # --- where requests go, and as whom ------------------------------------------------------

    @cached_property
    def endpoint_address(self) -> str:
        """The endpoint; an explicit one, under either name, comes before the environment's."""
        return openai_settings.address_of(self)

    @cached_property
    def route(self) -> AzureOpenAIRoute:
        """The URLs of the endpoint."""
        return azure_openai_route(
            self.endpoint_address,
            self.openai_api_version,
            version_is_explicit="openai_api_version" in self.model_fields_set,
            exact=self.is_explicit("openai_api_base") and not self.validate_base_url,
        )

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The secret settings, with the environment variable that may hold each."""
        return {"openai_api_key": "AZURE_OPENAI_API_KEY", "azure_ad_token": "AZURE_OPENAI_AD_TOKEN"}

    @property
    def secrets_in_use(self) -> dict[str, str]:
        """The one that is sent: the environment may hold several."""
        used = openai_settings.secret_in_use(self)
        return {name: variable for name, variable in self.lc_secrets.items() if name == used}

    @property
    def overridden_settings(self) -> frozenset[str]:
        """What of the environment does not count here, but would if it were saved.

        That is its endpoint beside `base_url`, and a dated version beside an address of the v1 API.
        """
        names = set()
        if self.openai_api_version not in V1_VERSIONS and self.route.is_v1:
            names.add("openai_api_version")
        if self.is_explicit("openai_api_base"):
            names.add("azure_endpoint")
        return frozenset(names)

    def _make_endpoint(self) -> Endpoint:
        _ = self.route
        return make_endpoint(
            self,
            openai_settings.authorization_of(self),
            timeout=settings.as_timeout(self.request_timeout, "timeout"),
            headers={"OpenAI-Organization": self.openai_organization},
            proxy=self.openai_proxy,
        )

    def request_builder(
        self, stop: list[str] | None, params: dict[str, Any], *, stream: bool
    ) -> OpenAIRequests:
        """Return what makes the requests of one call."""
        settings.refuse_settings(params, type(self))
        return OpenAIRequests(self, stop, params, stream=stream)

    # --- what LangChain and people see -------------------------------------------------------

    @property
    def _llm_type(self) -> str:
        return "azure"

    @property
    def fallback_model_name(self) -> str | None:
        """The model's name."""
        return self.model_name

    @property
    def streams_always(self) -> bool:
        """Whether `generate` streams too."""
        return self.streaming

    @cached_property
    def shown_parameters(self) -> Mapping[str, Any]:
        """The model and its parameters as caches and tracers see them."""
        return openai_settings.shown_parameters(self)

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {
            "deployment_name": self.deployment_name,
            **self.shown_parameters,
            **self.model_kwargs,
            **({"extra_body": dict(self.extra_body)} if self.extra_body else {}),
            "azure_endpoint": public_url(self.endpoint_address),
            "openai_api_version": self.openai_api_version,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        api: str = self.api
        if api == "auto":  # what was learned counts here; in a cache key it must not
            deployment = self.deployment_name or self.route.deployment
            api = api_cache.known((self.endpoint_address, deployment)) or "completions"
        if api != "completions":
            for name in ("temperature", "max_tokens"):
                if name not in self.model_fields_set and name not in kwargs:
                    params.pop(f"ls_{name}", None)  # type: ignore[misc] # a key of the mapping
        params["ls_provider"] = "azure"
        if self.deployment_name:
            params["ls_model_name"] = self.deployment_name
        return params

    @property
    def max_context_size(self) -> int:
        """How many tokens the model's prompt and completion may have together."""
        return token_counting.context_size(self.model_name)

    @staticmethod
    def modelname_to_contextsize(modelname: str) -> int:
        """Return how many tokens a model's prompt and completion may have together.

        Raises:
            ConfigurationError: If the model is not known.
        """
        return token_counting.context_size(modelname)

    def max_tokens_for_prompt(self, prompt: str) -> int:
        """Return how many tokens the model's context leaves for the completion.

        Raises:
            ConfigurationError: If the model or a tokenizer is missing, or nothing is left.
        """
        counted, size = self.get_num_tokens(prompt), self.max_context_size
        if counted >= size:
            raise ConfigurationError(
                f"The prompt has {counted} tokens, and {self.model_name} takes {size} with the "
                "completion: shorten it."
            )
        return size - counted

    def get_token_ids(self, text: str) -> list[int]:
        """Return a text's tokens: by `custom_get_token_ids`, else by tiktoken.

        Raises:
            ConfigurationError: If neither is there.
        """
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        model = self.tiktoken_model_name or self.model_name
        return token_counting.token_ids(text, model, self.allowed_special, self.disallowed_special)


llm_registry.register("azure", AzureOpenAI)
