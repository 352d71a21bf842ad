"""What is logged of requests: URLs without queries, statuses, waits and allow-listed headers.

Everything goes to one logger, `langchain_azure_llms`. Bodies, tokens, keys and queries never do.
"""

from __future__ import annotations

import logging

from langchain_azure_llms._redaction import public_url
from langchain_azure_llms.http.request import HttpRequest, HttpResponse, Sleep, TransportFailure

logger = logging.getLogger("langchain_azure_llms")
_LOGGED_HEADERS = (
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


def log_outcome(request: HttpRequest, outcome: HttpResponse | TransportFailure) -> None:
    """Log, at DEBUG, what sending a request once ended in."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    url = public_url(request.url)
    if isinstance(outcome, TransportFailure):
        logger.debug("%s: no response (%s)", url, outcome.kind)
        return
    headers = {name: outcome.headers[name] for name in _LOGGED_HEADERS if name in outcome.headers}
    logger.debug("%s: %d %s", url, outcome.status, headers)


def log_wait(wait: Sleep) -> None:
    """Log, at INFO, a wait before the next attempt: it explains why a job stands still."""
    logger.info("%s: waiting %.1f s %s", public_url(wait.url), wait.seconds, wait.reason)
