"""OpenAI's completions and chat completions, as Azure sends them."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.exceptions import ResponseFormatError
from langchain_azure_llms.openai_api import chat_completions, completions
from langchain_azure_llms.openai_api.choices import ANY_NUMBER

_SAFE = {"hate": {"filtered": False, "severity": "safe"}}
_BLOCKED = {"hate": {"filtered": True, "severity": "high"}}


def _body(**value: Any) -> bytes:
    return json.dumps(value).encode()


@given(st.integers(1, 4), st.integers(1, 3), st.randoms(use_true_random=False))
def test_choices_are_assigned_by_index_in_any_order(
    prompts: int, n: int, shuffle: random.Random
) -> None:
    """Choice `prompt x n + k` is the k-th of its prompt."""
    choices = [{"text": f"{i // n}.{i % n}", "index": i} for i in range(prompts * n)]
    shuffle.shuffle(choices)
    response = completions.parse_response(_body(choices=choices), prompts, n)
    texts = [[generation.text for generation in group] for group in response.generations]
    assert texts == [[f"{p}.{k}" for k in range(n)] for p in range(prompts)]


def test_a_choice_without_an_index_has_its_position() -> None:
    """Some gateways drop the index."""
    response = completions.parse_response(_body(choices=[{"text": "a"}, {"text": "b"}]), prompts=2)
    assert [group[0].text for group in response.generations] == ["a", "b"]


@pytest.mark.parametrize(("first", "second"), [("1", "0"), (1.0, 0.0), (1, 0)])
def test_an_index_may_be_a_float_or_a_text(first: Any, second: Any) -> None:
    """Gateways that re-encode JSON do that; the completions must not be swapped."""
    choices = [{"text": "b", "index": first}, {"text": "a", "index": second}]
    response = completions.parse_response(_body(choices=choices), prompts=2)
    assert [group[0].text for group in response.generations] == ["a", "b"]


@pytest.mark.parametrize("index", ["one", 0.5, -1, [], {}])
def test_an_unusable_index_is_refused_where_it_matters(index: Any) -> None:
    """Which prompt it answers would be a guess; a single choice needs no index."""
    choices = [{"text": "a", "index": index}, {"text": "b", "index": 1}]
    with pytest.raises(ResponseFormatError, match="whole numbers as index"):
        completions.parse_response(_body(choices=choices), prompts=2)
    response = completions.parse_response(_body(choices=choices[:1]))
    assert response.generations[0][0].text == "a"


def test_fewer_completions_than_requested_are_accepted() -> None:
    """A filter may remove some of `n`."""
    choices = [{"text": "a", "index": 0}, {"text": "b", "index": 2}]
    response = completions.parse_response(_body(choices=choices), 1, 3)
    assert [generation.text for generation in response.generations[0]] == ["a", "b"]


def test_a_prompt_without_any_completion_is_an_error() -> None:
    """It cannot be answered."""
    with pytest.raises(ResponseFormatError, match=r"expected 2 completion"):
        completions.parse_response(_body(choices=[{"text": "a", "index": 0}]), prompts=2)


@pytest.mark.parametrize(
    "choice",
    [
        {"text": None, "finish_reason": "content_filter", "content_filter_results": _BLOCKED},
        {"finish_reason": "content_filter", "content_filter_results": _BLOCKED},
        {"text": "", "finish_reason": "content_filter", "content_filter_result": _BLOCKED},
    ],
)
def test_a_filtered_completion_is_empty_with_its_annotations(choice: dict[str, Any]) -> None:
    """Its text is null or absent."""
    (generation,) = completions.parse_response(_body(choices=[choice])).generations[0]
    assert generation.text == ""
    assert generation.generation_info == {
        "finish_reason": "content_filter",
        "logprobs": None,
        "content_filter_results": _BLOCKED,
    }


@pytest.mark.parametrize("choice", [{"message": {"content": "a"}}, {"text": 17}, {"text": ["a"]}])
def test_a_choice_in_another_schema_is_an_error(choice: dict[str, Any]) -> None:
    """Its text would be lost unnoticed."""
    with pytest.raises(ResponseFormatError, match="a text in each choice"):
        completions.parse_response(_body(choices=[choice]))


@pytest.mark.parametrize("key", ["prompt_filter_results", "prompt_annotations"])
def test_each_prompt_gets_its_own_annotations_under_todays_name(key: str) -> None:
    """The gateways of 2023 used another one."""
    found = [
        {"prompt_index": 1, "content_filter_results": _BLOCKED},
        {"prompt_index": 0, "content_filter_results": _SAFE},
    ]
    body = _body(choices=[{"text": "a", "index": 0}, {"text": "b", "index": 1}], **{key: found})
    response = completions.parse_response(body, prompts=2)
    infos = [group[0].generation_info or {} for group in response.generations]
    assert [[found[1]], [found[0]]] == [info["prompt_filter_results"] for info in infos]


def test_an_error_of_the_filter_itself_is_kept_as_annotation() -> None:
    """The completion is there; only its filtering failed."""
    choice = {"text": "a", "content_filter_results": {"error": {"code": "x", "message": "y"}}}
    (generation,) = completions.parse_response(_body(choices=[choice])).generations[0]
    assert generation.text == "a"
    assert "error" in (generation.generation_info or {})["content_filter_results"]


def test_usage_model_and_fingerprint_are_in_llm_output() -> None:
    """Of the usage, only whole numbers; unknown keys are ignored."""
    usage = {"prompt_tokens": 2, "total_tokens": 5, "completion_tokens_details": {}, "odd": True}
    body = _body(choices=[{"text": "a"}], usage=usage, model="m", system_fingerprint="f", x=1)
    response = completions.parse_response(body)
    assert {
        "token_usage": {"prompt_tokens": 2, "total_tokens": 5},
        "model_name": "m",
        "system_fingerprint": "f",
    } == response.llm_output


@pytest.mark.parametrize("extra", [{}, {"usage": None, "model": "", "prompt_filter_results": {}}])
def test_everything_but_the_text_may_be_missing(extra: dict[str, Any]) -> None:
    """Microsoft's own samples leave it out."""
    response = completions.parse_response(_body(choices=[{"text": "a"}], **extra))
    assert {} == response.llm_output


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "a"}, "a"),
        ({"content": None, "refusal": "No."}, "No."),
        ({"content": None}, ""),
    ],
)
def test_a_chat_completion_is_its_content_or_its_refusal(
    message: dict[str, Any], text: str
) -> None:
    """A refusal is the model's text."""
    response = chat_completions.parse_response(_body(choices=[{"message": message}]))
    assert response.generations[0][0].text == text


def test_a_filtered_chat_completion_may_have_no_message() -> None:
    """Azure sends that with HTTP 200."""
    response = chat_completions.parse_response(_body(choices=[{"finish_reason": "content_filter"}]))
    assert response.generations[0][0].text == ""


@given(st.text())
def test_any_event_is_parsed_or_refused(data: str) -> None:
    """With a `ResponseFormatError`, and no other error."""
    try:
        completions.parse_event(data)
        chat_completions.parse_event(data)
    except ResponseFormatError:
        return


def test_choices_beyond_those_requested_are_dropped() -> None:
    """They belong to no prompt."""
    choices = [{"text": str(index), "index": index} for index in range(3)]
    response = completions.parse_response(_body(choices=choices), 2, 1)
    assert [["0"], ["1"]] == [[found.text for found in each] for each in response.generations]


def test_all_choices_belong_to_one_prompt_if_their_number_is_unknown() -> None:
    """In the order of their indexes."""
    choices = [{"text": text, "index": index} for text, index in (("c", 2), ("a", 0), ("b", 1))]
    response = completions.parse_response(_body(choices=choices), n=ANY_NUMBER)
    assert ["a", "b", "c"] == [found.text for found in response.generations[0]]


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ([{"text": "b", "index": 1}, {"text": "a", "index": 0}], "a"),
        (["no choice", None], ""),
        (["no choice"], ""),
        ([], ""),
        (None, ""),
    ],
)
def test_an_event_adds_its_first_choice(choices: list[Any] | None, text: str) -> None:
    """The first by index; what is not a choice adds nothing."""
    assert text == completions.parse_event(json.dumps({"choices": choices})).text


def test_an_event_that_only_adds_text_has_no_other_information() -> None:
    """Keys that are null count as absent."""
    choice = {"text": "a", "index": 0, "finish_reason": None, "logprobs": None}
    assert ("a", {}) == completions.parse_event(json.dumps({"model": "", "choices": [choice]}))


def test_of_an_events_log_probabilities_only_lists_are_kept() -> None:
    """LangChain adds chunks up, and raises where it cannot."""
    logprobs = {"tokens": ["a"], "top_logprobs": None, "content_length": 7}
    choice = {"text": "a", "logprobs": logprobs}
    (_, info) = completions.parse_event(json.dumps({"choices": [choice]}))
    assert {"logprobs": {"tokens": ["a"], "top_logprobs": None}} == info
    choice = {"text": "a", "logprobs": {"content_length": 7}}
    assert ("a", {}) == completions.parse_event(json.dumps({"choices": [choice]}))


def test_a_prompt_or_several_are_the_payload() -> None:
    """With the parameters beside them."""
    one = json.loads(completions.build_payload("p", {"n": 2}))
    two = json.loads(completions.build_payload(["p", "q"], {}))
    assert ({"prompt": "p", "n": 2}, {"prompt": ["p", "q"]}) == (one, two)


def test_parameters_of_completions_stay_as_they_are() -> None:
    """In a copy."""
    given = {"max_tokens": 5, "suffix": None}
    params = completions.translate_parameters(given)
    assert given == params
    assert given is not params
