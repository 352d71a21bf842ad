"""Every error this package raises.

Where LangChain has a class for a condition, ours derives from it, so that code may catch either.
`is_retryable` says, per instance, whether the same request may succeed later.

```text
AzureLLMError(Exception)
+-- ConfigurationError(ValueError)
|   +-- MissingCredentialError
|   +-- ConflictingCredentialsError
|   +-- UnsupportedApiTypeError
+-- CredentialError(ModelAuthenticationError)
+-- RequestError
|   +-- EndpointConnectionError(ModelConnectionError)
|   +-- EndpointTimeoutError(ModelTimeoutError)
|   +-- StreamInterruptedError(ModelConnectionError)
+-- StatusError
|   +-- BadRequestError(ModelInvalidRequestError)
|   |   +-- ContextLengthError(ContextOverflowError)
|   |   +-- ContentFilterError
|   |   +-- OperationNotSupportedError
|   +-- AuthenticationError(ModelAuthenticationError)
|   +-- PermissionDeniedError(ModelPermissionDeniedError)
|   +-- DeploymentNotFoundError(ModelNotFoundError)
|   +-- ModelContainerError(ModelAPIError)
|   +-- RateLimitError(ModelRateLimitError)
|   +-- ServerError(ModelAPIError)
+-- ResponseFormatError
+-- LoadError(ValueError)
    +-- MissingFileError(FileNotFoundError)
    +-- UnknownTypeError
    +-- UnreadableFileError(PermissionError)
    +-- UnsupportedFileError
```
"""

from __future__ import annotations

from typing import Any, Self

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)

__all__ = [
    "AuthenticationError",
    "AzureLLMError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictingCredentialsError",
    "ContentFilterError",
    "ContextLengthError",
    "CredentialError",
    "DeploymentNotFoundError",
    "EndpointConnectionError",
    "EndpointTimeoutError",
    "LoadError",
    "MissingCredentialError",
    "MissingFileError",
    "ModelContainerError",
    "OperationNotSupportedError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestError",
    "ResponseFormatError",
    "ServerError",
    "StatusError",
    "StreamInterruptedError",
    "UnknownTypeError",
    "UnreadableFileError",
    "UnsupportedApiTypeError",
    "UnsupportedFileError",
]


class AzureLLMError(Exception):
    """Base of every error of this package. Pickles and copies with all its attributes.

    Attributes:
        is_retryable: Whether trying again may help.
        prompt_index: Which of several prompts it belongs to, counted from 0; None where there was
            one prompt, or where the error is returned in the place of the prompt's answer.
    """

    is_retryable: bool = False
    prompt_index: int | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(cls: type[AzureLLMError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    """Make an error again without its constructor: its arguments are keyword-only."""
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(AzureLLMError, ValueError):
    """A setting is wrong, missing or in conflict with another. Raised before any I/O."""


class MissingCredentialError(ConfigurationError):
    """No key and no token was given, neither as an argument nor by the environment."""


class ConflictingCredentialsError(ConfigurationError):
    """Two credentials were given explicitly; only one can be sent."""


class UnsupportedApiTypeError(ConfigurationError):
    """The content formatter does not support the endpoint's api type."""


class CredentialError(AzureLLMError, ModelAuthenticationError):
    """A token provider or credential failed to give a token."""


class RequestError(AzureLLMError):
    """No usable response arrived.

    Attributes:
        url: Where the request went, without user-info and query.
        attempts: How many times it was sent or tried.
        waited: Seconds spent waiting between the attempts.
    """

    def __init__(
        self, message: str, *, url: str = "", attempts: int = 1, waited: float = 0.0
    ) -> None:
        super().__init__(message)
        self.url, self.attempts, self.waited = url, attempts, waited


class EndpointConnectionError(RequestError, ModelConnectionError):
    """No connection could be made, or it broke before a response arrived.

    Attributes:
        sent: False when the request was not sent; True when the connection broke after sending, so
            that the service may have processed, and billed, the request.
    """

    def __init__(
        self, message: str, *, sent: bool = False, is_retryable: bool = True, **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.sent = sent
        self.is_retryable = is_retryable


class EndpointTimeoutError(RequestError, ModelTimeoutError):
    """No response in time. The service may have processed, and billed, the request."""

    is_retryable = True


class StreamInterruptedError(RequestError, ModelConnectionError):
    """A stream ended before its end marker.

    It is never retried here, since part of it was delivered; the caller may do so.

    Attributes:
        text_so_far: The text that had arrived.
    """

    is_retryable = True

    def __init__(self, message: str, *, text_so_far: str = "", **context: Any) -> None:
        super().__init__(message, **context)
        self.text_so_far = text_so_far


class StatusError(AzureLLMError):
    """The service answered with an error.

    Attributes:
        status_code: The HTTP status; for an error inside a stream or a 200 response, the status
            that the service names there.
        code: The service's own code (`"content_filter"`, `"DeploymentNotFound"`), if it gave one.
        request_id: The id to quote to Azure support, if the service gave one.
        body: The start of the response's body, at most 500 characters.
        retry_after: Seconds the service asked to wait, if it did.
        url: Where the request went, without user-info and query.
        attempts: How many times it was sent.
        waited: Seconds spent waiting between the attempts.
        text_so_far: For an error inside a stream, the text that had arrived before it.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        code: str | None = None,
        request_id: str | None = None,
        body: str = "",
        retry_after: float | None = None,
        is_retryable: bool | None = None,
        url: str = "",
        attempts: int = 1,
        waited: float = 0.0,
        text_so_far: str = "",
    ) -> None:
        super().__init__(message)
        self.status_code, self.code, self.request_id = status_code, code, request_id
        self.body, self.retry_after = body, retry_after
        self.url, self.attempts, self.waited = url, attempts, waited
        self.text_so_far = text_so_far
        if is_retryable is not None:
            self.is_retryable = is_retryable


class BadRequestError(StatusError, ModelInvalidRequestError):
    """The service refused the request as invalid (HTTP 400, 422).

    Attributes:
        param: The parameter that was refused, if the service named one.
        is_unsupported: Whether the model does not take that parameter at all.
    """

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        is_unsupported: bool = False,
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.param, self.is_unsupported = param, is_unsupported


class ContextLengthError(BadRequestError, ContextOverflowError):
    """The prompt and the completion asked for do not fit into the model's context."""


class ContentFilterError(BadRequestError):
    """Azure's content filter refused the prompt.

    Attributes:
        content_filter_result: What the filter found, per category.
    """

    def __init__(
        self, message: str, *, content_filter_result: dict[str, Any] | None = None, **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.content_filter_result = content_filter_result or {}


class OperationNotSupportedError(BadRequestError):
    """The deployment's model does not speak the API that was called."""


class AuthenticationError(StatusError, ModelAuthenticationError):
    """The key or token was refused (HTTP 401)."""


class PermissionDeniedError(StatusError, ModelPermissionDeniedError):
    """The caller may not use this resource (HTTP 403)."""


class DeploymentNotFoundError(StatusError, ModelNotFoundError):
    """Nothing answers at this URL or under this deployment name (HTTP 404)."""

    @property
    def may_be_route(self) -> bool:
        """Whether the URL may be missing, not the deployment: the service named neither."""
        return (self.code or "").lower() in {"", "404", "not_found", "notfound"}


class ModelContainerError(StatusError, ModelAPIError):
    """The container behind an Azure ML endpoint failed (HTTP 424).

    Attributes:
        model_status_code: The status the container itself answered with.
        model_error_reason: Azure ML's reason, such as `"model_error"` or `"model_not_ready"`.
    """

    def __init__(
        self,
        message: str,
        *,
        model_status_code: int | None = None,
        model_error_reason: str | None = None,
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.model_status_code = model_status_code
        self.model_error_reason = model_error_reason


class RateLimitError(StatusError, ModelRateLimitError):
    """Too many requests or tokens (HTTP 429)."""

    is_retryable = True


class ServerError(StatusError, ModelAPIError):
    """The service failed (HTTP 5xx)."""

    is_retryable = True


class ResponseFormatError(AzureLLMError):
    """The service answered with success, but not in the form that was expected.

    Attributes:
        formatter: What tried to read the answer.
        body: The start of the answer, at most 500 characters.
    """

    def __init__(self, message: str, *, formatter: str = "", body: str = "") -> None:
        super().__init__(message)
        self.formatter = formatter
        self.body = body


class LoadError(AzureLLMError, ValueError):
    """A saved LLM cannot be loaded.

    Attributes:
        path: The file, where there is one.
    """

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class MissingFileError(LoadError, FileNotFoundError):
    """A file to load is not there."""

    def __new__(cls, *args: Any, **_: Any) -> Self:
        """Make it without keywords, which OSError does not take."""
        return FileNotFoundError.__new__(cls, *args)


class UnreadableFileError(LoadError, PermissionError):
    """A file to load may not be read."""

    def __new__(cls, *args: Any, **_: Any) -> Self:
        """Make it without keywords, which OSError does not take."""
        return PermissionError.__new__(cls, *args)


class UnknownTypeError(LoadError):
    """A file names an LLM or a formatter that is not registered."""


class UnsupportedFileError(LoadError):
    """A file has another suffix than those that can be read and written."""
