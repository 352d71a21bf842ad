"""Answers of an odd shape, and formatters that are."""

import json
from typing import Any

import pytest

from langchain_azure_llms import (
    AzureMLEndpointApiType,
    AzureMLOnlineEndpoint,
    ContentFormatterBase,
    GPT2ContentFormatter,
)
from langchain_azure_llms.exceptions import ConfigurationError, ResponseFormatError
from langchain_azure_llms.formatters import completions, responses
from langchain_azure_llms.formatters._score import ScoreContentFormatter
from langchain_azure_llms.llms._formatting import request_payload


def test_completions_beyond_those_asked_for_are_left() -> None:
    """They belong to no prompt."""
    choices = [{"text": str(index), "index": index} for index in range(3)]
    answer = completions.read_answer(json.dumps({"choices": choices}).encode(), 2, 1)
    assert [[found.text for found in each] for each in answer.generations] == [["0"], ["1"]]


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ([{"text": "b", "index": 1}, {"text": "a", "index": 0}], "a"),
        (["no choice", None], ""),
        (["no choice"], ""),
    ],
)
def test_an_event_tells_its_first_choice(choices: list[Any], text: str) -> None:
    """By index; what is no choice tells nothing."""
    assert completions.read_event(json.dumps({"choices": choices})).text == text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("[1]", "a JSON object"),
        ('{"type": "response.output_text.delta", "delta": 5}', "a text as delta"),
    ],
)
def test_an_event_of_responses_that_is_none_is_refused(data: str, expected: str) -> None:
    """It is of another format; its text would be lost in silence."""
    with pytest.raises(ResponseFormatError, match=expected):
        responses.read_event(data)


def test_a_score_formatter_says_what_it_must_define() -> None:
    """By its own name."""

    class Mine(ScoreContentFormatter):
        pass

    with pytest.raises(NotImplementedError, match="Mine must define payload"):
        Mine().payload("p", {})


def test_the_supported_api_types_are_a_list() -> None:
    """A single one is a likely mistake."""

    class Mine(GPT2ContentFormatter):
        supported_api_types = 7  # type: ignore[assignment] # the mistake

    with pytest.raises(ConfigurationError, match="supported_api_types is a int, expected a list"):
        AzureMLOnlineEndpoint(
            endpoint_url="https://e.example/score",
            endpoint_api_key="k",
            content_formatter=Mine(),
        )


class _Unreadable:
    """A method that is an object, whose signature cannot be read."""

    __signature__ = "none"

    def __call__(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
        return json.dumps([prompt, model_kwargs]).encode()


class _Unhashable(_Unreadable):
    __hash__ = None  # type: ignore[assignment] # the point of it
    __signature__ = None  # type: ignore[assignment] # it can be read

    def __eq__(self, other: object) -> bool:
        return self is other


@pytest.mark.parametrize("method", [_Unreadable(), _Unhashable()])
def test_a_formatters_method_may_be_any_callable(method: Any) -> None:
    """It is called as the old formatters are, without the api type."""

    class Mine(ContentFormatterBase):
        format_request_payload: Any = staticmethod(method)

    body = request_payload(Mine(), "p", {"t": 1}, AzureMLEndpointApiType.dedicated)
    assert json.loads(body) == ["p", {"t": 1}]
