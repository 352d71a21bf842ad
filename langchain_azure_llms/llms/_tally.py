"""The outcomes of one `generate`: gathered, and sorted into who is told what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from contextvars import ContextVar
from typing import Any, Generic, TypeVar, cast

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    BaseRunManager,
    CallbackManagerForLLMRun,
)
from langchain_core.outputs import LLMResult, RunInfo

from langchain_azure_llms._during import During
from langchain_azure_llms.llms._forms import OF_ONE_PROMPT
from langchain_azure_llms.llms._settling import Outcome, summed, with_number

ManagerT = TypeVar("ManagerT", bound=BaseRunManager)
NOTHING = LLMResult(generations=[])
"""What came of a run that failed."""


class BatchCall:
    """A batch call, as `generate` is told of it.

    Args:
        owner: The LLM whose batch it is: callbacks may call others meanwhile.
        limit: How many requests may be in flight.
        collects: Whether each prompt gets its own error, in place of the first being raised.

    Attributes:
        prompts: Those that were asked; what the cache knew is not among them.
        outcomes: What became of these.
        cache_key: What the cache knows the LLM and the call by.
        is_entered: Whether the LLM's own `generate` has taken it.
    """

    def __init__(self, owner: object, limit: int, *, collects: bool = False) -> None:
        self.owner, self.limit, self.collects = owner, limit, collects
        self.prompts: list[str] = []
        self.outcomes: list[Outcome] = []
        self.cache_key = ""
        self.is_entered = False


under_way: ContextVar[BatchCall | None] = ContextVar("under_way", default=None)


def claimed(owner: object, limit: int) -> BatchCall:
    """Return the batch call of an LLM, once; a new one where `generate` itself was called."""
    batch = under_way.get()
    if batch is None or batch.owner is not owner or batch.prompts:
        return BatchCall(owner, limit)
    return batch


def entered(owner: object) -> During[BatchCall | None]:
    """Let the batch call of an LLM count, in a `with` block, for its own `generate` alone.

    A callback may ask the same LLM: that call is none of the batch.
    """
    batch = under_way.get()
    if batch is None or batch.owner is not owner or batch.is_entered:
        return During(under_way, None)
    batch.is_entered = True
    return During(under_way, batch)


class Tally(Generic[ManagerT]):
    """Outcomes as they come in.

    Args:
        prompts: The prompts.
        managers: Who is told of each; none where nobody listens.
        batch: The call that they belong to.
        caches: Whether answers go into a cache.
    """

    def __init__(
        self, prompts: list[str], managers: Sequence[ManagerT], batch: BatchCall, *, caches: bool
    ) -> None:
        self._prompts = prompts
        self._waiting = dict(enumerate(managers))
        self._batch, self._caches = batch, caches
        self._outcomes: dict[int, Outcome] = {}
        self._first_error: int | None = None
        self._concerns_all = False
        self._run_ids = [manager.run_id for manager in managers]
        batch.prompts = prompts

    def take(
        self, group: Sequence[int], outcomes: Sequence[Outcome]
    ) -> Iterator[tuple[ManagerT, Outcome]]:
        """Take the outcomes of a group; return who is to be told of which."""
        for index, outcome in zip(group, outcomes, strict=True):
            self._outcomes[index] = outcome
            if outcome.error is not None:
                first = self._first_error
                self._first_error = index if first is None else min(index, first)
                self._concerns_all |= not isinstance(outcome.error, OF_ONE_PROMPT)
            manager = self._waiting.pop(index, None)
            if manager is not None and manager.handlers:  # a run that nobody listens to
                yield manager, outcome

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be asked.

        What concerns one prompt alone is no reason to lose what a cache could keep of the others.
        """
        if self._first_error is None or self._batch.collects:
            return False
        return self._concerns_all or not self._caches

    @property
    def waiting(self) -> list[ManagerT]:
        """Those who were told of no outcome; asked once."""
        waiting = list(self._waiting.values())
        self._waiting.clear()
        return waiting

    @property
    def answered(self) -> list[tuple[str, Outcome]]:
        """The prompts that have an answer, with it."""
        found = ((self._prompts[index], outcome) for index, outcome in self._outcomes.items())
        return [(prompt, outcome) for prompt, outcome in found if outcome.error is None]

    @property
    def has_error(self) -> bool:
        """Whether a prompt has one."""
        return self._first_error is not None

    def error(self, cache_key: str) -> Exception:
        """Return the error to raise, where there is one; leave the batch call what it collects."""
        number = cast("int", self._first_error)
        error = cast("Exception", self._outcomes[number].error)
        if self._batch.collects:
            self._batch.outcomes = [self._outcomes[index] for index in range(len(self._prompts))]
            self._batch.cache_key = cache_key
            return error
        return with_number(error, number, len(self._prompts))

    def result(self, model_name: str | None) -> LLMResult:
        """Return what LangChain's `generate` returns."""
        outcomes = [self._outcomes[index] for index in range(len(self._prompts))]
        result = summed(outcomes, model_name)
        result.run = [RunInfo(run_id=run_id) for run_id in self._run_ids] or None
        return result


def with_hits(
    batch: BatchCall, prompts: Sequence[str]
) -> Iterator[tuple[str, str | Exception | None]]:
    """Yield each prompt with its text or its error; None stands for one that the cache knew."""
    asked = iter(zip(batch.prompts, batch.outcomes, strict=True))
    nobody: tuple[Any, Any] = (None, None)
    waiting, outcome = next(asked, nobody)
    for prompt in prompts:
        if prompt != waiting:
            yield prompt, None
            continue
        yield prompt, outcome.error or outcome.generations[0].text
        waiting, outcome = next(asked, nobody)


def tell_all(managers: Sequence[CallbackManagerForLLMRun], error: BaseException) -> None:
    """Tell all of an error; one who raises keeps none of the others from hearing of it."""
    with ExitStack() as telling:
        for manager in reversed(managers):
            telling.callback(manager.on_llm_error, error, response=NOTHING)


async def atell_all(
    managers: Sequence[AsyncCallbackManagerForLLMRun], error: BaseException
) -> None:
    """Do the same in asyncio."""
    async with AsyncExitStack() as telling:
        for manager in reversed(managers):
            telling.push_async_callback(manager.on_llm_error, error, response=NOTHING)
