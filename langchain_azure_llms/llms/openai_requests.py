"""The requests of one call to Azure OpenAI, in each of its three APIs for text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_azure_llms.auth import is_web_token
from langchain_azure_llms.exceptions import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    DeploymentNotFoundError,
    OperationNotSupportedError,
    StatusError,
)
from langchain_azure_llms.http.request import HttpRequest
from langchain_azure_llms.llms import settings
from langchain_azure_llms.llms.api_cache import api_cache
from langchain_azure_llms.llms.completion import CompletionRequest
from langchain_azure_llms.llms.endpoints import request_template
from langchain_azure_llms.llms.generation_params import (
    FILL_CONTEXT,
    GenerationParams,
    check_stop,
    count_of,
    finished_body,
    layered,
    refuse_choice,
    refuse_misspelt,
)
from langchain_azure_llms.llms.openai_settings import MODEL_PARAMETERS
from langchain_azure_llms.openai_api import completions
from langchain_azure_llms.openai_api.parameters import rename
from langchain_azure_llms.openai_api.stop import as_stop, cut_response

if TYPE_CHECKING:
    from langchain_azure_llms.llms.azure_openai import AzureOpenAI

COMPLETIONS, CHAT, RESPONSES = APIS = ("completions", "chat_completions", "responses")
_CLIENT_ARGUMENTS = frozenset({"extra_headers", "extra_query", "extra_body", "timeout"})
"""What OpenAI's own client takes beside the body, at each call."""
_LIMITS = ("max_tokens", "max_completion_tokens")
_NOT_A_KEY = (
    "What was sent as a key looks like a Microsoft Entra token: pass it as azure_ad_token, or its "
    "credential as credential."
)
_NEW_LIMIT_SINCE = "2024-09-01"
"""The first API version with `max_completion_tokens`, and with the models that take no other
(Microsoft, "Azure OpenAI reasoning models")."""

_SUBSTITUTES = {
    "stop": "",
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}

Build = Callable[[Sequence[str]], CompletionRequest]


class OpenAIRequests:
    """Makes the requests of one call.

    Args:
        llm: The LLM object.
        stop: Stop sequences.
        params: The call's own parameters.
        stream: Whether the responses are to be streamed.

    Attributes:
        apis: The APIs to try, in this order.
        deployment: Identifies the deployment: its endpoint and its name.
        name: The deployment's name.

    Raises:
        ConfigurationError: If a parameter is wrong, or there is no deployment.
    """

    def __init__(
        self, llm: AzureOpenAI, stop: list[str] | None, params: dict[str, Any], *, stream: bool
    ) -> None:
        self._llm, self._options, extra_body = llm, params, params.get("extra_body")
        self._params = _generation_params(llm, stop, params, extra_body, stream=stream)
        only = llm.route.api  # of an address that is the whole URL of one
        self.name = self._params.model or _deployment(self._params, is_needed=only is None)
        self.deployment = (llm.endpoint_address, self.name)
        self.apis: tuple[str, ...] = (only,) if only else APIS if llm.api == "auto" else (llm.api,)
        self._fills_context = _max_tokens(self._params) == FILL_CONTEXT
        self._builds: dict[str, tuple[Mapping[str, str], Build]] = {}

    def pack_size(self, api: str) -> int:
        """Return how many prompts one request can carry."""
        llm, params = self._llm, self._params
        if api != COMPLETIONS or llm.streaming or params.stream or self._fills_context:
            return 1
        return llm.batch_size

    def build(self, api: str, prompts: Sequence[str]) -> CompletionRequest:
        """Return the request for some prompts.

        Raises:
            ConfigurationError: If the API has no counterpart of a parameter.
        """
        known = self._builds.get(api)
        if known is None or known[0] is not api_cache.substitutes(self.deployment):
            make = {COMPLETIONS: self._completions, CHAT: self._chat}.get(api, self._responses)
            known = api_cache.substitutes(self.deployment), make(self._template(api))
            self._builds[api] = known
        return known[1](prompts)

    def substitute_for(self, error: BadRequestError, api: str) -> tuple[str, str] | None:
        """Return a parameter that a chat model refused, and the one to send in its place.

        Reasoning models take no stop sequences: the text is cut here. Which of the two limits on
        tokens a model takes depends on its maker and its age.
        """
        name = error.param
        if api != CHAT or name not in _SUBSTITUTES or name in layered(self._params)[1]:
            return None
        return name, _SUBSTITUTES[name]

    def _template(self, api: str) -> HttpRequest:
        route, options = self._llm.route, self._options
        if api == RESPONSES:
            url = route.responses_url
        else:
            url = route.url("chat/completions" if api == CHAT else "completions", self.name)
        timeout = options.get("timeout")
        return request_template(
            self._llm.endpoint,
            url,
            stream="events" if self._params.stream else None,
            timeout=None if timeout is None else settings.as_timeout(timeout, "timeout"),
            extra_headers=options.get("extra_headers"),
            extra_query=options.get("extra_query"),
        )

    def _completions(self, template: HttpRequest) -> Build:
        params, llm = self._params, self._llm
        body = finished_body(
            {
                **params.settings,
                **params.model_kwargs,
                **params.extra_body,
                **params.call,
                **params.call_body,
            },
            params,
        )
        n = count_of(body, "n")
        if params.stream:
            refuse_choice(n, count_of(body, "best_of"))
        fills_context = self._fills_context

        def build(prompts: Sequence[str]) -> CompletionRequest:
            room = {"max_tokens": llm.max_tokens_for_prompt(prompts[0])} if fills_context else {}
            prompt = prompts[0] if params.stream else list(prompts)
            return CompletionRequest(
                prompts,
                template.with_body(completions.build_payload(prompt, {**body, **room})),
                parse_response=lambda found: completions.parse_response(found, len(prompts), n),
                parse_event=completions.parse_event,
            )

        return build

    def _chat(self, template: HttpRequest) -> Build:
        from langchain_azure_llms.openai_api import chat_completions  # noqa: PLC0415 - if needed

        route, params = self._llm.route, self._params
        is_old = not route.is_v1 and (route.api_version or "") < _NEW_LIMIT_SINCE
        given, verbatim = layered(params)
        limit = "max_tokens" if is_old else "max_completion_tokens"
        substitutes = api_cache.substitutes(self.deployment)
        if limit in substitutes:
            given = rename(given, limit, substitutes[limit])
            limit = substitutes[limit]
        translated = chat_completions.translate_parameters(given, limit=limit)
        body = finished_body({**translated, **verbatim}, params)
        n = count_of(body, "n")
        if params.stream:
            refuse_choice(n, 1)
        stop = as_stop(body.pop("stop", None)) if "stop" in substitutes else ()

        def build(prompts: Sequence[str]) -> CompletionRequest:
            return CompletionRequest(
                prompts,
                template.with_body(chat_completions.build_payload(prompts[0], body)),
                parse_response=lambda found: cut_response(
                    chat_completions.parse_response(found, n), stop
                ),
                parse_event=chat_completions.parse_event,
                stop=stop,
            )

        return build

    def _responses(self, template: HttpRequest) -> Build:
        from langchain_azure_llms.openai_api import responses  # noqa: PLC0415 - if needed

        params = self._params
        given, verbatim = layered(params)
        translated = responses.translate_parameters(given)
        if self._llm.api == RESPONSES:  # else the service refuses the whole API, perhaps
            responses.refuse_small_limit(translated)
        own_stop = translated.pop("stop", None)
        stop = as_stop(own_stop if params.stop is None else params.stop)
        body = finished_body(
            {**translated, **verbatim},
            params._replace(stop=None, stream_usage=False),
        )

        def build(prompts: Sequence[str]) -> CompletionRequest:
            return CompletionRequest(
                prompts,
                template.with_body(responses.build_payload(prompts[0], body)),
                parse_response=lambda found: responses.parse_response(found, stop),
                parse_event=responses.parse_event,
                stop=stop,
                ending=responses.ENDING,
            )

        return build

    def add_hint(self, error: StatusError) -> None:
        """Say what to do where a model refuses the API, or a parameter of it."""
        llm, hint = self._llm, ""
        if isinstance(error, OperationNotSupportedError):
            if len(self.apis) == 1:
                hint = (
                    f"The deployment {self.name!r} does not speak {llm.api}: api='auto' finds out "
                    f"what it speaks, or set the right one of {', '.join(map(repr, APIS))}; or "
                    "deploy another model."
                )
        elif isinstance(error, BadRequestError) and error.is_unsupported and error.param:
            hint = (
                f"The model does not take {error.param}: leave it out of the constructor, of "
                "model_kwargs and of the call."
            )
            if error.param in _LIMITS and llm.api == COMPLETIONS:
                hint += " api='auto' finds the name that the model takes."
        elif isinstance(error, BadRequestError) and error.param == "max_output_tokens":
            hint = "Responses takes 16 tokens at least: raise max_tokens."
        elif isinstance(error, DeploymentNotFoundError):
            hint = f"The API version was {llm.route.api_version or 'v1'!r}."
        elif isinstance(error, AuthenticationError):
            key = llm.endpoint.authorization.headers().get("api-key", "")
            hint = _NOT_A_KEY if is_web_token(key) else ""
        if hint:
            error.args = (f"{error} {hint}",)


def _generation_params(
    llm: AzureOpenAI,
    stop: list[str] | None,
    params: dict[str, Any],
    call_body: Mapping[str, Any] | None,
    *,
    stream: bool,
) -> GenerationParams:
    call = params
    if not _CLIENT_ARGUMENTS.isdisjoint(params):
        call = {name: value for name, value in params.items() if name not in _CLIENT_ARGUMENTS}
    if call_body is not None:
        settings.check_mapping(call_body, "extra_body")
    refuse_misspelt(call)
    for given in (stop, call.get("stop"), llm.model_kwargs.get("stop")):
        if given is not None:
            check_stop(given)
    values = {name: getattr(llm, name) for name in MODEL_PARAMETERS}
    if (llm.best_of or 1) > 1:  # some deployments refuse best_of, so its default is not sent
        values["best_of"] = llm.best_of
    return GenerationParams(
        settings=values,
        explicit_names=llm.model_fields_set,
        model_kwargs=llm.model_kwargs,
        extra_body=llm.extra_body or {},
        call=call,
        call_body=call_body or {},
        stop=stop,
        model=llm.deployment_name or llm.route.deployment,
        stream=stream,
        stream_usage=llm.stream_usage,
    )


def _deployment(params: GenerationParams, *, is_needed: bool) -> str:
    """Return the deployment to call; `model` of a call counts only where none is configured."""
    layers = (params.call_body, params.call, params.extra_body, params.model_kwargs)
    deployment = next((layer["model"] for layer in layers if layer.get("model")), None)
    if not isinstance(deployment, str):
        if not is_needed:
            return ""
        raise ConfigurationError(
            "No deployment: pass deployment_name (or azure_deployment), the name that the "
            "deployment has in the resource."
        )
    return deployment


def _max_tokens(params: GenerationParams) -> Any:
    """Return the limit of a text completion, from the last place that has one."""
    found = None
    places = (params.settings, params.model_kwargs, params.extra_body, params.call)
    for place in (*places, params.call_body):
        found = place.get("max_tokens", found)
    return found
