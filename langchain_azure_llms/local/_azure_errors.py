"""The errors Azure answers with: their statuses, codes and shapes. The wording is ours."""

from typing import Any

from langchain_azure_llms.local._deployments import Operation
from langchain_azure_llms.local._engine import CONTEXT_LENGTH
from langchain_azure_llms.local._fields import InvalidFieldError
from langchain_azure_llms.local._pieces import EngineError

_OPERATION_NAMES: dict[Operation, str] = {
    "completions": "completion",
    "chat": "chatCompletion",
    "responses": "responses",
}


class AzureError(Exception):
    """An answer that is not a success.

    Attributes:
        status: The HTTP status.
        body: The JSON body.
        headers: Headers that belong to this error.
    """

    def __init__(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}


def gateway_error(status: int, code: str, message: str) -> AzureError:
    """Return an error of Azure OpenAI's front door: a code and a message."""
    return AzureError(status, {"error": {"code": code, "message": message}})


def model_error(
    status: int, message: str, *, kind: str, param: str | None = None, code: str | None = None
) -> AzureError:
    """Return an error of the model's host, in OpenAI's shape."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return AzureError(status, {"error": error})


def wrong_key() -> AzureError:
    """The api-key header is missing or wrong."""
    return gateway_error(401, "401", "Access denied: the api-key header holds no key of this one.")


def wrong_token() -> AzureError:
    """The bearer token is not one that is accepted."""
    return gateway_error(401, "401", "Unauthorized: the bearer token is not accepted here.")


def ended_token() -> AzureError:
    """The bearer token was accepted once: it expired, or was revoked."""
    message = "Unauthorized: the bearer token has expired, or was revoked; ask for a new one."
    return gateway_error(401, "Unauthorized", message)


def wrong_serverless_credential() -> AzureError:
    """A serverless endpoint has a flat body, and a header that says why."""
    body = {"statusCode": 401, "message": "Neither a valid key nor a valid token was sent."}
    return AzureError(401, body, {"x-ms-error-reason": "Invalid JWT."})


def resource_not_found() -> AzureError:
    """The path is unknown, or the api-version missing or malformed: Azure tells them not apart."""
    return gateway_error(404, "404", "Resource not found")


def deployment_not_found(name: str) -> AzureError:
    """The resource has no deployment of that name."""
    message = f"There is no deployment {name!r} here; see the deployments the endpoints serve."
    return gateway_error(404, "DeploymentNotFound", message)


def operation_not_supported(
    operation: Operation, offered: set[Operation], model: str
) -> AzureError:
    """The deployment's model does not do that; like Azure, the model is named.

    Where it does Responses alone, users report that Azure names nothing. That refusal comes with a
    code here, and without one on the chat route: clients have to know both.
    """
    if offered == {"responses"}:
        message = "The requested operation is unsupported."
        if operation == "chat":
            return model_error(400, message, kind="invalid_request_error")
        return gateway_error(400, "OperationNotSupported", message)
    message = f"The {_OPERATION_NAMES[operation]} operation is not one that the model {model} does."
    return gateway_error(400, "OperationNotSupported", message)


def invalid_request(message: str, param: str | None = None, code: str | None = None) -> AzureError:
    """The request's body is wrong."""
    return model_error(400, message, kind="invalid_request_error", param=param, code=code)


def from_invalid_field(error: InvalidFieldError) -> AzureError:
    """A field of the body is wrong."""
    return invalid_request(str(error), error.name or None, error.code)


def from_engine_error(error: EngineError, prompt_field: str) -> AzureError:
    """The model refused the request, whose prompt is in `prompt_field`, or failed."""
    if error.exceeds_context:
        return model_error(
            400,
            f"The context of this model is {CONTEXT_LENGTH} tokens long, and the prompt is longer.",
            kind="invalid_request_error",
            param=prompt_field,
            code="context_length_exceeded",
        )
    if error.status < 500:
        return invalid_request(str(error))
    return model_error(500, str(error), kind="server_error")
