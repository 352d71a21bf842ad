"""Azure OpenAI's Batch API: files of requests, which are answered in the background.

Files and batches are held in memory. Shapes, statuses and codes are those of Microsoft's page
"Getting started with Azure OpenAI batch deployments"; what a request's line says after an error is
from OpenAI's reference of the same API.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from langchain_azure_llms.local._batch_input import (
    OPERATIONS,
    BatchLine,
    InvalidInputError,
    operation_of,
    parts_of,
    validated,
)
from langchain_azure_llms.local._errors import ApiError, api_error, invalid_request
from langchain_azure_llms.local._faults import error_of, prompts_of
from langchain_azure_llms.local._parameters import Fields, loads
from langchain_azure_llms.local._scenario import Fault, Script

_LARGEST_FILE = 200_000_000  # bytes
_AT_ONCE = 8  # requests of one batch that are answered at a time
_PATH = "/openai/v1/batches"
_RUNNING = ("validating", "in_progress", "finalizing")
_SECONDS = 24 * 60 * 60

T = TypeVar("T")
Answer = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Returns the response to the body of a request for an operation; raises `ApiError`."""


@dataclass
class _File:
    """A file, and what is said about it."""

    content: bytes
    name: str
    purpose: str
    id: str = field(default_factory=lambda: f"file-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def described(self) -> dict[str, Any]:
        about: dict[str, Any] = {"id": self.id, "object": "file", "bytes": len(self.content)}
        about |= {"created_at": self.created, "filename": self.name, "purpose": self.purpose}
        return about | {"status": "processed", "status_details": None, "expires_at": None}


@dataclass
class _Batch:
    """A batch, the times of its states, and what came of its requests."""

    input_file_id: str
    endpoint: str
    metadata: Any
    id: str = field(default_factory=lambda: f"batch_{uuid.uuid4()}")
    created: int = field(default_factory=lambda: int(time.time()))
    status: str = "validating"
    times: dict[str, int] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    answered: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    total: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None

    def becomes(self, status: str) -> None:
        self.status = status
        self.times[f"{status}_at"] = int(time.time())

    def described(self) -> dict[str, Any]:
        about: dict[str, Any]
        states = ("cancelled", "cancelling", "completed", "expired", "failed", "finalizing")
        times = {f"{state}_at": None for state in (*states, "in_progress")} | self.times
        errors = {"object": "list", "data": self.errors} if self.errors else None
        counts = {"completed": len(self.answered), "failed": len(self.failed)}
        about = {"id": self.id, "object": "batch", "endpoint": self.endpoint, "errors": errors}
        about |= {"input_file_id": self.input_file_id, "completion_window": "24h"}
        about |= {"output_file_id": self.output_file_id, "error_file_id": self.error_file_id}
        about |= {"request_counts": {"total": self.total, **counts}, "metadata": self.metadata}
        about |= {"created_at": self.created, "expires_at": self.created + _SECONDS}
        return about | {"status": self.status} | times


class Batches:
    """The files and the batches, and the routes to them.

    Args:
        check: Raises `ApiError` where a request may not be made.
        answer: Answers one request of a batch.
        serves: Tells whether there is a deployment of a name.
        script: What goes wrong with which prompts.
    """

    def __init__(
        self,
        check: Callable[[Request], None],
        answer: Answer,
        serves: Callable[[str], bool],
        script: Script | None,
    ) -> None:
        self._check, self._answer, self._serves, self._script = check, answer, serves, script
        self._files: dict[str, _File] = {}
        self._batches: dict[str, _Batch] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def routes(self) -> list[Route]:
        """Return the routes."""
        files, batches = "/openai/v1/files", "/openai/v1/batches"
        table: list[tuple[str, str, Callable[[Request], Any]]] = [
            ("POST", files, self._upload),
            ("GET", files, lambda request: self._listed(request, self._files)),
            ("GET", f"{files}/{{id}}", lambda request: self._file(request).described()),
            ("DELETE", f"{files}/{{id}}", self._delete),
            ("GET", f"{files}/{{id}}/content", self._content),
            ("POST", batches, self._create),
            ("GET", batches, lambda request: self._listed(request, self._batches)),
            ("GET", f"{batches}/{{id}}", lambda request: self._batch(request).described()),
            ("POST", f"{batches}/{{id}}/cancel", self._cancel),
        ]
        return [Route(path, self._checked(do), methods=[method]) for method, path, do in table]

    def _checked(self, do: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            self._check(request)
            found = do(request)
            found = await found if asyncio.iscoroutine(found) else found
            return found if isinstance(found, Response) else JSONResponse(found)

        return respond

    # --- files -------------------------------------------------------------------------------

    async def _upload(self, request: Request) -> dict[str, Any]:
        parts = parts_of(await request.body(), request.headers.get("content-type", ""))
        purpose = parts.get("purpose", ("", b""))[1].decode(errors="replace")
        name, content = parts.get("file", ("", b""))
        if purpose != "batch":
            raise invalid_request("purpose must be batch.", "purpose")
        if not name.endswith(".jsonl"):
            raise invalid_request("file must be a file whose name ends in .jsonl.", "file")
        if len(content) > _LARGEST_FILE:
            raise invalid_request(f"file must not be larger than {_LARGEST_FILE} bytes.", "file")
        return self._kept(_File(content, name, purpose)).described()

    def _kept(self, file: _File) -> _File:
        self._files[file.id] = file
        return file

    def _file(self, request: Request) -> _File:
        return _found(self._files, request.path_params["id"], "file")

    def _content(self, request: Request) -> Response:
        file = self._file(request)
        return Response(file.content, media_type="application/octet-stream")

    def _delete(self, request: Request) -> dict[str, Any]:
        file = self._files.pop(self._file(request).id)
        return {"id": file.id, "object": "file", "deleted": True}

    def _listed(self, request: Request, kept: Mapping[str, _File | _Batch]) -> dict[str, Any]:
        """Return the newest ones, after one and up to a limit."""
        newest = list(kept.values())[::-1]
        ids = [one.id for one in newest]
        after, limit = request.query_params.get("after"), request.query_params.get("limit", "20")
        begin = ids.index(after) + 1 if after in ids else 0
        end = begin + (int(limit) if limit.isdecimal() else 20)
        data = [one.described() for one in newest[begin:end]]
        first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
        ends = {"first_id": first, "last_id": last, "has_more": end < len(newest)}
        return {"object": "list", "data": data, **ends}

    # --- batches -----------------------------------------------------------------------------

    async def _create(self, request: Request) -> dict[str, Any]:
        try:
            fields = Fields(loads(await request.body()))
        except ValueError as error:
            raise invalid_request("The body is not JSON.") from error
        endpoint = fields.get("endpoint", str) or ""
        if operation_of(endpoint) is None:
            known = " or ".join(OPERATIONS)
            raise invalid_request(f"endpoint must be {known}.", "endpoint")
        if fields.get("completion_window", str) != "24h":
            raise invalid_request("completion_window must be 24h.", "completion_window")
        source = _found(self._files, fields.get("input_file_id", str) or "", "file")
        batch = _Batch(source.id, endpoint, fields.body.get("metadata"))
        self._batches[batch.id] = batch
        self._running[batch.id] = asyncio.create_task(self._run(batch, source.content))
        return batch.described()

    def _batch(self, request: Request) -> _Batch:
        return _found(self._batches, request.path_params["id"], "batch")

    async def _cancel(self, request: Request) -> dict[str, Any]:
        batch = self._batch(request)
        if batch.status not in _RUNNING:
            message = f"A batch that is {batch.status} cannot be cancelled."
            raise api_error(409, "conflict", message)
        batch.becomes("cancelling")
        self._running[batch.id].cancel()
        return batch.described()

    async def _run(self, batch: _Batch, content: bytes) -> None:
        try:
            await asyncio.sleep(0)
            lines = validated(content, batch.endpoint, self._serves)
            fates = [self._fate_of(line) for line in lines]
            faults = [fault for fault, _ in fates]
            _refuse_failing(faults)
            batch.total = len(lines)
            batch.becomes("in_progress")
            allowed = asyncio.Semaphore(_AT_ONCE)
            ones = zip(lines, fates, strict=True)
            await asyncio.gather(*(self._one(batch, *one, allowed) for one in ones))
            self._finalize(batch, "expired" if Fault.BATCH_EXPIRED in faults else "completed")
        except InvalidInputError as error:
            batch.errors.append(error.described)
            batch.becomes("failed")
        except asyncio.CancelledError:
            self._finalize(batch, "cancelled")
        finally:
            del self._running[batch.id]

    def _fate_of(self, line: BatchLine) -> tuple[Fault | None, float]:
        found = self._script and self._script.begin(_PATH, prompts_of(line.body))
        return found or (None, 0.0)

    async def _one(
        self,
        batch: _Batch,
        line: BatchLine,
        fate: tuple[Fault | None, float],
        allowed: asyncio.Semaphore,
    ) -> None:
        """Answer one request, and keep its line of the output file or of the error file."""
        async with allowed:
            answer = await self._answer_to(line, *fate)
        response = error = None
        if isinstance(answer, ApiError):
            response = (answer.status, answer.body)
        elif isinstance(answer, str):
            error = {"code": answer, "message": "The request was not executed in time."}
        else:
            response = (200, answer)
        result: dict[str, Any] = {"id": f"batch_req_{uuid.uuid4()}", "custom_id": line.custom_id}
        if response is not None:
            names = ("status_code", "body")
            request_id = {"request_id": str(uuid.uuid4())}
            result["response"] = dict(zip(names, response, strict=True)) | request_id
        is_good = response is not None and response[0] == 200
        kept = batch.answered if is_good else batch.failed
        kept.append({"response": None, **result, "error": error})

    async def _answer_to(
        self, line: BatchLine, fault: Fault | None, wait: float
    ) -> dict[str, Any] | ApiError | str:
        """Return the response to a request, its refusal, or the code of what happened to it."""
        if fault is Fault.BATCH_EXPIRED:
            return "batch_expired"
        if fault is Fault.SLOW:
            await asyncio.sleep(wait)
        elif fault is not None:
            return error_of(fault, _PATH, wait) or "request_timeout"
        try:
            answer = await self._answer(line.operation, line.body)
        except ApiError as refusal:
            return refusal
        if self._script is not None:
            self._script.answered(prompts_of(line.body))
        return answer

    def _finalize(self, batch: _Batch, status: str) -> None:
        batch.becomes("finalizing")
        output = _File(_jsonl(batch.answered), f"{batch.id}_output.jsonl", "batch_output")
        errors = _File(_jsonl(batch.failed), f"{batch.id}_error.jsonl", "batch_output")
        batch.output_file_id = self._kept(output).id
        batch.error_file_id = self._kept(errors).id
        batch.becomes(status)


def _refuse_failing(faults: list[Fault | None]) -> None:
    if Fault.BATCH_FAILED in faults:
        number = faults.index(Fault.BATCH_FAILED) + 1
        raise InvalidInputError("invalid_request", "The deployment takes no batches.", number)


def _found(kept: Mapping[str, T], own_id: str, what: str) -> T:
    if own_id not in kept:
        raise api_error(404, "notFound", f"There is no {what} {own_id!r} here.")
    return kept[own_id]


def _jsonl(lines: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
