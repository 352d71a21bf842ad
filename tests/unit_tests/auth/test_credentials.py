"""What `credential=` may be, on both classes."""

import copy
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from azure.core.credentials import (
    AccessToken,
    AzureKeyCredential,
    AzureNamedKeyCredential,
    AzureSasCredential,
)
from langchain_core.load import dumps
from pydantic import SecretStr

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    load_llm,
    load_llm_from_config,
)
from langchain_azure_llms.exceptions import (
    AuthenticationError,
    ConfigurationError,
    ConflictingCredentialsError,
    LoadError,
    MissingCredentialError,
)
from tests.support.llms import AzureLLM
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, completion

Calls = SyncCalls | AsyncCalls
Make = Callable[..., AzureLLM]
SECRET = "s3cr3t"


def _azure(**settings: Any) -> AzureOpenAI:
    base = {"azure_endpoint": "https://r.example", "azure_deployment": "d", "api_version": "v1"}
    return AzureOpenAI(**{**base, **settings})


def _ml(**settings: Any) -> AzureMLOnlineEndpoint:
    base = {
        "endpoint_url": "https://h.example/v1/completions",
        "content_formatter": CustomOpenAIContentFormatter(),
    }
    return AzureMLOnlineEndpoint(**{**base, **settings})


both = pytest.mark.parametrize("make", [_azure, _ml])
each_call = pytest.mark.parametrize("calls", [SyncCalls(), AsyncCalls()], ids=["sync", "async"])


class Credential:
    """Gives tokens and remembers the scopes."""

    def __init__(self) -> None:
        self.scopes: list[tuple[str, ...]] = []

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        self.scopes.append(scopes)
        return AccessToken(f"token{len(self.scopes)}", 2**40)


async def _give_token() -> str:
    return "token1"


def _sent(make: Make, calls: Calls, **settings: Any) -> dict[str, str]:
    service = Service([completion("a")])
    calls.invoke(make(**service.clients, **settings), "x")
    headers = service.requests[0].headers
    return {name: headers[name] for name in ("api-key", "authorization") if name in headers}


@each_call
@pytest.mark.parametrize("key", [SECRET, SecretStr(SECRET), AzureKeyCredential(SECRET)])
def test_a_key_travels_as_the_service_wants_it(calls: Calls, key: Any) -> None:
    """Azure ML's travels as a bearer token."""
    assert {"api-key": SECRET} == _sent(_azure, calls, credential=key)
    assert {"authorization": f"Bearer {SECRET}"} == _sent(_ml, calls, credential=key)
    told = _sent(_azure, calls, credential=key, openai_api_type="azure_ad")
    is_key = isinstance(key, AzureKeyCredential)
    assert ({"api-key": SECRET} if is_key else {"authorization": f"Bearer {SECRET}"}) == told


@each_call
def test_the_environments_api_type_does_not_make_a_passed_key_a_token(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It belongs to the environment's own; what is a token by its looks is one."""
    monkeypatch.setenv("OPENAI_API_TYPE", "azure_ad")
    token = "eyJhbGciOi.eyJleHAiOj.sig"
    for name in ("api_key", "credential"):
        assert {"api-key": SECRET} == _sent(_azure, calls, **{name: SECRET})
        assert {"authorization": f"Bearer {token}"} == _sent(_azure, calls, **{name: token})


@each_call
def test_a_token_in_a_keys_place_is_explained(calls: Calls) -> None:
    """The service only says that the key is wrong."""
    service = Service([httpx2.Response(401, json={"error": {"code": "401", "message": "no"}})])
    llm = _azure(**service.clients, api_key="eyJhbGciOi.eyJleHAiOj.sig", max_retries=0)
    with pytest.raises(AuthenticationError, match="looks like a Microsoft Entra token"):
        calls.invoke(llm, "x")


@both
@each_call
@pytest.mark.parametrize(
    "give", [Credential, lambda: lambda: "token1", lambda: lambda: AccessToken("token1", 2**40)]
)
def test_a_token_travels_as_a_bearer_token(make: Make, calls: Calls, give: Any) -> None:
    """Of a credential, or of a function."""
    assert {"authorization": "Bearer token1"} == _sent(make, calls, credential=give())


@both
def test_a_coroutine_functions_token_travels(make: Make) -> None:
    """In async calls; sync ones say what to do."""
    assert {"authorization": "Bearer token1"} == _sent(make, AsyncCalls(), credential=_give_token)
    with pytest.raises(ConfigurationError, match="an async one, and this is a sync call"):
        _sent(make, SyncCalls(), credential=_give_token)


@each_call
@pytest.mark.parametrize(
    ("make", "settings", "scopes"),
    [
        (_azure, {}, ("https://cognitiveservices.azure.com/.default",)),
        (_ml, {}, ("https://ml.azure.com/.default",)),
        (
            _azure,
            {"credential_scopes": "https://ai.azure.com/.default"},
            ("https://ai.azure.com/.default",),
        ),
        (_ml, {"credential_scopes": ["a/.default", "b"]}, ("a/.default", "b")),
    ],
)
def test_each_service_has_its_scope(
    make: Make, calls: Calls, settings: dict[str, Any], scopes: tuple[str, ...]
) -> None:
    """Another can be given."""
    credential = Credential()
    _sent(make, calls, credential=credential, **settings)
    assert [scopes] == credential.scopes


def test_a_rotated_key_is_sent_at_once() -> None:
    """An AzureKeyCredential may be given another key at any time."""
    credential = AzureKeyCredential("old")
    service = Service([completion("a")])
    llm = _azure(**service.clients, credential=credential)
    llm.invoke("x")
    credential.update("new")
    llm.invoke("x")
    assert ["old", "new"] == [request.headers["api-key"] for request in service.requests]


@both
@each_call
def test_an_object_and_its_copies_share_one_token(make: Make, calls: Calls) -> None:
    """Whether copied, deep-copied or bound."""
    credential, service = Credential(), Service([completion("a")])
    llm = make(**service.clients, credential=credential)
    for one in (llm, copy.copy(llm), copy.deepcopy(llm), llm.model_copy(), llm.bind(stop=["s"])):
        calls.invoke(one, "x")
    assert ["Bearer token1"] * 5 == [r.headers["authorization"] for r in service.requests]
    assert 1 == len(credential.scopes)


@both
@each_call
def test_a_token_is_kept_when_a_setting_is_assigned(make: Make, calls: Calls) -> None:
    """And for another LLM object with the same credential, when the first one is gone."""
    credential, service = Credential(), Service([completion("a")])
    for _ in range(2):
        llm = make(**service.clients, credential=credential)
        calls.invoke(llm, "x")
        llm.max_retries = 1
        calls.invoke(llm, "x")
        del llm
    assert 1 == len(credential.scopes)


@both
def test_another_credential_counts_at_once(make: Make) -> None:
    """No token of the one before is sent."""
    service = Service([completion("a")])
    llm = make(**service.clients, credential=lambda: "one")
    llm.invoke("x")
    llm.credential = lambda: "two"
    llm.invoke("x")
    assert ["Bearer one", "Bearer two"] == [r.headers["authorization"] for r in service.requests]


@both
@pytest.mark.parametrize(
    "credential",
    [
        17,
        {"key": "k"},
        b"key",
        AzureSasCredential(SECRET),
        AzureNamedKeyCredential("name", SECRET),
        object(),
    ],
)
def test_what_is_no_credential_is_refused(make: Make, credential: Any) -> None:
    """It says what can be passed, and shows nothing."""
    with pytest.raises(ConfigurationError, match=r"expected a key \(text\)") as raised:
        make(credential=credential)
    assert SECRET not in str(raised.value)


@both
def test_a_class_is_no_credential(make: Make) -> None:
    """Its parentheses were forgotten."""
    with pytest.raises(ConfigurationError, match=r"the class Credential: pass an object"):
        make(credential=Credential)


@both
@pytest.mark.parametrize("key", ["", "  ", "Bearer k", "k\n"])
def test_a_key_that_cannot_be_right_is_refused(make: Make, key: str) -> None:
    """Before it is sent anywhere."""
    with pytest.raises(ConfigurationError, match="credential"):
        make(credential=key)


@both
@pytest.mark.parametrize("scopes", [(), [], "", [""], 7, [7]])
def test_scopes_that_are_none_are_refused(make: Make, scopes: Any) -> None:
    """They are texts, at least one."""
    with pytest.raises(ConfigurationError, match="credential_scopes"):
        make(credential="k", credential_scopes=scopes)


@pytest.mark.parametrize(
    ("make", "other"),
    [
        (_azure, {"api_key": "k"}),
        (_azure, {"azure_ad_token": "t"}),
        (_azure, {"azure_ad_token_provider": lambda: "t"}),
        (_azure, {"azure_ad_async_token_provider": _give_token}),
        (_ml, {"endpoint_api_key": "k"}),
    ],
)
def test_two_credentials_are_refused_by_name(make: Make, other: dict[str, Any]) -> None:
    """Only one can be sent."""
    with pytest.raises(ConflictingCredentialsError) as raised:
        make(credential=Credential(), **other)
    assert "credential and" in str(raised.value)
    assert str(raised.value).count(next(iter(other)).removeprefix("api_")) >= 1


@both
@each_call
def test_an_explicit_credential_comes_before_the_environments(
    make: Make, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys and tokens that lie there do not count."""
    for name in ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AZUREML_ENDPOINT_API_KEY"):
        monkeypatch.setenv(name, "env")
    assert {"authorization": "Bearer token1"} == _sent(make, calls, credential=Credential())


@both
def test_no_credential_lists_every_way_to_give_one(make: Make) -> None:
    """Arguments and variables."""
    with pytest.raises(MissingCredentialError) as raised:
        make()
    ways = {
        _azure: (
            "credential",
            "DefaultAzureCredential",
            "api_key",
            "azure_ad_token",
            "azure_ad_token_provider",
            "azure_ad_async_token_provider",
            "AZURE_OPENAI_API_KEY",
            "AZURE_OPENAI_AD_TOKEN",
            "OPENAI_API_TYPE=azure_ad",
        ),
        _ml: ("credential", "endpoint_api_key", "AZUREML_ENDPOINT_API_KEY"),
    }[make]
    assert not [way for way in ways if way not in str(raised.value)]


@both
def test_a_credential_is_never_saved(make: Make, tmp_path: Path) -> None:
    """Neither a key nor an object; the warning names it."""
    path = tmp_path / "x.json"
    for credential in (SECRET, AzureKeyCredential(SECRET), Credential()):
        llm = make(credential=credential)
        with pytest.warns(UserWarning, match="without credential"):
            llm.save(path)
        assert SECRET not in path.read_text() + repr(llm) + str(llm) + dumps(llm)
        assert llm == load_llm(path, credential=llm.credential)


@both
def test_an_assigned_key_is_a_secret(make: Make) -> None:
    """Whatever it was before."""
    llm = make(credential="k")
    llm.credential = SECRET
    assert SECRET not in repr(llm)
    assert SECRET in str(llm.endpoint.authorization.headers())


def test_a_file_cannot_hold_a_credential() -> None:
    """And one that is passed replaces a key that an old file holds."""
    config = {"_type": "azure", "azure_endpoint": "https://r.example", "api_version": "v1"}
    with pytest.raises(LoadError, match="credential cannot come from a file"):
        load_llm_from_config({**config, "credential": "k"})
    loaded = load_llm_from_config({**config, "openai_api_key": "old"}, credential=Credential())
    assert isinstance(loaded, AzureOpenAI)
    assert loaded.openai_api_key is None


@both
def test_dumps_refers_to_a_key_and_leaves_tokens_out(make: Make) -> None:
    """A key comes back from the secrets map; a token credential has to be given again."""
    variable = "AZURE_OPENAI_API_KEY" if make is _azure else "AZUREML_ENDPOINT_API_KEY"
    assert variable in dumps(make(credential=SECRET))
    assert '"secret"' not in dumps(make(credential=Credential()))


@both
def test_a_pickle_holds_a_key_and_no_token(make: Make) -> None:
    """Cached tokens never travel; a credential that cannot be pickled is named."""
    assert (
        SECRET == pickle.loads(pickle.dumps(make(credential=SECRET))).credential.get_secret_value()
    )
    service = Service([completion("a")])
    llm = make(credential=_picklable, **service.clients)
    llm.invoke("x")
    alone = llm.model_copy(update={"http_client": None, "http_async_client": None})
    assert b"picklable-6" not in pickle.dumps(alone)
    with pytest.raises(ConfigurationError, match="credential cannot be pickled"):
        pickle.dumps(make(credential=lambda: "t"))


def _picklable() -> str:
    return f"picklable-{len(SECRET)}"


def test_constructing_imports_no_azure_identity() -> None:
    """It is optional, and costs a tenth of a second."""
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    program = (
        "import sys; from langchain_azure_llms import AzureOpenAI;"
        "AzureOpenAI(azure_endpoint='https://r.example', azure_deployment='d', api_version='v1',"
        "credential=lambda: 't'); print([m for m in sys.modules if m.startswith('azure')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert "[]" == done.stdout.strip()


def test_warnings_of_saving_name_no_value(tmp_path: Path) -> None:
    """Only settings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _azure(credential=SECRET).save(tmp_path / "x.json")
    assert not [warning for warning in caught if SECRET in str(warning.message)]


def test_objects_with_one_credential_share_its_rate_limit() -> None:
    """The limit is the identity's: which object of ours sends does not matter."""

    def token() -> str:
        return "t"

    def other() -> str:
        return "t"

    base = {"azure_endpoint": "https://r.example", "azure_deployment": "d", "api_version": "v1"}
    first, second, third = (AzureOpenAI(**base, credential=c) for c in (token, token, other))
    assert first.endpoint.authorization.identity == second.endpoint.authorization.identity
    assert first.endpoint.authorization.identity != third.endpoint.authorization.identity
