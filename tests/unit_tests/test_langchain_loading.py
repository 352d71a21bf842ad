"""Files of the peers load here, and LangChain's own `load_llm` can be made to load ours."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    DollyContentFormatter,
    load_llm,
    register_with_langchain,
    unregister_with_langchain,
)
from langchain_azure_llms.exceptions import ConfigurationError, LoadError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the peers: one is sunset, one is written for Pydantic 1
    import langchain_community.llms  # noqa: F401 - found in sys.modules
    from langchain_community.llms.azureml_endpoint import AzureMLOnlineEndpoint as PeerEndpoint
    from langchain_community.llms.loading import load_llm as community_load_llm
    from langchain_openai import AzureOpenAI as PeerAzureOpenAI

each_suffix = pytest.mark.parametrize("suffix", [".json", ".yaml"])


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://r.example")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
    monkeypatch.setenv("AZUREML_ENDPOINT_URL", "https://h.example/score")
    monkeypatch.setenv("AZUREML_ENDPOINT_API_KEY", "k")


@each_suffix
def test_files_of_langchain_openai_load(tmp_path: Path, suffix: str) -> None:
    """Written by the real package."""
    path = tmp_path / f"azure{suffix}"
    PeerAzureOpenAI(
        azure_deployment="d", temperature=0.2, max_tokens=99, n=2, best_of=3, seed=4
    ).save(path)
    loaded = load_llm(path)
    assert isinstance(loaded, AzureOpenAI)
    assert (loaded.deployment_name, loaded.temperature, loaded.max_tokens) == ("d", 0.2, 99)
    assert (loaded.n, loaded.best_of, loaded.seed) == (2, 3, 4)


@each_suffix
def test_model_parameters_that_the_peer_flattens_are_found(tmp_path: Path, suffix: str) -> None:
    """It writes `model_kwargs` beside the settings; they come back, with the warning of old."""
    path = tmp_path / f"azure{suffix}"
    PeerAzureOpenAI(azure_deployment="d", model_kwargs={"suffix": "end"}).save(path)
    with pytest.warns(UserWarning, match="'suffix'"):
        loaded = load_llm(path)
    assert isinstance(loaded, AzureOpenAI)
    assert loaded.model_kwargs == {"suffix": "end"}


@each_suffix
def test_files_of_langchain_community_load(tmp_path: Path, suffix: str) -> None:
    """Written by the real package: two keys, everything else in the environment."""
    path = tmp_path / f"azureml{suffix}"
    PeerEndpoint(deployment_name="b", model_kwargs={"temperature": 0.2, "stop": ["x"]}).save(path)
    loaded = load_llm(path)
    assert isinstance(loaded, AzureMLOnlineEndpoint)
    assert (loaded.deployment_name, loaded.model_kwargs) == (
        "b",
        {"temperature": 0.2, "stop": ["x"]},
    )
    assert loaded.endpoint_url == "https://h.example/score"


@pytest.fixture
def hooked() -> Iterator[None]:
    """LangChain's loader with our classes, for one test."""
    register_with_langchain()
    yield
    unregister_with_langchain()


@each_suffix
def test_langchains_own_load_llm_returns_our_classes(
    hooked: None, tmp_path: Path, suffix: str
) -> None:
    """From files that we wrote, whole."""
    with pytest.warns(
        DeprecationWarning, match="Importing load_llm"
    ):  # about its module, not about what it does
        from langchain_classic.llms.loading import load_llm as classic_load_llm  # noqa: PLC0415
    azure = AzureOpenAI(deployment_name="d", temperature=0.2)
    ml = AzureMLOnlineEndpoint(content_formatter=DollyContentFormatter(), deployment_name="b")
    for llm in (azure, ml):
        path = tmp_path / f"x{suffix}"
        llm.save(path)
        for load in (community_load_llm, classic_load_llm):
            assert load(path) == llm


def test_a_file_cannot_allow_unencrypted_http_there_either(hooked: None, tmp_path: Path) -> None:
    """It is our loader that reads configs of our classes; those of others go their old way."""
    path = tmp_path / "x.json"
    path.write_text('{"_type": "azure", "deployment_name": "d", "allow_plain_http": true}')
    with pytest.raises(LoadError, match="cannot come from a file"):
        community_load_llm(path)
    path.write_text('{"_type": "nobody"}')
    with pytest.raises(ValueError, match="Loading nobody LLM not supported"):
        community_load_llm(path)


def test_the_look_up_holds_our_classes_beside_the_others(hooked: None) -> None:
    """Also where LangChain keeps it twice."""
    for module in ("langchain_community.llms", "langchain_classic.llms"):
        lookup = sys.modules[module].get_type_to_cls_dict()
        assert lookup["azure"]() is AzureOpenAI
        assert lookup["azureml_endpoint"]() is AzureMLOnlineEndpoint
        assert "fake-list" in lookup or "openai" in lookup


def test_registering_is_idempotent_and_reversible() -> None:
    """Twice is once, and undone it is as before."""
    community = sys.modules["langchain_community.llms"]
    before = community.get_type_to_cls_dict
    register_with_langchain()
    once = community.get_type_to_cls_dict
    register_with_langchain()
    assert community.get_type_to_cls_dict is once is not before
    unregister_with_langchain()
    unregister_with_langchain()
    assert community.get_type_to_cls_dict is before


def test_without_langchain_community_the_error_says_what_to_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Our own loader needs nobody."""
    for name in [*sys.modules]:
        if name.split(".")[0] == "langchain_community":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "langchain_community", None)
    with pytest.raises(ConfigurationError, match=r"use langchain_azure_llms\.load_llm"):
        register_with_langchain()


def test_importing_our_package_patches_nothing() -> None:
    """It does not even import langchain-community."""
    code = (
        "import sys, langchain_azure_llms.loading; "
        "print({n.partition('.')[0] for n in sys.modules} & {'langchain_community'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
