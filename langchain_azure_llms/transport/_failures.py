"""What kind of failure an exception of the HTTP libraries is.

The async client may run on aiohttp's engine, whose adapter reports some failures under other names:
`ConnectTimeout` also for a server that hung up *after* the request was sent. Trusting it would send
a request again that was processed, so the engine's own exception, the cause, decides.
"""

from __future__ import annotations

import ssl

import httpx2

from langchain_azure_llms.transport._exchange import Failure, FailureKind, Reply

_BY_ENGINE = {
    "ClientConnectorCertificateError": FailureKind.UNTRUSTED,
    "ClientConnectorError": FailureKind.NOT_CONNECTED,
    "ConnectionTimeoutError": FailureKind.NOT_CONNECTED,
    "ServerTimeoutError": FailureKind.TIMED_OUT,
    "ServerDisconnectedError": FailureKind.DISCONNECTED,
    "ClientOSError": FailureKind.DISCONNECTED,
}
_NOT_SENT = (UnicodeError, RuntimeError, OverflowError, ExceptionGroup, httpx2.InvalidURL)
_BY_TYPE: tuple[tuple[type[Exception], FailureKind], ...] = (
    (httpx2.ConnectError, FailureKind.NOT_CONNECTED),
    (httpx2.ConnectTimeout, FailureKind.NOT_CONNECTED),
    (httpx2.PoolTimeout, FailureKind.NOT_CONNECTED),
    (httpx2.ProxyError, FailureKind.NOT_CONNECTED),
    (httpx2.TimeoutException, FailureKind.TIMED_OUT),
    (httpx2.UnsupportedProtocol, FailureKind.UNSENDABLE),
    (httpx2.LocalProtocolError, FailureKind.UNSENDABLE),
    (httpx2.DecodingError, FailureKind.UNREADABLE),
    (httpx2.TransportError, FailureKind.DISCONNECTED),
)


def failure_of(error: Exception) -> Failure | Reply:
    """Return the failure that an HTTP library's exception stands for.

    The reply, where a user's client has a hook that raises for its status.
    """
    if isinstance(error, httpx2.HTTPStatusError):
        return _reply_in(error.response)
    engines = _engine_name(error)
    named = next((n for n in engines if n in _BY_ENGINE), type(error).__name__)
    if "://" in str(error):  # a whole URL, with what its query may hold; the cause has it too
        return Failure(_kind_of(error), named)
    return Failure(_kind_of(error), f"{named}: {error}" if str(error) else named, error)


def _reply_in(response: httpx2.Response) -> Reply:
    try:
        body = response.content
    except httpx2.ResponseNotRead:  # the hook left it unread, and nobody can read it any more
        body = b""
    return Reply(response.status_code, response.headers, body)


def _kind_of(error: Exception) -> FailureKind:
    if isinstance(_root_of(error), ssl.SSLCertVerificationError):
        return FailureKind.UNTRUSTED
    if isinstance(error, _NOT_SENT):
        return FailureKind.UNSENDABLE
    for name in _engine_name(error):
        if name in _BY_ENGINE:
            return _BY_ENGINE[name]
    for cls, kind in _BY_TYPE:
        if isinstance(error, cls):
            return kind
    return FailureKind.UNREADABLE


def _engine_name(error: Exception) -> list[str]:
    """Return the class names of the engine's own exception, the most particular first."""
    return [cls.__name__ for cls in type(error.__cause__).__mro__]


def _root_of(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
