"""Replies and failures become typed errors that teach."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms import exceptions as errors
from langchain_azure_llms.http.errors import from_failure, from_response
from langchain_azure_llms.http.request import FailureKind, HttpResponse, TransportFailure

_URL = "https://user:pw@host.example/openai/deployments/d/completions?key=s3cret"


def _error(
    status: int, body: Any = b"", headers: dict[str, str] | None = None
) -> errors.StatusError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return from_response(HttpResponse(status, headers or {}, raw), url=_URL, now=0.0, max_wait=60.0)


_FILTERED = {
    "error": {
        "code": "content_filter",
        "message": "The filter said no.",
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
        },
    }
}
_CHAT_HOST = "This is a chat model and not supported in the v1/completions endpoint."


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b"", errors.BadRequestError),
        (422, b"", errors.BadRequestError),
        (400, _FILTERED, errors.ContentFilterError),
        (
            400,
            {"error": {"innererror": _FILTERED["error"]["innererror"]}},
            errors.ContentFilterError,
        ),
        (400, {"error": {"code": "context_length_exceeded"}}, errors.ContextLengthError),
        (
            400,
            {"error": {"message": "The maximum context length of it is 4097.", "code": None}},
            errors.ContextLengthError,
        ),
        (400, {"error": {"code": "OperationNotSupported"}}, errors.OperationNotSupportedError),
        (404, {"error": {"message": _CHAT_HOST, "code": None}}, errors.OperationNotSupportedError),
        (
            400,
            {"error": {"message": "The requested operation is unsupported."}},
            errors.OperationNotSupportedError,
        ),
        (401, b"", errors.AuthenticationError),
        (403, b"", errors.PermissionDeniedError),
        (404, {"error": {"code": "DeploymentNotFound"}}, errors.DeploymentNotFoundError),
        (404, b"NOT FOUND", errors.DeploymentNotFoundError),
        (424, b"", errors.ModelContainerError),
        (429, b"", errors.RateLimitError),
        (500, b"", errors.ServerError),
        (599, b"", errors.ServerError),
        (413, b"", errors.StatusError),
        (302, b"", errors.StatusError),
        (999, b"", errors.StatusError),
    ],
)
def test_each_refusal_has_its_class(status: int, body: Any, expected: type[Exception]) -> None:
    """The status decides, then the code, then, where services send no code, the message."""
    assert type(_error(status, body)) is expected


def test_the_attributes_tell_what_support_asks_for() -> None:
    """Status, code, request id and the body's start."""
    headers = {"Apim-Request-Id": "r-1", "x-request-id": "r-2"}
    error = _error(404, {"error": {"code": "DeploymentNotFound", "message": "gone"}}, headers)
    assert (error.status_code, error.code, error.request_id) == (404, "DeploymentNotFound", "r-1")
    assert error.body == '{"error": {"code": "DeploymentNotFound", "message": "gone"}}'


def test_the_filters_findings_are_on_the_error() -> None:
    """So that a caller can tell why."""
    error = _error(400, _FILTERED)
    assert isinstance(error, errors.ContentFilterError)
    assert error.content_filter_result == {"violence": {"filtered": True, "severity": "medium"}}


def test_a_failed_container_is_explained() -> None:
    """With its own status and Azure ML's reason, and it counts by them."""
    headers = {
        "ms-azureml-model-error-statuscode": "503",
        "ms-azureml-model-error-reason": "model_error",
    }
    error = _error(424, {"message": "The script failed."}, headers)
    assert isinstance(error, errors.ModelContainerError)
    assert (error.model_status_code, error.model_error_reason) == (503, "model_error")
    assert error.is_retryable
    assert "The script failed" in str(error)
    assert "answered 503 (model_error)" in str(error)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://evil.example:8443/x/y?token=t", "https://evil.example:8443."),
        ("/login?token=t", "/login."),
        ("", "nowhere."),
        (f"/{'x' * 8000}", f"/{'x' * 196}...."),
    ],
)
def test_a_redirect_names_the_targets_origin(location: str, shown: str) -> None:
    """Nothing is sent there; the rest of the address may be as private as ours."""
    assert str(_error(307, b"", {"location": location})).endswith(f"it points to {shown}")


@pytest.mark.parametrize(("wait", "retryable"), [("3", True), ("61", False), ("", True)])
def test_a_limit_is_retryable_unless_its_wait_is_beyond_the_cap(
    wait: str,
    retryable: bool,  # noqa: FBT001
) -> None:
    """The wait itself is told either way."""
    error = _error(429, b"", {"retry-after": wait})
    assert (error.is_retryable, error.retry_after) == (retryable, float(wait) if wait else None)


def test_no_secret_of_the_url_is_told() -> None:
    """Neither user-info nor query."""
    error = _error(400, b"no")
    assert error.url == "https://host.example/openai/deployments/d/completions"
    assert "s3cret" not in str(error)
    assert "pw" not in str(error)


def test_long_bodies_are_cut() -> None:
    """At 500 characters, marked."""
    error = _error(500, b"x" * 10_000)
    assert (len(error.body), error.body[-3:]) == (500, "...")
    assert len(str(error)) < 800


@given(
    st.integers(100, 999),
    st.binary(max_size=300),
    st.dictionaries(
        st.sampled_from(
            ["location", "retry-after", "ms-azureml-model-error-statuscode", "x-request-id"]
        ),
        st.text(max_size=20),
    ),
)
def test_any_reply_becomes_a_status_error(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    """No reply crashes the mapping."""
    error = _error(status, body, headers)
    assert isinstance(error, errors.StatusError)
    assert str(error)


@pytest.mark.parametrize(
    ("kind", "expected", "retryable"),
    [
        (FailureKind.NOT_CONNECTED, errors.EndpointConnectionError, True),
        (FailureKind.UNTRUSTED, errors.EndpointConnectionError, False),
        (FailureKind.DISCONNECTED, errors.EndpointConnectionError, True),
        (FailureKind.TIMED_OUT, errors.EndpointTimeoutError, True),
        (FailureKind.UNSENDABLE, errors.ConfigurationError, False),
        (FailureKind.UNREADABLE, errors.ResponseFormatError, False),
    ],
)
def test_each_failure_has_its_class(
    kind: FailureKind,
    expected: type[errors.AzureLLMError],
    retryable: bool,  # noqa: FBT001
) -> None:
    """And its word on whether to try again."""
    error = from_failure(TransportFailure(kind, "why"), url=_URL, attempts=2, waited=1.5)
    assert isinstance(error, expected)
    assert error.is_retryable is retryable
    assert "why" in str(error)
    assert "s3cret" not in str(error)


def test_every_kind_of_failure_is_mapped() -> None:
    """A new kind must get an error, not the fallback by accident."""
    told = {
        str(from_failure(TransportFailure(k, "w"), url=_URL, attempts=1, waited=0))
        for k in FailureKind
    }
    assert len(told) == len(FailureKind)  # too large and unreadable differ only in detail


def test_the_operating_systems_error_is_the_cause() -> None:
    """Not the HTTP library's, which holds the request with its headers."""
    os_error = ConnectionRefusedError(111, "refused")
    wrapped = RuntimeError("library")
    wrapped.__cause__ = os_error
    failure = TransportFailure(FailureKind.NOT_CONNECTED, "why", wrapped)
    error = from_failure(failure, url=_URL, attempts=1, waited=0.0)
    assert isinstance(error.__cause__, ConnectionRefusedError)
    assert error.__cause__.args == (111, "refused")
