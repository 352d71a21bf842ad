"""Azure OpenAI text completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models.base import LangSmithParams
from pydantic import ConfigDict

from langchain_azure_llms._redact import public_url
from langchain_azure_llms.auth import is_web_token
from langchain_azure_llms.exceptions import (
    AuthenticationError,
    ConfigurationError,
    DeploymentNotFoundError,
    OperationNotSupportedError,
    StatusError,
)
from langchain_azure_llms.llms import _settings, _tokens
from langchain_azure_llms.llms._azure_openai_settings import MODEL_PARAMETERS, AzureOpenAISettings
from langchain_azure_llms.llms._forms import CHAT, FORMS, RESPONSES, Plan
from langchain_azure_llms.llms._openai_forms import (
    Asked,
    check_stop,
    knows_old_limit_only,
    refuse_misspelt,
    requests_in,
)
from langchain_azure_llms.llms._registered import llm_registry

_CLIENT_ARGUMENTS = ("extra_headers", "extra_query", "extra_body", "timeout")
"""What OpenAI's own client takes beside the body, at each call."""
_REFUSED_PARAMETERS = ("unsupported_parameter", "unsupported_value")
_NOT_A_KEY = (
    "What was sent as a key looks like a Microsoft Entra token: pass it as azure_ad_token, or its "
    "credential as credential."
)
_REASONING = (
    "Reasoning models take neither max_tokens nor temperature, top_p, penalties or logprobs: leave "
    "them out. For a limit that such models take, use api_version='v1', or a version of 2024-09-01 "
    "or later; extra_body adds to the request's body as it is."
)


class AzureOpenAI(AzureOpenAISettings):
    """Text completion by a deployment in Azure OpenAI, whatever form of the API it speaks.

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

    model_config = ConfigDict(defer_build=False)

    # --- what LangChain and people see ------------------------------------------------------

    @property
    def _llm_type(self) -> str:
        return "azure"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        params = {name: getattr(self, name) for name in MODEL_PARAMETERS}
        return {
            "deployment_name": self.deployment_name,
            "model_name": self.model_name,
            **params,
            "logit_bias": self.logit_bias or {},
            **({"best_of": self.best_of} if self.best_of > 1 else {}),
            **self.model_kwargs,
            **({"extra_body": dict(self.extra_body)} if self.extra_body else {}),
            "azure_endpoint": public_url(self._address),
            "openai_api_version": self.openai_api_version,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "azure"
        if self.deployment_name:
            params["ls_model_name"] = self.deployment_name
        return params

    @property
    def max_context_size(self) -> int:
        """How many tokens the model's prompt and completion may have together."""
        return _tokens.context_size(self.model_name)

    @staticmethod
    def modelname_to_contextsize(modelname: str) -> int:
        """Return how many tokens a model's prompt and completion may have together.

        Raises:
            ConfigurationError: If the model is not known.
        """
        return _tokens.context_size(modelname)

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
        return _tokens.token_ids(text, model, self.allowed_special, self.disallowed_special)

    # --- what is sent -----------------------------------------------------------------------

    @property
    def _proxy(self) -> str | None:
        return self.openai_proxy

    @property
    def _streams_always(self) -> bool:
        return self.streaming

    @property
    def _model_name(self) -> str | None:
        return self.model_name

    def _plan(
        self, prompts: list[str], stop: list[str] | None, params: dict[str, Any], *, stream: bool
    ) -> Plan:
        extra = {name: params.get(name) for name in _CLIENT_ARGUMENTS}
        params = {name: value for name, value in params.items() if name not in extra}
        asked = self._asked(stop, params, extra["extra_body"], stream=stream)
        deployment = self._deployment(asked)
        time = self.request_timeout if extra["timeout"] is None else extra["timeout"]
        common: dict[str, Any] = {
            "headers": {"OpenAI-Organization": self.openai_organization},
            "timeout": _settings.as_timeout(time, "timeout"),
            "stream": stream,
            "extra_headers": extra["extra_headers"],
            "extra_query": extra["extra_query"],
        }
        return Plan(
            prompts,
            lambda form: requests_in(
                form, self._request(self._url(form, deployment), **common), asked
            ),
            FORMS if self.api == "auto" else (self.api,),
            (self._address, deployment),
            deployment,
        )

    def _asked(
        self,
        stop: list[str] | None,
        params: dict[str, Any],
        call_body: Mapping[str, Any] | None,
        *,
        stream: bool,
    ) -> Asked:
        _settings.check_mapping(call_body, "extra_body")
        refuse_misspelt(params)
        check_stop(stop)
        check_stop(params.get("stop"))
        check_stop(self.model_kwargs.get("stop"))
        settings = {name: getattr(self, name) for name in MODEL_PARAMETERS}
        if self.best_of > 1:  # some deployments refuse best_of, so its default is not sent
            settings["best_of"] = self.best_of
        return Asked(
            settings,
            {name: value for name, value in settings.items() if name in self.model_fields_set},
            params,
            self._own_deployment,
            model_kwargs=self.model_kwargs,
            extra_body=self.extra_body or {},
            call_body=call_body or {},
            stop=stop,
            stream=stream,
            stream_usage=self.stream_usage,
            batch_size=self.batch_size,
            old_limit=knows_old_limit_only(self._route.api_version, is_v1=self._route.is_v1),
            room_for=self.max_tokens_for_prompt,
        )

    def _url(self, form: str, deployment: str) -> str:
        if form == RESPONSES:
            return self._route.responses_url
        return self._route.url("chat/completions" if form == CHAT else "completions", deployment)

    def _explain(self, error: StatusError) -> None:
        """Say what to do where a model refuses the form, or a parameter of it."""
        if isinstance(error, OperationNotSupportedError):
            if self.api == "auto":
                return
            advice = (
                f"The deployment {self._own_deployment!r} does not speak {self.api}: api='auto' "
                f"finds out what it speaks, or set the right one of {', '.join(map(repr, FORMS))}; "
                "or deploy another model."
            )
            error.args = (f"{error} {advice}",)
        elif error.code in _REFUSED_PARAMETERS:
            error.args = (f"{error} {_REASONING}",)
        elif isinstance(error, DeploymentNotFoundError):
            version = self._route.api_version or "v1"
            error.args = (f"{error} The API version was {version!r}.",)
        elif isinstance(error, AuthenticationError) and self._sends_token_as_key:
            error.args = (f"{error} {_NOT_A_KEY}",)

    @property
    def _sends_token_as_key(self) -> bool:
        return is_web_token(self._authorization.headers.get("api-key", ""))

    @property
    def _own_deployment(self) -> str | None:
        return self.deployment_name or self._route.deployment

    def _deployment(self, asked: Asked) -> str:
        """Return the deployment to call; `model` of a call counts only where none is fixed."""
        own = (self._own_deployment, asked.call_body.get("model"), asked.params.get("model"))
        kept = (self.extra_body or {}, self.model_kwargs)
        deployment = next(filter(None, (*own, *(more.get("model") for more in kept))), None)
        if not isinstance(deployment, str):
            raise ConfigurationError(
                "No deployment: pass deployment_name (or azure_deployment), the name that the "
                "deployment has in the resource."
            )
        return deployment


llm_registry.register("azure", AzureOpenAI)
