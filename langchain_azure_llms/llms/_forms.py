"""Which of the service's forms a deployment speaks: tried in order, learned once, by one for all.

No text-completion model is left in Azure OpenAI, and some deployments refuse chat completions too.
Which form a deployment speaks can only be found out by asking it. All pure: `opening` decides, the
LLM's sync and async halves send and wait.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from langchain_azure_llms.exceptions import (
    ConfigurationError,
    ContentFilterError,
    ContextLengthError,
    OperationNotSupportedError,
)
from langchain_azure_llms.llms._calls import PromptCall
from langchain_azure_llms.llms._settings import quietly

COMPLETIONS, CHAT, RESPONSES = FORMS = ("completions", "chat_completions", "responses")
OF_ONE_PROMPT = (ContentFilterError, ContextLengthError)
"""Refusals of a prompt: the deployment speaks the form, and other prompts are none the worse."""
_logger = logging.getLogger("langchain_azure_llms")


class Requests(NamedTuple):
    """The requests of one form.

    Attributes:
        size: How many prompts one carries at most.
        call: Makes one.
    """

    size: int
    call: Callable[[Sequence[str]], PromptCall]


class Plan:
    """How some prompts are to be answered.

    Args:
        prompts: The prompts.
        make_requests: Makes the requests of a form.
        forms: The forms to try, in this order.
        deployment: Who is asked; what was learned of one says nothing of another.
        name: The deployment's name, for messages.
    """

    __slots__ = ("_made", "_make_requests", "deployment", "forms", "name", "prompts")

    def __init__(
        self,
        prompts: Sequence[str],
        make_requests: Callable[[str], Requests],
        forms: tuple[str, ...] = ("",),
        deployment: object = None,
        name: str = "",
    ) -> None:
        self.prompts = prompts
        self.forms = forms
        self.deployment = deployment
        self.name = name
        self._make_requests = make_requests
        self._made: dict[str, Requests] = {}

    def requests_in(self, form: str) -> Requests:
        """Return the requests of a form; all but the prompts they have in common, made once.

        Raises:
            ConfigurationError: If they cannot be made; without its frames, for those hold secrets.
        """
        made = self._made.get(form)
        if made is None:
            made = self._made[form] = quietly(self._make_requests, form)
        return made

    def ask(self, form: str, group: Sequence[int]) -> Ask:
        """Return the first request for a group of prompts: as many of them as it can carry.

        Raises:
            ConfigurationError: As above.
        """
        requests = self.requests_in(form)
        taken = group[: requests.size]
        return Ask(taken, quietly(requests.call, [self.prompts[index] for index in taken]))


class Ask(NamedTuple):
    """A request to send, and the numbers of the prompts that it carries."""

    group: Sequence[int]
    call: PromptCall


class LearnedForms:
    """The forms that deployments were found to speak; an LLM object shares it with its copies."""

    def __init__(self) -> None:
        self._known: dict[object, str] = {}
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._probes: dict[object, Future[None]] = {}

    def __deepcopy__(self, memo: Any) -> LearnedForms:
        return self

    def form_of(self, plan: Plan) -> str | None:
        """Return the form to use for a plan, if it is known."""
        return plan.forms[0] if len(plan.forms) == 1 else self._known.get(plan.deployment)

    def learn(self, deployment: object, form: str) -> None:
        """Remember a deployment's form."""
        self._known[deployment] = form

    def forget(self, deployment: object) -> None:
        """Forget a form that is refused now: another model may have taken the deployment over."""
        self._known.pop(deployment, None)

    def begin(self, deployment: object) -> Future[None] | None:
        """Begin to find out. Return None, or what to wait for when another caller has begun."""
        if self._process != os.getpid():  # those who had begun are in the parent
            self._begin_anew()
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


Step = Ask | Future[None]


class Opened(NamedTuple):
    """A form, and what came of the request that was sent to find it out, if one was.

    Attributes:
        form: The form that the deployment speaks, as far as is known.
        ask: The request that was sent.
        got: What came of it: what the driver makes of a success, or an error.
    """

    form: str
    ask: Ask | None = None
    got: Any = None


def asking(
    plan: Plan, learned: LearnedForms, group: Sequence[int], form: str | None = None
) -> Generator[Step, Any, Opened]:
    """Ask for the first prompts of a group, in the form that their deployment speaks.

    Args:
        plan: How they are to be answered.
        learned: What is known of deployments.
        group: The prompts' numbers.
        form: The form, if the caller knows it. One that is refused is found out anew.

    Yields:
        As `opening`.

    Returns:
        The form, the request, and what came of it.
    """
    form = form or learned.form_of(plan)
    if form is not None:
        ask = plan.ask(form, group)
        got = yield ask
        if not isinstance(got, OperationNotSupportedError) or len(plan.forms) == 1:
            return Opened(form, ask, got)
        learned.forget(plan.deployment)
    opened = yield from opening(plan, learned, group)
    if opened.ask is not None:
        return opened
    ask = plan.ask(opened.form, group)
    return Opened(opened.form, ask, (yield ask))


def opening(
    plan: Plan, learned: LearnedForms, group: Sequence[int]
) -> Generator[Step, Any, Opened]:
    """Decide the form for a group of prompts, by asking for them where it is not known.

    Args:
        plan: How they are to be answered.
        learned: What is known of deployments.
        group: The prompts' numbers.

    Yields:
        A request, to be answered with what came of it, errors too; or what to wait for while
        another caller finds out.
    """
    form = learned.form_of(plan)
    if form is None:
        waiting = learned.begin(plan.deployment)
        if waiting is None:
            return (yield from _probing(plan, learned, group))
        yield waiting
        form = learned.form_of(plan)
    if form is not None:
        return Opened(form)
    # The other caller found out nothing: to wait for one after another could take for ever.
    return (yield from _trying(plan, learned, group))


def _probing(
    plan: Plan, learned: LearnedForms, group: Sequence[int]
) -> Generator[Step, Any, Opened]:
    known = learned.form_of(plan)
    try:
        if known is not None:  # learned between the look and the claim
            return Opened(known)
        return (yield from _trying(plan, learned, group))
    finally:
        learned.end(plan.deployment)


def _trying(
    plan: Plan, learned: LearnedForms, group: Sequence[int]
) -> Generator[Step, Any, Opened]:
    refusals: list[tuple[str, OperationNotSupportedError]] = []
    for form in plan.forms:
        ask = _ask_after(refusals, plan, form, group)
        got = yield ask
        if isinstance(got, OperationNotSupportedError):
            refusals.append((form, got))
            continue
        if not isinstance(got, Exception) or isinstance(got, OF_ONE_PROMPT):
            _remember(plan, learned, form, refusals)
        return Opened(form, ask, _after(refusals, form, got))
    return Opened(form, ask, _all_refused(plan, refusals))


def _ask_after(
    refusals: list[tuple[str, OperationNotSupportedError]],
    plan: Plan,
    form: str,
    group: Sequence[int],
) -> Ask:
    try:
        return plan.ask(form, group)
    except ConfigurationError as error:  # the user never spoke of this form
        raise _after(refusals, form, error) from None


def _remember(
    plan: Plan,
    learned: LearnedForms,
    form: str,
    refusals: list[tuple[str, OperationNotSupportedError]],
) -> None:
    if refusals and learned.form_of(plan) != form:
        _logger.warning(
            "The deployment %r does not offer %s; %s is used from now on. api=%r saves the refused "
            "first request.",
            plan.name,
            _named(refusals),
            form,
            form,
        )
    learned.learn(plan.deployment, form)


def _named(refusals: list[tuple[str, OperationNotSupportedError]]) -> str:
    return " and ".join(name for name, _ in refusals)


def _after(refusals: list[tuple[str, OperationNotSupportedError]], form: str, got: Any) -> Any:
    """Say of an error why this form was tried at all."""
    if refusals and isinstance(got, Exception) and not isinstance(got, OF_ONE_PROMPT):
        why = f"({form} was tried because the deployment refused {_named(refusals)}.)"
        got.args = (f"{got} {why}",)
    return got


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
