"""The input of a batch: the form that it is uploaded in, and its lines, which are requests."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from langchain_azure_llms.local._errors import invalid_request
from langchain_azure_llms.local._parameters import loads

OPERATIONS = {"/chat/completions": "chat", "/responses": "responses"}
_MOST_REQUESTS = 100_000


class InvalidInputError(Exception):
    """Why an input file is refused, with its line where it is one line's fault."""

    def __init__(self, code: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.described = {"code": code, "message": message, "param": None, "line": line}


class BatchLine(NamedTuple):
    """One request of an input file."""

    custom_id: str
    operation: str
    body: dict[str, Any]


def operation_of(url: Any) -> str | None:
    """Return the operation of a URL such as `/v1/responses`."""
    return OPERATIONS.get(url.removeprefix("/v1")) if isinstance(url, str) else None


def validated(content: bytes, endpoint: str, serves: Callable[[str], bool]) -> list[BatchLine]:
    """Return the requests of an input file.

    Raises:
        InvalidInputError: If they cannot be one batch.
    """
    raw = content.splitlines()
    if not raw:
        raise InvalidInputError("empty_file", "The input file is empty.")
    if len(raw) > _MOST_REQUESTS:
        message = f"The input file has {len(raw)} requests, more than {_MOST_REQUESTS}."
        raise InvalidInputError("too_many_tasks", message)
    lines: list[BatchLine] = []
    seen: set[str] = set()
    for number, one in enumerate(raw, start=1):
        try:
            value = loads(one.decode())  # as text: a byte-order mark is no JSON
        except ValueError:
            raise InvalidInputError("invalid_json_line", "The line is not JSON.", number) from None
        line = _line_of(value, number)
        if line.custom_id in seen:
            message = f"The custom_id {line.custom_id!r} is that of another request."
            raise InvalidInputError("duplicate_custom_id", message, number)
        seen.add(line.custom_id)
        if line.operation != operation_of(endpoint):
            message = f"The line's url is not the batch's endpoint, {endpoint}."
            raise InvalidInputError("url_mismatch", message, number)
        if lines and line.body["model"] != lines[0].body["model"]:
            message = "The line's model is not that of the other lines."
            raise InvalidInputError("model_mismatch", message, number)
        lines.append(line)
    if not serves(lines[0].body["model"]):
        message = f"There is no deployment {lines[0].body['model']!r}."
        raise InvalidInputError("model_not_found", message, 1)
    return lines


def _line_of(value: Any, number: int) -> BatchLine:
    match value:
        case {"custom_id": str(own_id), "method": "POST", "url": url, "body": dict(body)}:
            if isinstance(body.get("model"), str):
                return BatchLine(own_id, operation_of(url) or "", body)
    expected = "custom_id, method (POST), url, and a body with a model"
    raise InvalidInputError(
        "invalid_request", f"The line is not a request: it needs {expected}.", number
    )


def parts_of(body: bytes, content_type: str) -> dict[str, tuple[str, bytes]]:
    """Return the file name and the content of each part of a form, by the part's name."""
    found = re.search(r'(?i)multipart/form-data;.*?boundary="?([^";,]+)', content_type)
    if found is None:
        raise invalid_request("The body must be multipart/form-data.")
    parts = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + found[1].encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        names = dict(re.findall(r'(?i)[;\s](name|filename)="([^"]*)"', head.decode()))
        parts[names.get("name", "")] = names.get("filename", ""), content
    return parts
