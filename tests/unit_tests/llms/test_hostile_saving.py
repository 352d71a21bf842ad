"""Files and settings made to leak, to collide, or to do what only a caller may."""

import json
import os
import pickle
import stat
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from langchain_core.caches import RETURN_VAL_TYPE, InMemoryCache
from langchain_core.load import dumps
from pydantic import PrivateAttr

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    ContentFormatterBase,
    GPT2ContentFormatter,
    load_llm,
    load_llm_from_config,
    register_content_formatter,
)
from langchain_azure_llms.exceptions import ConfigurationError, LoadError
from langchain_azure_llms.llms.cache_key import digest
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, completion

SECRET = "s3cr3t-value"
_AZURE: dict[str, Any] = {
    "azure_endpoint": "https://r.openai.azure.com",
    "azure_deployment": "d",
    "api_version": "v1",
}


def _azure(**settings: Any) -> AzureOpenAI:
    return AzureOpenAI(**{**_AZURE, "api_key": "k", **settings})


def _ml(**settings: Any) -> AzureMLOnlineEndpoint:
    base = {"endpoint_url": "https://h.example/score", "endpoint_api_key": "k"}
    return AzureMLOnlineEndpoint(**{**base, **settings})


def _text_of(llm: AzureLLM, path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        llm.save(path)
    return path.read_text()


@pytest.mark.parametrize(
    "settings",
    [
        {"allow_plain_http": True},
        {"model_kwargs": {"allow_plain_http": True}},
        {"model_kwargs": {"http_client": None}},
        {"model_kwargs": {"api_key": "x"}},
        {"model_kwargs": {"azure_endpoint": "http://evil.example"}},
    ],
)
def test_no_place_in_a_file_holds_what_is_the_callers(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    """Settings hidden among the model parameters neither."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    config = {"_type": "azure", **_AZURE, "azure_endpoint": "http://far.example", **settings}
    with pytest.raises(LoadError):
        load_llm_from_config(config)


def test_settings_among_the_model_parameters_are_refused() -> None:
    """Only model parameters may stand there."""
    with pytest.raises(ConfigurationError, match="model_kwargs holds azure_endpoint"):
        _azure(model_kwargs={"azure_endpoint": "https://x.example"})
    assert 0.2 == _azure(model_kwargs={"temperature": 0.2}).temperature


@pytest.mark.parametrize(("make", "name"), [(_azure, "openai_api_key"), (_ml, "endpoint_api_key")])
@pytest.mark.parametrize("way", ["assigned", "copied"])
def test_a_key_given_later_is_as_secret(make: Any, name: str, way: str, tmp_path: Path) -> None:
    """Whether it was assigned or put into a copy."""
    llm = make()
    if way == "assigned":
        setattr(llm, name, SECRET)
    else:
        llm = llm.model_copy(update={name: SECRET})
    shown = [repr(llm), str(llm), dumps(llm), _text_of(llm, tmp_path / "x.json")]
    assert not [text for text in shown if SECRET in text]
    (header,) = llm.endpoint.authorization.headers().values()
    assert SECRET in header


def test_one_pattern_may_be_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one pattern, not as many as it has characters."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    config = {"_type": "azure", **_AZURE}
    load_llm_from_config(config, allowed_hosts="*.openai.azure.com")
    with pytest.raises(LoadError, match="not among the allowed hosts"):
        load_llm_from_config(
            {**config, "azure_endpoint": "https://evil.example"}, allowed_hosts="*.azure.com"
        )


def _made_by_a_function(_number: int) -> type[ContentFormatterBase]:
    class Made(GPT2ContentFormatter):
        pass

    return Made


class Slotted(GPT2ContentFormatter):
    """Keeps its state in slots."""

    __slots__ = ("template",)

    def __init__(self, template: str) -> None:
        self.template = template


@dataclass
class Part:
    """Shows nothing of itself."""

    hidden: str = field(repr=False)


@dataclass(eq=False)
class Nesting(GPT2ContentFormatter):
    """Holds another dataclass."""

    part: Part


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_made_by_a_function(1)(), _made_by_a_function(2)()),
        (Slotted("a"), Slotted("b")),
        (Nesting(Part("a")), Nesting(Part("b"))),
    ],
)
def test_formatters_that_answer_differently_are_told_apart(one: Any, other: Any) -> None:
    """Classes of one name, state in slots, state that a repr leaves out."""
    assert _ml(content_formatter=one) != _ml(content_formatter=other)
    assert (
        _ml(content_formatter=one).asdict()["settings_digest"]
        != (_ml(content_formatter=other).asdict()["settings_digest"])
    )
    assert (
        _ml(content_formatter=one).asdict()["settings_digest"]
        == (_ml(content_formatter=one).asdict()["settings_digest"])
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}),
        ({"a": {"x", "y", "z"}}, {"a": {"z", "y", "x"}}),
        ({1: "a", "b": 2}, {"b": 2, 1: "a"}),
        ({(1, 2): "a", "b": 2}, {"b": 2, (1, 2): "a"}),
    ],
)
def test_order_does_not_count(one: Any, other: Any) -> None:
    """Neither that of keys nor that of sets."""
    assert digest(one) == digest(other)
    assert digest(one) != digest({**other, "more": 1})


def test_what_cannot_be_read_never_hits() -> None:
    """An object nobody can look into could answer anything."""
    generator = (number for number in range(3))
    assert digest({"a": generator}) != digest({"a": generator})


def test_a_setting_within_itself_is_refused() -> None:
    """It has no content to name."""
    within: dict[str, Any] = {}
    within["self"] = within
    with pytest.raises(ConfigurationError, match="nested too deeply, or within itself"):
        digest(within)


def test_the_digest_is_the_same_in_every_process() -> None:
    """A cache on disk serves them all, whatever the hash seed."""
    program = (
        "from langchain_azure_llms import AzureOpenAI as A;"
        "print(A(azure_endpoint='https://r.example', azure_deployment='d', api_version='v1',"
        "api_key='k', model_kwargs={'stop': {'a', 'b', 'c'}}).asdict()['settings_digest'])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert 1 == len(outputs)


@pytest.mark.parametrize("calls", [SyncCalls(), AsyncCalls()], ids=["sync", "async"])
def test_headers_of_a_call_stay_out_of_what_caches_and_tracers_see(
    calls: SyncCalls | AsyncCalls,
) -> None:
    """They count, but are not shown."""
    seen: list[str] = []

    class Cache(InMemoryCache):
        def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
            seen.append(llm_string)
            return super().lookup(prompt, llm_string)

    service = Service([completion("a")])
    llm = _azure(**service.clients, cache=Cache())
    for value in (SECRET, SECRET, "other"):
        calls.invoke(llm, "x", extra_headers={"x-key": value}, extra_query={"code": value})
    assert 2 == len(service.requests)
    assert 3 == len(seen)
    assert not [text for text in seen if SECRET in text]


def test_base_url_beside_an_endpoint_of_the_environment_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's does not count, so it is not saved."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://other.openai.azure.com")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    llm = AzureOpenAI(base_url="https://r.openai.azure.com", azure_deployment="d", api_version="v1")
    llm.save(tmp_path / "x.json")
    loaded = load_llm(tmp_path / "x.json")
    assert isinstance(loaded, AzureOpenAI)
    assert loaded.endpoint_address == llm.endpoint_address


class Counting(AzureOpenAI):
    """Keeps a private attribute of its own."""

    _count: int = PrivateAttr(default=0)


def test_a_subclasss_private_attributes_are_pickled() -> None:
    """Only what belongs to the process stays behind."""
    llm = Counting(**_AZURE, api_key="k")
    llm._count = 7
    travelled = pickle.loads(pickle.dumps(llm))
    assert 7 == travelled._count


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.yaml", f"_type: azure\napi_key: {SECRET}: {SECRET}\n"),
        ("x.yaml", f"_type: azure\nk: !{SECRET} 1\n"),
        ("x.yaml", f"k: *{SECRET}\n"),
        ("x.yaml", f"k: &{SECRET} 1\nl: &{SECRET} 2\n"),
        ("x.yaml", f"k: '{SECRET}\n"),
        ("x.json", f'{{"api_key": "{SECRET}",,}}'),
        ("x.json", f'{{"_type": ["{SECRET}"]}}'),
    ],
)
def test_a_file_that_cannot_be_read_is_not_quoted(tmp_path: Path, name: str, text: str) -> None:
    """It may hold anything."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(LoadError) as raised:
        load_llm(path)
    error: BaseException | None = raised.value
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_errors_quote_no_structures() -> None:
    """A mapping in a scalar's place may be a secret that slipped."""
    for settings in ({"timeout": {"a": SECRET}}, {"endpoint_api_type": {"a": SECRET}}):
        with pytest.raises(ConfigurationError) as raised:
            _ml(**settings)
        assert SECRET not in str(raised.value)


def test_a_query_without_a_name_is_not_named(tmp_path: Path) -> None:
    """What looks like a name may be the token."""
    with pytest.warns(UserWarning, match="a part of endpoint_url") as caught:
        _ml(endpoint_url=f"https://h.example/score?{SECRET}").save(tmp_path / "x.json")
    assert SECRET not in str(caught[0].message)


def test_what_the_environment_gave_is_not_saved_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of it would come over the whole when loading."""
    monkeypatch.setenv("OPENAI_PROXY", "http://user:pass@proxy.example:3128")
    monkeypatch.setenv("AZUREML_ENDPOINT_URL", f"https://h.example/score?code={SECRET}")
    for llm in (_azure(), AzureMLOnlineEndpoint(endpoint_api_key="k")):
        path = tmp_path / "x.json"
        saved = json.loads(_text_of(llm, path))
        assert not {"openai_proxy", "endpoint_url"} & saved.keys()
        key = "api_key" if isinstance(llm, AzureOpenAI) else "endpoint_api_key"
        assert llm == load_llm(path, **{key: "k"})


def test_settings_that_files_cannot_tell_apart_are_named(tmp_path: Path) -> None:
    """1 and "1" are one key there, and huge numbers cannot be written."""
    for kwargs in ({1: "a", "1": "b"}, {"a": 10**5000}):
        with pytest.warns(UserWarning, match="without endpoint_api_key, model_kwargs"):
            _ml(model_kwargs={"x": kwargs}).save(tmp_path / "x.json")


@dataclass(eq=False)
class Collecting(GPT2ContentFormatter):
    """Has settings that JSON has no form for."""

    stop: tuple[str, ...] = ("a",)
    words: frozenset[str] = frozenset({"b"})
    parts: list[str] = field(default_factory=list)


register_content_formatter("collecting_test", Collecting)


def test_tuples_and_sets_of_a_formatter_come_back(tmp_path: Path) -> None:
    """As its dataclass declares them."""
    llm = _ml(content_formatter=Collecting(("x", "y"), frozenset({"z"}), ["p"]))
    _text_of(llm, tmp_path / "x.json")
    loaded = load_llm(tmp_path / "x.json", endpoint_api_key="k")
    assert isinstance(loaded, AzureMLOnlineEndpoint)
    assert llm.content_formatter == loaded.content_formatter


@pytest.mark.skipif(os.name == "nt", reason="POSIX file modes and links")
def test_a_files_mode_and_links_to_it_stay(tmp_path: Path) -> None:
    """One that nobody else may read stays so; the mode of a new one follows the umask."""
    private, link, new = tmp_path / "private.json", tmp_path / "link.json", tmp_path / "new.json"
    private.write_text("{}")
    private.chmod(0o600)
    link.symlink_to(private)
    _text_of(_azure(), link)
    assert link.is_symlink()
    assert "azure" == json.loads(private.read_text())["_type"]
    assert 0o600 == stat.S_IMODE(private.stat().st_mode)
    _text_of(_azure(), new)
    opened = tmp_path / "opened"
    opened.touch()
    assert opened.stat().st_mode == new.stat().st_mode
    assert {"private.json", "link.json", "new.json", "opened"} == {
        path.name for path in tmp_path.iterdir()
    }
