"""From settings to the endpoint that all requests of an LLM object have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx2

from langchain_azure_llms._redaction import RedactedMapping
from langchain_azure_llms.auth import Authorization
from langchain_azure_llms.http.endpoint import Endpoint
from langchain_azure_llms.http.error_in_success import error_inside
from langchain_azure_llms.http.request import FindError, HttpRequest, StreamFormat
from langchain_azure_llms.http.transports import network_settings
from langchain_azure_llms.llms import settings
from langchain_azure_llms.llms.urls import check_url, with_headers, with_query

if TYPE_CHECKING:
    from langchain_azure_llms.llms.base import AzureLLM

_DEFAULT_HEADERS = {
    "Accept-Encoding": "gzip, deflate",
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": f"{settings.PACKAGE}/{settings.package_version()}",
}


def make_endpoint(
    llm: AzureLLM,
    authorization: Authorization,
    *,
    timeout: httpx2.Timeout | None,
    headers: Mapping[str, str | None],
    proxy: str | None = None,
) -> Endpoint:
    """Return an LLM object's endpoint.

    Args:
        llm: The LLM.
        authorization: How its requests prove who sends them.
        timeout: Seconds for each step; None for the default, or a user's own client's.
        headers: Headers of its service.
        proxy: The proxy to use, in place of the environment's.

    Raises:
        ConfigurationError: If the address or a header cannot be used.
    """
    check_url(llm.endpoint_address, "The endpoint's URL", allow_plain_http=llm.allow_plain_http)
    ours = {**_DEFAULT_HEADERS, **{name: value for name, value in headers.items() if value}}
    sent = with_headers({**ours, **authorization.headers()}, llm.default_headers)
    settings.check_headers(sent)
    settings.check_mapping(llm.default_query, "default_query")
    return Endpoint(
        headers=RedactedMapping(sent),
        overriding=RedactedMapping(llm.default_headers or {}),
        query=RedactedMapping(llm.default_query or {}),
        authorization=authorization,
        needs_token=authorization.needs_token,
        identity=authorization.identity,
        network=network_settings(llm.endpoint_address, proxy, verify=llm.verify),
        policy=llm.retry_policy or settings.default_policy(llm.max_retries),
        timeout=None if timeout is None else timeout.as_dict(),
        rate_limiter=llm.rate_limiter,
        http_client=llm.http_client,
        http_async_client=llm.http_async_client,
    )


def request_template(
    endpoint: Endpoint,
    url: str,
    *,
    stream: StreamFormat | None = None,
    timeout: httpx2.Timeout | None = None,
    extra_headers: Mapping[str, str] | None = None,
    extra_query: Mapping[str, object] | None = None,
    find_error: FindError | None = error_inside,
) -> HttpRequest:
    """Return the request of a call, but for its body.

    Args:
        endpoint: The endpoint.
        url: Where it goes.
        stream: In which form the response is to be streamed, if it is.
        timeout: Seconds for each step of this call.
        extra_headers: Headers of this call, in place of others of the same name.
        extra_query: Query parameters of this call.
        find_error: Finds the error in the body of a 2xx; None leaves the body to its parser.

    Raises:
        ConfigurationError: If a header cannot be sent.
    """
    for name, given in (("extra_headers", extra_headers), ("extra_query", extra_query)):
        if given is not None:
            settings.check_mapping(given, name)
    headers, identity = endpoint.headers, endpoint.identity
    if endpoint.authorization.may_change:
        key = endpoint.authorization.headers()
        headers = RedactedMapping(with_headers({**headers, **key}, endpoint.overriding))
        identity = endpoint.authorization.identity
    if extra_headers:
        headers = RedactedMapping(with_headers(headers, extra_headers))
        settings.check_headers(headers)
    if endpoint.query or extra_query:
        url = with_query(url, {**endpoint.query, **(extra_query or {})})
    return HttpRequest(
        url,
        headers,
        b"",
        endpoint.policy,
        endpoint.timeout if timeout is None else timeout.as_dict(),
        stream,
        endpoint.needs_token,
        endpoint.rate_limiter is not None,
        (url, identity),
        find_error,
    )
