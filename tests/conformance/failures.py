"""What LangChain promises where something fails: errors of its own kinds, to act upon."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelRateLimitError,
    ModelTimeoutError,
)

from tests.conformance.callbacks import RecordingHandler
from tests.conformance.calls import Calls
from tests.conformance.subject import (
    FAILING,
    FLAKY,
    LIMITED,
    REFUSED,
    STUCK,
    EndpointTests,
    fresh,
)

_PATIENCE = 10  # seconds after which a test gives up on what should have happened at once


class FailureClaims(EndpointTests, standard=True):
    """Failures."""

    def test_refused_prompts(self, calls: Calls) -> None:
        """A refused prompt is one of LangChain's errors; trying again, it says, is no use."""
        self._fails(self.refused_prompt_error, calls, REFUSED)

    def test_refused_keys(self, calls: Calls) -> None:
        """A refused key is a `ModelAuthenticationError`; trying again is no use."""
        self._fails(ModelAuthenticationError, calls, "Ask", **self.wrong_key_params)

    def test_limits(self, calls: Calls) -> None:
        """A reached limit is a `ModelRateLimitError`; trying again may help."""
        self._fails(ModelRateLimitError, calls, LIMITED, is_retryable=True)

    def test_failures_of_the_service(self, calls: Calls) -> None:
        """A failure of the service is a `ModelAPIError`; trying again may help."""
        self._fails(ModelAPIError, calls, FAILING, is_retryable=True)

    def test_unreachable(self, calls: Calls) -> None:
        """An endpoint out of reach is a `ModelConnectionError`; trying again may help."""
        self._fails(
            ModelConnectionError, calls, "Ask", is_retryable=True, **self.unreachable_params
        )

    def test_timeouts(self, calls: Calls) -> None:
        """An answer that does not come is a `ModelTimeoutError`."""
        error = _error_of(calls.invoke, self.llm(**self.impatient_params), fresh(STUCK))
        assert isinstance(error, ModelTimeoutError), f"raises {type(error).__name__}"

    def test_return_exceptions(self, calls: Calls) -> None:
        """With `return_exceptions`, each prompt of a `batch` has its own answer or error."""
        prompts = [fresh("Good"), fresh(REFUSED), fresh("Good, too")]
        found = calls.batch(self.llm(), prompts, return_exceptions=True)
        assert isinstance(found[1], Exception), "the bad one is answered"
        assert [prompts[0] in str(found[0]), prompts[2] in str(found[2])] == [True, True], (
            "the good ones are lost"
        )

    def test_return_exceptions_as_completed(self, calls: Calls) -> None:
        """With `return_exceptions`, so has each one of `batch_as_completed`."""
        prompts = [fresh("Good"), fresh(REFUSED), fresh("Good, too")]
        found = dict(calls.batch_as_completed(self.llm(), prompts, return_exceptions=True))
        assert isinstance(found[1], Exception), "the bad one is answered"
        assert [prompts[0] in str(found[0]), prompts[2] in str(found[2])] == [True, True], (
            "the good ones are lost"
        )

    def test_a_batch_raises(self, calls: Calls) -> None:
        """Without `return_exceptions`, a batch raises the error of a prompt."""
        _error_of(calls.batch, self.llm(), [fresh("Good"), fresh(REFUSED)])

    def test_with_retry(self, calls: Calls) -> None:
        """`with_retry` asks again after a retryable failure."""
        prompt = fresh(FLAKY)
        llm = self.llm().with_retry(wait_exponential_jitter=False, stop_after_attempt=2)
        assert prompt in calls.invoke(llm, prompt), "another answer"
        assert self.requests_for(prompt) == 2, "another number of requests"

    def test_with_fallbacks(self, calls: Calls) -> None:
        """`with_fallbacks` asks the next LLM after a failure."""
        llm = self.llm(**self.wrong_key_params).with_fallbacks([self.llm()])
        for prompt in (fresh("Ask"), fresh("Ask")):
            assert prompt in calls.invoke(llm, prompt), "another answer"
            assert prompt in calls.batch(llm, [prompt])[0], "another answer"

    def test_answers_after_failures(self, calls: Calls) -> None:
        """After a failure it answers on."""
        llm, prompt = self.llm(), fresh("Ask")
        _error_of(calls.invoke, llm, fresh(REFUSED))
        assert prompt in calls.invoke(llm, prompt), "another answer"

    def test_cancellation(self) -> None:
        """A cancelled call ends, calls its callbacks with the error, and leaves no task behind."""
        llm, handler = self.llm(), RecordingHandler()
        with asyncio.Runner() as runner:
            left = runner.run(_cancelled(llm, handler))
            assert left == 0, "a task is left"
            assert handler.only.lifecycle == ["start", "error"], (
                f"called: {', '.join(handler.only.lifecycle)}"
            )
            assert isinstance(handler.only.error, asyncio.CancelledError), "of another error"
            prompt = fresh("Ask")
            assert prompt in runner.run(llm.ainvoke(prompt)), "another answer afterwards"

    def test_errors_show_no_secret(self, calls: Calls) -> None:
        """No error shows a secret."""
        asked = [(self.llm(), fresh(REFUSED)), (self.llm(**self.unreachable_params), fresh("Ask"))]
        for llm, prompt in asked:
            error = _error_of(calls.invoke, llm, prompt)
            shown = f"{error!r} {error}"
            assert not [secret for secret in self.secrets if secret in shown], "a secret shows"

    def _fails(
        self,
        kind: type[ModelError],
        calls: Calls,
        words: str,
        *,
        is_retryable: bool = False,
        **changes: Any,
    ) -> None:
        llm = self.llm(**changes)
        for ask in (calls.invoke, calls.stream):
            error = _error_of(ask, llm, fresh(words))
            assert isinstance(error, kind), f"raises {type(error).__name__}"
            assert error.is_retryable == is_retryable, "`is_retryable` says otherwise"


def _error_of(ask: Callable[..., Any], llm: Any, prompt: Any, **arguments: Any) -> Exception:
    """Return the error that a call raises."""
    try:
        ask(llm, prompt, **arguments)
    except Exception as error:  # noqa: BLE001 - it is judged
        return error
    pytest.fail("nothing is raised")


async def _cancelled(llm: Any, handler: RecordingHandler) -> int:
    """Cancel a call that waits for its answer; return how many tasks are left."""
    others = asyncio.all_tasks()
    task = asyncio.create_task(llm.ainvoke(fresh(STUCK), config={"callbacks": [handler]}))
    assert await asyncio.to_thread(handler.started.wait, _PATIENCE), "it never started"
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
    assert done, "it goes on"
    assert task.cancelled(), "it is answered"
    return len(asyncio.all_tasks() - others)
