"""What is raised here, and what Azure answers in its place. Statuses and codes are Azure's."""

from typing import Any


class LocalEndpointsError(RuntimeError):
    """The local endpoints cannot run here; the message says why and what to do, in one sentence."""


class ApiError(Exception):
    """A response that is not a success: its status, its JSON body, and headers of its own."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(body.get("error", body).get("message"))
        self.status = status
        self.body = body
        self.headers = headers


def api_error(status: int, code: str | None, message: str, **more: Any) -> ApiError:
    """Build an error of Azure OpenAI: a code and a message; the model's host adds fields."""
    return ApiError(status, {"error": {"code": code, "message": message, **more}})


def invalid_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """Build the error for a wrong body, or for a wrong field of it."""
    return api_error(400, code, message, type="invalid_request_error", param=param)


def server_error(message: str) -> ApiError:
    """Build the error for a model that failed."""
    return api_error(500, None, message, type="server_error", param=None)


def wrong_token(*, serverless: bool = False, expired: bool = False) -> ApiError:
    """Build the error for a bearer token that is not accepted: a serverless endpoint's is flat."""
    if serverless:
        body = {"statusCode": 401, "message": "Neither a valid key nor a valid token was sent."}
        return ApiError(401, body, {"x-ms-error-reason": "Invalid JWT."})
    if expired:
        return api_error(401, "Unauthorized", "The bearer token has expired, or was revoked.")
    return api_error(401, "401", "Unauthorized: the bearer token is not accepted here.")
