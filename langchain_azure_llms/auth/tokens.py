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
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakValueDictionary, finalize

from pydantic import SecretStr

from langchain_azure_llms.auth.credentials import check_secret
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


class CachedTokens:
    """Keeps the token of one credential: of those who need a new one, one fetches it for all.

    Where a token cannot be replaced in time, the old one is used until its end.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._token: Token | None = None
        self._not_before = 0.0
        self.new_locks()

    def new_locks(self) -> None:
        """Forget the locks: a fork copies them as they are, for ever held."""
        self._lock = threading.Lock()
        # Weak values, not keys: a lock may refer to its loop. It lives while somebody uses it.
        self._loop_locks: WeakValueDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakValueDictionary()
        )

    def get(self, fetch: Callable[[], Any], refused: SecretStr | None = None) -> SecretStr:
        """Return a token; `refused` is one that the service refused just now."""
        lock, before = self._lock, self._token
        token = self._usable(refused, before, is_being_replaced=lock.locked())
        if token is not None:
            return token
        with lock:
            token = self._usable(refused, before)
            if token is not None:
                return token
            try:
                return self._keep(fetch())
            except Exception as error:  # noqa: BLE001 - whatever a credential raises
                return self._old_one(refused, error)

    async def aget(
        self, fetch: Callable[[], Awaitable[Any]], refused: SecretStr | None = None
    ) -> SecretStr:
        """Return a token, without blocking the event loop; see `get`."""
        lock = self._loop_locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        before = self._token
        token = self._usable(refused, before, is_being_replaced=lock.locked())
        if token is not None:
            return token
        async with lock:
            token = self._usable(refused, before)
            if token is not None:
                return token
            try:
                return self._keep(await fetch())
            except Exception as error:  # noqa: BLE001 - whatever a credential raises
                return self._old_one(refused, error)

    def _usable(
        self, refused: SecretStr | None, before: Token | None, *, is_being_replaced: bool = False
    ) -> SecretStr | None:
        """Return the token, if it can be used; `before` is the one when this caller came."""
        token, now = self._token, self._clock()
        if token is None or token.text == refused:
            return None
        is_valid = now < token.expires_on
        can_wait = is_valid and (is_being_replaced or now < self._not_before)
        replaces_refused = refused is not None and (is_valid or not token.expires_on)
        is_new = token is not before or now < token.replace_at
        return token.text if is_new or can_wait or replaces_refused else None

    def _keep(self, answer: Any) -> SecretStr:
        self._token = token = read_token(answer, self._clock())
        return token.text

    def _old_one(self, refused: SecretStr | None, error: Exception) -> SecretStr:
        """Return the token, if it is still valid; else raise why there is no new one."""
        token, now = self._token, self._clock()
        if token is None or token.text == refused or now >= token.expires_on:
            raise error
        self._not_before = now + _RETRY_SECONDS
        _logger.warning(
            "A token that ends soon could not be replaced (%s); it is used until its end.",
            type(error).__name__,
        )
        return token.text


_caches: dict[tuple[int, tuple[str, ...]], CachedTokens] = {}


def shared_tokens(credential: Any, scopes: Sequence[str]) -> CachedTokens:
    """Return the tokens of a credential: shared by all LLM objects, for as long as it lives."""
    key = (id(credential), tuple(scopes))
    if key not in _caches:
        try:
            finalize(credential, _caches.pop, key, None).atexit = False
        except TypeError:  # an object that has no weak references
            return CachedTokens()
    return _caches.setdefault(key, CachedTokens())


def _after_fork() -> None:
    for cache in _caches.values():
        cache.new_locks()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)


def is_async(source: Any, scopes: Sequence[str]) -> bool:
    """Return whether a credential, or a function that returns tokens, is an async one."""
    function = _function(source, scopes)
    call = getattr(function, "__call__", None)  # noqa: B004 - an object whose call is a coroutine
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def fetch(source: Any, scopes: Sequence[str], claims: str | None) -> Any:
    """Return what a credential or a function gives, in a thread.

    Raises:
        ConfigurationError: If it is an async one.
    """
    answer = _call(source, scopes, claims)
    if not inspect.isawaitable(answer):
        return answer
    if inspect.iscoroutine(answer):
        answer.close()
    raise ConfigurationError(
        f"The credential ({type(source).__name__}) is an async one, and this is a sync call. Pass "
        "a sync credential, such as those of azure.identity instead of azure.identity.aio (it is "
        "used for async calls too), or call the async methods (ainvoke, astream, ...)."
    )


async def afetch(source: Any, scopes: Sequence[str], claims: str | None) -> Any:
    """Return what a credential or a function gives; a sync one is called in a thread."""
    call = partial(_call, source, scopes, claims)
    answer = call() if is_async(source, scopes) else await asyncio.to_thread(call)
    return await answer if inspect.isawaitable(answer) else answer


def _function(source: Any, scopes: Sequence[str]) -> Callable[..., Any]:
    function: Callable[..., Any] = (
        getattr(source, "get_token", None) if scopes else None
    ) or source
    return function


def _call(source: Any, scopes: Sequence[str], claims: str | None) -> Any:
    function = _function(source, scopes)
    try:
        if function is source:  # which knows its scopes
            return function()
        return function(*scopes, **({"claims": claims} if claims else {}))
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
    check_secret(SecretStr(text), "The token provider's token")
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
