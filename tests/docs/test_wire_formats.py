"""The page of wire formats shows what travels: every request is sent, every answer is read."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from langchain_core.language_models.llms import BaseLLM

import langchain_azure_llms
from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, ContentFormatterBase
from langchain_azure_llms.exceptions import StatusError

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "wire-formats.md"
_PROMPT, _COMPLETION = 'Say "hi".', " Hi!"
_PARAMETERS: dict[str, Any] = {"temperature": 0.5, "max_tokens": 16}
_SECTION = re.compile(r"^### (?:(\w+): )?(\w+)\n(.*?)(?=^##|\Z)", re.M | re.S)
_BLOCK = re.compile(
    r"^(Request|Answer|Events)[^\n]*?(?:to `([^`]+)`)?:\n\n```\w+\n(.*?)^```", re.M | re.S
)
_HEADERS = re.compile(r"^## (\w+)\n[^#]*?```text\n(.*?)^```", re.M | re.S)
_OF_THE_CLIENT = {"host", "accept-encoding", "connection", "content-length"}


@dataclass(frozen=True)
class Shown:
    """What a section shows: whose form it is, and which, and its samples."""

    formatter: str
    form: str
    kind: str
    path: str
    sample: str


def _shown(kind: str) -> list[Shown]:
    found = [
        Shown(formatter, form, block[1], block[2] or "", block[3])
        for formatter, form, text in _SECTION.findall(_PAGE.read_text())
        for block in _BLOCK.finditer(text)
    ]
    return [one for one in found if one.kind == kind]


def _named(one: Shown) -> str:
    return f"{one.formatter or 'AzureOpenAI'}-{one.form}"


Answering = Callable[[httpx2.Request], httpx2.Response]


def _llm(shown: Shown, answer: Answering) -> BaseLLM:
    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    if not shown.formatter:
        return AzureOpenAI(
            azure_endpoint="https://r.openai.azure.com",
            azure_deployment="d",
            api_version="2024-10-21",
            api_key="the-key",
            api=shown.form,
            http_client=client,
            **_PARAMETERS,
        )
    formatter = getattr(langchain_azure_llms, shown.formatter)()
    return AzureMLOnlineEndpoint(
        endpoint_url="https://e.inference.ml.azure.com/score",
        endpoint_api_key="the-key",
        endpoint_api_type=shown.form,
        content_formatter=formatter,
        model_kwargs=_PARAMETERS,
        http_client=client,
    )


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_TYPE", "AZURE_OPENAI_AD_TOKEN", "AZUREML_DEPLOYMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("shown", _shown("Request"), ids=_named)
def test_what_is_sent_is_what_is_shown(shown: Shown) -> None:
    """Its path, where the page names one, and its body."""
    sent: list[httpx2.Request] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(418)

    with pytest.raises(StatusError):
        _llm(shown, note).invoke(_PROMPT)
    assert json.loads(shown.sample) == json.loads(sent[0].content)
    assert not shown.path or sent[0].url.raw_path.decode() == shown.path


@pytest.mark.parametrize("shown", _shown("Answer"), ids=_named)
def test_each_answer_is_read(shown: Shown) -> None:
    """It holds the completion as it is."""
    answer = json.loads(shown.sample)
    llm = _llm(shown, lambda _request: httpx2.Response(200, json=answer))
    assert llm.invoke(_PROMPT) == _COMPLETION


@pytest.mark.parametrize("shown", _shown("Events"), ids=_named)
def test_each_stream_is_read(shown: Shown) -> None:
    """Its pieces add up to the completion."""
    headers = {"content-type": "text/event-stream"}
    events = f"{shown.sample}\n\n"
    llm = _llm(shown, lambda _request: httpx2.Response(200, text=events, headers=headers))
    assert "".join(llm.stream(_PROMPT)) == _COMPLETION


@pytest.mark.parametrize(("owner", "headers"), _HEADERS.findall(_PAGE.read_text()))
def test_the_headers_are_those_shown(owner: str, headers: str) -> None:
    """Beside those of the HTTP client, with nothing left out."""
    sent: list[httpx2.Request] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(418)

    formatter = "" if owner == "AzureOpenAI" else "HFContentFormatter"
    form = "completions" if owner == "AzureOpenAI" else "dedicated"
    with pytest.raises(StatusError):
        _llm(Shown(formatter, form, "", "", ""), note).invoke(_PROMPT)
    placeholders = headers.replace("<key>", "the-key")
    shown = dict(line.split(": ", 1) for line in placeholders.splitlines())
    found = {n: v for n, v in sent[0].headers.items() if n not in _OF_THE_CLIENT}
    found["user-agent"] = re.sub(r"/.*", "/<version>", found["user-agent"])
    assert {name.lower(): value for name, value in shown.items()} == found


def _formatters() -> Iterator[tuple[str, str]]:
    """Yield each formatter that is no old name, with each api type that it supports."""
    for name in langchain_azure_llms.__all__:
        cls = getattr(langchain_azure_llms, name)
        is_formatter = isinstance(cls, type) and issubclass(cls, ContentFormatterBase)
        if is_formatter and cls is not ContentFormatterBase and "__init__" not in vars(cls):
            for api_type in cls().supported_api_types:
                yield name, str(api_type)


def test_every_form_is_shown() -> None:
    """Each form of `AzureOpenAI`, and each formatter with each of its api types."""
    forms = [("", form) for form in ("completions", "chat_completions", "responses")]
    requests = [(one.formatter, one.form) for one in _shown("Request")]
    assert sorted([*forms, *_formatters()]) == sorted(requests)
    assert {*requests} == {(one.formatter, one.form) for one in _shown("Answer")}
