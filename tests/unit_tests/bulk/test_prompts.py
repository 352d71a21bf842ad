"""From rows, and from what callers pass, to prompts."""

from typing import Any

import pytest

from langchain_azure_llms.bulk.prompts import Columns, Prompt, kept_columns, prompt_of
from langchain_azure_llms.bulk.rows import Row
from langchain_azure_llms.exceptions import ConfigurationError


def _of_row(columns: Columns, values: dict[str, Any], *, has_ids: bool = False) -> Prompt:
    return columns.prompt_of(Row(4, "line 6", values), has_ids=has_ids)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a", Prompt(7, "a")),
        ({"prompt": "a"}, Prompt(7, "a")),
        ({"prompt": "a", "id": "x"}, Prompt("x", "a")),
        ({"prompt": "a", "id": 0, "max_tokens": 5}, Prompt(0, "a", {"max_tokens": 5})),
    ],
)
def test_a_prompt_is_a_text_or_a_mapping(given: Any, expected: Prompt) -> None:
    assert prompt_of(given, 7) == expected


@pytest.mark.parametrize("given", [5, None, ["a"], {"id": "x"}, {"id": "x", "prompt": None}])
def test_anything_else_is_a_prompt_with_a_problem(given: Any) -> None:
    found = prompt_of(given, 7)
    assert found.id == ("x" if isinstance(given, dict) else 7)
    assert "Prompt 7 is a" in (found.problem or "")


@pytest.mark.parametrize(
    ("columns", "values", "expected"),
    [
        (Columns(), {"prompt": "a", "k": 1}, Prompt(4, "a", columns={"k": 1})),
        (Columns(), {"prompt": "a", "id": "x"}, Prompt("x", "a")),
        (Columns(), {"prompt": "a", "id": 2.0}, Prompt(2, "a")),
        (Columns(), {"prompt": "a", "id": float("nan")}, Prompt(4, "a")),
        (Columns(), {"prompt": "a", "id": ""}, Prompt(4, "a")),
        (Columns(prompt="q", id="n"), {"q": "a", "n": 3, "id": 1}, Prompt(3, "a", {}, {"id": 1})),
        (
            Columns(template="{{{t}}} in {l:>3}"),
            {"t": "a", "l": "en"},
            Prompt(4, "{a} in  en", columns={"t": "a", "l": "en"}),
        ),
        (
            Columns(template="{first name}"),
            {"first name": "A"},
            Prompt(4, "A", {}, {"first name": "A"}),
        ),
    ],
)
def test_a_row_becomes_a_prompt(columns: Columns, values: dict[str, Any], expected: Prompt) -> None:
    assert _of_row(columns, values) == expected


def test_a_row_without_an_id_among_rows_with_ids_is_named_by_its_place() -> None:
    assert _of_row(Columns(), {"prompt": "a"}, has_ids=True) == Prompt("line 6", "a")


@pytest.mark.parametrize(
    ("columns", "values", "problem"),
    [
        (Columns(), {}, "line 6: 'prompt' is missing, expected a text."),
        (Columns(), {"prompt": 5}, "line 6: 'prompt' is a int, expected a text."),
        (Columns(), {"prompt": "  "}, "line 6: 'prompt' is empty."),
        (Columns(template="{a}"), {"a": None}, "line 6: 'a' is missing."),
        (
            Columns(template="{a:d}"),
            {"a": "x"},
            "line 6: 'a' does not fit the template: Unknown format code 'd' for object of type "
            "'str'.",
        ),
    ],
)
def test_a_row_without_a_prompt_is_a_problem(
    columns: Columns, values: dict[str, Any], problem: str
) -> None:
    assert _of_row(columns, values) == Prompt(4, "", {}, values, problem)


def test_a_row_that_cannot_be_read_is_a_problem() -> None:
    found = Columns().prompt_of(Row(4, "line 6", {}, "it is not JSON"), has_ids=False)
    assert found == Prompt(4, "", problem="line 6: it is not JSON.")


@pytest.mark.parametrize(
    "what",
    [
        {"prompt": "a"},
        {"prompt": ["a"]},
        {"input": "a"},
        {"messages": [{"role": "user", "content": "a"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
    ],
)
def test_a_line_of_the_batch_api_is_understood(what: dict[str, Any]) -> None:
    body = {"model": "m", "max_tokens": 5, **what}
    line = {"custom_id": "x", "method": "POST", "url": "/v1", "body": body, "k": 1}
    assert _of_row(Columns(), line) == Prompt("x", "a", {"max_tokens": 5}, {"k": 1})


def test_a_conversation_becomes_what_langchain_makes_of_it() -> None:
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "a"}]
    found = _of_row(Columns(), {"custom_id": "x", "body": {"messages": messages}})
    assert found == Prompt("x", "System: Be short.\nHuman: a")


@pytest.mark.parametrize(
    "body",
    [
        {},
        "text",
        {"prompt": ["a", "b"]},
        {"prompt": [1, 2]},
        {"messages": []},
        {"messages": ["a", {"role": "user", "content": "a"}]},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"messages": [{"role": "nobody", "content": "a"}]},
    ],
)
def test_a_line_of_the_batch_api_that_is_no_single_text_is_a_problem(body: Any) -> None:
    found = _of_row(Columns(), {"custom_id": "x", "body": body})
    assert (found.id, found.text) == ("x", "")
    assert "the body has no prompt that can be sent" in (found.problem or "")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns(), "has no column 'prompt'; it has a, b. Name another column as the prompt"),
        (Columns(prompt="c"), "has no column 'c'; it has a, b.$"),
        (Columns(prompt="a", id="c"), "has no column 'c'"),
        (Columns(template="{a} {c}"), "has no column 'c'"),
        (Columns(template="{} {a}"), "has no column ''"),
    ],
)
def test_a_column_that_is_not_there_is_refused(columns: Columns, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        columns.check(["a", "b"], "p.csv")


@pytest.mark.parametrize("known", [[], ["custom_id", "body"], ["prompt"]])
def test_columns_that_are_there_are_accepted(known: list[str]) -> None:
    Columns().check(known, "p.csv")


@pytest.mark.parametrize(
    ("template", "message"),
    [("{a", "cannot be read"), ("no names", "names no column"), ("{{a}}", "names no column")],
)
def test_a_template_that_cannot_be_used_is_refused(template: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Columns(template=template)


def test_a_template_beside_a_prompt_column_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        Columns(prompt="a", template="{a}")


def test_a_column_named_as_a_key_of_records_is_kept_under_another_name() -> None:
    assert kept_columns({"text": 1, "fingerprint": 2, "k": 3}) == {
        "input_text": 1,
        "input_fingerprint": 2,
        "k": 3,
    }
