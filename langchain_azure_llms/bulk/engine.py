"""The engine of bulk jobs: prompts in, records out, in one event loop.

Requests run without LangChain's callbacks unless they are asked for. As soon as one ends, the next
begins: there are no parts that wait for their slowest prompt. Which request follows is decided in
`packs` and `limits`; here it is carried out.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from itertools import count
from typing import Any, TypeVar

from langchain_azure_llms._completion import CompletionResponse
from langchain_azure_llms.bulk.limits import Limits, size_of
from langchain_azure_llms.bulk.packs import (
    Asked,
    Next,
    Pack,
    after,
    usage_of,
    usage_of_each,
)
from langchain_azure_llms.bulk.prompts import Prompt
from langchain_azure_llms.bulk.record import PromptRecord, answered, failed
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.http import async_io, sync_io
from langchain_azure_llms.http.retry import RetryPolicy, backoff, retry_wait
from langchain_azure_llms.llms.api_cache import api_cache
from langchain_azure_llms.llms.base import AzureLLM
from langchain_azure_llms.llms.completion import RequestBuilder, complete_pack
from langchain_azure_llms.llms.generation import SURROUNDINGS

ResultT = TypeVar("ResultT")
Done = tuple[Prompt, PromptRecord]
GIVE_UP_SECONDS = 900.0
"""How long a prompt is refused by limits, while no other one is answered, until it fails."""
_LONGEST_WAIT = 3600.0
"""The longest wait that a service may ask for; a longer one fails the prompt."""
_REFUSALS_OF_ALL = 10
"""After so many refusals in a row, none of which names a wait, nobody is served just now."""
_MOST_BUILDERS = 256


class Engine:
    """Asks prompts within limits. It is used in one event loop.

    Args:
        llm: The LLM.
        limits: How fast.
        params: Parameters of all prompts, and `stop`.
        callbacks: LangChain's callbacks for each request; None for none, which is faster.
        in_threads: Whether requests are sent in threads: for a sync client of the user's own.

    Attributes:
        in_flight: How many requests are under way.
        is_stopping: Whether nothing new is sent.

    Raises:
        ConfigurationError: If a parameter is wrong.
    """

    def __init__(
        self,
        llm: AzureLLM,
        limits: Limits,
        params: Mapping[str, Any],
        callbacks: Any = None,
        *,
        in_threads: bool = False,
    ) -> None:
        policy = llm.endpoint.policy
        # Each request is one attempt: what follows a failure is decided here, for all of them.
        once = RetryPolicy(max_retries=0, max_wait=_LONGEST_WAIT)
        self._llm = llm.model_copy(update={"retry_policy": once})
        self._policy, self._limits, self._callbacks = policy, limits, callbacks
        self._params = dict(params)
        self._threads = (
            ThreadPoolExecutor(limits.largest_window, "azure-llm") if in_threads else None
        )
        self._by_langchain = callbacks is not None or llm.overrides_generate
        self._builders: dict[str, RequestBuilder] = {}
        self._shared = self._new_builder({})
        self._queue: deque[Asked] = deque()
        self._again: deque[Pack] = deque()
        self._later: list[tuple[float, int, Pack]] = []
        self._order = count()
        self._done: list[Done] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._event = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._answered_at = time.monotonic()
        self._fatal: BaseException | None = None
        self.is_stopping = False

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return len(self._tasks)

    @property
    def pause(self) -> float:
        """The seconds until the limits let the next request begin."""
        return self._limits.wait(time.monotonic())

    # --- the caller's side -------------------------------------------------------------------

    def wanted(self) -> int:
        """Return how many more prompts should be queued."""
        if self.is_stopping:
            return 0
        size = self._pack_size(self._shared)
        queued = len(self._queue) + size * (len(self._again) + len(self._later))
        return max(0, 2 * self._limits.window * size - queued)

    async def step(
        self, prompts: Iterable[Prompt], *, is_last: bool, linger: float = 0.0
    ) -> list[Done]:
        """Queue prompts and return records that are done, once there are some.

        There may be none when more prompts are wanted. None of a last step means that all are done.

        Args:
            prompts: The prompts.
            is_last: Whether no others follow.
            linger: Seconds to wait after the first record, for others to come with it.

        Raises:
            BaseException: KeyboardInterrupt or SystemExit, where a callback handler raised it.
        """
        for prompt in prompts:
            problem = self._problem_of(prompt)
            if problem is None:
                self._queue.append(Asked(prompt))
            else:
                self._done.append((prompt, failed(prompt.id, problem)))
        self._begin()
        while not self._done and not self._fatal and (self._tasks or self._has_more()):
            if not is_last and self.wanted() and self._waits_for_prompts():
                return []
            self._event.clear()
            await self._event.wait()
            if linger and self._done:
                await asyncio.sleep(linger)
        if self._fatal is not None:
            raise self._fatal
        return self.take()

    def take(self) -> list[Done]:
        """Return what is done and was not yet returned."""
        done, self._done = self._done, []
        return done

    def stop(self) -> None:
        """Begin no more requests; those in flight end."""
        self.is_stopping = True
        self._event.set()

    async def aclose(self) -> None:
        """Cancel what is in flight, and wait for its end."""
        self.is_stopping = True
        if self._timer is not None:
            self._timer.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._threads is not None:
            self._threads.shutdown(wait=False)

    def _problem_of(self, prompt: Prompt) -> Exception | None:
        if prompt.problem is not None:
            return ConfigurationError(prompt.problem)
        try:
            self._builder(prompt.params)
        except Exception as error:  # noqa: BLE001 - belongs to the prompt
            return error
        return None

    def _has_more(self) -> bool:
        return not self.is_stopping and bool(self._queue or self._again or self._later)

    def _waits_for_prompts(self) -> bool:
        """Return whether another request could begin, if there was a prompt for it."""
        return not self._queue and not self._again

    # --- what begins -------------------------------------------------------------------------

    def _begin(self) -> None:
        """Begin as many requests as the limits let, and see to it that the next ones begin."""
        size = self._pack_size(self._shared)
        while not self.is_stopping and len(self._tasks) < self._window():
            if len(self._done) > 2 * self._limits.window * size:  # the caller is slow
                return
            now = time.monotonic()
            ready = self._later[0][0] if self._later else None
            if not self._queue and not self._again and (ready is None or ready > now):
                if ready is not None:
                    self._wake_in(ready - now)
                return
            if (wait := self._limits.wait(now)) > 0:
                self._wake_in(wait)
                return
            self._send(self._next_pack(now), now)

    def _window(self) -> int:
        """Return how many requests may be in flight: one, until the deployment's API is known."""
        if not self._by_langchain and api_cache.get(self._shared) is None:
            return 1
        return self._limits.window

    def _next_pack(self, now: float) -> Pack:
        if self._later and self._later[0][0] <= now:
            return heapq.heappop(self._later)[2]
        if self._again:
            return self._again.popleft()
        queue = self._queue
        first = queue.popleft()
        asked, params = [first], first.prompt.params
        size = self._pack_size(self._builder(params))
        while queue and len(asked) < size and queue[0].prompt.params == params:
            asked.append(queue.popleft())
        return Pack(asked)

    def _send(self, pack: Pack, now: float) -> None:
        estimate = self._limits.estimate
        pack.tokens = sum(estimate.total(asked.prompt.text) for asked in pack.asked)
        for asked in pack.asked:
            asked.attempts += 1
            if asked.first_sent is None:
                asked.first_sent = now
        self._limits.sent(pack.tokens)
        task = asyncio.get_running_loop().create_task(self._run(pack, now))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _wake_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._begin()
        self._event.set()

    # --- one request -------------------------------------------------------------------------

    async def _run(self, pack: Pack, sent_at: float) -> None:
        in_flight = len(self._tasks)
        try:
            texts = [asked.prompt.text for asked in pack.asked]
            response = await self._ask(texts, pack.asked[0].prompt.params)
            self._end_well(pack, response, in_flight)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - belongs to the pack's prompts
            self._end_badly(pack, error, sent_at)
        except BaseException as error:  # noqa: BLE001 - raised where the records are taken
            self._fatal = error

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._begin()
        self._event.set()

    async def _ask(self, texts: list[str], params: Mapping[str, Any]) -> CompletionResponse:
        llm = self._llm
        if self._by_langchain:
            arguments = {**self._params, **params, "callbacks": self._callbacks}
            if self._threads is None:
                result = await llm.agenerate(texts, **arguments)
            else:
                result = await self._in_thread(partial(llm.generate, texts, **arguments))
            return CompletionResponse(result.generations, result.llm_output or {})
        flow = complete_pack(self._builder(params), texts, SURROUNDINGS)
        if self._threads is None:
            return (await async_io.run(flow, llm.endpoint)).response
        return (await self._in_thread(partial(sync_io.run, flow, llm.endpoint))).response

    async def _in_thread(self, work: Callable[[], ResultT]) -> ResultT:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, copy_context().run, work)

    def _end_well(self, pack: Pack, response: CompletionResponse, in_flight: int) -> None:
        asked = pack.asked[: len(response.generations)]
        usage = usage_of(response.llm_output)
        texts = [one.prompt.text for one in asked]
        completions = [generations[0].text for generations in response.generations]
        counts = usage_of_each(usage, texts, completions)
        rest = pack.asked[len(asked) :]  # the API turned out to take fewer prompts at once
        for other in rest:
            other.attempts -= 1
        self._queue.extendleft(reversed(rest))
        now = self._answered_at = time.monotonic()
        headers = response.llm_output.get("headers") or {}
        self._limits.answered(headers, pack.tokens, usage, in_flight=in_flight)
        self._limits.estimate.learn(sum(map(size_of, texts)), usage, len(asked))
        model = response.llm_output.get("model_name")
        for one, generations, each in zip(asked, response.generations, counts, strict=True):
            seconds = now - (one.first_sent or now)
            record = answered(one.prompt.id, generations, each, model, one.attempts, seconds)
            self._done.append((one.prompt, record))

    def _end_badly(self, pack: Pack, error: Exception, sent_at: float) -> None:
        now = time.monotonic()
        self._limits.failed(pack.tokens)
        pack.failures += 1
        step = after(
            error,
            prompts=len(pack.asked),
            failures=pack.failures,
            max_retries=self._policy.max_retries,
        )
        if step is Next.WAIT:
            self._wait_for_limit(pack, error, sent_at, now)
            return
        pack.refused_since = None
        if step is Next.SPLIT:
            self._again.extendleft(reversed(pack.halves()))
        elif step is Next.RETRY:
            wait = retry_wait(error, pack.failures, self._policy, random.uniform)
            self._ask_later(pack, wait or 0.0)
        else:
            self._fail(pack, error, now)

    def _wait_for_limit(self, pack: Pack, error: Exception, sent_at: float, now: float) -> None:
        """Queue a pack again that a limit refused: that is no failed attempt."""
        pack.failures -= 1
        pack.refusals += 1
        for asked in pack.asked:
            asked.attempts -= 1
        if pack.refused_since is None:
            pack.refused_since = now
        limits = self._limits
        wait = limits.refuse(error, sent_at, now)
        is_stuck = now - max(pack.refused_since, self._answered_at) > GIVE_UP_SECONDS
        if is_stuck or (wait or 0) > _LONGEST_WAIT:
            self._fail(pack, error, now)
        elif wait is not None:
            self._again.append(pack)
        else:
            self._ask_later(pack, backoff(pack.refusals, self._policy, random.uniform))
            rounds = limits.refused_in_a_row // _REFUSALS_OF_ALL
            if rounds:  # nobody is answered
                limits.pause_until(now + backoff(rounds, self._policy, random.uniform))

    def _ask_later(self, pack: Pack, wait: float) -> None:
        heapq.heappush(self._later, (time.monotonic() + wait, next(self._order), pack))

    def _fail(self, pack: Pack, error: Exception, now: float) -> None:
        for asked in pack.asked:
            seconds = now - (asked.first_sent or now)
            record = failed(asked.prompt.id, error, attempts=asked.attempts, seconds=seconds)
            self._done.append((asked.prompt, record))

    # --- request builders --------------------------------------------------------------------

    def _builder(self, params: Mapping[str, Any]) -> RequestBuilder:
        """Return what makes the requests of prompts with these parameters.

        Raises:
            ConfigurationError: If one of them is wrong.
        """
        if not params:
            return self._shared
        key = json.dumps(params, sort_keys=True, default=repr)
        if key not in self._builders:
            if len(self._builders) >= _MOST_BUILDERS:
                self._builders.clear()
            self._builders[key] = self._new_builder(params)
        return self._builders[key]

    def _new_builder(self, params: Mapping[str, Any]) -> RequestBuilder:
        arguments = {**self._params, **params}
        stop = arguments.pop("stop", None)
        builder: RequestBuilder = self._llm.request_builder(stop, arguments, stream=False)
        return builder

    def _pack_size(self, builder: RequestBuilder) -> int:
        if self._by_langchain and self._llm.overrides_generate:
            return 1
        return builder.pack_size(api_cache.get(builder) or builder.apis[0])
