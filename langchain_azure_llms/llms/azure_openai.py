"""Azure OpenAI text completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models.base import LangSmithParams

from langchain_azure_llms._redact import public_url
from langchain_azure_llms.auth import Authorization
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.formatters import completions
from langchain_azure_llms.llms import _settings, _tokens
from langchain_azure_llms.llms._azure_openai_settings import AzureOpenAISettings
from langchain_azure_llms.llms._base import VERSION
from langchain_azure_llms.llms._calls import PromptCall
from langchain_azure_llms.llms._urls import with_query
from langchain_azure_llms.transport._exchange import HttpRequest

_PARAMETERS = (
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

    Raises:
        ConfigurationError: If a setting is wrong, missing, or in conflict with another.
    """

    # --- what LangChain and people see ------------------------------------------------------

    @property
    def _llm_type(self) -> str:
        return "azure"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        params = {name: getattr(self, name) for name in _PARAMETERS}
        return {
            "deployment_name": self.deployment_name,
            "model_name": self.model_name,
            **params,
            "logit_bias": self.logit_bias or {},
            **({"best_of": self.best_of} if self.best_of > 1 else {}),
            **self.model_kwargs,
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

    def _parameters(self, stop: list[str] | None, call: dict[str, Any]) -> dict[str, Any]:
        """Return the body's parameters of one call; what is None is not sent."""
        params = {name: getattr(self, name) for name in _PARAMETERS}
        if self.best_of > 1:  # some deployments refuse best_of, so its default is not sent
            params["best_of"] = self.best_of
        params = {**params, **self.model_kwargs, **(self.extra_body or {}), **call}
        if stop is not None:
            params["stop"] = stop
        return {name: value for name, value in params.items() if value is not None}

    def _calls(
        self, prompts: list[str], stop: list[str] | None, params: dict[str, Any], *, stream: bool
    ) -> list[PromptCall]:
        call = dict(params)
        extra_headers, extra_query = call.pop("extra_headers", None), call.pop("extra_query", None)
        timeout = _settings.as_timeout(call.pop("timeout", self.request_timeout), "timeout")
        call.update(call.pop("extra_body", None) or {})
        body = self._parameters(stop, call)
        n = _count(body.get("n", 1), "n")
        if stream:
            if n > 1 or body.get("best_of", 1) > 1:
                raise ConfigurationError("A stream gives one completion: n and best_of must be 1.")
            body["stream"] = True
        route, authorization = self._route, self._authorization
        deployment = body.get("model") or self.deployment_name or route.deployment
        if not deployment:
            raise ConfigurationError(
                "No deployment: pass deployment_name (or azure_deployment), the name that the "
                "deployment has in the resource."
            )
        body["model"] = deployment
        url = self._with_query(route.url("completions", deployment), extra_query)
        headers = _settings.with_headers(self._headers(authorization), extra_headers)
        fills_context = body.get("max_tokens") == -1
        size = 1 if stream or fills_context else self.batch_size

        def call_for(group: list[str]) -> PromptCall:
            if fills_context:
                body["max_tokens"] = self.max_tokens_for_prompt(group[0])
            request = HttpRequest(
                url=url,
                headers=headers,
                body=completions.payload(group[0] if stream else group, body),
                timeout=timeout,
                stream=stream,
                needs_token=authorization.needs_token,
                limit_key=(url, authorization.identity),
            )
            return PromptCall(
                group,
                request,
                read=lambda reply: completions.read_answer(reply, len(group), n),
                read_event=completions.read_event,
            )

        return [call_for(prompts[i : i + size]) for i in range(0, len(prompts), size)]

    def _with_query(self, url: str, extra: Mapping[str, object] | None) -> str:
        query = {**(self.default_query or {}), **(extra or {})}
        return with_query(url, tuple(query.items())) if query else url

    def _headers(self, authorization: Authorization) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": f"langchain-azure-llms/{VERSION}",
            **authorization.headers,
        }
        if self.openai_organization:
            headers["OpenAI-Organization"] = self.openai_organization
        return _settings.with_headers(headers, self.default_headers)


def _count(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{name} is {value!r}, expected a whole number of at least 1.")
    return value
