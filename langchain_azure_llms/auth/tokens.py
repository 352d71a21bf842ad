"""Microsoft Entra tokens: fetched when needed, by one caller for all, and kept while valid."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakValueDictionary, finalize

from pydantic import SecretStr

from langchain_azure_llms.auth.credentials import problem_with
from langchain_azure_llms.exceptions import ConfigurationError, CredentialError

_MARGIN = 300.0
"""Seconds before its end at which a token is replaced: azure-core's own margin. A token that is
valid for less than 50 minutes is replaced in the last tenth of that time."""
_RETRY_SECONDS = 30.0
"""How long a valid token is used on after it could not be replaced, before the next try."""
_logger = logging.getLogger("langchain_azure_llms")


class Token(NamedTuple):
    """A token, with times in seconds since 1970; both are 0 if it is not known when it ends."""

    text: SecretStr
    expires_on: float = 0.0
    replace_at: float = 0.0


class ProvidedTokens:
    """Tokens of a pair of functions, as langchain-openai takes them: called for each request."""

    def __init__(
        self, provider: Callable[[], Any] | None, async_provider: Callable[[], Any] | None
    ) -> None:
        self._provider, self._async_provider = provider, async_provider
        self.supports_sync = provider is not None and async_provider is None
        self.identity = id(provider or async_provider)

    def get(self, _refused: SecretStr | None = None, _claims: str | None = None) -> SecretStr:
        """Return a token, in a thread.

        Raises:
            ConfigurationError: If only an async provider was given.
            CredentialError: If the provider gives no token.
        """
        if self._provider is None:
            raise ConfigurationError(
                "Only an async token provider was given, and this is a sync call. Pass a sync one "
                "too (azure_ad_token_provider), or call the async methods (ainvoke, astream, ...)."
            )
        return read_token(_sync_answer(self._provider, "a function"), 0.0).text

    async def aget(
        self, _refused: SecretStr | None = None, _claims: str | None = None
    ) -> SecretStr:
        """Return a token, without blocking the event loop; see `get`."""
        provider: Any = self._async_provider or self._provider
        return read_token(await _async_answer(provider), 0.0).text


class TokenCache:
    """The token of one credential, and the locks that have one caller replace it for all.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.token: Token | None = None
        self._not_before = 0.0
        self.new_locks()

    def new_locks(self) -> None:
        """Forget the locks: a fork copies them as they are, for ever held."""
        self.lock = threading.Lock()
        # Weak values, not keys: a lock may refer to its loop. It lives while somebody uses it.
        self._loop_locks: WeakValueDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakValueDictionary()
        )

    def loop_lock(self) -> asyncio.Lock:
        """Return the lock for the running event loop."""
        return self._loop_locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def usable(
        self, refused: SecretStr | None, before: Token | None, *, is_being_replaced: bool = False
    ) -> SecretStr | None:
        """Return the token, if it can be used.

        Args:
            refused: A token that must not be used.
            before: The token that was here when this caller came: another one is new.
            is_being_replaced: Whether another caller is fetching a new one.
        """
        token, now = self.token, self._clock()
        if token is None or token.text == refused:
            return None
        is_valid = now < token.expires_on
        can_wait = is_valid and (is_being_replaced or now < self._not_before)
        replaces_refused = refused is not None and (is_valid or not token.expires_on)
        is_new = token is not before or now < token.replace_at
        return token.text if is_new or can_wait or replaces_refused else None

    def keep(self, answer: Any) -> SecretStr:
        """Keep the token that a credential gave, and return it."""
        self.token = token = read_token(answer, self._clock())
        return token.text

    def old_one(self, refused: SecretStr | None, error: Exception) -> SecretStr:
        """Return the token, if it is still valid; else raise why there is no new one."""
        token, now = self.token, self._clock()
        if token is None or token.text == refused or now >= token.expires_on:
            raise error
        self._not_before = now + _RETRY_SECONDS
        _logger.warning(
            "A token that ends soon could not be replaced (%s); it is used until its end.",
            type(error).__name__,
        )
        return token.text


_caches: dict[tuple[int, tuple[str, ...]], TokenCache] = {}


def shared_cache(credential: Any, scopes: Sequence[str]) -> TokenCache:
    """Return the cache of a credential: one for all LLM objects, for as long as it lives."""
    key = (id(credential), tuple(scopes))
    if key not in _caches:
        try:
            finalize(credential, _caches.pop, key, None).atexit = False
        except TypeError:  # an object that has no weak references
            return TokenCache()
    return _caches.setdefault(key, TokenCache())


def _after_fork() -> None:
    for cache in _caches.values():
        cache.new_locks()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)


class CachedTokens:
    """The tokens of a credential: however many callers need a new one, one of them fetches it.

    Where a token cannot be replaced in time, the old one is used until its end.

    Args:
        credential: A credential of azure-identity, sync or async, or a function that returns a
            token, or a coroutine function.
        scopes: What the tokens are for.
        cache: Holds the token.
    """

    def __init__(self, credential: Any, scopes: Sequence[str], cache: TokenCache) -> None:
        self._credential, self._scopes, self._cache = credential, scopes, cache
        self.identity = id(credential)

    @property
    def supports_sync(self) -> bool:
        """Whether the credential is a sync one, which is used for async calls too."""
        return not _is_async(self._function(None))

    def get(self, refused: SecretStr | None = None, claims: str | None = None) -> SecretStr:
        """Return a token, in a thread.

        Args:
            refused: A token that the service refused just now.
            claims: What the service said a new one must hold.

        Raises:
            ConfigurationError: If the credential is an async one.
            CredentialError: If it gives no token.
        """
        cache, before = self._cache, self._cache.token
        token = cache.usable(refused, before, is_being_replaced=cache.lock.locked())
        if token is not None:
            return token
        with cache.lock:
            token = cache.usable(refused, before)
            if token is not None:
                return token
            name = type(self._credential).__name__
            try:
                return cache.keep(_sync_answer(self._function(claims), name))
            except Exception as error:  # noqa: BLE001 - whatever a credential raises
                return cache.old_one(refused, error)

    async def aget(self, refused: SecretStr | None = None, claims: str | None = None) -> SecretStr:
        """Return a token, without blocking the event loop; see `get`."""
        cache, before = self._cache, self._cache.token
        lock = cache.loop_lock()
        token = cache.usable(refused, before, is_being_replaced=lock.locked())
        if token is not None:
            return token
        async with lock:
            token = cache.usable(refused, before)
            if token is not None:
                return token
            try:
                return cache.keep(await _async_answer(self._function(claims)))
            except Exception as error:  # noqa: BLE001 - whatever a credential raises
                return cache.old_one(refused, error)

    def _function(self, claims: str | None) -> Callable[[], Any]:
        """Return what fetches a token."""
        get_token = getattr(self._credential, "get_token", None)
        if get_token is None:  # a function, which knows its scopes
            function: Callable[[], Any] = self._credential
            return function
        return partial(get_token, *self._scopes, **({"claims": claims} if claims else {}))


def _is_async(function: Callable[..., Any]) -> bool:
    while isinstance(function, partial):
        function = function.func
    call = getattr(function, "__call__", None)  # noqa: B004 - an object whose call is a coroutine
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _sync_answer(function: Callable[[], Any], name: str) -> Any:
    """Return what a sync function returns; refuse what only an event loop can await."""
    answer = _call(function)
    if not inspect.isawaitable(answer):
        return answer
    if inspect.iscoroutine(answer):
        answer.close()
    raise ConfigurationError(
        f"The credential ({name}) is an async one, and this is a sync call. Pass a sync "
        "credential, such as those of azure.identity instead of azure.identity.aio (it is used for "
        "async calls too), or call the async methods (ainvoke, astream, ...)."
    )


async def _async_answer(function: Callable[[], Any]) -> Any:
    """Return what a function returns; a sync one is called in a thread."""
    answer = function() if _is_async(function) else await asyncio.to_thread(_call, function)
    return await answer if inspect.isawaitable(answer) else answer


def _call(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except StopIteration as error:  # it would be taken for the end of a generator
        raise CredentialError("The token provider has no more tokens (StopIteration).") from error


def read_token(answer: Any, now: float) -> Token:
    """Return the token that a credential or a function gave.

    Raises:
        CredentialError: If it is not a token.
        ConfigurationError: If no HTTP header may hold it.
    """
    text = getattr(answer, "token", answer)
    if not isinstance(text, str) or not text.strip():
        shown = "an empty text" if isinstance(text, str) else f"a {type(answer).__name__}"
        raise CredentialError(f"The token provider returned {shown}, expected a token as text.")
    problem = problem_with(SecretStr(text))
    if problem:
        raise ConfigurationError(f"The token provider's token {problem}")
    end = end_of_web_token(answer) if isinstance(answer, str) else getattr(answer, "expires_on", 0)
    if not isinstance(end, int | float) or not end:
        return Token(SecretStr(text))
    return Token(SecretStr(text), end, end - min(_MARGIN, max(0.0, end - now) / 10))


def end_of_web_token(token: str) -> float | None:
    """Return when a JSON Web Token ends (RFC 7519, `exp`); None if it is another kind of token."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
        return None
