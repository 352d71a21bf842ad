"""Tokens of one credential: kept while valid, fetched once for all callers, replaced early."""

import asyncio
import base64
import gc
import json
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from langchain_azure_llms.auth.authorization import (
    Authorization,
    api_key,
    credential_authorization,
    provider_authorization,
)
from langchain_azure_llms.auth.tokens import CachedTokens, end_of_web_token, read_token
from langchain_azure_llms.exceptions import ConfigurationError, CredentialError


class AccessToken(NamedTuple):
    """What credentials return."""

    token: str
    expires_on: float


@dataclass
class Credential:
    """Returns numbered tokens that are valid for `lifetime` seconds, after `delay` seconds."""

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
    """The same for asyncio, as in azure.identity.aio."""

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


def _tokens(
    credential: Any, scopes: list[str], clock: Callable[[], float] = time.time
) -> Authorization:
    return Authorization(dict, credential, credential, scopes, CachedTokens(clock))


def _secret(text: str | None) -> SecretStr | None:
    return None if text is None else SecretStr(text)


def _sync_get(tokens: Authorization, refused: str | None = None, claims: str | None = None) -> str:
    return tokens.get_token(_secret(refused), claims).get_secret_value()


async def _aget(
    tokens: Authorization, refused: str | None = None, claims: str | None = None
) -> str:
    return (await tokens.aget_token(_secret(refused), claims)).get_secret_value()


def _async_get(tokens: Authorization, refused: str | None = None, claims: str | None = None) -> str:
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
    tokens = _tokens(credential, ["scope"], clock)
    assert ["t1", "t1"] == [get(tokens), get(tokens)]
    clock.now += 3600 - 301
    assert "t1" == get(tokens)
    clock.now += 2
    assert "t2" == get(tokens)
    assert [(("scope",), {})] * 2 == credential.asked


@each_way
def test_a_short_token_is_kept_for_nine_tenths_of_its_time(
    kind: type[Credential], get: Get
) -> None:
    """A token of one minute would otherwise be replaced for each request."""
    clock = Clock()
    tokens = _tokens(kind(clock, lifetime=60), ["scope"], clock)
    assert "t1" == get(tokens)
    clock.now += 53
    assert "t1" == get(tokens)
    clock.now += 2
    assert "t2" == get(tokens)


@each_way
def test_a_refused_token_is_replaced_once(kind: type[Credential], get: Get) -> None:
    """Callers who were refused with the old one take the one that another has fetched."""
    credential = kind()
    tokens = _tokens(credential, ["scope"])
    assert "t1" == get(tokens)
    assert ["t2", "t2", "t2"] == [get(tokens, "t1"), get(tokens, "t1"), get(tokens)]
    assert 2 == len(credential.asked)


@each_way
def test_a_claims_challenge_is_passed_on(kind: type[Credential], get: Get) -> None:
    """The credential then asks Entra ID for another token, past its own cache."""
    credential = kind()
    tokens = _tokens(credential, ["scope"])
    get(tokens)
    get(tokens, "t1", '{"access_token": {}}')
    assert {"claims": '{"access_token": {}}'} == credential.asked[1][1]


@each_way
def test_a_valid_token_is_used_until_its_end_when_it_cannot_be_replaced(
    kind: type[Credential], get: Get, caplog: pytest.LogCaptureFixture
) -> None:
    """The credential is tried every half minute; after the token's end its error is raised."""
    clock = Clock()
    credential = kind(clock)
    tokens = _tokens(credential, ["scope"], clock)
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
def test_a_refused_token_is_not_used_again(kind: type[Credential], get: Get) -> None:
    """Although it is valid by its own account, and no other can be had."""
    credential = kind()
    tokens = _tokens(credential, ["scope"])
    get(tokens)
    credential.problem = RuntimeError("signed out")
    with pytest.raises(RuntimeError, match="signed out"):
        get(tokens, "t1")


def test_sixty_four_threads_fetch_one_token() -> None:
    """The others wait for it."""
    credential = Credential(delay=0.05)
    tokens = _tokens(credential, ["scope"])
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
    tokens = _tokens(credential, ["scope"])

    async def main() -> list[str]:
        return await asyncio.gather(*(_aget(tokens) for _ in range(64)))

    assert {"t1"} == set(asyncio.run(main()))
    assert 1 == len(credential.asked)


def test_sixty_four_threads_replace_a_refused_token_once() -> None:
    """One fetches, the others take what it got."""
    credential = Credential(delay=0.05)
    tokens = _tokens(credential, ["scope"])
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

    tokens = _tokens(Slow(clock), ["scope"], clock)
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
    tokens = _tokens(Credential(delay=0.2), ["scope"])

    async def main() -> int:
        ticks = 0
        asked = asyncio.ensure_future(_aget(tokens))
        while not asked.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    assert asyncio.run(main()) > 3


def test_after_a_cancelled_fetch_the_next_caller_fetches() -> None:
    """No caller waits for a token that is not being fetched."""
    tokens = _tokens(AsyncCredential(delay=0.05), ["scope"])

    async def main() -> str:
        first = asyncio.ensure_future(_aget(tokens))
        second = asyncio.ensure_future(_aget(tokens))
        await asyncio.sleep(0.01)
        first.cancel()
        return await second

    assert "t2" == asyncio.run(main())


def test_event_loops_are_not_kept_alive() -> None:
    """Also not by a lock that several tasks waited for."""
    tokens = _tokens(AsyncCredential(lifetime=-1, delay=0.01), ["scope"])
    loops = []

    async def main() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await asyncio.gather(*(_aget(tokens) for _ in range(4)))

    for _ in range(3):
        asyncio.run(main())
    gc.collect()
    assert [None] * 3 == [loop() for loop in loops]


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
def test_an_async_credential_is_refused_in_sync_calls(credential: Any) -> None:
    """The error says what to do."""
    tokens = _tokens(credential, ["scope"])
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

    tokens = _tokens(provide, ["scope"], clock)
    first = get(tokens)
    assert first == get(tokens)
    clock.now += 3500
    assert first != get(tokens)
    assert 2 == len(asked)


@pytest.mark.parametrize("get", [_sync_get, _async_get])
def test_a_token_whose_end_is_unknown_is_fetched_each_time(get: Get) -> None:
    """It may be invalid by the next request."""
    numbers = iter(range(9))
    tokens = _tokens(lambda: f"opaque{next(numbers)}", ["scope"])
    assert ["opaque0", "opaque1"] == [get(tokens), get(tokens)]


@given(st.text())
def test_any_text_may_be_searched_for_its_end(text: str) -> None:
    """It returns a time or None, and never raises."""
    assert isinstance(end_of_web_token(text), float | None)
    assert isinstance(end_of_web_token(f"a.{text}.b"), float | None)


@pytest.mark.parametrize("answer", ["", "  ", None, 17, AccessToken("", 1), b"token"])
def test_other_answers_than_tokens_are_credential_errors(answer: Any) -> None:
    """The error says what was returned."""
    with pytest.raises(CredentialError, match="expected a token as text"):
        _sync_get(_tokens(lambda: answer, ["scope"]))


@pytest.mark.parametrize("get", [_sync_get, _async_get])
def test_a_token_that_no_header_may_hold_is_a_configuration_error(get: Get) -> None:
    """It is not shown."""
    with pytest.raises(ConfigurationError, match="The token provider's token has") as raised:
        get(_tokens(lambda: "s3cret\n", ["scope"]))
    assert "s3cret" not in str(raised.value)


def test_no_repr_shows_a_token() -> None:
    """Neither that of the token, nor those of the objects that hold it."""
    tokens = _tokens(lambda: "s3cret", ["scope"])
    _sync_get(tokens)
    shown = [repr(tokens), repr(tokens.cache), repr(read_token("s3cret", 0.0))]
    assert [] == [text for text in shown if "s3cret" in text]


def test_a_pair_of_providers_is_called_each_time() -> None:
    """As in langchain-openai: the token may depend on the context of the call."""
    sync, asynchronous = iter("ab"), iter("cd")

    async def provide() -> str:
        return next(asynchronous)

    tokens = provider_authorization(lambda: next(sync), provide)
    assert ["a", "b"] == [_sync_get(tokens), _sync_get(tokens)]
    assert ["c", "d"] == [_async_get(tokens), _async_get(tokens)]


@pytest.mark.parametrize("get", [_sync_get, _async_get])
def test_a_credential_may_use_another(get: Get) -> None:
    """Each has locks of its own."""
    inner = _tokens(lambda: "inner", ["scope"])
    outer = _tokens(lambda: f"of-{_sync_get(inner)}", ["scope"])
    assert "of-inner" == get(outer)


@pytest.mark.parametrize("get", [_sync_get, _async_get])
def test_an_exhausted_iterator_is_a_credential_error(get: Get) -> None:
    """StopIteration would end a generator, or leave an event loop waiting for ever."""
    nothing: list[str] = []
    waiting = iter(nothing)
    with pytest.raises(CredentialError, match="StopIteration"):
        get(_tokens(lambda: next(waiting), ["scope"]))


def test_a_web_token_with_an_impossible_end_is_accepted() -> None:
    """Its end is taken to be unknown."""
    payload = base64.urlsafe_b64encode(b'{"exp": ' + b"9" * 400 + b"}").decode().rstrip("=")
    assert f"e.{payload}.s" == _sync_get(_tokens(lambda: f"e.{payload}.s", ["scope"]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_process_does_not_wait_for_its_parents_fetch() -> None:
    """A fork copies the lock as it is held, but not the thread that holds it."""
    fetching, go_on = threading.Event(), threading.Event()
    parent = os.getpid()

    def provide() -> str:
        if os.getpid() == parent:
            fetching.set()
            assert go_on.wait(20)
        return "token"

    tokens = credential_authorization(provide, ["scope"], api_key)
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


class _Awaitable:
    """Can be awaited, and is not a coroutine."""

    def __await__(self) -> Generator[None, None, str]:
        yield from ()
        return "t"


def test_a_function_may_return_any_awaitable() -> None:
    """In async calls; in sync ones the error says what to do."""
    for tokens in (_tokens(_Awaitable, ["scope"]), provider_authorization(_Awaitable, None)):
        assert "t" == _async_get(tokens)
        with pytest.raises(ConfigurationError, match="is an async one, and this is a sync call"):
            _sync_get(tokens)


def test_a_sync_provider_alone_supports_sync() -> None:
    """An async provider beside it may return the tokens of another identity."""

    async def agive() -> str:
        return "t"

    def give() -> str:
        return "t"

    pairs = [(give, None), (give, agive), (None, agive), (agive, None)]
    found = [provider_authorization(*pair).supports_sync for pair in pairs]
    assert [True, False, False, False] == found


class _WithoutWeakReferences:
    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> AccessToken:
        self.count += 1
        return AccessToken(f"t{self.count}", time.time() + 3600)


def _token_of(credential: Any, *scopes: str) -> str:
    authorization = credential_authorization(credential, scopes, api_key)
    return authorization.get_token(None, None).get_secret_value()


def test_a_token_is_kept_as_long_as_its_credential() -> None:
    """LLM objects may be made for each call; each scope has a token of its own."""
    credential = Credential()
    found = [_token_of(credential, scope) for scope in "aabba"]
    assert ["t1", "t1", "t2", "t2", "t1"] == found


def test_a_credential_is_not_kept_alive_by_its_token() -> None:
    """Nor may another object at the same address be given its token."""
    credential = Credential()
    _token_of(credential, "scope")
    reference = weakref.ref(credential)
    del credential
    gc.collect()
    assert reference() is None
    assert ["t1"] * 9 == [_token_of(Credential(), "scope") for _ in range(9)]


def test_equal_credentials_have_tokens_of_their_own() -> None:
    """Equality is what their class says; it may ignore what tells two identities apart."""
    first, second = Credential(clock=time.time), Credential(clock=time.time)
    assert first == second
    _token_of(first, "scope")
    _token_of(second, "scope")
    assert [1, 1] == [len(first.asked), len(second.asked)]


def test_a_credential_without_weak_references_gives_tokens() -> None:
    """They are kept by each LLM object for itself."""
    credential = _WithoutWeakReferences()
    assert ["t1", "t2"] == [_token_of(credential, "scope"), _token_of(credential, "scope")]


def test_an_identity_is_equal_for_equal_keys_and_for_one_credential() -> None:
    """Rate limits are per identity, not per LLM object."""

    def credential() -> str:
        return "t"

    def other() -> str:
        return "t"

    def identity(source: Any) -> int:
        return credential_authorization(source, ["scope"], api_key).identity

    assert api_key(SecretStr("k")).identity == api_key(SecretStr("k")).identity
    assert api_key(SecretStr("k")).identity != api_key(SecretStr("other")).identity
    assert identity(credential) == identity(credential)
    assert identity(credential) != identity(other)
