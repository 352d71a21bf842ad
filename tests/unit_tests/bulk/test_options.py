"""Options of the command, and the package's lazy names."""

from argparse import Namespace

import pytest
from langchain_core.language_models import FakeListLLM

import langchain_azure_llms.bulk
from langchain_azure_llms.bulk import options
from langchain_azure_llms.exceptions import ConfigurationError


def test_a_parameter_is_json_or_a_text() -> None:
    given = Namespace(param=["max_tokens=5", "stop=END", "user=a=b", 'stop=["x"]'])
    assert options.params_of(given) == {"max_tokens": 5, "stop": ["x"], "user": "a=b"}


def test_an_llm_of_another_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "load_llm", lambda _file: FakeListLLM(responses=["a"]))
    with pytest.raises(ConfigurationError, match="describes a FakeListLLM, which has no bulk jobs"):
        options.llm_of(Namespace(deployment=None, llm="a.json"))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = langchain_azure_llms.bulk.nothing
