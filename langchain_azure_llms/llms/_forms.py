"""Which of the service's forms a deployment speaks: tried in order, learned once, by one for all.

No text-completion model is left in Azure OpenAI, and some deployments refuse chat completions too.
Which form a deployment speaks can only be found out by asking it. All pure: `opening` decides, the
LLM's sync and async halves send and wait.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from langchain_azure_llms.exceptions import (
    ContentFilterError,
    ContextLengthError,
    OperationNotSupportedError,
    StatusError,
)
from langchain_azure_llms.llms._calls import PromptCall
from langchain_azure_llms.transport._exchange import Reply

COMPLETIONS, CHAT, RESPONSES = FORMS = ("completions", "chat_completions", "responses")
_ANSWERED = (ContentFilterError, ContextLengthError)
"""Refusals of a prompt: the deployment speaks the form all the same."""
_logger = logging.getLogger("langchain_azure_llms")


@dataclass(frozen=True, slots=True)
class Plan:
    """How some prompts are to be answered.

    Attributes:
        calls_in: Returns the requests that answer them in a form, in the prompts' order.
        forms: The forms to try, in this order.
        deployment: Who is asked; what was learned of one says nothing of another.
        name: The deployment's name, for messages.
    """

    calls_in: Callable[[str], list[PromptCall]]
    forms: tuple[str, ...] = ("",)
    deployment: object = field(default=None, repr=False)
    name: str = ""


class LearnedForms:
    """The forms that deployments were found to speak; an LLM object shares it with its copies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[object, str] = {}
        self._probes: dict[object, Future[None]] = {}

    def __deepcopy__(self, memo: Any) -> LearnedForms:
        return self

    def known(self, deployment: object) -> str | None:
        """Return the form that a deployment speaks, if it is known."""
        return self._known.get(deployment)

    def learn(self, deployment: object, form: str) -> None:
        """Remember a deployment's form."""
        self._known[deployment] = form

    def forget(self) -> None:
        """Forget all, when a form is refused: another model may have taken a deployment over."""
        self._known.clear()

    def begin(self, deployment: object) -> Future[None] | None:
        """Begin to find out. Return None, or what to wait for when another caller has begun."""
        with self._lock:
            waiting = self._probes.get(deployment)
            if waiting is None:
                self._probes[deployment] = Future()
            return waiting

    def end(self, deployment: object) -> None:
        """End it, whatever came of it, and let those go on who wait."""
        with self._lock:
            probe = self._probes.pop(deployment, None)
        if probe is not None:
            probe.set_result(None)


Step = PromptCall | Future[None]
Outcome = Reply | StatusError | None
Opened = tuple[list[PromptCall], Reply | None]


def opening(plan: Plan, learned: LearnedForms) -> Generator[Step, Outcome, Opened]:
    """Decide the form of a plan's requests, by sending the first of them where it is not known.

    Yields:
        A request to send, to be answered with its reply or the refusal; or what to wait for while
        another caller finds out.

    Returns:
        All requests, and the first one's reply if it was sent.

    Raises:
        OperationNotSupportedError: If every form is refused.
        StatusError: If a request failed for another reason.
    """
    form = plan.forms[0] if len(plan.forms) == 1 else learned.known(plan.deployment)
    if form is None:
        waiting = learned.begin(plan.deployment)
        if waiting is None:
            return (yield from _probing(plan, learned))
        yield waiting
        form = learned.known(plan.deployment)
    if form is not None:
        return plan.calls_in(form), None
    # The other caller found out nothing: to wait for one after another could take for ever.
    return (yield from _trying(plan, learned))


def _probing(plan: Plan, learned: LearnedForms) -> Generator[Step, Outcome, Opened]:
    known = learned.known(plan.deployment)
    if known is not None:  # learned between the look and the claim
        return plan.calls_in(known), None
    try:
        return (yield from _trying(plan, learned))
    finally:
        learned.end(plan.deployment)


def _trying(plan: Plan, learned: LearnedForms) -> Generator[Step, Outcome, Opened]:
    refusals: list[tuple[str, OperationNotSupportedError]] = []
    for form in plan.forms:
        calls = plan.calls_in(form)
        if not calls:
            return calls, None
        outcome = yield calls[0]
        if isinstance(outcome, OperationNotSupportedError):
            refusals.append((form, outcome))
            continue
        if isinstance(outcome, (Reply, *_ANSWERED)):
            _remember(plan, learned, form, refusals)
        if isinstance(outcome, Reply):
            return calls, outcome
        assert outcome is not None  # noqa: S101 - the driver answers each request
        raise _after(refusals, form, outcome)
    raise _all_refused(plan, refusals)


def _remember(
    plan: Plan,
    learned: LearnedForms,
    form: str,
    refusals: list[tuple[str, OperationNotSupportedError]],
) -> None:
    if refusals and learned.known(plan.deployment) != form:
        refused = " and ".join(name for name, _ in refusals)
        _logger.warning(
            "The deployment %r does not offer %s; %s is used from now on. api=%r saves the refused "
            "first request.",
            plan.name,
            refused,
            form,
            form,
        )
    learned.learn(plan.deployment, form)


def _after(
    refusals: list[tuple[str, OperationNotSupportedError]], form: str, error: StatusError
) -> StatusError:
    """Say why this form was tried at all."""
    if refusals:
        refused = " and ".join(name for name, _ in refusals)
        error.args = (f"{error} ({form} was tried because the deployment refused {refused}.)",)
    return error


def _all_refused(
    plan: Plan, refusals: list[tuple[str, OperationNotSupportedError]]
) -> OperationNotSupportedError:
    _, last = refusals[-1]
    listed = " ".join(f"{form}: {error}" for form, error in refusals)
    message = (
        f"The deployment {plan.name!r} refuses every form of text generation; it may hold a model "
        f"for embeddings or images. {listed}"
    )
    last.args = (message,)
    return last
