"""The requests of one call to an Azure ML endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from langchain_azure_llms.exceptions import (
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    StatusError,
)
from langchain_azure_llms.formatters import adapter
from langchain_azure_llms.formatters.base import AzureMLEndpointApiType
from langchain_azure_llms.http.request import HttpRequest
from langchain_azure_llms.llms.completion import CompletionRequest
from langchain_azure_llms.openai_api.stop import as_stop, cut_response
from langchain_azure_llms.openai_api.stream import Ending

_PROMPT_CODES = ("content_filter", "context_length_exceeded")
_REQUEST_REFUSED = frozenset({400, 404, 405, 415, 422})


class ScoringRequests(NamedTuple):
    """Makes the requests of one call; each carries one prompt.

    Attributes:
        template: The request without its body.
        formatter: The content formatter.
        api_type: How the model is hosted.
        params: Model parameters.
        deployment: The scoring URL.
        name: The scoring URL, too.
        apis: One: the schema of the content formatter.
    """

    template: HttpRequest
    formatter: Any
    api_type: AzureMLEndpointApiType
    params: dict[str, Any]
    deployment: str
    name: str
    apis: tuple[str, ...] = ("",)

    def pack_size(self, api: str) -> int:  # noqa: ARG002 - there is one API
        """Return 1: score scripts answer one prompt, and drop others in silence."""
        return 1

    def build(self, api: str, prompts: Sequence[str]) -> CompletionRequest:  # noqa: ARG002
        """Return the request for a prompt."""
        formatter, api_type = adapter.copy_of(self.formatter), self.api_type
        params, prompt = deepcopy(self.params) if self.params else {}, prompts[0]
        stop = as_stop(params.get("stop"))  # score scripts may ignore it
        body = adapter.build_payload(formatter, prompt, params, api_type)
        return CompletionRequest(
            prompts,
            self.template.with_body(body),
            parse_response=lambda body: cut_response(
                adapter.parse_response(formatter, body, api_type), stop, prompt
            ),
            parse_event=lambda data: adapter.parse_event(formatter, data, api_type),
            stop=stop,
            ending=Ending(getattr(formatter, "stream_end_marker", None)),
        )

    def substitute_for(self, error: BadRequestError, api: str) -> None:
        """Return None: parameters are the formatter's business."""

    def add_hint(self, error: StatusError) -> None:
        """Name the formatter where the request itself was refused: the likeliest mistake of all."""
        status = getattr(error, "model_status_code", None) or error.status_code
        about_prompt = error.code in _PROMPT_CODES or isinstance(
            error, ContentFilterError | ContextLengthError
        )
        if status in _REQUEST_REFUSED and not about_prompt:
            name = type(self.formatter).__name__
            error.args = (f"{error} The request was in the schema of {name}: is it the model's?",)
