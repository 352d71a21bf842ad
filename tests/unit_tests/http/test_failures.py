"""Which kind of failure an exception of the HTTP client is."""

import ssl

import httpx2
import pytest

from langchain_azure_llms.http.failures import BodyTooLargeError, failure_of
from langchain_azure_llms.http.request import FailureKind, HttpResponse, TransportFailure


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.ConnectError("refused"), FailureKind.NOT_CONNECTED),
        (httpx2.ConnectTimeout("slow"), FailureKind.NOT_CONNECTED),
        (httpx2.PoolTimeout("full"), FailureKind.NOT_CONNECTED),
        (httpx2.ProxyError("407"), FailureKind.NOT_CONNECTED),
        (httpx2.ReadTimeout("slow"), FailureKind.TIMED_OUT),
        (httpx2.WriteTimeout("slow"), FailureKind.TIMED_OUT),
        (httpx2.ReadError("reset"), FailureKind.DISCONNECTED),
        (httpx2.WriteError("reset"), FailureKind.DISCONNECTED),
        (httpx2.RemoteProtocolError("gone"), FailureKind.DISCONNECTED),
        (httpx2.LocalProtocolError("bad header"), FailureKind.UNSENDABLE),
        (httpx2.UnsupportedProtocol("ftp"), FailureKind.UNSENDABLE),
        (RuntimeError("the client has been closed"), FailureKind.UNSENDABLE),
        (httpx2.DecodingError("gzip"), FailureKind.UNREADABLE),
        (BodyTooLargeError("large"), FailureKind.UNREADABLE),
    ],
)
def test_each_exception_is_a_kind_of_failure(error: Exception, kind: FailureKind) -> None:
    """What was never sent is told apart from what may have been processed."""
    failure = failure_of(error)
    assert isinstance(failure, TransportFailure)
    assert failure.kind is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.ConnectTimeout("as the adapter for aiohttp calls it"), FailureKind.DISCONNECTED),
        (httpx2.ReadError("reset"), FailureKind.DISCONNECTED),
        (httpx2.ReadTimeout("slow"), FailureKind.TIMED_OUT),
        (httpx2.DecodingError("gzip"), FailureKind.UNREADABLE),
    ],
)
def test_once_the_response_began_the_request_was_sent(error: Exception, kind: FailureKind) -> None:
    """Whatever the exception is called: sending again could bill twice."""
    failure = failure_of(error, response_began=True)
    assert isinstance(failure, TransportFailure)
    assert failure.kind is kind


def test_an_untrusted_certificate_is_told_from_a_refused_connection() -> None:
    """By the cause underneath."""
    error = httpx2.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    failure = failure_of(error)
    assert isinstance(failure, TransportFailure)
    assert failure.kind is FailureKind.UNTRUSTED


def test_a_url_in_an_exception_is_not_kept() -> None:
    """Its query may hold a key."""
    failure = failure_of(httpx2.ReadError("https://host/path?key=secret"))
    assert failure == TransportFailure(FailureKind.DISCONNECTED, "ReadError")


def test_a_hook_that_raises_for_a_status_is_a_response() -> None:
    """A user's client may have one: the status decides then."""
    response = httpx2.Response(429, content=b"{}", request=httpx2.Request("POST", "https://h"))
    error = httpx2.HTTPStatusError("429", request=response.request, response=response)
    found = failure_of(error)
    assert isinstance(found, HttpResponse)
    assert (found.status, found.body) == (429, b"{}")
