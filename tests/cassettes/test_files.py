"""The cassettes hold no secret and nothing unused, and answer only the recorded requests."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_recording.plugin import get_default_cassette_name
from vcr import VCR  # type: ignore[import-untyped]
from vcr.cassette import Cassette  # type: ignore[import-untyped]
from vcr.errors import (  # type: ignore[import-untyped]
    CannotOverwriteExistingCassetteException as NotRecordedError,
)
from vcr.request import Request  # type: ignore[import-untyped]
from vcr.serialize import serialize  # type: ignore[import-untyped]

from langchain_azure_llms import exceptions
from tests.cassettes import recorder, scrub, secret_rules, serializer
from tests.cassettes import table as tables
from tests.cassettes.calls import PROMPT, call
from tests.cassettes.llms import azure_openai, online_endpoint
from tests.cassettes.places import Place, Wanted
from tests.cassettes.recorder import FOLDER
from tests.cassettes.refusals import (
    FROM_NO_SERVER_HERE,
    REFUSALS,
    WITHOUT_ANSWER,
)

pytestmark = pytest.mark.block_network
HERE = Path(__file__).parent
CASSETTES = sorted(FOLDER.glob("*/*.yaml"))
_ASYNC_METHOD = re.compile(r"(?<=[\[-])a(?=(?:invoke|stream|batch|generate)\])")
_NOBODY = {"root", "localhost", ""}


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@contextmanager
def _playing(path: Path) -> Iterator[Cassette]:
    """Play a cassette as the tests do."""
    vcr = VCR(record_mode="none")
    recorder.prepare(vcr)
    with vcr.use_cassette(str(path), **recorder.settings(Place(), recording=False)) as cassette:
        yield cassette


# --- what is there -----------------------------------------------------------------------------


def test_each_cassette_belongs_to_a_test() -> None:
    """And each test of recorded traffic has one."""
    options = ["--collect-only", "-q", "-m", "vcr", "-p", "no:cacheprovider"]
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(HERE)],
        capture_output=True,
        text=True,
        check=True,
        cwd=HERE.parents[1],
    )
    tests = re.findall(r"([\w]+)\.py::(.+)", listed.stdout)
    expected = {f"{module}/{get_default_cassette_name(None, test)}" for module, test in tests}
    assert expected == {_name(path) for path in CASSETTES}


def test_the_readme_tells_where_each_came_from() -> None:
    """`make cassettes` writes the table."""
    readme = tables.README.read_text(encoding="utf-8")
    assert readme == tables.written(readme, FOLDER)


def test_every_class_of_refusals_is_there() -> None:
    """But for those that the README names."""
    tree = {cls for cls in vars(exceptions).values() if isinstance(cls, type)}
    answered = {
        cls for cls in tree if issubclass(cls, exceptions.StatusError | exceptions.RequestError)
    }
    elsewhere = {
        exceptions.RequestError,
        exceptions.ContextLengthError,
    }  # a base; a test of its own
    found = {refusal.error for refusal in REFUSALS.values()} - {exceptions.ResponseFormatError}
    assert answered - WITHOUT_ANSWER - FROM_NO_SERVER_HERE - elsewhere == found


def test_cassettes_stay_as_they_are() -> None:
    """One that is loaded and written again is the same text, and all of it can be read."""
    texts = {_name(path): path.read_text(encoding="utf-8") for path in CASSETTES}
    assert [] == [name for name, text in texts.items() if "!!" in text]
    assert [] == [_name(path) for path in CASSETTES if _written_again(path) != texts[_name(path)]]


def _written_again(path: Path) -> str:
    source = yaml.safe_load(path.read_text(encoding="utf-8"))["recorded_from"]
    with _playing(path) as cassette:
        answers = [{**response, "recorded_from": source} for response in cassette.responses]
    text: str = serialize({"requests": cassette.requests, "responses": answers}, serializer)
    return text


# --- secrets -----------------------------------------------------------------------------------


def test_no_cassette_holds_a_secret() -> None:
    """No key, token, cookie, name, address of a service, path of a machine."""
    names = {Path.home().name, socket.gethostname()} - _NOBODY
    found = {
        _name(path): list(secret_rules.findings(path.read_text(encoding="utf-8"), names))
        for path in CASSETTES
    }
    assert {} == {name: secrets for name, secrets in found.items() if secrets}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("  api-key: c0ffee", "a key header"),
        ("  Authorization: Bearer abc", "an authorization"),
        ("  authorization: Basic REDACTED", "an authorization"),
        ("  set-cookie: session=1", "a cookie"),
        ("client_id=x&client_secret=abc&scope=y", "a secret of a form"),
        ('{"access_token":"abc"}', "a secret of a body"),
        ("see eyJhbGciOiJSUzI1NiJ9", "a web token"),
        ("0123456789abcdef0123456789abcdef", "a key"),
        ("c56a4180-65aa-42ec-a945-5fd21dec0538", "an id"),
        ("uri: https://contoso.openai.azure.com/openai", "a host of Azure"),
        ("uri: https://contoso.openai.azure.com/openai", "an address"),
        ("https://recorded.example.com/", "an address"),
        ("host: contoso.eastus.inference.ml.azure.com", "a host of Azure"),
        ("https%3A%2F%2Fcontoso.vault.azure.net", "a host of Azure"),
        ("uri: http://127.0.0.1:8000/score", "this machine"),
        ("/home/someone/model.gguf", "a path"),
        ("C:\\Users", "a path"),
        ("someone@contoso.com", "an e-mail"),
        ("by somebody", "a name"),
    ],
)
def test_secrets_are_found(line: str, what: str) -> None:
    """Each kind, planted."""
    found = list(secret_rules.findings(f"a: b\n{line}\n", ["somebody"]))
    assert any(one.startswith(what) for one in found), found


def test_what_is_recorded_is_scrubbed() -> None:
    """Keys, names, ids and times of a service, in every place where they stand."""
    hidden = {"s3cret": "REDACTED", "contoso": "recorded"}
    guid = "c56a4180-65aa-42ec-a945-5fd21dec0538"
    sent = scrub.scrubbed_request(
        Request(
            "POST",
            "https://contoso.openai.azure.com/openai/v1/completions?key=s3cret",
            b'{"user":"contoso"}',
            {"API-Key": "other", "Authorization": "Bearer other", "Content-Length": "9"},
        ),
        hidden,
        moved=True,
    )
    body = f'{{"id":"cmpl-1","created":5,"at":"https://contoso.azure.com/x","g":"{guid}"}}'
    headers = {
        "Set-Cookie": ["a"],
        "X-Request-ID": [guid],
        "Date": ["now"],
        "Content-Length": ["9"],
    }
    answered = scrub.scrubbed_response(
        {"status": {}, "headers": headers, "body": {"string": body.encode()}}, hidden
    )
    assert "https://recorded.example/openai/v1/completions?key=REDACTED" == sent.uri
    assert b'{"user":"recorded"}' == sent.body
    assert {"api-key": "REDACTED", "authorization": "Bearer REDACTED"} == dict(sent.headers)
    steady = '{"id":"cmpl-recorded","created":1767225600,"at":"https://recorded.example/x","g":"recorded"}'
    assert steady.encode() == answered["body"]["string"]
    assert ["recorded"] == answered["headers"]["x-request-id"]
    assert [str(len(steady))] == answered["headers"]["content-length"]
    assert "set-cookie" not in answered["headers"]


def test_what_is_no_text_stands_as_latin_1() -> None:
    """And comes back byte for byte."""
    body = b"\xff\xfe lost"
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {},
        "body": {"string": body},
        "recorded_from": "x",
    }
    request: dict[str, Any] = {
        "method": "GET",
        "uri": "https://recorded.example/",
        "headers": {},
        "body": None,
    }
    text = serializer.serialize(
        {"interactions": [{"request": request, "response": response}], "version": 1}
    )
    assert "ÿþ lost" in text
    read = serializer.deserialize(text)
    assert body == read["interactions"][0]["response"]["body"]["string"]


# --- what is sent ------------------------------------------------------------------------------


def test_sync_and_async_send_the_same() -> None:
    """The same requests, but for those of azure-identity."""
    pairs = [
        (path, path.with_name(_ASYNC_METHOD.sub("", path.name)))
        for path in CASSETTES
        if _ASYNC_METHOD.search(path.name)
    ]
    assert len(CASSETTES) == 2 * len(pairs)
    assert [] == [_name(path) for path, twin in pairs if _sent(path) != _sent(twin)]


def _sent(path: Path) -> list[tuple[Any, ...]]:
    cassette = yaml.safe_load(path.read_text(encoding="utf-8"))
    requests = [one["request"] for one in cassette["interactions"]]
    return [
        (one["method"], one["uri"], one["headers"], json.loads(one["body"]))
        for one in requests
        if one["headers"].get("content-type") == "application/json"
    ]


_CHANGES: dict[str, dict[str, Any]] = {
    "body-value": {"temperature": 0.5},
    "body-field": {"seed": 1},
    "path": {"azure_deployment": "another"},
    "query": {"api_version": "2024-06-01"},
    "more-query": {"default_query": {"trace": "1"}},
    "credential": {"api_key": None, "azure_ad_token": "token"},
    "header": {"default_headers": {"x-team": "a"}},
    "host": {"azure_endpoint": "https://elsewhere.example"},
    "port": {"azure_endpoint": "https://recorded.example:8443"},
}
_ML_CHANGES: dict[str, dict[str, Any]] = {
    "body-value": {"model_kwargs": {"temperature": 1, "max_new_tokens": 8}},
    "body-form": {"content_formatter": {"_type": "dolly"}},
    "header": {"deployment_name": "green"},
    "path": {"endpoint_url": "https://recorded.example/elsewhere"},
}
single_prompt_methods = pytest.mark.parametrize(
    "method", ["invoke", "ainvoke", "stream", "astream"]
)


@single_prompt_methods
def test_an_unchanged_request_is_answered(method: str) -> None:
    """And nothing is left over; before, all was."""
    path = FOLDER / "test_azure_openai" / f"test_completions[key-{method}].yaml"
    with _playing(path) as cassette:
        assert 1 == len(recorder.unplayed(cassette))
        assert call(method, azure_openai(Place()))[PROMPT]
        assert [] == recorder.unplayed(cassette)


@single_prompt_methods
@pytest.mark.parametrize("change", _CHANGES.values(), ids=_CHANGES)
def test_a_changed_request_is_not_answered(method: str, change: dict[str, Any]) -> None:
    """Whatever of it has changed."""
    path = FOLDER / "test_azure_openai" / f"test_completions[key-{method}].yaml"
    with _playing(path) as cassette:
        with pytest.raises(NotRecordedError):
            call(method, azure_openai(Place(), **change))
        assert 1 == len(recorder.unplayed(cassette))


@pytest.mark.parametrize("method", ["invoke", "ainvoke"])
@pytest.mark.parametrize("change", _ML_CHANGES.values(), ids=_ML_CHANGES)
def test_a_changed_request_to_an_online_endpoint_is_not_answered(
    method: str, change: dict[str, Any]
) -> None:
    """Whatever of it has changed."""
    path = FOLDER / "test_online_endpoint" / f"test_each_formatter[hf-{method}].yaml"
    wanted = Wanted(service="online-endpoint", path="/score", formatter="hf")
    with _playing(path) as cassette:
        with pytest.raises(NotRecordedError):
            call(method, online_endpoint(Place(), wanted, **change))
        assert 1 == len(recorder.unplayed(cassette))
