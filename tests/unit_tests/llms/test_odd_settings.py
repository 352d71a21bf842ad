"""Settings, errors and configs of an odd shape: saved, told apart and handed on all the same."""

from pathlib import Path
from typing import Any

import pytest

from langchain_azure_llms import load_llm
from langchain_azure_llms.exceptions import MissingCredentialError
from langchain_azure_llms.llms.batching import config_of
from langchain_azure_llms.llms.cache_key import digest
from langchain_azure_llms.llms.completion import with_prompt_number
from langchain_azure_llms.llms.saved_settings import saved_settings


def _within_itself() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("azure_endpoint", "https://[half-an-address/"),
        ("model_kwargs", {"deep": _within_itself()}),
        ("model_kwargs", {("a", "pair"): 1}),
    ],
)
def test_what_has_no_plain_form_is_left_out_and_named(name: str, value: Any) -> None:
    """The rest is saved."""
    saved = saved_settings({name: value, "n": 2}, [name, "n"])
    assert (saved.settings, saved.left_out) == ({"n": 2}, [name])


def test_keys_are_saved_as_json_writes_them() -> None:
    """A file has texts alone for keys."""
    saved = saved_settings({"logit_bias": {True: 1, False: 2, None: 3, 50256: 4}}, ["logit_bias"])
    assert saved.settings == {"logit_bias": {"true": 1, "false": 2, "null": 3, "50256": 4}}


def test_the_order_of_mixed_keys_does_not_count_within_a_list() -> None:
    """Nor do lists lose their own order."""
    assert digest([{1: "a", "b": 2}, 3]) == digest([{"b": 2, 1: "a"}, 3])
    assert digest([{1: "a", "b": 2}, 3]) != digest([3, {1: "a", "b": 2}])


def test_another_librarys_error_has_its_prompts_number_as_a_note() -> None:
    """Its own text is not ours to change."""
    error = with_prompt_number(ValueError("no"), 2, 3)
    assert (str(error), error.__notes__) == ("no", ["It was prompt 2 of 3, counted from 0."])
    assert not hasattr(with_prompt_number(ValueError("no"), 0, 1), "__notes__")


def test_each_input_may_have_a_config_of_its_own() -> None:
    """A single one is everybody's, but for the id of one run."""
    assert config_of([{"tags": ["a"]}, {"tags": ["b"]}], 1) == {"tags": ["b"]}
    assert config_of(None, 1) is None


def test_a_file_without_a_credential_anywhere_says_so(tmp_path: Path) -> None:
    """The error is the constructor's, for nothing is wrong with the file."""
    path = tmp_path / "x.json"
    path.write_text(
        '{"_type": "azure", "azure_endpoint": "https://r.openai.azure.com", '
        '"deployment_name": "d", "openai_api_version": "2024-10-21"}'
    )
    with pytest.raises(MissingCredentialError):
        load_llm(path)
