"""The requests of Azure OpenAI's Batch API: files and batches.

Each method is a flow, as `send_with_retries` is: it decides, and a driver does the I/O. Shapes are
those of Microsoft, "Getting started with Azure OpenAI batch deployments" (REST).
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from langchain_azure_llms.exceptions import (
    AzureLLMError,
    DeploymentNotFoundError,
    EndpointConnectionError,
    ResponseFormatError,
    StatusError,
)
from langchain_azure_llms.http.request import (
    HttpRequest,
    HttpResponse,
    Sleep,
    Step,
    Surroundings,
    send_with_retries,
)
from langchain_azure_llms.http.retry import retry_wait
from langchain_azure_llms.llms.azure_openai import AzureOpenAI
from langchain_azure_llms.llms.endpoints import request_template
from langchain_azure_llms.llms.urls import with_query

RUNNING = ("validating", "in_progress", "finalizing", "cancelling")
"""The statuses of batches that have not ended."""
_BOUNDARY = "prompts-of-langchain-azure-llms-c6f1d0a2"
_PAGE, _MOST_PAGES = 100, 20
"""How many batches a page of their list has, and how many pages are looked at for one of them."""


class BatchInfo(NamedTuple):
    """What the service says about a batch.

    Attributes:
        id: Its id.
        status: Its status, in lower case.
        input_file_id: The file with its requests.
        files: The files with answers and errors, as far as there are any.
        completed: How many requests were answered.
        failed: How many were not.
        errors: Why it failed its validation.
        seconds: How long it took; 0 where the service does not say so in numbers.
    """

    id: str
    status: str
    input_file_id: str
    files: tuple[str, ...] = ()
    completed: int = 0
    failed: int = 0
    errors: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status not in RUNNING


InfoFlow = Generator[Step, Any, BatchInfo]


class BatchApi:
    """Makes the requests.

    Args:
        llm: The LLM; its endpoint, credential, timeouts and retry policy count.
        surroundings: Clocks, randomness and rate limits.
    """

    def __init__(self, llm: AzureOpenAI, surroundings: Surroundings) -> None:
        self._llm, self._surroundings = llm, surroundings

    def upload(self, name: str, content: bytes) -> Generator[Step, Any, str]:
        """Upload a file of requests; return its id.

        Raises:
            AzureLLMError: If that fails.
        """
        content_type = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        request = self._request("POST", "files", headers=content_type)
        body = _form(name, content)
        response = yield from send_with_retries(request.with_body(body), self._surroundings)
        return _text(_object(response), "id")

    def create(self, file_id: str, endpoint: str) -> InfoFlow:
        """Begin a batch.

        Where the response is lost, the batch is looked for before it is begun again: each one is
        billed.

        Args:
            file_id: The file with its requests.
            endpoint: What its lines name as their URL.

        Raises:
            AzureLLMError: If that fails.
        """
        told = {"input_file_id": file_id, "endpoint": endpoint, "completion_window": "24h"}
        request = self._request("POST", "batches").with_body(json.dumps(told).encode())
        policy = request.policy
        once = replace(request, policy=replace(policy, max_retries=0))
        attempts = 0
        while True:
            try:
                return _info(_object((yield from send_with_retries(once, self._surroundings))))
            except AzureLLMError as error:
                attempts += 1
                if _may_have_arrived(error):
                    found = yield from self.find(file_id)
                    if found is not None:
                        return found
                wait = retry_wait(error, attempts, policy, self._surroundings.uniform)
                if wait is None:
                    raise
                reason = f"before the batch is begun again ({type(error).__name__})"
            yield Sleep(wait, reason, request.url)

    def find(self, file_id: str) -> Generator[Step, Any, BatchInfo | None]:
        """Return the batch of a file, if it was begun and is among the newest two thousand.

        Raises:
            AzureLLMError: If the list cannot be had.
        """
        after: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            page = yield from self._get("batches", {"limit": _PAGE, **after})
            listed = page.get("data")
            batches = [_info(one) for one in listed] if isinstance(listed, list) else []
            found = next((one for one in batches if one.input_file_id == file_id), None)
            if found is not None or not page.get("has_more") or not batches:
                return found
            after = {"after": batches[-1].id}
        return None

    def get(self, batch_id: str) -> InfoFlow:
        """Return what the service says about a batch.

        Raises:
            AzureLLMError: If it says nothing.
        """
        return _info((yield from self._get(f"batches/{quote(batch_id, safe='')}")))

    def cancel(self, batch_id: str) -> InfoFlow:
        """Cancel a batch; return what the service says about it, also where it had ended before.

        Raises:
            AzureLLMError: If that fails.
        """
        request = self._request("POST", f"batches/{quote(batch_id, safe='')}/cancel")
        try:
            yield from send_with_retries(request, self._surroundings)
        except StatusError as error:
            found = yield from self.get(batch_id)
            if not found.has_ended:
                raise error from None
            return found
        return (yield from self.get(batch_id))

    def open_file(self, file_id: str) -> tuple[HttpRequest, Generator[Step, Any, HttpResponse]]:
        """Return the request for a file's lines, and the flow to its response, unread."""
        request = self._request("GET", f"files/{quote(file_id, safe='')}/content")
        request = replace(request, stream="lines")
        return request, send_with_retries(request, self._surroundings)

    def _get(
        self, operation: str, query: Mapping[str, Any] | None = None
    ) -> Generator[Step, Any, dict[str, Any]]:
        request = self._request("GET", operation, query)
        try:
            return _object((yield from send_with_retries(request, self._surroundings)))
        except DeploymentNotFoundError as error:
            reason = "files and batches are kept by the resource that they were made in"
            error.args = (f"{error} The Batch API has nothing there: {reason}, and for a time.",)
            raise

    def _request(
        self,
        method: Literal["GET", "POST"],
        operation: str,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpRequest:
        url = with_query(self._llm.route.v1_url(operation), query or {})
        made = request_template(self._llm.endpoint, url, extra_headers=headers, find_error=None)
        return replace(made, method=method)


def _may_have_arrived(error: AzureLLMError) -> bool:
    """Return whether the service may have done what it was asked."""
    if isinstance(error, StatusError):
        return error.status_code >= 500
    return not isinstance(error, EndpointConnectionError) or error.sent


def _form(name: str, content: bytes) -> bytes:
    """Return a file as the form that it is uploaded in."""
    mark, head = f"--{_BOUNDARY}\r\n", "Content-Disposition: form-data; name="
    file = f'{head}"file"; filename="{name}"\r\nContent-Type: application/json\r\n\r\n'
    begin = f'{mark}{head}"purpose"\r\n\r\nbatch\r\n{mark}{file}'
    return b"".join((begin.encode(), content, f"\r\n--{_BOUNDARY}--\r\n".encode()))


def _object(response: HttpResponse) -> dict[str, Any]:
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        shown = response.body[:200].decode(errors="replace")
        raise ResponseFormatError(f"The Batch API answered no JSON object: {shown!r}.", body=shown)
    return value


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found:
        shown = json.dumps(value)[:200]
        raise ResponseFormatError(f"The Batch API's answer has no {name}: {shown}.", body=shown)
    return found


def _info(value: Mapping[str, Any]) -> BatchInfo:
    counts, errors = value.get("request_counts"), value.get("errors")
    counts = counts if isinstance(counts, dict) else {}
    listed = errors.get("data") if isinstance(errors, dict) else None
    files = (value.get("output_file_id"), value.get("error_file_id"))
    return BatchInfo(
        id=_text(value, "id"),
        status=_text(value, "status").lower(),  # "Validating" in the page's own examples
        input_file_id=str(value.get("input_file_id") or ""),
        files=tuple(one for one in files if isinstance(one, str) and one),
        completed=_number(counts.get("completed")),
        failed=_number(counts.get("failed")),
        errors=tuple(map(_described, listed if isinstance(listed, list) else ())),
        seconds=float(
            max(0, _number(value.get("completed_at")) - _number(value.get("created_at")))
        ),
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _described(error: Any) -> str:
    """Return an error of a batch's validation as a text."""
    if not isinstance(error, dict):
        return str(error)
    line = error.get("line")
    where = f"line {line}: " if isinstance(line, int) else ""
    return f"{where}{error.get('message') or '(no message)'} ({error.get('code') or 'no code'})"
