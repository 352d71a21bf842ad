"""What is logged of requests: places, statuses, waits and allow-listed headers; never a secret.

Everything goes to one logger, `langchain_azure_llms`. Bodies, tokens, keys and queries never do.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

import httpx2

from langchain_azure_llms._redact import public_url
from langchain_azure_llms.transport._exchange import Failure, HttpRequest, Reply, Sleep

logger = logging.getLogger("langchain_azure_llms")
_LOGGED = (
    "apim-request-id",
    "content-type",
    "ms-azureml-model-error-reason",
    "ms-azureml-model-error-statuscode",
    "retry-after",
    "retry-after-ms",
    "x-ms-region",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-request-id",
)
sending: ContextVar[bool] = ContextVar("sending", default=False)
"""Whether the HTTP client works for us just now."""


def log_outcome(request: HttpRequest, outcome: Reply | Failure) -> None:
    """Log what came of sending a request once."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    place = public_url(request.url)
    if isinstance(outcome, Failure):
        logger.debug("%s: no reply (%s)", place, outcome.kind)
        return
    told = {name: outcome.headers[name] for name in _LOGGED if name in outcome.headers}
    logger.debug("%s: %d %s", place, outcome.status, told)


def log_wait(request: HttpRequest, wait: Sleep) -> None:
    """Log a wait before the next attempt: at INFO, for a job that stands still makes people ask."""
    logger.info("%s: waiting %.1f s %s", public_url(request.url), wait.seconds, wait.why)


class _WithoutQuery(logging.Filter):
    """Takes the query out of the URLs that httpx2 itself logs of our requests.

    It logs each at INFO; gateways take keys there. Other requests of the process are not touched.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if sending.get() and isinstance(record.args, tuple):
            record.args = tuple(
                public_url(str(argument)) if isinstance(argument, httpx2.URL) else argument
                for argument in record.args
            )
        return True


logging.getLogger("httpx2").addFilter(_WithoutQuery())
