"""What is raised here, and what Azure answers in its place. Statuses and codes are Azure's."""

from typing import Any


class LocalEndpointsError(RuntimeError):
    """The local endpoints cannot run here; the message says why and what to do, in one sentence."""


class EngineError(Exception):
    """The model refused a task (4xx) or failed at it (5xx); `kind` is llama.cpp's name for it."""

    def __init__(self, status: int, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class ApiError(Exception):
    """A response that is not a success: its status, its JSON body, and headers of its own."""

    def __init__(
        self, status: int, message: str, body: Any, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.headers = headers


def api_error(status: int, code: str | None, message: str, **more: Any) -> ApiError:
    """Build an error of Azure OpenAI: a code and a message; the model's host adds fields."""
    return ApiError(status, message, {"error": {"code": code, "message": message, **more}})


def invalid_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """Build the error for a wrong body, or for a wrong field of it."""
    return api_error(400, code, message, type="invalid_request_error", param=param)


def server_error(message: str) -> ApiError:
    """Build the error for a model that failed."""
    return api_error(500, None, message, type="server_error", param=None)


def expired_token() -> ApiError:
    """Build Azure OpenAI's error for a token that expired, or was revoked."""
    return api_error(401, "Unauthorized", "The bearer token has expired, or was revoked.")


def wrong_serverless_credential() -> ApiError:
    """Build the error of a serverless endpoint: a flat body, and a header that says why."""
    message = "Neither a valid key nor a valid token was sent."
    headers = {"x-ms-error-reason": "Invalid JWT."}
    return ApiError(401, message, {"statusCode": 401, "message": message}, headers)


def from_engine_error(error: EngineError, prompt_field: str) -> ApiError:
    """Build the error for a request that the model refused or failed at."""
    if error.kind == "exceed_context_size_error":
        message = f"The prompt is longer than the context of this model: {error}"
        return invalid_request(message, prompt_field, "context_length_exceeded")
    return invalid_request(str(error)) if error.status < 500 else server_error(str(error))
