"""What the codes of Azure's errors mean, wherever they stand: a status's body, an event, a 200."""

from __future__ import annotations

from langchain_azure_llms import exceptions as errors

_CLASSES: dict[str, type[errors.StatusError]] = {
    "content_filter": errors.ContentFilterError,
    "content_policy_violation": errors.ContentFilterError,
    "responsibleaipolicyviolation": errors.ContentFilterError,
    "context_length_exceeded": errors.ContextLengthError,
    "string_above_max_length": errors.ContextLengthError,
    "429": errors.RateLimitError,
    "insufficient_quota": errors.RateLimitError,
    "rate_limit_exceeded": errors.RateLimitError,
    "ratelimitreached": errors.RateLimitError,
    "too_many_requests": errors.RateLimitError,
    "toomanyrequests": errors.RateLimitError,
}
_STATUSES = {
    **{code: 429 if cls is errors.RateLimitError else 400 for code, cls in _CLASSES.items()},
    "authentication_error": 401,
    "bad_request": 400,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "operationnotsupported": 400,
    "permission_error": 403,
    "timeout": 408,
    "unsupported_parameter": 400,
    "unsupported_value": 400,
}
"""Where an error under a 200 names no status: the one that its code goes with elsewhere."""
_NOT_RETRYABLE = frozenset({"insufficient_quota"})
"""Rate limits that no wait lifts."""


def class_of(code: str | None) -> type[errors.StatusError] | None:
    """Return the error class that a code stands for, or None where the status decides."""
    return _CLASSES.get((code or "").lower())


def status_of(code: str | None) -> int | None:
    """Return the HTTP status that a code goes with, or None if it is not known."""
    return _STATUSES.get((code or "").lower())


def is_final(code: str | None) -> bool:
    """Return whether a code says that the same request will fail again."""
    return (code or "").lower() in _NOT_RETRYABLE
