"""Which kind of failure an exception of the HTTP client is."""

from __future__ import annotations

import ssl

import httpx2

from langchain_azure_llms.http.charset import UndecodableBodyError
from langchain_azure_llms.http.request import FailureKind, HttpResponse, TransportFailure


class BodyTooLargeError(Exception):
    """A response is larger than what is accepted."""


HTTP_ERRORS = (
    UndecodableBodyError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.StreamError,
    BodyTooLargeError,
    OverflowError,  # a port that is out of range
    UnicodeError,  # a host that cannot be looked up
    RuntimeError,  # a client that was closed, or belongs to another event loop
    ExceptionGroup,  # a proxy's port that is out of range, on httpx2's async engine
)
"""What sending a request, or reading its response, may raise."""

_UNSENDABLE = (
    UnicodeError,
    RuntimeError,
    OverflowError,
    ExceptionGroup,
    httpx2.InvalidURL,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)
_BY_TYPE = (
    (_UNSENDABLE, FailureKind.UNSENDABLE),
    (
        (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError),
        FailureKind.NOT_CONNECTED,
    ),
    (httpx2.TimeoutException, FailureKind.TIMED_OUT),
    (httpx2.TransportError, FailureKind.DISCONNECTED),
)


def failure_of(
    error: Exception, *, response_began: bool = False
) -> TransportFailure | HttpResponse:
    """Return the failure that an exception stands for.

    Args:
        error: One of `HTTP_ERRORS`.
        response_began: Whether the response's headers had arrived: the request was sent then,
            whatever the exception is called.

    Returns:
        The failure; the response itself, where a user's client has an event hook that raises for
        its status.
    """
    if isinstance(error, httpx2.HTTPStatusError):
        return _response_in(error.response)
    if type(error.__cause__).__module__.startswith("aiohttp."):  # a user's client on its engine
        from langchain_azure_llms.http.aiohttp_engine import (  # noqa: PLC0415 - an extra
            as_transport_error,
        )

        error = as_transport_error(error)
    name = type(error).__name__
    if "://" in str(error):  # a whole URL, with what its query may hold; the cause has it too
        return TransportFailure(_kind_of(error, response_began=response_began), name)
    detail = f"{name}: {error}" if str(error) else name
    return TransportFailure(_kind_of(error, response_began=response_began), detail, error)


def _response_in(response: httpx2.Response) -> HttpResponse:
    try:
        body = response.content
    except httpx2.ResponseNotRead:  # the hook did not read it, and nobody can any more
        body = b""
    return HttpResponse(response.status_code, response.headers, body)


def _kind_of(error: Exception, *, response_began: bool) -> FailureKind:
    if isinstance(error, BodyTooLargeError | UndecodableBodyError | httpx2.DecodingError):
        return FailureKind.UNREADABLE
    if response_began:
        timed_out = isinstance(error, httpx2.ReadTimeout)
        return FailureKind.TIMED_OUT if timed_out else FailureKind.DISCONNECTED
    if isinstance(_root_of(error), ssl.SSLCertVerificationError):
        return FailureKind.UNTRUSTED
    kinds = (kind for known, kind in _BY_TYPE if isinstance(error, known))
    return next(kinds, FailureKind.UNREADABLE)


def _root_of(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
