"""Which prompts a request carries."""

from typing import Any

import pytest

from langchain_azure_llms.local._prompts import prompts_in

_MESSAGES = [{"role": "system", "content": "s"}, {"role": "user", "content": "p"}]
_PARTS = [
    {"role": "user", "content": [{"type": "text", "text": "p"}, {"type": "text", "text": "q"}]}
]


@pytest.mark.parametrize(
    ("body", "prompts"),
    [
        ({"prompt": "p"}, ["p"]),
        ({"prompt": ["p", "q"]}, ["p", "q"]),
        ({"prompt": [1, 2]}, ["1 2"]),
        ({"prompt": [[1, 2], [3]]}, ["1 2", "3"]),
        ({"messages": _MESSAGES}, ["p"]),
        ({"messages": _PARTS}, ["pq"]),
        ({"input": "p"}, ["p"]),
        ({"input": _MESSAGES}, ["p"]),
        ({"inputs": ["p"]}, ["p"]),
        ({"inputs": {"input_string": ["p"]}}, ["p"]),
        ({"input_data": ["p"], "params": {}}, ["p"]),
        ({"input_data": {"input_string": ["p", "q"], "parameters": {}}}, ["p", "q"]),
        ({"input_data": {"input_string": _MESSAGES}}, ["p"]),
        ({}, []),
        ([], []),
        (None, []),
        ({"prompt": None}, []),
        ({"prompt": []}, []),
        ({"messages": [1]}, []),
        ({"messages": []}, []),
        ({"inputs": {"a": {}}}, []),
    ],
    ids=str,
)
def test_the_prompts_are_found_in_every_schema(body: Any, prompts: list[str]) -> None:
    """A conversation's is its last message."""
    assert prompts == prompts_in(body)
