"""Failures of an HTTP engine that have no name of their own."""

from typing import Any

import httpx2
import pytest
from httpx_aiohttp.httpx2 import AiohttpTransport

from langchain_azure_llms.transport import _aiohttp, _deadline
from langchain_azure_llms.transport._exchange import Failure, FailureKind
from langchain_azure_llms.transport._failures import failure_of


def test_an_error_of_no_known_kind_is_an_unreadable_reply() -> None:
    """It is not tried again: nobody knows what has happened."""
    failure = failure_of(httpx2.HTTPError("odd"))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.UNREADABLE


def test_without_a_limit_for_one_step_a_reply_may_take_for_ever() -> None:
    """Such as that of a user who passed `timeout=None` for reading."""
    timeout = {"pool": 1.0, "connect": 1.0, "read": None, "write": 1.0}
    request = httpx2.Request("POST", "https://h/", extensions={"timeout": timeout})
    assert _deadline.longest(request) is None


async def test_a_timeout_that_is_not_the_connections_stays_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It came after the request was sent: that decides what may have been billed."""

    async def late(*_: Any) -> httpx2.Response:
        raise httpx2.ReadTimeout("late")

    monkeypatch.setattr(AiohttpTransport, "handle_async_request", late)
    request = httpx2.Request("POST", "https://h/", content=b"{}")
    with pytest.raises(httpx2.ReadTimeout, match="late"):
        await _aiohttp._Transport().handle_async_request(request)
