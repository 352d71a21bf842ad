"""Runs the conformance suite without pytest, and returns the outcome of each claim."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from textwrap import shorten

import pytest

from tests.conformance.calls import WAYS, calling
from tests.conformance.subject import LLMTests

_LONGEST = 60


class Verdict(StrEnum):
    """The outcome of a claim; of several, the first in this order counts."""

    FAILED = "no"
    PASSED = "yes"
    SKIPPED = "-"


@dataclass(frozen=True)
class Outcome:
    """A verdict, and in a few words why."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Claim:
    """One standard test.

    Attributes:
        name: Its name.
        words: What it claims.
        group: What it is about.
        ways: The ways it is tried.
    """

    name: str
    words: str
    group: str
    ways: tuple[str, ...]


def claims_of(suite: type[LLMTests]) -> list[Claim]:
    """Return the claims of a suite, but the one about the suite itself."""
    return [
        Claim(name, _first_sentence(test), _group_of(suite, name), _ways_of(test))
        for name, test in suite.standard_tests().items()
        if name != "test_no_override"
    ]


def outcome_of(suite: LLMTests, claim: Claim) -> Outcome:
    """Try a claim, each way."""
    return combined([(way, _tried(suite, claim.name, way)) for way in claim.ways])


def combined(outcomes: Sequence[tuple[str, Outcome]]) -> Outcome:
    """Return what counts of outcomes; its reason says where, unless it was so everywhere."""
    worst = min((one.verdict for _, one in outcomes), key=list(Verdict).index)
    found = [(where, one.reason) for where, one in outcomes if one.verdict is worst]
    reason = found[0][1]
    if worst is Verdict.FAILED and len(found) < len(outcomes):
        reason = f"{found[0][0]}: {reason}"
    return Outcome(worst, reason)


def _tried(suite: LLMTests, name: str, way: str) -> Outcome:
    test: Callable[..., None] = getattr(suite, name)
    try:
        with ExitStack() as stack:
            arguments = [stack.enter_context(calling(way))] if way else []
            test(*arguments)
    except pytest.skip.Exception as skipped:
        return Outcome(Verdict.SKIPPED, str(skipped))
    except (AssertionError, pytest.fail.Exception) as failure:
        return Outcome(Verdict.FAILED, "".join(_line(failure)) or "not so")
    except Exception as error:  # noqa: BLE001 - it is the outcome
        return Outcome(Verdict.FAILED, ": ".join([type(error).__name__, *_line(error)]))
    return Outcome(Verdict.PASSED)


def _line(error: BaseException) -> list[str]:
    """Return the first line of an error's message, cut short, if it has one."""
    return [shorten(line, _LONGEST) for line in str(error).splitlines()[:1]]


def _first_sentence(test: Callable[..., None]) -> str:
    return (inspect.getdoc(test) or "").splitlines()[0].removesuffix(".")


def _group_of(suite: type[LLMTests], name: str) -> str:
    home = next(base for base in suite.__mro__ if name in vars(base))
    return (home.__doc__ or "").removesuffix(".")


def _ways_of(test: Callable[..., None]) -> tuple[str, ...]:
    return WAYS if "calls" in inspect.signature(test).parameters else ("",)
