"""A prompt's fate follows from the scenario alone."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.local import (
    Fault,
    LocalEndpoints,
    LocalEndpointsError,
    PromptRecord,
    Scenario,
)
from langchain_azure_llms.local._scenario import Script

MIXED = set(Fault) - {Fault.REFUSED, Fault.BATCH_FAILED, Fault.BATCH_EXPIRED}
RATE_LIMITED = {fault for fault in Fault if fault.startswith("rate-limited-")}
PROMPTS = [f"Prompt {number}" for number in range(2000)]


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_is_a_scenario(fault: Fault) -> None:
    """By its name."""
    assert fault is Scenario(fault).fault_of("any")


def test_the_guide_names_every_fault() -> None:
    """With what it ends in."""
    guide = (Path(__file__).parents[3] / "docs" / "how-to" / "failure-drills.md").read_text()
    assert [] == [str(fault) for fault in Fault if f"`{fault}`" not in guide]


@pytest.mark.parametrize(("name", "faults"), [("rate-limited", RATE_LIMITED), ("mixed", MIXED)])
def test_a_group_draws_each_of_its_faults(name: str, faults: set[Fault]) -> None:
    """Another one for each prompt."""
    assert faults == {Scenario(name).fault_of(prompt) for prompt in PROMPTS}


@given(st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.integers(0, 1000))
def test_the_share_is_kept(share: float, seed: int) -> None:
    """Give or take what chance does."""
    scenario = Scenario("mixed", share=share, seed=seed)
    met = sum(scenario.fault_of(prompt) is not None for prompt in PROMPTS)
    assert abs(met - share * 2000) <= 6 * math.sqrt(2000 * share * (1 - share))


@given(st.text())
def test_a_prompts_fate_is_always_the_same(prompt: str) -> None:
    """In every process: it does not depend on Python's own hashes."""
    fates = {Scenario("mixed", share=0.5, seed=3).fault_of(prompt) for _ in range(2)}
    assert 1 == len(fates)


def test_fates_are_the_same_on_every_machine() -> None:
    """Written down once."""
    written = [None, None, Fault.RATE_LIMITED_MS, None, None, Fault.FILTER]
    found = [Scenario("mixed", share=0.5).fault_of(f"p{number}") for number in range(6)]
    assert written == found


def test_only_matching_prompts_meet_it() -> None:
    """By a regular expression."""
    scenario = Scenario("filter", matching="bomb|knife$")
    found = [scenario.fault_of(prompt) for prompt in ("a bomb.", "knife", "knife.", "")]
    assert [Fault.FILTER, Fault.FILTER, None, None] == found


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "no-such"}, "no scenario 'no-such': they are rate-limited-seconds, .*mixed"),
        ({"name": "slow", "share": 1.5}, "share must be from 0 to 1, not 1.5"),
        ({"name": "slow", "times": 0}, "times must be 1 or more, not 0"),
        ({"name": "slow", "wait": -1}, "wait must be 0 or more, not -1"),
        ({"name": "slow", "wait": math.nan}, "wait must be 0 or more, not nan"),
        ({"name": "slow", "matching": "("}, r"matching must be a regular expression, not '\('"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_one_sentence(settings: dict[str, Any], said: str) -> None:
    """It names the value."""
    with pytest.raises(LocalEndpointsError, match=said):
        Scenario(**settings)


def test_a_wrong_name_is_told_by_the_constructor() -> None:
    """Before anything starts."""
    with pytest.raises(LocalEndpointsError, match="no scenario 'no-such'"):
        LocalEndpoints(scenario="no-such")
    with pytest.raises(LocalEndpointsError, match='no engine \'x\': there are "model" and "echo"'):
        LocalEndpoints(engine="x")  # type: ignore[arg-type]


def test_a_fault_passes_after_its_times() -> None:
    """Once, unless said otherwise."""
    script = Script([Scenario("unavailable", times=2, wait=0)])
    mishap = (Fault.UNAVAILABLE, 0.0)
    asked = ["p", "p", "p", "q"]
    found = [script.begin("/score", [prompt]) for prompt in asked]
    assert [mishap, mishap, None, mishap] == found
    assert {"p": PromptRecord(3, 2, 0), "q": PromptRecord(1, 1, 0)} == script.records


@pytest.mark.parametrize("fault", ["filter", "container-failed"])
def test_what_does_not_pass_lasts(fault: str) -> None:
    """Unless `times` says otherwise."""
    script = Script([Scenario(fault)])
    assert None not in [script.begin("/", ["p"]) for _ in range(5)]
    brief = Script([Scenario(fault, times=1)])
    assert [False, True] == [brief.begin("/", ["p"]) is None for _ in range(2)]


def test_the_first_scenario_that_a_prompt_meets_counts() -> None:
    """Also when it is over; the others have the rest."""
    twice = Script([Scenario("slow"), Scenario("unavailable", times=9)])
    assert [False, True] == [twice.begin("/", ["p"]) is None for _ in range(2)]
    script = Script([Scenario("filter", matching="bad"), Scenario("slow", path="/score")])
    found = [
        script.begin(*asked) for asked in [("/score", ["bad"]), ("/score", ["p"]), ("/", ["p"])]
    ]
    assert [Fault.FILTER, Fault.SLOW, None] == [one and one[0] for one in found]


def test_a_request_has_the_fate_of_its_first_prompt_but_is_filtered_for_any() -> None:
    """As Azure refuses a request as a whole."""
    script = Script([Scenario("filter", matching="bad"), Scenario("slow", matching="late")])
    requests = (["p", "late"], ["late", "bad"], ["late", "p"], ["p", "bad"])
    found = [script.begin("/", prompts) for prompts in requests]
    expected = [None, Fault.FILTER, Fault.SLOW, Fault.FILTER]
    assert expected == [one and one[0] for one in found]
    assert PromptRecord(requests=3) == script.records["p"]
