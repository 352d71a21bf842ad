"""Which error a response or a failure becomes, and its message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from langchain_azure_llms import exceptions as errors
from langchain_azure_llms._redaction import public_url, shortened
from langchain_azure_llms.http import error_codes
from langchain_azure_llms.http.error_body import (
    ErrorDetails,
    decoded,
    filter_result,
    is_unsupported_parameter,
    read_error,
)
from langchain_azure_llms.http.retry import is_retryable_status, requested_wait

if TYPE_CHECKING:
    from langchain_azure_llms.http.request import HttpResponse, TransportFailure

_MODEL_STATUS = "ms-azureml-model-error-statuscode"
_MODEL_REASON = "ms-azureml-model-error-reason"
_REASON = "x-ms-error-reason"
"""What serverless endpoints say of a refusal, beside its body or in place of one."""
_REQUEST_IDS = ("apim-request-id", "x-request-id", "x-ms-request-id", "x-ms-client-request-id")


def from_response(
    response: HttpResponse,
    *,
    url: str,
    now: float | None,
    max_wait: float,
    attempts: int = 1,
    waited: float = 0.0,
    text_so_far: str = "",
) -> errors.StatusError:
    """Return the error of a response that is not a success."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    text = decoded(response.body)
    details = read_error(text)
    model_status = _integer(headers.get(_MODEL_STATUS))
    reason = headers.get(_MODEL_REASON)
    error_class = _class_of(response.status, details)
    is_limit = error_class is errors.RateLimitError
    status = _TOO_MANY if is_limit else response.status
    retry_after = requested_wait(status, headers, details.message, now)
    retryable = is_retryable_status(status, model_status, reason) and not any(
        map(error_codes.is_final, details.codes)
    )
    if error_class in _NEVER_RETRYABLE:
        retryable = False
    extra: dict[str, Any] = {}
    if issubclass(error_class, errors.BadRequestError):
        extra["param"] = details.param
        extra["is_unsupported"] = is_unsupported_parameter(details, text)
    if error_class is errors.ContentFilterError:
        extra["content_filter_result"] = filter_result(details)
    if error_class is errors.ModelContainerError:
        extra |= {"model_status_code": model_status, "model_error_reason": reason}
    return error_class(
        _sentence(
            response,
            url,
            details,
            error_class,
            headers,
            retry_after if retryable else None,
            max_wait,
            attempts,
        ),
        status_code=response.status,
        code=details.code,
        request_id=next((headers[name] for name in _REQUEST_IDS if headers.get(name)), None),
        body=shortened(text),
        retry_after=retry_after,
        is_retryable=retryable and (retry_after is None or retry_after <= max_wait),
        url=public_url(url),
        attempts=attempts,
        waited=waited,
        text_so_far=text_so_far,
        **extra,
    )


def still_limited(url: str, pause: float, attempts: int, waited: float) -> errors.RateLimitError:
    """Return the error of a rate limit that another request met, and that lasts too long."""
    place = public_url(url)
    return errors.RateLimitError(
        f"{place} asked another request to wait, for {pause:.0f} s more; the retry policy waits "
        "less.",
        status_code=429,
        retry_after=pause,
        is_retryable=False,
        url=place,
        attempts=attempts,
        waited=waited,
    )


def from_failure(failure: TransportFailure, *, url: str, attempts: int, waited: float) -> Exception:
    """Return the error of a request without a usable response."""
    place = public_url(url)
    context: dict[str, Any] = {"url": place, "attempts": attempts, "waited": waited}
    detail = shortened(failure.detail)
    error: Exception
    match failure.kind.name:
        case "TIMED_OUT":
            error = errors.EndpointTimeoutError(
                f"{place} did not answer in time ({detail}). Raise `timeout`, or ask for fewer "
                "tokens; the service may have processed, and billed, the request.",
                **context,
            )
        case "DISCONNECTED":
            error = errors.EndpointConnectionError(
                f"The connection to {place} broke before a response came ({detail}); the service "
                "may have processed, and billed, the request.",
                sent=True,
                **context,
            )
        case "UNTRUSTED":
            error = errors.EndpointConnectionError(
                f"The TLS connection to {place} was not made ({detail}). If your network has its "
                "own certificate authority, pass verify (a file of it), set SSL_CERT_FILE, or pass "
                "a client of your own: http_client for sync calls, http_async_client for async "
                "ones.",
                is_retryable=False,
                **context,
            )
        case "UNSENDABLE":
            error = errors.ConfigurationError(
                f"The request to {place} cannot be sent ({detail}): check the URL, the proxy and "
                "the headers. A client of your own must be open, and an async one serves the event "
                "loop of its first use alone."
            )
        case "UNREADABLE":
            error = errors.ResponseFormatError(
                f"The response of {place} could not be read: {detail}.", formatter="transport"
            )
        case _:
            error = errors.EndpointConnectionError(
                f"No connection to {place} could be made ({detail}). Check the endpoint's URL, "
                "the network and the proxy settings.",
                **context,
            )
    if attempts > 1:
        error.args = (f"{error} It was tried {attempts} times.",)
    error.__cause__ = _root(failure.cause)
    return error


def _root(cause: BaseException | None) -> BaseException | None:
    """Return the operating system's own error: the HTTP library's hold the request's headers."""
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    return type(cause)(*cause.args) if cause is not None else None


def _class_of(status: int, details: ErrorDetails) -> type[errors.StatusError]:
    if _is_wrong_operation(status, details):
        return errors.OperationNotSupportedError
    for code in reversed(details.codes):
        if (found := error_codes.class_of(code)) is not None and status not in _NOT_OF_A_CODE:
            return found
    if status in {400, 422}:
        is_overflow = _OVERFLOW in details.message.lower()
        return errors.ContextLengthError if is_overflow else errors.BadRequestError
    return _BY_STATUS.get(status, errors.ServerError if 500 <= status < 600 else errors.StatusError)


_BY_STATUS: dict[int, type[errors.StatusError]] = {
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.DeploymentNotFoundError,
    424: errors.ModelContainerError,
    429: errors.RateLimitError,
}
_TOO_MANY = 429
_NOT_OF_A_CODE = frozenset({401, 424})
"""Statuses that say more than the code: of the caller's identity, of the model's container."""
_NEVER_RETRYABLE = (errors.ContentFilterError, errors.ContextLengthError)
# Text models' hosts send no code for this; only the message tells.
_OVERFLOW = "maximum context length"
_WRONG_OPERATION = (
    r"(?i)chat model and not supported in the v1/completions"
    r"|requested operation is unsupported|operation does not work with the specified model"
    r"|(?:only|not) supported (?:in|by|with|for|on|via) (?:the )?(?:/?v1/)?"
    r"(?:responses|chat.?completions?|completions?)\b"
)
_WRONG_OPERATION_CODES = frozenset({"OperationNotSupported", "unsupported_api_for_model"})
_REFUSALS = frozenset({400, 404, 422})


def _is_wrong_operation(status: int, details: ErrorDetails) -> bool:
    """Return whether the model refused the kind of call, not this call.

    The gateway says so with a code; a chat model's own host, behind the completions route, with a
    404 and no code; a deployment that speaks only Responses with a 400 and no code; a server that
    has no such route with a 405.
    """
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return True
    if status not in _REFUSALS:
        return False
    told = details.code in _WRONG_OPERATION_CODES
    return told or re.search(_WRONG_OPERATION, details.message) is not None


def _sentence(
    response: HttpResponse,
    url: str,
    details: ErrorDetails,
    error_class: type[errors.StatusError],
    headers: Mapping[str, str],
    wait: float | None,
    max_wait: float,
    attempts: int,
) -> str:
    message = shortened(details.message) or "(no message)"
    if not details.message and error_class is not errors.ModelContainerError:
        message = headers.get(_MODEL_REASON) or headers.get(_REASON) or message
    end = "" if message.endswith(("?", "!")) else "."
    parts = [f"{public_url(url)} answered {_status(response.status)}: {message.rstrip('.')}{end}"]
    if error_class is errors.ModelContainerError:
        parts.append(
            f"The model's container answered {headers.get(_MODEL_STATUS, 'no status')} "
            f"({headers.get(_MODEL_REASON, 'no reason')}); the endpoint itself is up."
        )
    if 300 <= response.status < 400:
        target = shortened(_origin(headers.get("location", "")), 200) or "nowhere"
        parts.append(f"Redirects are not followed; it points to {target}.")
    if wait is not None:
        longer = f", longer than the retry policy's max_wait ({max_wait:g} s)"
        parts.append(f"It asks to wait {wait:g} s{longer if wait > max_wait else ''}.")
    parts.append(_ADVICE.get(error_class, ""))
    if attempts > 1:
        parts.append(f"It was sent {attempts} times.")
    return " ".join(part for part in parts if part)


_ADVICE: dict[type[errors.StatusError], str] = {
    errors.AuthenticationError: (
        "Check the key or token, that it belongs to this resource, and that a Microsoft Entra "
        "identity has a role on it."
    ),
    errors.ContentFilterError: "Change the prompt, or the deployment's content filter.",
    errors.ContextLengthError: "Shorten the prompt or ask for fewer tokens.",
    errors.DeploymentNotFoundError: (
        "Check the endpoint and the deployment name; a new deployment takes some minutes to appear."
    ),
    errors.OperationNotSupportedError: "The model behind it does not offer this operation.",
    errors.PermissionDeniedError: "Check the resource's network rules and role assignments.",
}


def _origin(location: str) -> str:
    """Return the origin that a redirect points to, or the path where that is ours."""
    scheme, separator, rest = public_url(location).partition("://")
    return f"{scheme}{separator}{rest.partition('/')[0]}" if separator else scheme


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _integer(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) < 10 else None
