"""For any configuration: saved and loaded, dumped and loaded, it sends the same bytes."""

import string
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core._api import LangChainBetaWarning
from langchain_core.load import dumps, loads

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    DollyContentFormatter,
    GPT2ContentFormatter,
    HFContentFormatter,
    MLflowContentFormatter,
    OpenAIChatContentFormatter,
    load_llm,
)
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import SentRequest, requests_of

_SECRET = "S3CRET-key-of-the-test"
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**25), 10**25)
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
_RESERVED = {"prompt", "stop", "stream", "messages", "model"} | set(AzureOpenAI.model_fields)
_KWARGS = st.dictionaries(
    st.text(string.ascii_lowercase, min_size=1, max_size=8).filter(lambda k: k not in _RESERVED),
    _VALUES,
    max_size=4,
)
_NAMES = st.text(string.ascii_letters + string.digits + "-_. /ü", min_size=1, max_size=12).filter(
    lambda name: name.strip(" .") != ""
)
_AZURE = st.fixed_dictionaries(
    {
        "azure_endpoint": st.sampled_from(["https://r.example", "https://gw.example/a/b"]),
        "azure_deployment": _NAMES,
        "api_version": st.sampled_from(["2024-10-21", "v1", "2025-01-01-preview"]),
    },
    optional={
        "temperature": st.floats(0, 2),
        "max_tokens": st.integers(1, 4096),
        "n": st.integers(1, 5),
        "seed": st.integers(-(2**63), 2**63),
        "logit_bias": st.dictionaries(st.integers(0, 9).map(str), st.floats(-100, 100), max_size=3),
        "model_kwargs": _KWARGS,
        "extra_body": _KWARGS,
        "timeout": st.floats(0.1, 99) | st.tuples(st.floats(0.1, 9), st.floats(0.1, 9)),
        "tags": st.lists(st.text(max_size=5), max_size=2),
        "default_headers": st.just({"Accept-Language": "de"}),
    },
)
_ML = st.fixed_dictionaries(
    {
        "endpoint_url": st.sampled_from(["https://h.example/score", "https://h.example/x/score"]),
        "content_formatter": st.sampled_from(
            [
                CustomOpenAIContentFormatter(),
                DollyContentFormatter(),
                GPT2ContentFormatter(),
                HFContentFormatter(),
                MLflowContentFormatter(),
                OpenAIChatContentFormatter(),
            ]
        ),
    },
    optional={
        "model_kwargs": _KWARGS,
        "deployment_name": st.text(string.ascii_letters, max_size=8),
        "endpoint_api_type": st.just("dedicated"),
        "timeout": st.floats(0.1, 99),
    },
)
_KEYS = {AzureOpenAI: "AZURE_OPENAI_API_KEY", AzureMLOnlineEndpoint: "AZUREML_ENDPOINT_API_KEY"}
each_class = pytest.mark.parametrize(
    ("cls", "configurations"),
    [(AzureOpenAI, _AZURE), (AzureMLOnlineEndpoint, _ML)],
    ids=["AzureOpenAI", "AzureMLOnlineEndpoint"],
)
_quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _sent(llm: Any) -> SentRequest:
    (call,) = requests_of(llm, ["a prompt"])
    request: SentRequest = call
    return request


@each_class
@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_save_and_load(
    cls: type[AzureLLM],
    configurations: st.SearchStrategy[dict[str, Any]],
    suffix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Equal settings, the same request, and no secret in the file."""
    monkeypatch.setenv(_KEYS[cls], _SECRET)

    @_quick
    @given(configurations)
    def holds(configuration: dict[str, Any]) -> None:
        llm = cls(**configuration)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"llm{suffix}"
            llm.save(path)
            assert _SECRET not in path.read_text()
            loaded = load_llm(path)
        assert loaded == llm
        assert _sent(loaded) == _sent(llm)

    holds()


@each_class
def test_no_secret_of_the_constructor_is_written(
    cls: type[AzureLLM], configurations: st.SearchStrategy[dict[str, Any]]
) -> None:
    """Neither the key, nor a header, nor a query value; a warning names each."""
    key = {AzureOpenAI: "openai_api_key", AzureMLOnlineEndpoint: "endpoint_api_key"}[cls]

    @_quick
    @given(configurations, st.sampled_from(["default_headers", "default_query"]))
    def holds(configuration: dict[str, Any], place: str) -> None:
        llm = cls(**{**configuration, key: _SECRET, place: {"x-mine": _SECRET}})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "llm.json"
            with pytest.warns(UserWarning, match="was saved without") as caught:
                llm.save(path)
            assert _SECRET not in path.read_text()
        assert key in str(caught[0].message)
        assert f"{place}['x-mine']" in str(caught[0].message)

    holds()


@each_class
def test_dump_and_load(
    cls: type[AzureLLM], configurations: st.SearchStrategy[dict[str, Any]]
) -> None:
    """LangChain's own serialization likewise."""
    key = {AzureOpenAI: "api_key", AzureMLOnlineEndpoint: "endpoint_api_key"}[cls]

    @_quick
    @given(configurations)
    def holds(configuration: dict[str, Any]) -> None:
        llm = cls(**{**configuration, key: _SECRET})
        text = dumps(llm)
        assert _SECRET not in text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LangChainBetaWarning)
            loaded = loads(
                text,
                allowed_objects=[cls],
                valid_namespaces=["langchain_azure_llms"],
                secrets_map={_KEYS[cls]: _SECRET},
            )
        assert _sent(loaded) == _sent(llm)

    holds()
