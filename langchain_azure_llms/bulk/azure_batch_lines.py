"""The lines of Azure OpenAI's Batch API: requests of prompts, and what came of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_azure_llms.bulk.output import prompt_mark
from langchain_azure_llms.bulk.packs import usage_of
from langchain_azure_llms.bulk.prompts import Prompt
from langchain_azure_llms.bulk.record import PromptRecord, answered, failed
from langchain_azure_llms.exceptions import (
    AzureLLMError,
    ConfigurationError,
    EndpointTimeoutError,
    ResponseFormatError,
)
from langchain_azure_llms.http.errors import from_response
from langchain_azure_llms.http.request import HttpResponse
from langchain_azure_llms.llms.api_cache import api_cache
from langchain_azure_llms.llms.azure_openai import AzureOpenAI
from langchain_azure_llms.llms.completion import CompletionRequest
from langchain_azure_llms.llms.openai_requests import CHAT, COMPLETIONS, RESPONSES, OpenAIRequests

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

URLS = {CHAT: "/chat/completions", RESPONSES: "/v1/responses"}
"""What the lines of a batch, and the batch itself, name as their endpoint (Microsoft, "Getting
started with Azure OpenAI batch deployments")."""
_OF_TRANSPORT = ("extra_headers", "extra_query", "timeout")
_MOST_BUILDERS = 256


def check_llm(llm: AzureLLM) -> AzureOpenAI:
    """Return an LLM that has a Batch API.

    Raises:
        ConfigurationError: If it has none.
    """
    if not isinstance(llm, AzureOpenAI):
        raise ConfigurationError(
            f"Only Azure OpenAI has a Batch API, and the LLM is a {type(llm).__name__}: use "
            "run_bulk, or the command's run."
        )
    if llm.overrides_generate:
        raise ConfigurationError(
            f"{type(llm).__name__} has a _generate of its own, which a batch would not call."
        )
    if llm.route.api is not None:
        raise ConfigurationError(
            "The endpoint is the whole URL of one API, expected an address of the resource: the "
            "Batch API has other URLs."
        )
    return llm


class BatchLines:
    """Makes the lines of a job's requests, and records of the lines that come back.

    Args:
        llm: The LLM.
        params: Parameters of all prompts, and `stop`.
        api: The API; None for the one that the deployment is known to speak, or chat completions.

    Attributes:
        api: The API.
        deployment: The deployment's name.

    Raises:
        ConfigurationError: If a parameter is wrong, or a batch cannot be made of such requests.
    """

    def __init__(self, llm: AzureOpenAI, params: Mapping[str, Any], api: str | None = None) -> None:
        wrong = next((name for name in _OF_TRANSPORT if name in params), None)
        if wrong is not None:
            raise ConfigurationError(f"{wrong} is not a parameter of prompts: set it on the LLM.")
        self._llm, self._params = llm, dict(params)
        self._builders: dict[str, OpenAIRequests] = {}
        builder = self._builder({})
        self.deployment = builder.name
        known = builder.apis[0] if len(builder.apis) == 1 else api_cache.get(builder)
        if len(builder.apis) == 1 and known == COMPLETIONS:
            raise ConfigurationError(
                "The Batch API takes chat completions and Responses: set api to 'auto', "
                f"{CHAT!r} or {RESPONSES!r}."
            )
        self.api = api or (known if known in URLS else CHAT)
        self._request("", {})  # which refuses parameters that the API does not have

    @property
    def url(self) -> str:
        """What the batch names as its endpoint."""
        return URLS[self.api]

    def line_of(self, number: int, prompt: Prompt) -> bytes:
        """Return the line of a prompt, whose body is the one that would be sent online.

        Args:
            number: The number of the prompt's row.
            prompt: The prompt.

        Raises:
            ConfigurationError: If one of its own parameters is wrong.
        """
        head = {"custom_id": custom_id(number, prompt), "method": "POST", "url": self.url}
        body = self._request(prompt.text, prompt.params).request.body
        return json.dumps(head).encode()[:-1] + b', "body": ' + body + b"}\n"

    def record_of(self, prompt: Prompt, result: Mapping[str, Any], seconds: float) -> PromptRecord:
        """Return the record of a line of an output file or an error file.

        Args:
            prompt: The prompt.
            result: The line.
            seconds: How long the batch took.
        """
        try:
            return self._answer_in(prompt, result, seconds)
        except AzureLLMError as error:
            return failed(prompt.id, error, attempts=1, seconds=seconds)

    def _answer_in(self, prompt: Prompt, result: Mapping[str, Any], seconds: float) -> PromptRecord:
        response = result.get("response")
        if not isinstance(response, dict):
            raise _not_executed(result.get("error"))
        status, body = response.get("status_code"), response.get("body")
        if not isinstance(status, int):
            raise _unreadable(result)
        raw = json.dumps(body).encode()
        call = self._request(prompt.text, prompt.params)
        if not 200 <= status < 300:
            raise from_response(
                HttpResponse(status, {}, raw), url=call.request.url, now=None, max_wait=math.inf
            )
        parsed = call.parse_response(raw)
        output = parsed.llm_output
        usage, model = usage_of(output), output.get("model_name")
        return answered(prompt.id, parsed.generations[0], usage, model, 1, seconds)

    def _request(self, text: str, params: Mapping[str, Any]) -> CompletionRequest:
        return self._builder(params).build(self.api, [text])

    def _builder(self, params: Mapping[str, Any]) -> OpenAIRequests:
        key = json.dumps(params, sort_keys=True, default=repr)
        if key not in self._builders:
            if len(self._builders) >= _MOST_BUILDERS:
                self._builders.clear()
            arguments = {**self._params, **params}
            stop = arguments.pop("stop", None)
            self._builders[key] = self._llm.request_builder(stop, arguments, stream=False)
        return self._builders[key]


def custom_id(number: int, prompt: Prompt) -> str:
    """Return what tells the prompts of a job apart, and another input from this one."""
    return f"{number}-{prompt_mark(prompt)}"


def _not_executed(error: Any) -> EndpointTimeoutError:
    """Return the error of a request that the service did not execute; it may be asked again."""
    told = error if isinstance(error, dict) else {}
    code, message = told.get("code") or "no code", told.get("message") or "(no message)"
    return EndpointTimeoutError(f"The batch did not execute the request ({code}): {message}")


def _unreadable(result: Mapping[str, Any]) -> ResponseFormatError:
    shown = json.dumps(result)[:200]
    return ResponseFormatError(
        f"A line of the batch's output cannot be read, expected a response with a status: {shown}.",
        body=shown,
    )
