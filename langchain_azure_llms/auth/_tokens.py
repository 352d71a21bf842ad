"""Microsoft Entra tokens: fetched when needed, by whoever needs one first, and kept while valid."""

from __future__ import annotations

import asyncio
import base64
import binascii
import inspect
import json
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, NamedTuple, cast

from pydantic import SecretStr

from langchain_azure_llms.auth._authorization import problem_with
from langchain_azure_llms.exceptions import ConfigurationError, CredentialError

_MARGIN = 300.0
"""Seconds before its end at which a token is replaced; azure-core's own margin. A token that lives
under an hour or so is replaced in the last tenth of its life."""
_PATIENCE = 30.0
"""Seconds until the next try, when a token could not be replaced and is still valid."""
_logger = logging.getLogger("langchain_azure_llms")


class Token(NamedTuple):
    """A token, and when it ends.

    Attributes:
        text: What travels.
        obtained_on: Seconds since the epoch at which it was had.
        expires_on: Seconds since the epoch at which it ends; None if it does not tell.
    """

    text: SecretStr
    obtained_on: float
    expires_on: float | None = None

    def is_valid(self, now: float) -> bool:
        """Whether it is known that the service still takes it."""
        return self.expires_on is not None and now < self.expires_on

    def is_fresh(self, now: float) -> bool:
        """Whether it need not be replaced yet."""
        if self.expires_on is None:
            return False
        margin = min(_MARGIN, max(0.0, self.expires_on - self.obtained_on) / 10)
        return now < self.expires_on - margin


class ProvidedTokens:
    """Tokens of a pair of functions, as the peers take them: called for each request."""

    def __init__(
        self,
        provider: Callable[[], Any] | None,
        async_provider: Callable[[], Awaitable[Any]] | None,
    ) -> None:
        self._provider = provider
        self._async_provider = async_provider

    @property
    def serves_both(self) -> bool:
        """Whether there is a sync provider alone."""
        return self._provider is not None and self._async_provider is None

    def get(self, refused: SecretStr | None = None, claims: str | None = None) -> SecretStr:  # noqa: ARG002 - the base's
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
        return _checked(_read(_in_a_thread(_called(self._provider)), 0.0)).text

    async def aget(self, refused: SecretStr | None = None, claims: str | None = None) -> SecretStr:  # noqa: ARG002 - the base's
        """Return a token, without blocking the event loop.

        Raises:
            CredentialError: If the provider gives no token.
        """
        ask = self._async_provider or self._provider
        return _checked(_read(await _asked(cast("Callable[[], Any]", ask)), 0.0)).text


class CachedTokens:
    """The tokens of one credential, for every caller in this process.

    A token that tells its end is kept until shortly before it. However many callers need a new one
    at the same moment, one of them fetches it. Where a token cannot be replaced in time, the old
    one serves until its end.

    Args:
        credential: A credential of azure-identity, sync or async, or a function that returns a
            token, or a coroutine function.
        scopes: What the tokens are for.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, credential: Any, scopes: Sequence[str], clock: Callable[[], float] = time.time
    ) -> None:
        self.credential = credential
        self.scopes = tuple(scopes)
        self._clock = clock
        self._token: Token | None = None
        self._fetches = 0
        self._not_before = 0.0
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._loop_locks: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}

    def __deepcopy__(self, memo: Any) -> CachedTokens:
        return self  # its credential is shared, too

    @property
    def serves_both(self) -> bool:
        """Whether the credential is a sync one."""
        return not _is_async(self._ask)

    def get(self, refused: SecretStr | None = None, claims: str | None = None) -> SecretStr:
        """Return a token, in a thread.

        Args:
            refused: A token that the service refused just now.
            claims: What the service said a new one must hold.

        Raises:
            ConfigurationError: If the credential is an async one.
            CredentialError: If it gives no token.
        """
        if _is_async(self._ask):
            raise ConfigurationError(_ASYNC_ONLY.format(type(self.credential).__name__))
        self._look_around()
        seen = self._fetches
        kept = self._kept(refused, is_being_replaced=self._lock.locked())
        if kept is not None:
            return kept
        with self._lock:
            kept = self._kept(refused, fetched_since=seen)
            if kept is not None:
                return kept
            with self._or_the_old_one(refused):
                with self._asking():
                    read = _read(_in_a_thread(_called(self._ask_for(claims))), self._clock())
                self._take(read)
            return self._text

    async def aget(self, refused: SecretStr | None = None, claims: str | None = None) -> SecretStr:
        """Return a token, without blocking the event loop; see `get`.

        Raises:
            CredentialError: If the credential gives no token.
        """
        self._look_around()
        seen, lock = self._fetches, self._loop_lock()
        kept = self._kept(refused, is_being_replaced=lock.locked())
        if kept is not None:
            return kept
        async with lock:
            kept = self._kept(refused, fetched_since=seen)
            if kept is not None:
                return kept
            with self._or_the_old_one(refused):
                with self._asking():
                    read = _read(await _asked(self._ask_for(claims)), self._clock())
                self._take(read)
            return self._text

    def _look_around(self) -> None:
        """Refuse a credential that asks itself; leave locks behind that a fork has copied."""
        if id(self) in _asked_already.get():
            raise CredentialError(
                "The credential calls the LLM that it is the credential of: it would wait for "
                "itself. Give the inner LLM another credential."
            )
        if self._process != os.getpid():
            self._process = os.getpid()
            self._lock, self._loop_locks = threading.Lock(), {}

    @contextmanager
    def _asking(self) -> Iterator[None]:
        token = _asked_already.set(_asked_already.get() | {id(self)})
        try:
            yield
        finally:
            _asked_already.reset(token)

    # --- decided ----------------------------------------------------------------------------

    def _kept(
        self,
        refused: SecretStr | None,
        *,
        is_being_replaced: bool = False,
        fetched_since: int | None = None,
    ) -> SecretStr | None:
        """Return the token that is there, if it will do."""
        token, now = self._token, self._clock()
        if token is None or token.text == refused:
            return None
        was_fetched = fetched_since is not None and fetched_since != self._fetches
        is_newer = refused is not None and (token.expires_on is None or token.is_valid(now))
        will_do = token.is_fresh(now) or was_fetched or is_newer
        can_wait = token.is_valid(now) and (is_being_replaced or now < self._not_before)
        return token.text if will_do or can_wait else None

    @contextmanager
    def _or_the_old_one(self, refused: SecretStr | None) -> Iterator[None]:
        """Let a token that is still valid serve on when no new one can be had."""
        try:
            yield
        except Exception as error:
            token, now = self._token, self._clock()
            if token is None or token.text == refused or not token.is_valid(now):
                raise
            self._not_before = now + _PATIENCE
            _logger.warning(
                "A token that ends soon could not be replaced (%s); it serves on until its end.",
                type(error).__name__,
            )

    def _take(self, read: Token | ConfigurationError | CredentialError) -> None:
        self._token = _checked(read)
        self._fetches += 1

    @property
    def _text(self) -> SecretStr:
        return cast("Token", self._token).text

    # --- asked ------------------------------------------------------------------------------

    @property
    def _ask(self) -> Callable[..., Any]:
        get_token = getattr(self.credential, "get_token", None)
        return cast("Callable[..., Any]", self.credential if get_token is None else get_token)

    def _ask_for(self, claims: str | None) -> Callable[..., Any]:
        ask = self._ask
        if getattr(self.credential, "get_token", None) is None:  # a function knows its scopes
            return ask
        return partial(ask, *self.scopes, **({"claims": claims} if claims else {}))

    def _loop_lock(self) -> asyncio.Lock:
        """Return the running loop's lock; those of loops that have ended are dropped."""
        loop = asyncio.get_running_loop()
        lock = self._loop_locks.get(loop)
        if lock is None:
            with self._lock_of_locks:
                for ended in [known for known in self._loop_locks if known.is_closed()]:
                    del self._loop_locks[ended]
                lock = self._loop_locks.setdefault(loop, asyncio.Lock())
        return lock

    _lock_of_locks = threading.Lock()


_ASYNC_ONLY = (
    "The credential ({}) is an async one, and this is a sync call. Pass a sync credential, such as "
    "those of azure.identity instead of azure.identity.aio (it serves async calls too), or call "
    "the async methods (ainvoke, astream, ...)."
)


def _is_async(ask: Callable[..., Any]) -> bool:
    call = getattr(ask, "__call__", None)  # noqa: B004 - an object whose call is a coroutine
    return inspect.iscoroutinefunction(ask) or inspect.iscoroutinefunction(call)


_asked_already: ContextVar[frozenset[int]] = ContextVar("_asked_already", default=frozenset())
"""Whose credentials are being asked, in this context."""


def _called(ask: Callable[[], Any]) -> Any:
    """Return what a function gives; an exhausted iterator's end would be taken for the caller's."""
    try:
        return ask()
    except StopIteration as error:
        raise CredentialError("The token provider has no more tokens (StopIteration).") from error


async def _asked(ask: Callable[[], Any]) -> Any:
    """Return what a function gives; a sync one is called in a thread."""
    answer = ask() if _is_async(ask) else await _in_a_daemon(partial(_called, ask))
    return await answer if inspect.isawaitable(answer) else answer


async def _in_a_daemon(work: Callable[[], Any]) -> Any:
    """Return what a sync function returns, in a thread that nobody waits for at the end.

    `asyncio.to_thread` has its threads waited for when an event loop closes: after Ctrl-C, for as
    long as a browser or a token service may take.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()

    def told(result: Any, error: BaseException | None) -> None:
        if answer.done():  # the caller was cancelled meanwhile
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - the caller's, whatever it is
            problem = error
        with suppress(RuntimeError):  # the loop has closed meanwhile
            loop.call_soon_threadsafe(told, result, problem)

    context = copy_context()
    threading.Thread(target=context.run, args=(run,), name="azure-token", daemon=True).start()
    return await answer


def _in_a_thread(answer: Any) -> Any:
    """Return a sync function's answer; refuse one that only an event loop can wait for."""
    if not inspect.isawaitable(answer):
        return answer
    if inspect.iscoroutine(answer):
        answer.close()
    raise ConfigurationError(_ASYNC_ONLY.format("a function that returns an awaitable"))


# --- read -------------------------------------------------------------------------------------


def _read(answer: Any, now: float) -> Token | ConfigurationError | CredentialError:
    """Return the token that a credential or a function gave, or the error of what is none.

    It does not raise: a traceback with locals would show the answer.
    """
    text = getattr(answer, "token", answer)
    if not isinstance(text, str) or not text.strip():
        shown = "an empty text" if isinstance(text, str) else f"a {type(answer).__name__}"
        return CredentialError(f"The token provider returned {shown}, expected a token as text.")
    problem = problem_with(SecretStr(text))
    if problem:
        return ConfigurationError(f"The token provider's token {problem}")
    expires_on = getattr(answer, "expires_on", None)
    if isinstance(answer, str):
        expires_on = _told_end(answer)
    end = expires_on if isinstance(expires_on, int | float) else None
    return Token(SecretStr(text), now, end)


def _checked(read: Token | ConfigurationError | CredentialError) -> Token:
    if isinstance(read, Token):
        return read
    raise read


def _told_end(token: str) -> float | None:
    """Return when a JSON Web Token says that it ends (RFC 7519, `exp`); None if it is another."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError, binascii.Error):
        return None
