"""Azure OpenAI text completion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from langchain_core.language_models.base import LangSmithParams

from langchain_azure_llms._redact import public_url
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.formatters import completions
from langchain_azure_llms.llms import _settings, _tokens
from langchain_azure_llms.llms._azure_openai_settings import MODEL_PARAMETERS, AzureOpenAISettings
from langchain_azure_llms.llms._calls import PromptCall
from langchain_azure_llms.llms._registered import llm_registry
from langchain_azure_llms.transport._exchange import HttpRequest

_CLIENT_ARGUMENTS = ("extra_headers", "extra_query", "extra_body", "timeout")
"""What OpenAI's own client takes beside the body, at each call."""
_FILL_CONTEXT = -1


class AzureOpenAI(AzureOpenAISettings):
    """A deployment of a text-completion model in Azure OpenAI.

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

    Raises:
        ConfigurationError: If a setting is wrong, missing, or in conflict with another.
    """

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

    def _calls(
        self, prompts: list[str], stop: list[str] | None, params: dict[str, Any], *, stream: bool
    ) -> list[PromptCall]:
        extra = {name: params.get(name) for name in _CLIENT_ARGUMENTS}
        body = self._body(stop, {k: v for k, v in params.items() if k not in extra}, extra)
        n = _count(body.get("n", 1), "n")
        if stream:
            _refuse_choice(n, _count(body.get("best_of", 1), "best_of"))
            body["stream"] = True
        request = self._request(
            self._route.url("completions", self._deployment(body)),
            headers={"OpenAI-Organization": self.openai_organization},
            timeout=_settings.as_timeout(
                self.request_timeout if extra["timeout"] is None else extra["timeout"], "timeout"
            ),
            stream=stream,
            extra_headers=extra["extra_headers"],
            extra_query=extra["extra_query"],
        )
        fills_context = body.get("max_tokens") == _FILL_CONTEXT
        size = 1 if stream or fills_context else self.batch_size
        groups = [prompts[i : i + size] for i in range(0, len(prompts), size)]
        if fills_context:
            return [
                _call(request, g, {**body, "max_tokens": self.max_tokens_for_prompt(g[0])}, n)
                for g in groups
            ]
        return [_call(request, group, body, n) for group in groups]

    def _body(
        self, stop: list[str] | None, params: dict[str, Any], extra: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the request body of one call but for its prompts; what is None is not sent."""
        _refuse_misspelt(params)
        _settings.check_mapping(extra["extra_body"], "extra_body")
        body = {name: getattr(self, name) for name in MODEL_PARAMETERS}
        if self.best_of > 1:  # some deployments refuse best_of, so its default is not sent
            body["best_of"] = self.best_of
        body |= {**self.model_kwargs, **(self.extra_body or {})}
        body |= {**params, **(extra["extra_body"] or {})}
        body["model"] = body.get("model") or self._own_deployment
        if stop is not None:
            body["stop"] = stop
        if body.pop("stream", None):
            raise ConfigurationError("Call stream or astream, or pass streaming=True, to stream.")
        return {name: value for name, value in body.items() if value is not None}

    @property
    def _own_deployment(self) -> str | None:
        return self.deployment_name or self._route.deployment

    def _deployment(self, body: Mapping[str, Any]) -> str:
        """Return the deployment to call; `model` of a call counts only where none is fixed."""
        deployment = self._own_deployment or body.get("model")
        if not isinstance(deployment, str):
            raise ConfigurationError(
                "No deployment: pass deployment_name (or azure_deployment), the name that the "
                "deployment has in the resource."
            )
        return deployment


llm_registry.register("azure", AzureOpenAI)


def _call(request: HttpRequest, prompts: list[str], body: dict[str, Any], n: int) -> PromptCall:
    prompt = prompts[0] if request.stream else prompts
    return PromptCall(
        prompts,
        replace(request, body=completions.payload(prompt, body)),
        read=lambda reply: completions.read_answer(reply, len(prompts), n),
        read_event=completions.read_event,
    )


_KNOWN = frozenset(
    {
        *MODEL_PARAMETERS,
        "best_of",
        "echo",
        "model",
        "stop",
        "stream",
        "stream_options",
        "suffix",
        "user",
    }
)


def _refuse_misspelt(params: Mapping[str, Any]) -> None:
    """Refuse a call's argument that is nearly one of the service's, and is none."""
    for name in params.keys() - _KNOWN:
        for near in get_close_matches(name, _KNOWN, n=1, cutoff=0.8):
            raise ConfigurationError(f"{name!r} is no parameter. Did you mean {near!r}?")


def _count(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{name} is {value!r}, expected a whole number of at least 1.")
    return value


def _refuse_choice(n: int, best_of: int) -> None:
    if n > 1 or best_of > 1:
        raise ConfigurationError("A stream gives one completion: n and best_of must be 1.")
