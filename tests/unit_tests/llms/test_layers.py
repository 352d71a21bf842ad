"""Who says what a request carries: the call before the LLM, and of each the extra body first."""

from contextlib import suppress
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_azure_llms.exceptions import ConfigurationError, ResponseFormatError
from tests.unit_tests.llms.scripted import Service, azure_openai

FORMS = ("completions", "chat_completions", "responses")
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
LAYERS = ("explicit", "model_kwargs", "extra_body", "params", "call_body")


def _body(form: str, stop: Any = None, **layers: Any) -> dict[str, Any]:
    service = Service([httpx2.Response(200, json={})])
    llm = azure_openai(
        service,
        api=form,
        model_kwargs=layers.get("model_kwargs", {}),
        extra_body=layers.get("extra_body"),
        **layers.get("explicit", {}),
    )
    call = {**layers.get("params", {}), "extra_body": layers.get("call_body")}
    with suppress(ResponseFormatError):  # what is sent counts here
        llm.generate(["p"], stop, **call)
    (body,) = service.bodies
    return dict(body)


@pytest.mark.parametrize("form", FORMS)
@given(layers=st.dictionaries(st.sampled_from(LAYERS[1:]), st.integers(16, 99), min_size=1))
def test_the_last_who_says_something_is_heard(form: str, layers: dict[str, int]) -> None:
    """A parameter may be given in five places; the call's own come before the LLM's."""
    expected = [layers[name] for name in LAYERS if name in layers][-1]
    body = _body(form, **{name: {"user": value} for name, value in layers.items()})
    assert body["user"] == expected


def _can_be_passed(layers: dict[str, tuple[str, int]]) -> bool:
    """A setting has one name, and cannot be among the other model parameters."""
    return (
        layers.get("explicit", ("max_tokens",))[0] == "max_tokens"
        and layers.get("model_kwargs", ("",))[0] != "max_tokens"
    )


@pytest.mark.parametrize("form", ["chat_completions", "responses"])
@given(
    layers=st.dictionaries(
        st.sampled_from(LAYERS),
        st.tuples(st.sampled_from(LIMITS), st.integers(16, 99)),
        min_size=1,
    ).filter(_can_be_passed)
)
def test_a_limit_counts_under_each_of_its_names(
    form: str, layers: dict[str, tuple[str, int]]
) -> None:
    """However the places name it, one limit is sent: that of the last who gave one."""
    expected = [layers[name][1] for name in LAYERS if name in layers][-1]
    body = _body(form, **{place: {name: value} for place, (name, value) in layers.items()})
    assert [body[name] for name in LIMITS if name in body] == [expected]


@pytest.mark.parametrize("form", FORMS)
def test_none_at_a_call_leaves_out_what_the_llm_has(form: str) -> None:
    """A call can take back each thing that the LLM sends."""
    layers = {
        "explicit": {"temperature": 0.5},
        "model_kwargs": {"user": "ada"},
        "extra_body": {"service_tier": "flex"},
    }
    body = _body(form, **layers, params=dict.fromkeys(("temperature", "user", "service_tier")))
    assert body.keys() & {"temperature", "user", "service_tier"} == set()


def test_a_call_refines_what_the_llm_asks_of_tokens_probabilities() -> None:
    """How many alternatives there are to be is asked under two names, which belong together."""
    chat = "chat_completions"
    assert _probabilities(chat, explicit={"logprobs": 5}, params={"top_logprobs": 2}) == (True, 2)
    assert _probabilities(chat, model_kwargs={"top_logprobs": 2}, params={"logprobs": 5}) == (
        True,
        5,
    )
    kept = _probabilities(chat, model_kwargs={"top_logprobs": 2}, params={"logprobs": True})
    assert kept == (True, 2)
    assert _probabilities(
        chat, extra_body={"logprobs": True, "top_logprobs": 4}, params={"top_logprobs": 2}
    ) == (True, 2)
    assert _probabilities("responses", explicit={"logprobs": 5}, params={"top_logprobs": 2}) == (
        None,
        2,
    )


def _probabilities(form: str, **layers: Any) -> tuple[Any, Any]:
    body = _body(form, **layers)
    return body.get("logprobs"), body.get("top_logprobs")


@pytest.mark.parametrize("place", ["model_kwargs", "extra_body"])
def test_a_calls_effort_comes_before_that_of_the_llm(place: str) -> None:
    """What else was said of reasoning stays."""
    said = {place: {"reasoning": {"effort": "low", "summary": "auto"}}}
    body = _body("responses", **said, params={"reasoning_effort": "high"})
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}


def test_a_calls_reasoning_comes_before_an_effort_of_the_llm() -> None:
    """The whole is more than the part."""
    said = {
        "model_kwargs": {"reasoning_effort": "low"},
        "params": {"reasoning": {"effort": "high"}},
    }
    assert _body("responses", **said)["reasoning"] == {"effort": "high"}


@pytest.mark.parametrize("form", ["completions", "chat_completions"])
def test_texts_to_end_at_of_a_call_come_before_the_extra_body(form: str) -> None:
    """`stop` is the call's own, whoever else gives one."""
    assert _body(form, stop=["b"], extra_body={"stop": ["a"]})["stop"] == ["b"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["extra_body", "call_body"])
def test_a_body_cannot_ask_for_a_stream(form: str, place: str) -> None:
    """Whether an answer is streamed is decided by who reads it."""
    with pytest.raises(ConfigurationError, match="stream"):
        _body(form, **{place: {"stream": True}})
