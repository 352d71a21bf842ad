"""Refusals of Azure OpenAI and of serverless endpoints, from the wire to the caller."""

import json
from typing import Any

import httpx2
import pytest
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAuthenticationError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
)

from langchain_azure_llms.exceptions import (
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    DeploymentNotFoundError,
    OperationNotSupportedError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
)
from tests.unit_tests.llms.scripted import Service
from tests.unit_tests.wire.endpoints import Calls, azure, scoring

_GATEWAY = {"apim-request-id": "gate-1", "x-ms-client-request-id": "own-1"}
_MODEL_HOST = {
    "Apim-Request-Id": "gate-1",
    "X-Request-Id": "host-1",
    "ms-azureml-model-error-reason": "model_error",
    "ms-azureml-model-error-statuscode": "400",
}
_FOUND = {"self-harm": {"filtered": True, "severity": "high"}, "hate": {"filtered": False}}
_FILTERED = {
    "message": "It was refused.",
    "type": None,
    "param": "prompt",
    "code": "content_filter",
    "status": 400,
    "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": _FOUND},
}
_NOT_FOR_CHATS = "This is a chat model and not supported in the v1/completions endpoint."


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected", "langchain", "code", "retryable"),
    [
        pytest.param(
            400,
            _MODEL_HOST,
            {"error": _FILTERED},
            ContentFilterError,
            ModelInvalidRequestError,
            "content_filter",
            False,
            id="filtered prompt",
        ),
        pytest.param(
            400,
            _MODEL_HOST,
            {
                "error": {
                    "message": "The model's maximum context length is 16 tokens.",
                    "code": None,
                    "param": None,
                }
            },
            ContextLengthError,
            ContextOverflowError,
            None,
            False,
            id="too long, told by a text model's host",
        ),
        pytest.param(
            400,
            _GATEWAY,
            {"error": {"code": "OperationNotSupported", "message": "Not with this model."}},
            OperationNotSupportedError,
            ModelInvalidRequestError,
            "OperationNotSupported",
            False,
            id="another kind of model, told by the gateway",
        ),
        pytest.param(
            404,
            {**_MODEL_HOST, "ms-azureml-model-error-statuscode": "404"},
            {"error": {"message": _NOT_FOR_CHATS, "param": "model", "code": None}},
            OperationNotSupportedError,
            ModelInvalidRequestError,
            None,
            False,
            id="another kind of model, told by the model's host",
        ),
        pytest.param(
            401,
            _GATEWAY,
            {"error": {"code": "401", "message": "The key is wrong."}},
            AuthenticationError,
            ModelAuthenticationError,
            "401",
            False,
            id="wrong key",
        ),
        pytest.param(
            401,
            _GATEWAY,
            {"error": {"code": "PermissionDenied", "message": "The identity has no role."}},
            AuthenticationError,
            ModelAuthenticationError,
            "PermissionDenied",
            False,
            id="identity without a role",
        ),
        pytest.param(
            403,
            _GATEWAY,
            {"error": {"code": "403", "message": "The network is closed."}},
            PermissionDeniedError,
            ModelPermissionDeniedError,
            "403",
            False,
            id="network rules",
        ),
        pytest.param(
            404,
            _GATEWAY,
            {"error": {"code": "DeploymentNotFound", "message": "Wait, and try again."}},
            DeploymentNotFoundError,
            ModelNotFoundError,
            "DeploymentNotFound",
            False,
            id="no such deployment",
        ),
        pytest.param(
            404,
            _GATEWAY,
            {"error": {"code": "404", "message": "No such resource."}},
            DeploymentNotFoundError,
            ModelNotFoundError,
            "404",
            False,
            id="no such path or version",
        ),
        pytest.param(
            408,
            _GATEWAY,
            {"error": {"code": "Timeout", "message": "It took too long."}},
            StatusError,
            StatusError,
            "Timeout",
            True,
            id="given up",
        ),
        pytest.param(
            429,
            _GATEWAY,
            {"error": {"code": "429", "message": "Please retry after 9 seconds."}},
            RateLimitError,
            ModelRateLimitError,
            "429",
            True,
            id="limit",
        ),
        pytest.param(
            500,
            {**_MODEL_HOST, "ms-azureml-model-error-statuscode": "500"},
            {"error": [{"message": "It broke.", "type": "server_error", "code": None}]},
            ServerError,
            ServerError,
            None,
            True,
            id="error in a list",
        ),
    ],
)
def test_each_refusal_tells_what_it_is(
    calls: Calls,
    service: Service,
    status: int,
    headers: dict[str, str],
    body: dict[str, Any],
    expected: type[StatusError],
    langchain: type[Exception],
    code: str | None,
    retryable: bool,  # noqa: FBT001
) -> None:
    """Asked whole or streamed: ours and LangChain's class, code, ids, body; indented JSON, too."""
    content = json.dumps(body, indent=2).encode() + b"\n"
    service.answers = [httpx2.Response(status, headers=headers, content=content)]
    (told,) = body["error"] if isinstance(body["error"], list) else [body["error"]]
    for ask in (calls.invoke, calls.stream):
        with pytest.raises(langchain) as raised:
            ask(azure(service), "x")
        error = raised.value
        assert isinstance(error, StatusError)
        assert (expected, status, code, "gate-1", retryable, 1, content.decode().strip()) == (
            type(error),
            error.status_code,
            error.code,
            error.request_id,
            error.is_retryable,
            error.attempts,
            error.body.strip(),
        )
        assert told["message"].rstrip(".") in str(error)
        assert "/openai/deployments/lantern/completions answered" in str(error)
        assert error.url.endswith("/openai/deployments/lantern/completions")
    assert 2 == len(service.requests)


def test_the_filters_findings_reach_the_caller(calls: Calls, service: Service) -> None:
    """Under the names that the service gave them."""
    service.answers = [httpx2.Response(400, json={"error": _FILTERED})]
    with pytest.raises(ContentFilterError) as raised:
        calls.invoke(azure(service), "x")
    assert _FOUND == raised.value.content_filter_result


@pytest.mark.parametrize(
    ("status", "content", "expected", "said", "code"),
    [
        (
            401,
            b'{ "statusCode": 401, "message": "The token is no token." }',
            AuthenticationError,
            "The token is no token.",
            None,
        ),
        (404, b"NOT FOUND", DeploymentNotFoundError, "NOT FOUND", None),
        (
            422,
            b'{"status": 422, "code": "parameter_not_supported",'
            b' "detail": {"loc": ["body", "sails"], "input": 3}, "message": "No sails here."}',
            BadRequestError,
            "No sails here.",
            "parameter_not_supported",
        ),
        (
            422,
            b'{"error": {"code": "Invalid input", "status": 422, "message": "No prompt.",'
            b' "details": [{"loc": ["body", "prompt"], "msg": "missing"}]}}',
            BadRequestError,
            "No prompt.",
            "Invalid input",
        ),
        (400, b'{"detail": "Unknown option."}', BadRequestError, "Unknown option.", None),
        (
            400,
            b'{"object": "error", "message": "Odd.", "type": "BadRequestError", "code": 400}',
            BadRequestError,
            "Odd.",
            "400",
        ),
        (413, b"", StatusError, "(no message)", None),
        (415, b'{"message": "JSON, please."}', StatusError, "JSON, please.", None),
        (431, b'{"message": "The id is too long."}', StatusError, "The id is too long.", None),
        (
            503,
            b"<!DOCTYPE html><html><style>p {}</style><body><h1>Be right back</h1></body></html>",
            ServerError,
            "Be right back",
            None,
        ),
    ],
)
def test_serverless_refusals_of_every_shape_are_understood(
    calls: Calls,
    service: Service,
    status: int,
    content: bytes,
    expected: type[StatusError],
    said: str,
    code: str | None,
) -> None:
    """Flat, nested, plain, HTML, and nothing at all."""
    service.answers = [httpx2.Response(status, headers={"x-request-id": "r-2"}, content=content)]
    for ask in (calls.invoke, calls.stream):
        with pytest.raises(StatusError) as raised:
            ask(scoring(service, "/v1/completions"), "x")
        error = raised.value
        assert (expected, status, code, "r-2") == (
            type(error),
            error.status_code,
            error.code,
            error.request_id,
        )
        assert f": {said}" in str(error)
