"""Who finds out a deployment's form, where another one has just done so."""

from langchain_azure_llms.llms._forms import COMPLETIONS, LearnedForms, Opened, Plan, opening


class _LearnedMeanwhile(LearnedForms):
    """Knows nothing at the first looks, and then what another thread has learned."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._looks = looks

    def form_of(self, plan: Plan) -> str | None:
        self._looks -= 1
        return COMPLETIONS if self._looks < 0 else None


def _opened(learned: LearnedForms) -> Opened:
    def nobody_asks(form: str) -> None:
        raise AssertionError(form)

    steps = opening(Plan(["p"], nobody_asks, ("a", "b")), learned, range(1))  # type: ignore[arg-type]
    try:
        next(steps)
    except StopIteration as stop:
        opened: Opened = stop.value
        return opened
    raise AssertionError("nothing is to be asked, nor waited for")


def test_what_is_known_is_not_asked() -> None:
    """At the first look."""
    assert _opened(_LearnedMeanwhile(0)) == Opened(COMPLETIONS)


def test_what_was_learned_before_the_claim_is_not_asked_again() -> None:
    """And the claim is given up, so that nobody waits for it."""
    learned = _LearnedMeanwhile(1)
    assert _opened(learned) == Opened(COMPLETIONS)
    assert learned.begin(None) is None


def test_giving_up_a_claim_that_nobody_has_does_nothing() -> None:
    """Another thread may have given it up."""
    LearnedForms().end("deployment")
