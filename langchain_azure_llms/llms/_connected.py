"""An LLM that is connected: its network, its credential, and one request's way to a reply."""

from __future__ import annotations

import random
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar, Self

import httpx2
from langchain_core.rate_limiters import BaseRateLimiter
from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator

from langchain_azure_llms._redact import Private
from langchain_azure_llms.auth import (
    Authorization,
    check_credential,
    key_of,
    token_bearer,
)
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    ConflictingCredentialsError,
    StatusError,
)
from langchain_azure_llms.llms import _settings
from langchain_azure_llms.llms._configured import ConfiguredLLM
from langchain_azure_llms.llms._derived import Derived
from langchain_azure_llms.llms._forms import LearnedForms
from langchain_azure_llms.llms._urls import check_url, with_headers, with_query
from langchain_azure_llms.transport import _async, _network, _pool, _sync
from langchain_azure_llms.transport._exchange import HttpRequest, Reply, Steps, exchange
from langchain_azure_llms.transport._network import NetworkSettings, network_settings
from langchain_azure_llms.transport._retry import Cooldowns, RetryPolicy

_PACKAGE = "langchain-azure-llms"
_cooldowns = Cooldowns()


class ConnectedLLM(ConfiguredLLM):
    """Base of LLMs that speak over HTTP. Subclasses say where, and with which credential."""

    max_retries: int = Field(default=2, ge=0)
    """How often a request that failed is sent again; 0 means one attempt.

    A request whose reply never came may have been processed, and billed, before it is sent again.
    """
    retry_policy: RetryPolicy | None = None
    """Waits between retries, in full. When given, its `max_retries` counts, not the argument."""
    max_concurrency: int = Field(default=16, ge=1)
    """How many HTTP requests of one batch are in flight at most."""
    default_headers: Mapping[str, str] | None = Field(default=None, repr=False)
    """Headers that every request carries, over our own of the same name."""
    default_query: Mapping[str, object] | None = Field(default=None, repr=False)
    """Query parameters that every request carries."""
    http_client: Any | None = Field(default=None, repr=False, exclude=True)
    """Your own `httpx2.Client` for the sync methods: proxies, certificates, limits."""
    http_async_client: Any | None = Field(default=None, repr=False, exclude=True)
    """Your own `httpx2.AsyncClient` for the async methods."""
    rate_limiter: BaseRateLimiter | None = Field(default=None, repr=False, exclude=True)
    """Asked before each request; its retries are not counted."""
    credential: Any = Field(default=None, repr=False, exclude=True)
    """Who sends the requests: a key; an `azure.core.credentials.AzureKeyCredential`; a credential
    of azure-identity, sync or async; or a function, or coroutine function, that returns a token.

    One credential is one identity: its tokens are kept until shortly before they expire, shared by
    all callers, and fetched anew, once, when the service refuses one. A function's token is kept
    when it is an object with `token` and `expires_on`, or a JSON Web Token.
    """
    credential_scopes: tuple[str, ...] | None = None
    """What tokens are asked for; None means the service's own scope."""
    allow_plain_http: bool = False
    """Whether credentials and prompts may travel unencrypted beyond this machine."""

    _environment: NetworkSettings = PrivateAttr(default_factory=network_settings)
    _lease: _pool.Lease = PrivateAttr(default_factory=_pool.Lease)
    _tokens: Any = PrivateAttr(default=None)
    _learned: LearnedForms = PrivateAttr(default_factory=LearnedForms)

    default_scopes: ClassVar[tuple[str, ...]]
    """The scope that tokens for the service have."""
    credential_settings: ClassVar[tuple[tuple[str, ...], ...]]
    """The settings that say who sends; those of one group are one credential."""
    shared_resources: ClassVar[tuple[str, ...]] = (
        "http_client",
        "http_async_client",
        "credential",
        "rate_limiter",
    )
    never_travel: ClassVar[tuple[str, ...]] = ("_environment", "_lease", "_tokens", "_learned")

    @field_validator("credential", mode="before")
    @classmethod
    def _check_credential(cls, value: Any) -> Any:
        if value is None:
            return None
        credential = SecretStr(value) if isinstance(value, str) else value
        check_credential(credential)
        return credential

    @field_validator("credential_scopes", mode="before")
    @classmethod
    def _check_scopes(cls, value: Any) -> Any:
        scopes = (value,) if isinstance(value, str) else value
        if scopes is not None and not (
            isinstance(scopes, list | tuple)
            and scopes
            and all(isinstance(scope, str) and scope.strip() for scope in scopes)
        ):
            raise ConfigurationError(
                "credential_scopes must be one or several texts, such as "
                f"{cls.default_scopes[0]!r}."
            )
        return scopes

    @model_validator(mode="after")
    def _check_shared_settings(self) -> Self:
        _settings.check_http_client(self.http_client, httpx2.Client, "http_client")
        _settings.check_http_client(self.http_async_client, httpx2.AsyncClient, "http_async_client")
        self._add_version(_PACKAGE, package_version())
        return self

    # --- what a subclass says ---------------------------------------------------------------

    @property
    @abstractmethod
    def _address(self) -> str:
        """The endpoint's address."""

    @property
    @abstractmethod
    def _authorization(self) -> Authorization:
        """How requests prove who sends them."""

    def _explain(self, error: StatusError) -> None:
        """Add to an error's message what only the LLM knows."""

    @property
    def _proxy(self) -> str | None:
        """The proxy to use instead of the environment's."""
        return None

    # --- one request ------------------------------------------------------------------------

    def _reply(self, request: HttpRequest) -> Reply:
        if self.rate_limiter is not None:
            self.rate_limiter.acquire(blocking=True)
        client = self.http_client or _pool.sync_pool.client(*self._line)
        try:
            return _sync.run(self._steps(request), request, client, self._authorization.get_token)
        except StatusError as error:
            self._explain(error)
            raise

    def close(self) -> None:
        """Close this object's connections, unless another LLM object shares them.

        The object stays usable: its next call opens new ones. A client of your own stays open.
        """
        _pool.sync_pool.close(*self._line)

    async def _areply(self, request: HttpRequest, *, for_sync: bool = False) -> Reply:
        if self.rate_limiter is not None:
            await self.rate_limiter.aacquire(blocking=True)
        own = None if for_sync else self.http_async_client
        client = own or _pool.async_pool.client(*self._line)
        get_token = self._authorization.aget_token
        try:
            return await _async.run(self._steps(request), request, client, get_token)
        except StatusError as error:
            self._explain(error)
            raise

    async def aclose(self) -> None:
        """Close this object's connections of the running event loop, as `close` does."""
        await _pool.async_pool.close(*self._line)

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._lease = _pool.Lease()  # noqa: SLF001 - its own: closing the one leaves the other
        return copied

    @property
    def _can_be_driven(self) -> bool:
        """Whether a sync batch may run in an event loop: only if it is then sent as `invoke` would.

        A client or a credential that is for sync calls, or for async ones, alone decides against
        it, and so does httpx2's own async engine, which slows down with many connections.
        """
        if self.http_client is not None or not _network.is_fast_in_asyncio():
            return False
        return self._authorization.serves_both

    # --- who sends ---------------------------------------------------------------------------

    def _is_explicit(self, name: str) -> bool:
        return name in self.model_fields_set and getattr(self, name) is not None

    @property
    def _explicit_credentials(self) -> list[str]:
        """The credentials that were passed, each by one of its names."""
        named = (next(filter(self._is_explicit, names), None) for names in self.credential_settings)
        return [name for name in named if name is not None]

    def _check_one_credential(self) -> None:
        """Refuse two credentials that were passed; those of the environment do not count.

        Raises:
            ConflictingCredentialsError: If there are two.
        """
        if len(given := self._explicit_credentials) > 1:
            raise ConflictingCredentialsError(
                f"Two credentials were passed, {given[0]} and {given[1]}; only one can be sent."
            )

    def _authorization_of(
        self, credential: Any, with_key: Callable[[SecretStr], Authorization]
    ) -> Authorization:
        """Return the authorization of `credential`; a key travels in the service's own way."""
        key = key_of(credential)
        if key is not None:
            return with_key(key)
        from langchain_azure_llms.auth._tokens import CachedTokens  # noqa: PLC0415 - keys need none

        scopes = self.credential_scopes or self.default_scopes
        known = self._tokens
        if known is None or known.credential is not credential or known.scopes != scopes:
            known = self._tokens = CachedTokens(credential, scopes)
        return token_bearer(known, identity=id(credential))

    # --- what both need ---------------------------------------------------------------------

    @Derived
    def _line(self) -> tuple[NetworkSettings, _pool.Lease]:
        """How this object uses the network, and its share in the clients for that."""
        return self._environment._replace(proxy=self._proxy), self._lease

    def _request(
        self,
        url: str,
        *,
        headers: Mapping[str, str | None],
        timeout: httpx2.Timeout | None,
        stream: bool,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
    ) -> HttpRequest:
        """Return what the requests of one call have in common; each gets a body of its own."""
        authorization = self._authorization
        ours = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": f"{_PACKAGE}/{package_version()}",
            **{name: value for name, value in headers.items() if value},
            **authorization.headers,
        }
        check_url(url, "The endpoint's URL", allow_plain_http=self.allow_plain_http)
        for name, given in (("extra_headers", extra_headers), ("extra_query", extra_query)):
            _settings.check_mapping(given, name)
        url = with_query(url, {**(self.default_query or {}), **(extra_query or {})})
        sent = with_headers(with_headers(ours, self.default_headers), extra_headers)
        _settings.check_headers(sent)
        return HttpRequest(
            url=url,
            headers=Private(sent),
            body=b"",
            timeout=timeout,
            stream=stream,
            needs_token=authorization.tokens is not None,
            limit_key=(url, authorization.identity),
            longest_wait=self._policy.max_wait,
        )

    @property
    def _policy(self) -> RetryPolicy:
        return self.retry_policy or retries(self.max_retries)

    def _steps(self, request: HttpRequest) -> Steps:
        return exchange(
            request,
            policy=self._policy,
            cooldowns=_cooldowns,
            clock=time.monotonic,
            wall_clock=time.time,
            uniform=random.uniform,
        )


@lru_cache(maxsize=32)
def retries(max_retries: int) -> RetryPolicy:
    """Return the default policy with this many retries."""
    return RetryPolicy(max_retries=max_retries)


@cache
def package_version() -> str:
    """Return our version, as LangChain's metadata and the services' logs name it."""
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:  # copied or frozen without what an installation adds
        return "unknown"
