"""One known secret is in every setting, and shows in no repr, log, error, file or trace."""

import asyncio
import base64
import logging
import socket
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumps
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    load_llm,
)
from langchain_azure_llms.exceptions import AzureLLMError
from tests.integration_tests.wire import Connection, WireServer
from tests.support.llms import AzureLLM

SECRET = "s3cr3t-Pa55"
_FORMS = (SECRET, quote(SECRET, safe=""), base64.b64encode(f"user:{SECRET}".encode()).decode())


class Credential:
    """Gives the secret as a token."""

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(SECRET, 2**40)


class Failing(Credential):
    """Holds the secret, and cannot give a token."""

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        body = {"client_secret": SECRET}
        raise RuntimeError("signed out" if body else "")


async def _give() -> str:
    return SECRET


AZURE_CREDENTIALS: list[dict[str, Any]] = [
    {"api_key": SECRET},
    {"azure_ad_token": SECRET},
    {"azure_ad_token_provider": lambda: SECRET, "azure_ad_async_token_provider": _give},
    {"credential": SECRET},
    {"credential": AzureKeyCredential(SECRET)},
    {"credential": Credential()},
    {"credential": lambda: SECRET},
    {"credential": Failing()},
    {"credential": lambda: f"Bearer {SECRET}"},
    {"azure_ad_token_provider": lambda: f"{SECRET}\n"},
]
ML_CREDENTIALS: list[dict[str, Any]] = [
    {"endpoint_api_key": SECRET},
    {"credential": SECRET},
    {"credential": Credential()},
    {"credential": Failing()},
]
_EVERYWHERE: dict[str, Any] = {
    "default_headers": {"x-subscription-key": SECRET},
    "default_query": {"code": SECRET},
    "max_retries": 0,
    "timeout": 5,
}


def _azure(url: str, **settings: Any) -> AzureOpenAI:
    base = {
        "azure_endpoint": f"{url}/gateway?sig={SECRET}",
        "azure_deployment": "d",
        "api_version": "2024-10-21",
    }
    return AzureOpenAI(**{**base, **_EVERYWHERE, **settings})


def _ml(url: str, **settings: Any) -> AzureMLOnlineEndpoint:
    base = {
        "endpoint_url": f"{url}/v1/completions?sig={SECRET}",
        "content_formatter": CustomOpenAIContentFormatter(),
    }
    return AzureMLOnlineEndpoint(**{**base, **_EVERYWHERE, **settings})


LLMS = [
    *[pytest.param(_azure, given, id=f"azure-{n}") for n, given in enumerate(AZURE_CREDENTIALS)],
    *[pytest.param(_ml, given, id=f"ml-{n}") for n, given in enumerate(ML_CREDENTIALS)],
]
each_llm = pytest.mark.parametrize(("make", "given"), LLMS)

_ANSWER = {"choices": [{"text": "fine", "index": 0, "finish_reason": "stop"}]}
_REPLIES: dict[str, tuple[str, Any]] = {
    "fine": ("200 OK", _ANSWER),
    "unauthorized": ("401 Unauthorized", {"error": {"code": "401", "message": "no"}}),
    "filtered": ("400 Bad", {"error": {"code": "content_filter", "message": "no"}}),
    "unsupported": ("400 Bad", {"error": {"code": "OperationNotSupported", "message": "no"}}),
    "broken": ("500 Broken", {"message": "broken"}),
    "odd": ("200 OK", {"odd": True}),
    "moved": ("302 Found\r\nlocation: https://elsewhere.example/?sig=x", {}),
    "streamed": ("stream", _ANSWER),
    "failing-stream": ("stream", {"error": {"message": "no"}}),
}


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    """Answers as the path of the request says."""

    async def serve(connection: Connection) -> None:
        while (request := await connection.request()) is not None:
            kind = next((name for name in _REPLIES if f"/{name}/" in request["line"]), "fine")
            status, value = _REPLIES[kind]
            if kind == "cut" or status != "stream":
                await connection.reply(value, status)
                continue
            await connection.begin_stream()
            await connection.event(value)
            await connection.event("[DONE]")
            await connection.end_stream()

    with WireServer(serve) as running:
        yield running


class Tracer(BaseTracer):
    """Keeps the text of each run that a tracer gets."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def _persist_run(self, run: Run) -> None:
        self.text += repr(run.__dict__ if hasattr(run, "__dict__") else run)


def _sync(llm: AzureLLM, **config: Any) -> None:
    llm.invoke("x", **config)


def _async(llm: AzureLLM, **config: Any) -> None:
    asyncio.run(llm.ainvoke("x", **config))


def _streamed(llm: AzureLLM, **config: Any) -> None:
    list(llm.stream("x", **config))


def _async_streamed(llm: AzureLLM, **config: Any) -> None:
    async def collect() -> None:
        async for _ in llm.astream("x", **config):
            pass

    asyncio.run(collect())


def _batch(llm: AzureLLM, **config: Any) -> None:
    llm.batch(["x", "y"], **config)


CALLS = [_sync, _async, _streamed, _async_streamed, _batch]


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every logger at DEBUG, those of the libraries included."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx2", "httpcore2", "httpcore", "aiohttp", "asyncio", "langchain_azure_llms"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def _rendered(error: BaseException) -> str:
    """Return the texts of an error, its attributes, and its traceback with those of its causes."""
    return repr(error) + str(error) + repr(vars(error)) + "".join(traceback.format_exception(error))


def _findings(text: str) -> list[str]:
    """Return the places at which the secret shows, in any of its forms."""
    places = []
    for form in _FORMS:
        start = text.find(form)
        if start >= 0:
            places.append(text[max(0, start - 300) : start + 60])
    return places


def _shown_by(action: Callable[[], object]) -> str:
    """Return the texts of an action's errors and warnings."""
    shown = ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            action()
        except AzureLLMError as error:
            shown = _rendered(error)
    return shown + "".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize(
    ("make", "given", "kind"),
    [
        *[pytest.param(*llm.values, kind) for llm in LLMS for kind in ("fine", "unauthorized")],
        *[pytest.param(*LLMS[n].values, kind) for n in (0, 5, -2) for kind in list(_REPLIES)[2:]],
    ],
)
def test_nothing_of_a_call_shows_it(
    server: WireServer,
    everything_logged: pytest.LogCaptureFixture,
    make: Any,
    given: dict[str, Any],
    kind: str,
) -> None:
    """Errors, tracebacks, warnings, logs and traces."""
    llm = make(f"{server.url}/{kind}", **given)
    tracer = Tracer()
    for call in CALLS:
        shown = _shown_by(lambda call=call: call(llm, config={"callbacks": [tracer]}))  # type: ignore[misc]
        assert [] == _findings(shown), call.__name__
    assert tracer.text
    assert [] == _findings(tracer.text)
    assert [] == _findings(everything_logged.text)
    assert [] == _findings(repr(everything_logged.records))


@pytest.mark.parametrize("make", [_azure, _ml])
@pytest.mark.parametrize("kind", ["fine", "streamed", "unauthorized"])
@pytest.mark.parametrize("call", CALLS)
def test_what_a_call_adds_is_hidden_from_tracers_and_caches(
    server: WireServer, make: Any, kind: str, call: Any
) -> None:
    """Its headers and its query."""
    tracer, seen = Tracer(), []

    class Cache(InMemoryCache):
        def lookup(self, prompt: str, llm_string: str) -> Any:
            seen.append(llm_string)
            return super().lookup(prompt, llm_string)

    llm = make(f"{server.url}/{kind}", **{"api_key" if make is _azure else "credential": "k"})
    llm.cache = Cache()
    arguments = {"extra_headers": {"x-own": SECRET}, "extra_query": {"own": SECRET}}
    _shown_by(lambda: call(llm, config={"callbacks": [tracer]}, **arguments))
    assert tracer.text
    assert [] == _findings(tracer.text + repr(seen))


@each_llm
def test_nothing_shows_it_when_connections_are_refused(
    everything_logged: pytest.LogCaptureFixture,
    make: Any,
    given: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor the password of a proxy, by argument or environment."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    proxy = f"http://user:{SECRET}@127.0.0.1:{port}"
    llms = [make(f"http://localhost:{port}", **given)]
    monkeypatch.setenv("HTTP_PROXY", proxy)
    llms.append(make(f"http://localhost:{port}", **given))
    monkeypatch.delenv("HTTP_PROXY")
    if make is _azure:
        llms.append(make(f"http://localhost:{port}", **given, openai_proxy=proxy))
    for llm in llms:
        for call in CALLS[:4]:
            assert [] == _findings(_shown_by(lambda call=call, llm=llm: call(llm)))  # type: ignore[misc]
        assert [] == _findings(repr(llm) + str(llm))
    assert [] == _findings(everything_logged.text)


@each_llm
def test_nothing_of_the_object_shows_it(make: Any, given: dict[str, Any], tmp_path: Path) -> None:
    """Its repr, its text, its saved files, its serialized form, and what identifies it."""
    llm: AzureLLM = make("https://r.example", **given)
    shown = repr(llm) + str(llm) + dumps(llm) + repr(llm.asdict()) + repr(llm._identifying_params)
    shown += repr(llm._get_ls_params())
    for suffix in (".json", ".yaml"):
        shown += _shown_by(lambda suffix=suffix: llm.save(tmp_path / f"x{suffix}"))  # type: ignore[misc]
        shown += (tmp_path / f"x{suffix}").read_text()
    assert [] == _findings(shown)


_WRONG: list[dict[str, Any]] = [
    {"api_key": SECRET, "azure_ad_token": SECRET},
    {"api_key": f"Bearer {SECRET}"},
    {"api_key": f"{SECRET}\n"},
    {"api_key": SECRET, "temperature": SECRET},
    {"api_key": {"key": SECRET}},
    {"api_key": SECRET, "azure_endpoint": f"ftp://user:{SECRET}@r.example"},
    {"api_key": SECRET, "azure_endpoint": f"https://user:{SECRET}@r.example"},
    {"api_key": SECRET, "azure_endpoint": f"http://far.example/?sig={SECRET}"},
    {"api_key": SECRET, "openai_proxy": f"proxy:{SECRET}"},
    {"api_key": SECRET, "timeout": {"a": SECRET}},
    {"api_key": SECRET, "default_headers": SECRET},
    {"api_key": SECRET, "default_headers": [SECRET]},
    {"api_key": SECRET, "azure_deploymant": "d"},
    {"credential": [SECRET]},
    {"credential": f"{SECRET} "},
    {"api_key": SECRET, "credential_scopes": [7]},
    {"api_key": SECRET, "http_client": SECRET},
    {"api_key": SECRET, "api": "chat"},
]


@pytest.mark.parametrize("wrong", _WRONG)
def test_no_error_of_a_constructor_shows_it(wrong: dict[str, Any], tmp_path: Path) -> None:
    """Nor one of loading."""
    shown = _shown_by(lambda: _azure("https://r.example", **wrong))
    assert "Error" in shown
    assert [] == _findings(shown)
    path = tmp_path / "x.json"
    path.write_text('{"_type": "azure", "azure_deployment": "d", "api_version": "v1"}')
    assert [] == _findings(_shown_by(lambda: load_llm(path, **{**_EVERYWHERE, **wrong})))


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint_api_key": f"{SECRET}\n"},
        {"endpoint_api_key": SECRET, "credential": SECRET},
        {"endpoint_api_key": SECRET, "endpoint_api_type": {"a": SECRET}},
        {"endpoint_api_key": SECRET, "endpoint_url": f"https://h.example?sig={SECRET}"},
        {"endpoint_api_key": SECRET, "content_formatter": {"_type": "dolly", "x": SECRET}},
        {"endpoint_api_key": SECRET, "timeout": [SECRET, {"a": 1}]},
    ],
)
def test_no_error_of_the_other_constructor_shows_it(wrong: dict[str, Any]) -> None:
    """The same for Azure ML."""
    shown = _shown_by(lambda: _ml("https://r.example", **wrong))
    assert "Error" in shown
    assert [] == _findings(shown)


@pytest.mark.parametrize("call", CALLS)
def test_settings_that_were_changed_do_not_show_it(call: Any) -> None:
    """They are checked at the next call."""
    llm = _azure("https://r.example", api_key=SECRET)
    llm.azure_endpoint = f"http://far.example/?sig={SECRET}"
    shown = _shown_by(lambda: call(llm))
    assert "would travel unencrypted" in shown
    assert [] == _findings(shown)
    llm = _azure("https://r.example", api_key=SECRET)
    llm.default_headers = {"x-key": f"{SECRET}\n"}
    shown = _shown_by(lambda: call(llm))
    assert "printable ASCII" in shown
    assert [] == _findings(shown)


def test_our_own_log_has_each_answer_and_wait(
    server: WireServer, everything_logged: pytest.LogCaptureFixture
) -> None:
    """With the address, the status, and how long the wait is."""
    with pytest.raises(AzureLLMError):
        _azure(f"{server.url}/broken", api_key="k", max_retries=1).invoke("x")
    logged = [r.getMessage() for r in everything_logged.records if r.name == "langchain_azure_llms"]
    place = f"{server.url}/broken/gateway/openai/deployments/d/completions: "
    assert logged[0].startswith(f"{place}500 ")
    assert logged[1].startswith(f"{place}waiting ")
    assert logged[2].startswith(f"{place}500 ")
