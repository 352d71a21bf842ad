"""Formatters and subclasses as old code has them."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from langchain_core.outputs import Generation, LLMResult
from langchain_core.tracers.context import collect_runs

import langchain_azure_llms
from langchain_azure_llms import (
    AzureMLEndpointApiType,
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    ContentFormatterBase,
    CustomOpenAIContentFormatter,
    DedicatedChatContentFormatter,
    HFContentFormatter,
    TGIContentFormatter,
    _install,
    load_llm,
)
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    LoadError,
    UnsupportedApiTypeError,
)
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, stream
from tests.unit_tests.llms.scripted import azure_openai as _openai

Calls = SyncCalls | AsyncCalls


def _ml(service: Service, **settings: Any) -> AzureMLOnlineEndpoint:
    base: dict[str, Any] = {
        "endpoint_url": "https://e.example/score",
        "endpoint_api_key": "k",
        "content_formatter": HFContentFormatter(),
    }
    return AzureMLOnlineEndpoint(**{**base, **service.clients, **settings})


# --- formatters ----------------------------------------------------------------------------------


class _Remembering(ContentFormatterBase):
    """Keeps the prompt for the answer, as public formatters do."""

    def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
        self.prompt = prompt
        return json.dumps({"q": prompt}).encode()

    def format_response_payload(self, output: bytes) -> str:
        return f"{self.prompt} -> {json.loads(output)['output']}"


def _slow_echo(request: httpx2.Request) -> httpx2.Response:
    time.sleep(0.01)
    return httpx2.Response(200, json={"output": json.loads(request.content)["q"]})


def test_a_formatter_may_keep_state_between_its_methods(calls: Calls) -> None:
    """Concurrent prompts never mix."""
    formatter = _Remembering()
    llm = _ml(Service([_slow_echo]), content_formatter=formatter)
    prompts = [f"p{number}" for number in range(12)]
    assert [f"{prompt} -> {prompt}" for prompt in prompts] == calls.batch(llm, prompts)
    assert {} == formatter.state


class _Realtime(ContentFormatterBase):
    """As notebooks of 2023 have it."""

    supported_api_types: Any = (AzureMLEndpointApiType.realtime, AzureMLEndpointApiType.serverless)

    def format_request_payload(
        self, prompt: str, model_kwargs: dict[str, Any], api_type: AzureMLEndpointApiType
    ) -> bytes:
        if api_type == AzureMLEndpointApiType.realtime:
            return json.dumps({"old": prompt}).encode()
        return json.dumps({"new": prompt}).encode()

    def format_response_payload(self, output: bytes, api_type: AzureMLEndpointApiType) -> str:
        return f"{json.loads(output)['output']} ({api_type.value})"


@pytest.mark.parametrize("given", ["realtime", "dedicated", AzureMLEndpointApiType.realtime])
def test_a_formatter_that_knows_realtime_alone_is_called_with_it(calls: Calls, given: Any) -> None:
    """Under each of the endpoint's names."""
    service = Service([httpx2.Response(200, json={"output": "hi"})])
    llm = _ml(service, content_formatter=_Realtime(), endpoint_api_type=given)
    assert "hi (realtime)" == calls.invoke(llm, "x")
    assert [{"old": "x"}] == service.bodies
    other = _ml(service, content_formatter=_Realtime(), endpoint_api_type="serverless")
    assert "hi (serverless)" == calls.invoke(other, "x")


def test_a_formatter_that_says_nothing_of_serverless_is_told_how_to() -> None:
    """The two lines are in the error; one that said something else gets none."""
    with pytest.raises(UnsupportedApiTypeError) as raised:
        _ml(Service([]), content_formatter=_Remembering(), endpoint_api_type="serverless")
    for line in (
        "from langchain_azure_llms import AzureMLEndpointApiType",
        "supported_api_types = [AzureMLEndpointApiType.dedicated, AzureMLEndpointApiType.s",
    ):
        assert line in str(raised.value)


def test_a_formatter_without_a_response_method_is_refused_at_construction() -> None:
    """Before anything is paid for."""

    class Half(ContentFormatterBase):
        def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
            return b"{}"

    with pytest.raises(ConfigurationError, match="Half, which must define format_response_payload"):
        _ml(Service([]), content_formatter=Half())


def test_a_chat_formatter_of_the_peers_is_refused_with_ours() -> None:
    """It formats messages, not prompts."""

    class CustomOpenAIChatContentFormatter:
        __module__ = "langchain_community.chat_models.azureml_endpoint"

    with pytest.raises(ConfigurationError, match="DedicatedChatContentFormatter"):
        _ml(Service([]), content_formatter=CustomOpenAIChatContentFormatter())


def test_dedicated_chat_models_get_the_prompt_as_a_message(calls: Calls) -> None:
    """As their cards show."""
    service = Service([httpx2.Response(200, json={"output": "fine"})])
    llm = _ml(service, content_formatter=DedicatedChatContentFormatter())
    assert "fine" == calls.invoke(llm, "hi", temperature=0.5)
    message = {"role": "user", "content": "hi"}
    expected = {"input_string": [message], "parameters": {"temperature": 0.5}}
    assert [{"input_data": expected}] == service.bodies


@pytest.mark.parametrize("body", [{"generated_text": "fine"}, [{"generated_text": "fine"}]])
def test_text_generation_inference_answers(calls: Calls, body: Any) -> None:
    """With an object, or with a list of it."""
    service = Service([httpx2.Response(200, json=body)])
    llm = _ml(service, content_formatter=TGIContentFormatter())
    assert "fine" == calls.invoke(llm, "hi", max_new_tokens=9)
    assert [{"inputs": "hi", "parameters": {"max_new_tokens": 9}}] == service.bodies


def test_text_generation_inference_streams(calls: Calls) -> None:
    """Token by token; the end of the text is none."""
    events = [
        {"token": {"text": "Low", "special": False}},
        {"token": {"text": " tide", "special": False}},
        {
            "token": {"text": "</s>", "special": True},
            "generated_text": "Low tide",
            "details": {"finish_reason": "eos_token"},
        },
    ]
    service = Service([stream(*events, done=False)])
    llm = _ml(service, content_formatter=TGIContentFormatter())
    assert ["Low", " tide", ""] == calls.stream(llm, "hi")
    assert [{"inputs": "hi", "parameters": {}, "stream": True}] == service.bodies


@pytest.mark.parametrize(
    "body",
    [
        {"translation_text": "fine"},
        [{"translation_text": "fine"}],
        {"response": "fine", "done": True},
        {"model_name": "m", "text_output": "fine"},
        {"outputs": [{"name": "text", "shape": [1], "data": ["fine"]}]},
        {"choices": [{"index": 0, "text": "fine"}]},
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": "fine"}}]},
    ],
    ids=str,
)
def test_what_containers_of_ones_own_answer_is_read(calls: Calls, body: Any) -> None:
    """By every built-in formatter for `/score`."""
    for formatter in (HFContentFormatter(), CustomOpenAIContentFormatter()):
        service = Service([httpx2.Response(200, json=body)])
        assert "fine" == calls.invoke(_ml(service, content_formatter=formatter), "x")


def test_formatters_show_their_class_and_no_values() -> None:
    """A value may be a secret."""
    formatter = _Remembering()
    formatter.prompt = "s3cr3t"
    assert "_Remembering(prompt=...)" == repr(formatter)
    assert "HFContentFormatter()" == repr(HFContentFormatter())


# --- subclasses ----------------------------------------------------------------------------------


def _answers(text: str) -> LLMResult:
    return LLMResult(generations=[[Generation(text=text)]])


class _Generating(AzureMLOnlineEndpoint):
    def _generate(self, prompts: list[str], *args: Any, **kwargs: Any) -> LLMResult:
        threads.append(threading.current_thread())
        return super()._generate([f"<{prompt}>" for prompt in prompts], *args, **kwargs)


class _GeneratingAsync(AzureMLOnlineEndpoint):
    async def _agenerate(self, prompts: list[str], *_: Any, **__: Any) -> LLMResult:
        return _answers(f"async {prompts[0]}")


class _Calling(AzureMLOnlineEndpoint):
    def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
        return super()._call(f"<{prompt}>", stop, run_manager, **kwargs)


class _CallingAsync(AzureMLOnlineEndpoint):
    async def _acall(self, prompt: str, *_: Any, **__: Any) -> str:
        return f"async {prompt}"


class _Streaming(AzureMLOnlineEndpoint):
    def _stream(self, prompt: str, *args: Any, **kwargs: Any) -> Any:
        yield from super()._stream(f"<{prompt}>", *args, **kwargs)


threads: list[threading.Thread] = []


def _echo(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json=[{"0": json.loads(request.content)["inputs"][0]}])


def _sub(cls: type[AzureMLOnlineEndpoint]) -> AzureMLOnlineEndpoint:
    return cls(
        endpoint_url="https://e.example/score",
        endpoint_api_key="k",
        content_formatter=HFContentFormatter(),
        **Service([_echo]).clients,
    )


@pytest.mark.parametrize("cls", [_Generating, _Calling])
def test_a_sync_override_answers_every_call(calls: Calls, cls: type[AzureMLOnlineEndpoint]) -> None:
    """In asyncio from a thread, streamed in one piece, in batches: as LangChain's base class."""
    llm = _sub(cls)
    assert "<a>" == calls.invoke(llm, "a")
    assert ["<a>"] == calls.stream(llm, "a")
    assert ["<a>", "<b>", "<c>"] == calls.batch(llm, ["a", "b", "c"])
    assert ["<a>", "<b>"] == [
        found[0].text for found in calls.generate(llm, ["a", "b"]).generations
    ]


def test_a_sync_override_runs_in_a_thread_in_asyncio() -> None:
    """It would block the event loop."""
    threads.clear()
    asyncio.run(_sub(_Generating).ainvoke("a"))
    assert threading.current_thread() not in threads


@pytest.mark.parametrize("cls", [_GeneratingAsync, _CallingAsync])
def test_an_async_override_answers_every_async_call(cls: type[AzureMLOnlineEndpoint]) -> None:
    """Streams and batches, too."""
    llm = _sub(cls)

    async def collect() -> list[str]:
        return [text async for text in llm.astream("a")]

    assert "async a" == asyncio.run(llm.ainvoke("a"))
    assert ["async a"] == asyncio.run(collect())
    assert ["async a", "async b"] == asyncio.run(llm.abatch(["a", "b"]))
    assert "a" == llm.invoke("a")


def test_an_override_of_stream_serves_both(calls: Calls) -> None:
    """As LangChain's base class does."""
    assert "<a>" == "".join(calls.stream(_sub(_Streaming), "a"))


def test_a_subclass_may_have_names_of_builtins() -> None:
    """Annotations of the base are not evaluated among its names."""

    class Own(AzureMLOnlineEndpoint):
        def dict(self, **_: Any) -> Any:
            return {"own": True}

        def list(self) -> Sequence[str]:
            return ["own"]

    class OwnOpenAI(AzureOpenAI):
        def dict(self, **_: Any) -> Any:
            return {"own": True}

        def set(self) -> str:
            return "own"

    assert (["own"], "own") == (
        Own(
            endpoint_url="https://e.example/score",
            endpoint_api_key="k",
            content_formatter=HFContentFormatter(),
        ).list(),
        OwnOpenAI(
            azure_endpoint="https://r.example",
            azure_deployment="d",
            api_version="v1",
            api_key="k",
        ).set(),
    )


@pytest.mark.parametrize("name", ["model_name", "deployment_name"])
def test_a_model_among_the_model_parameters_is_refused_with_the_reason(name: str) -> None:
    """It is an argument of its own."""
    with pytest.raises(ConfigurationError, match=f"model_kwargs holds {name}"):
        _openai(Service([]), model_kwargs={name: "gpt-9"})


# --- and the package -----------------------------------------------------------------------------


def test_a_missing_and_a_denied_file_are_what_python_calls_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And our own error, too."""
    path = tmp_path / "llm.json"
    with pytest.raises(FileNotFoundError) as missing:
        load_llm(path)
    assert isinstance(missing.value, LoadError)
    assert str(path) == missing.value.path
    path.write_text("{}")

    def denied(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(PermissionError, match="Permission denied") as unreadable:
        load_llm(path)
    assert isinstance(unreadable.value, LoadError)


def test_the_package_tells_its_version() -> None:
    """As others do."""
    assert langchain_azure_llms.__version__.count(".") >= 1


# --- what tracers see ----------------------------------------------------------------------------


def test_traces_of_other_apis_have_the_deployment_and_what_was_set(calls: Calls) -> None:
    """The defaults of text completions were not sent."""
    chat = {"choices": [{"index": 0, "message": {"content": "fine"}}]}
    service = Service([httpx2.Response(200, json=chat)])
    llm = _openai(service, api="chat_completions", azure_deployment="prod", temperature=0.2)
    with collect_runs() as found:
        calls.invoke(llm, "x")
    params = found.traced_runs[0].extra["invocation_params"]
    assert ("prod", 0.2) == (params["model_name"], params["temperature"])
    assert set() == params.keys() & {"max_tokens", "top_p", "n", "logit_bias"}
    metadata = found.traced_runs[0].extra["metadata"]
    assert ("prod", 0.2) == (metadata["ls_model_name"], metadata["ls_temperature"])
    assert "ls_max_tokens" not in metadata


def test_traces_of_text_completions_have_the_documented_defaults(calls: Calls) -> None:
    """All of them are sent."""
    service = Service([httpx2.Response(200, json={"choices": [{"text": "fine"}]})])
    with collect_runs() as found:
        calls.invoke(_openai(service), "x")
    params = found.traced_runs[0].extra["invocation_params"]
    assert (0.7, 256) == (params["temperature"], params["max_tokens"])


def test_metadata_of_a_deployment_that_was_found_to_chat_has_what_was_set(calls: Calls) -> None:
    """From the second call on; a cache key does not change."""
    refusal = httpx2.Response(400, json={"error": {"code": "OperationNotSupported"}})
    chat = httpx2.Response(200, json={"choices": [{"index": 0, "message": {"content": "fine"}}]})
    service = Service([refusal, chat])
    llm = _openai(service, temperature=0.2)
    before = llm.asdict()
    calls.invoke(llm, "x")
    with collect_runs() as found:
        calls.invoke(llm, "x")
    metadata = found.traced_runs[0].extra["metadata"]
    assert 0.2 == metadata["ls_temperature"]
    assert "ls_max_tokens" not in metadata
    assert before == llm.asdict()


def test_the_name_of_an_llm_is_the_name_of_its_runs(calls: Calls) -> None:
    """As with every other runnable."""
    service = Service([httpx2.Response(200, json={"choices": [{"text": "fine"}]})])
    for name, expected in (("tide-teller", "tide-teller"), (None, "AzureOpenAI")):
        with collect_runs() as found:
            calls.invoke(_openai(service, name=name), "x")
        assert expected == found.traced_runs[0].name


# --- counting tokens -----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Using fallback GPT-2 tokenizer")
def test_counting_tokens_without_a_tokenizer_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a form that works."""
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigurationError, match=r'custom_get_token_ids.*pip install ".*tiktoken'):
        _openai(Service([])).get_num_tokens("x")
    with pytest.raises(ConfigurationError, match="custom_get_token_ids"):
        _ml(Service([])).get_num_tokens("x")


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        (None, 'pip install "langchain-azure-llms[x]"'),
        (
            {"url": "file:///src", "dir_info": {}},
            'pip install "langchain-azure-llms[x] @ file:///src"',
        ),
        (
            {"url": "https://h.example/r.git", "vcs_info": {"vcs": "git", "commit_id": "c"}},
            'pip install "langchain-azure-llms[x] @ git+https://h.example/r.git"',
        ),
    ],
)
def test_the_command_for_an_extra_names_where_the_package_came_from(
    monkeypatch: pytest.MonkeyPatch, noted: Any, expected: str
) -> None:
    """The index may not have it."""

    class Distribution:
        def read_text(self, _name: str) -> str | None:
            return json.dumps(noted) if noted else None

    monkeypatch.setattr(_install, "distribution", lambda _name: Distribution())
    assert expected == _install.install_command("x")
