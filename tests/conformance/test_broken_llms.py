"""The suite notices what is broken: each of its claims fails for an LLM made to break it."""

from collections import Counter
from typing import Any

import pytest

from tests.conformance import LLMUnitTests
from tests.conformance.broken_llms import Broken
from tests.conformance.broken_runs import BROKEN
from tests.conformance.faithful_llm import OfFaithfulLLM
from tests.conformance.runner import Claim, Outcome, Verdict, claims_of, combined, outcome_of

_CLAIMS = {claim.name: claim for claim in claims_of(OfFaithfulLLM)}


@pytest.mark.parametrize("claim", _CLAIMS.values(), ids=lambda claim: claim.name)
def test_a_faithful_llm_passes(claim: Claim) -> None:
    """Nothing is skipped."""
    assert outcome_of(OfFaithfulLLM(), claim) == Outcome(Verdict.PASSED)


@pytest.mark.parametrize(
    "broken", BROKEN, ids=lambda broken: f"{broken.claim}-{broken.cls.__name__}"
)
def test_a_broken_llm_is_noticed(broken: Broken) -> None:
    """For the right reason."""
    outcome = outcome_of(OfFaithfulLLM(broken.cls), _CLAIMS[broken.claim])
    assert outcome.verdict is Verdict.FAILED
    assert broken.reason in outcome.reason


def test_every_claim_can_fail() -> None:
    """There is a broken LLM for each."""
    assert {broken.claim for broken in BROKEN} == set(_CLAIMS)


def _with(**members: Any) -> OfFaithfulLLM:
    """Return the suite with something replaced."""
    cls: type[OfFaithfulLLM] = type("Replacing", (OfFaithfulLLM,), members)
    return cls()


def _passes(self: OfFaithfulLLM) -> None:
    """Claim nothing."""


def _excused(reason: str | None, **options: Any) -> Any:
    def test(self: OfFaithfulLLM) -> None:
        """Fail as expected."""

    return pytest.mark.xfail(**options, **({"reason": reason} if reason else {}))(test)


@pytest.mark.parametrize(
    "replacement",
    [_passes, None, _excused(None), _excused("sometimes fails", strict=False)],
    ids=["test", "nothing", "no reason", "not strict"],
)
def test_a_replaced_claim_is_noticed(replacement: Any) -> None:
    """Whatever it is replaced by."""
    with pytest.raises(AssertionError, match="replaced: test_invoke"):
        _with(test_invoke=replacement).test_no_override()


def test_a_claim_may_be_excused_with_a_reason() -> None:
    """The test then must fail."""
    _with(test_invoke=_excused("the service cannot")).test_no_override()


def test_other_tests_may_be_added() -> None:
    """They replace nothing."""
    _with(test_of_its_own=_passes).test_no_override()


@pytest.mark.parametrize("name", ["test_no_override", "calls"])
def test_what_finds_them_cannot_be_replaced(name: str) -> None:
    """Nor the fixture that calls both ways."""
    with pytest.raises(TypeError, match=name):
        _with(**{name: _passes})


def test_claims_say_what_they_claim() -> None:
    """Each in words of its own, for the documentation's table."""
    words = Counter(claim.words for claim in _CLAIMS.values())
    assert all(words), "a claim without words"
    assert max(words.values()) == 1


def test_unit_tests_ask_nothing() -> None:
    """Their claims are tried one way: they do not call."""
    assert {claim.ways for claim in claims_of(LLMUnitTests)} == {("",)}


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([("sync", Outcome(Verdict.PASSED)), ("async", Outcome(Verdict.PASSED))], ("yes", "")),
        (
            [("sync", Outcome(Verdict.SKIPPED, "s")), ("async", Outcome(Verdict.PASSED))],
            ("yes", ""),
        ),
        (
            [("sync", Outcome(Verdict.FAILED, "r")), ("async", Outcome(Verdict.FAILED, "t"))],
            ("no", "r"),
        ),
        (
            [("sync", Outcome(Verdict.PASSED)), ("async", Outcome(Verdict.FAILED, "r"))],
            ("no", "async: r"),
        ),
        ([("", Outcome(Verdict.SKIPPED, "s"))], ("-", "s")),
    ],
    ids=["passed", "skipped once", "failed", "failed once", "skipped"],
)
def test_the_worst_outcome_counts(
    outcomes: list[tuple[str, Outcome]], expected: tuple[str, str]
) -> None:
    """With where it came, unless it came everywhere."""
    assert combined(outcomes) == Outcome(Verdict(expected[0]), expected[1])
