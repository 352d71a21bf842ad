"""The directory that gives out tokens, in the place of Microsoft Entra ID's.

Tenants and applications of every name exist in it, and share one secret. Pure but for the tokens.
"""

import hmac
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from langchain_azure_llms.local._tokens import IssuedTokens

DEFAULT_SCOPE = "/.default"
"""How the scope of an application ends: it cannot choose among its permissions."""

_REMEMBERED = 1024


class GrantRefusedError(Exception):
    """A request for a token is refused.

    Attributes:
        status: The HTTP status that says so.
        error: OAuth's name for the reason.
        code: Microsoft's number for it.
    """

    def __init__(self, status: int, error: str, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.code = code


@dataclass(frozen=True)
class Directory:
    """Gives out tokens, and remembers what they were asked for.

    Attributes:
        client_secret: The secret of every application.
        lifetime: Seconds that a token is good for.
        tokens: Where tokens come from.
        scopes: The newest 1024 scopes (or resources) that were asked for, in their order.
    """

    client_secret: str
    lifetime: float
    tokens: IssuedTokens
    scopes: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def issue(self, scope: str) -> str:
        """Return a new token for `scope`."""
        self.scopes.append(scope)
        return self.tokens.issue(self.lifetime)

    def grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer an application that asks for a token with its secret.

        Args:
            form: The fields of the request.

        Raises:
            GrantRefusedError: When the grant, the secret or the scope is not as it must be.
        """
        self._check(form)
        seconds = int(self.lifetime)
        return {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self.issue(form["scope"]),
        }

    def _check(self, form: Mapping[str, str]) -> None:
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                raise GrantRefusedError(400, "invalid_request", 900144, f"{name} is missing.")
        if form["grant_type"] != "client_credentials":
            message = "Applications are given tokens here by client_credentials only."
            raise GrantRefusedError(400, "unsupported_grant_type", 70003, message)
        _check_scope(form["scope"])
        secret = form.get("client_secret", "")
        if not secret:
            raise GrantRefusedError(401, "invalid_client", 7000218, "client_secret is missing.")
        if not hmac.compare_digest(secret.encode(), self.client_secret.encode()):
            message = f"The secret is not that of the application {form['client_id']!r}."
            raise GrantRefusedError(401, "invalid_client", 7000215, message)


def refusal(error: GrantRefusedError, correlation_id: str | None) -> dict[str, Any]:
    """Return the body that tells an application why it is refused.

    Args:
        error: The reason.
        correlation_id: The id that the application gave its request.
    """
    trace_id, correlation_id = str(uuid.uuid4()), correlation_id or str(uuid.uuid4())
    timestamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
    return {
        "error": error.error,
        "error_description": f"AADSTS{error.code}: {error} Trace ID: {trace_id} "
        f"Correlation ID: {correlation_id} Timestamp: {timestamp}",
        "error_codes": [error.code],
        "timestamp": timestamp,
        "trace_id": trace_id,
        "correlation_id": correlation_id,
    }


def _check_scope(scope: str) -> None:
    if len(scope.split()) != 1:
        message = f"A token is for one resource, not for {scope!r}."
        raise GrantRefusedError(400, "invalid_scope", 70011, message)
    if not scope.removesuffix(DEFAULT_SCOPE) or not scope.endswith(DEFAULT_SCOPE):
        message = f"The scope {scope!r} must be a resource and {DEFAULT_SCOPE}."
        raise GrantRefusedError(400, "invalid_scope", 1002012, message)
