"""One credential's tokens: kept while valid, fetched once however many need one, replaced early."""

import asyncio
import base64
import copy
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from langchain_azure_llms.auth._tokens import CachedTokens, ProvidedTokens, Token, _told_end
from langchain_azure_llms.exceptions import ConfigurationError, CredentialError


class AccessToken(NamedTuple):
    """What credentials return."""

    token: str
    expires_on: float


@dataclass
class Credential:
    """Gives numbered tokens that live for some seconds; slowly, or not at all, when told to."""

    clock: Callable[[], float] = time.time
    lifetime: float = 3600.0
    delay: float = 0.0
    problem: Exception | None = None
    asked: list[tuple[tuple[str, ...], dict[str, Any]]] = field(default_factory=list)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked.append((scopes, options))
        time.sleep(self.delay)
        if self.problem is not None:
            raise self.problem
        return AccessToken(f"t{len(self.asked)}", self.clock() + self.lifetime)


class AsyncCredential(Credential):
    """The same for asyncio."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked.append((scopes, options))
        await asyncio.sleep(self.delay)
        if self.problem is not None:
            raise self.problem
        return AccessToken(f"t{len(self.asked)}", self.clock() + self.lifetime)


@dataclass
class Clock:
    """Stands still until it is set."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


Get = Callable[..., str]


Tokens = CachedTokens | ProvidedTokens


def _secret(text: str | None) -> SecretStr | None:
    return None if text is None else SecretStr(text)


def _sync_get(tokens: Tokens, refused: str | None = None, claims: str | None = None) -> str:
    return tokens.get(_secret(refused), claims).get_secret_value()


async def _aget(tokens: Tokens, refused: str | None = None, claims: str | None = None) -> str:
    return (await tokens.aget(_secret(refused), claims)).get_secret_value()


def _async_get(tokens: Tokens, refused: str | None = None, claims: str | None = None) -> str:
    return asyncio.run(_aget(tokens, refused, claims))


WAYS = [
    pytest.param(Credential, _sync_get, id="sync"),
    pytest.param(Credential, _async_get, id="sync-from-async"),
    pytest.param(AsyncCredential, _async_get, id="async"),
]
each_way = pytest.mark.parametrize(("kind", "get"), WAYS)


@each_way
def test_a_token_is_kept_until_shortly_before_it_ends(kind: type[Credential], get: Get) -> None:
    """Five minutes before, as Azure's own clients do."""
    clock = Clock()
    credential = kind(clock)
    tokens = CachedTokens(credential, ["scope"], clock)
    assert ["t1", "t1"] == [get(tokens), get(tokens)]
    clock.now += 3600 - 301
    assert "t1" == get(tokens)
    clock.now += 2
    assert "t2" == get(tokens)
    assert [(("scope",), {})] * 2 == credential.asked


@each_way
def test_a_short_token_is_kept_for_nine_tenths_of_its_life(
    kind: type[Credential], get: Get
) -> None:
    """Five minutes before its end would be before its beginning."""
    clock = Clock()
    tokens = CachedTokens(kind(clock, lifetime=60), ["scope"], clock)
    assert "t1" == get(tokens)
    clock.now += 53
    assert "t1" == get(tokens)
    clock.now += 2
    assert "t2" == get(tokens)


@each_way
def test_a_refused_token_is_replaced_once(kind: type[Credential], get: Get) -> None:
    """Callers who were refused with the old one take the one that another has fetched."""
    credential = kind()
    tokens = CachedTokens(credential, ["scope"])
    assert "t1" == get(tokens)
    assert ["t2", "t2", "t2"] == [get(tokens, "t1"), get(tokens, "t1"), get(tokens)]
    assert 2 == len(credential.asked)


@each_way
def test_a_claims_challenge_is_passed_on(kind: type[Credential], get: Get) -> None:
    """The credential then asks Entra ID for another token, past its own cache."""
    credential = kind()
    tokens = CachedTokens(credential, ["scope"])
    get(tokens)
    get(tokens, "t1", '{"access_token": {}}')
    assert {"claims": '{"access_token": {}}'} == credential.asked[1][1]


@each_way
def test_a_valid_token_serves_on_when_none_can_be_had(
    kind: type[Credential], get: Get, caplog: pytest.LogCaptureFixture
) -> None:
    """Until its end, asking again every half minute; after it the error is the credential's."""
    clock = Clock()
    credential = kind(clock)
    tokens = CachedTokens(credential, ["scope"], clock)
    get(tokens)
    clock.now += 3400
    credential.problem = RuntimeError("Entra ID is down")
    assert ["t1", "t1"] == [get(tokens), get(tokens)]
    assert 2 == len(credential.asked)
    assert ["A token that ends soon could not be replaced (RuntimeError)"] == [
        record.getMessage().partition(";")[0] for record in caplog.records
    ]
    clock.now += 31
    assert "t1" == get(tokens)
    assert 3 == len(credential.asked)
    clock.now += 200
    with pytest.raises(RuntimeError, match="Entra ID is down"):
        get(tokens)


@each_way
def test_a_refused_token_does_not_serve_on(kind: type[Credential], get: Get) -> None:
    """It is known not to work."""
    credential = kind()
    tokens = CachedTokens(credential, ["scope"])
    get(tokens)
    credential.problem = RuntimeError("signed out")
    with pytest.raises(RuntimeError, match="signed out"):
        get(tokens, "t1")


def test_sixty_four_threads_fetch_one_token() -> None:
    """The others wait for it."""
    credential = Credential(delay=0.05)
    tokens = CachedTokens(credential, ["scope"])
    start = threading.Barrier(64)

    def worker(_number: int) -> str:
        start.wait()
        return _sync_get(tokens)

    with ThreadPoolExecutor(64) as pool:
        assert {"t1"} == set(pool.map(worker, range(64)))
    assert 1 == len(credential.asked)


@pytest.mark.parametrize("kind", [Credential, AsyncCredential])
def test_sixty_four_tasks_fetch_one_token(kind: type[Credential]) -> None:
    """Also when the credential is a sync one."""
    credential = kind(delay=0.05)
    tokens = CachedTokens(credential, ["scope"])

    async def main() -> list[str]:
        return await asyncio.gather(*(_aget(tokens) for _ in range(64)))

    assert {"t1"} == set(asyncio.run(main()))
    assert 1 == len(credential.asked)


def test_sixty_four_refused_workers_fetch_one_token() -> None:
    """A revoked token does not make them all ask."""
    credential = Credential(delay=0.05)
    tokens = CachedTokens(credential, ["scope"])
    _sync_get(tokens)
    with ThreadPoolExecutor(64) as pool:
        assert {"t2"} == set(pool.map(lambda _: _sync_get(tokens, "t1"), range(64)))
    assert 2 == len(credential.asked)


def test_nobody_waits_while_a_valid_token_is_being_replaced() -> None:
    """One caller fetches the next; the others go on with the one that still holds."""
    clock = Clock()
    fetching, go_on = threading.Event(), threading.Event()

    class Slow(Credential):
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            token = super().get_token(*scopes, **options)
            if len(self.asked) == 2:
                fetching.set()
                assert go_on.wait(5)
            return token

    tokens = CachedTokens(Slow(clock), ["scope"], clock)
    _sync_get(tokens)
    clock.now += 3400
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(_sync_get, tokens)
        assert fetching.wait(5)
        assert "t1" == _sync_get(tokens)
        go_on.set()
        assert "t2" == first.result(5)


def test_a_sync_credential_does_not_block_the_event_loop() -> None:
    """It is asked in a thread."""
    tokens = CachedTokens(Credential(delay=0.2), ["scope"])

    async def main() -> int:
        ticks = 0
        asked = asyncio.ensure_future(_aget(tokens))
        while not asked.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    assert asyncio.run(main()) > 3


def test_a_cancelled_caller_leaves_the_fetch_to_the_next() -> None:
    """Nobody waits for a token that nobody fetches."""
    tokens = CachedTokens(AsyncCredential(delay=0.05), ["scope"])

    async def main() -> str:
        first = asyncio.ensure_future(_aget(tokens))
        second = asyncio.ensure_future(_aget(tokens))
        await asyncio.sleep(0.01)
        first.cancel()
        return await second

    assert "t2" == asyncio.run(main())


def test_one_source_serves_many_event_loops() -> None:
    """Those that ended are let go."""
    credential = AsyncCredential(lifetime=-1)
    tokens = CachedTokens(credential, ["scope"])
    assert ["t1", "t2", "t3"] == [_async_get(tokens) for _ in range(3)]
    assert 1 == len(tokens._loop_locks)


async def _coroutine_function() -> str:
    return "t"


class _AsyncCallable:
    async def __call__(self) -> str:
        return "t"


@pytest.mark.parametrize(
    "credential",
    [
        AsyncCredential(),
        _coroutine_function,
        partial(_coroutine_function),
        _AsyncCallable(),
        lambda: asyncio.sleep(0, "t"),
    ],
    ids=["credential", "function", "partial", "object", "lambda"],
)
def test_an_async_credential_in_sync_code_says_what_to_do(credential: Any) -> None:
    """It needs an event loop."""
    tokens = CachedTokens(credential, ["scope"])
    with pytest.raises(ConfigurationError, match=r"is an async one.*azure\.identity.*ainvoke"):
        _sync_get(tokens)
    assert _async_get(tokens).startswith("t")


def _web_token(**claims: Any) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts), "sig"])


@pytest.mark.parametrize("get", [_sync_get, _async_get])
def test_a_functions_web_token_is_kept_until_its_end(get: Get) -> None:
    """A JSON Web Token tells when it ends."""
    clock, asked = Clock(), []

    def provide() -> str:
        asked.append(1)
        return _web_token(exp=clock.now + 3600, number=len(asked))

    tokens = CachedTokens(provide, ["scope"], clock)
    first = get(tokens)
    assert first == get(tokens)
    clock.now += 3500
    assert first != get(tokens)
    assert 2 == len(asked)


@pytest.mark.parametrize("get", [_sync_get, _async_get])
def test_a_token_that_does_not_tell_its_end_is_asked_for_each_time(get: Get) -> None:
    """Nobody knows how long it holds."""
    numbers = iter(range(9))
    tokens = CachedTokens(lambda: f"opaque{next(numbers)}", ["scope"])
    assert ["opaque0", "opaque1"] == [get(tokens), get(tokens)]


@given(st.text())
def test_any_text_has_an_end_or_none(text: str) -> None:
    """Looking for one never fails."""
    assert isinstance(_told_end(text), float | None)
    assert isinstance(_told_end(f"a.{text}.b"), float | None)


@pytest.mark.parametrize("answer", ["", "  ", None, 17, AccessToken("", 1), b"token"])
def test_what_is_no_token_is_a_credential_error(answer: Any) -> None:
    """It says what came instead."""
    with pytest.raises(CredentialError, match="expected a token as text"):
        CachedTokens(lambda: answer, ["scope"]).get()


def test_copies_share_their_tokens() -> None:
    """As they share the credential."""
    tokens = CachedTokens(Credential(), ["scope"])
    assert tokens is copy.deepcopy(tokens)


def test_a_token_shows_nothing_of_itself() -> None:
    """In no repr, and in no traceback."""
    tokens = CachedTokens(lambda: "s3cret", ["scope"])
    _sync_get(tokens)
    assert "s3cret" not in repr(tokens) + repr(tokens._token) + repr(
        Token(SecretStr("s3cret"), 1.0)
    )


def test_a_pair_of_providers_is_called_each_time() -> None:
    """As the peers do: who answers may depend on the context of the call."""
    sync, asynchronous = iter("ab"), iter("cd")

    async def provide() -> str:
        return next(asynchronous)

    tokens = ProvidedTokens(lambda: next(sync), provide)
    assert ["a", "b"] == [_sync_get(tokens), _sync_get(tokens)]
    assert ["c", "d"] == [_async_get(tokens), _async_get(tokens)]


@pytest.mark.parametrize("get", [_sync_get, _async_get])
def test_a_credential_that_asks_itself_is_refused(get: Get) -> None:
    """It would wait for its own answer for ever."""
    tokens: CachedTokens = CachedTokens(lambda: _sync_get(tokens), ["scope"])
    with pytest.raises(CredentialError, match="it would wait for itself"):
        get(tokens)


@pytest.mark.parametrize("get", [_sync_get, _async_get])
def test_a_credential_may_ask_another(get: Get) -> None:
    """Each is asked for itself."""
    inner = CachedTokens(lambda: "inner", ["scope"])
    assert "of inner" == get(CachedTokens(lambda: f"of-{_sync_get(inner)}", ["s"])).replace(
        "-", " "
    )


@pytest.mark.parametrize("get", [_sync_get, _async_get])
def test_an_exhausted_iterator_is_a_credential_error(get: Get) -> None:
    """Its end must not be taken for anybody else's."""
    nothing: list[str] = []
    waiting = iter(nothing)
    with pytest.raises(CredentialError, match="StopIteration"):
        get(CachedTokens(lambda: next(waiting), ["scope"]))


def test_a_token_without_a_sensible_end_is_one_all_the_same() -> None:
    """Its end is not known, then."""
    payload = base64.urlsafe_b64encode(b'{"exp": ' + b"9" * 400 + b"}").decode().rstrip("=")
    assert f"e.{payload}.s" == _sync_get(CachedTokens(lambda: f"e.{payload}.s", ["scope"]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_does_not_wait_for_its_parents_fetch() -> None:
    """The thread that fetches stays in the parent."""
    fetching, go_on = threading.Event(), threading.Event()
    parent = os.getpid()

    def provide() -> str:
        if os.getpid() == parent:
            fetching.set()
            assert go_on.wait(20)
        return "token"

    tokens = CachedTokens(provide, ["scope"])
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(_sync_get, tokens)
        assert fetching.wait(5)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                signal.alarm(10)
                code = 0 if _sync_get(tokens) == "token" else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        go_on.set()
        assert "token" == first.result(10)
    assert 0 == os.waitstatus_to_exitcode(status)


class _Slow:
    """Gives its token, or its problem, when it is told to."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.asked, self.go_on, self.problem = threading.Event(), threading.Event(), problem
        self.thread: threading.Thread | None = None

    def __call__(self) -> str:
        self.thread = threading.current_thread()
        self.asked.set()
        assert self.go_on.wait(20)
        if self.problem is not None:
            raise self.problem
        return "late"


@pytest.mark.parametrize("problem", [None, OSError("no network")])
def test_a_token_that_comes_after_its_caller_left_is_nobodys(problem: Exception | None) -> None:
    """It disturbs neither the event loop nor the next caller."""
    slow, told = _Slow(problem), []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: told.append(context))
        asking = asyncio.ensure_future(_aget(ProvidedTokens(slow, None)))
        assert await asyncio.to_thread(slow.asked.wait, 20)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        slow.go_on.set()
        assert slow.thread is not None
        await asyncio.to_thread(slow.thread.join, 20)
        assert "next" == await _aget(ProvidedTokens(lambda: "next", None))

    asyncio.run(main())
    assert [] == told


class _Awaitable:
    """Can be waited for in an event loop, and is no coroutine."""

    def __await__(self) -> Generator[None, None, str]:
        yield from ()
        return "t"


def test_a_function_may_return_any_awaitable() -> None:
    """In asyncio; in a thread the error says what to do."""
    for tokens in (CachedTokens(_Awaitable, ["scope"]), ProvidedTokens(_Awaitable, None)):
        assert "t" == _async_get(tokens)
        with pytest.raises(ConfigurationError, match="a function that returns an awaitable"):
            _sync_get(tokens)


def test_a_sync_provider_alone_serves_both() -> None:
    """One of its own for asyncio may be another identity's."""

    async def agive() -> str:
        return "t"

    def give() -> str:
        return "t"

    pairs = [(give, None), (give, agive), (None, agive)]
    assert [True, False, False] == [ProvidedTokens(*pair).serves_both for pair in pairs]
