"""The documented examples: against a real model, and against a server that records the bytes."""

import ast
import json
import os
import runpy
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models.llms import BaseLLM

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    ContentFormatterBase,
    CustomOpenAIContentFormatter,
    DollyContentFormatter,
    GPT2ContentFormatter,
    HFContentFormatter,
    MLflowContentFormatter,
    OpenAIChatContentFormatter,
)
from langchain_azure_llms.local import LocalEndpoints

RunExample = Callable[[str, str, str], tuple[dict[str, Any], str]]

EXAMPLES = {
    path.stem: path
    for path in sorted((Path(__file__).parents[2] / "docs" / "examples").glob("*.py"))
    if path.stem != "demo"  # it starts endpoints of its own, and has a test of its own
}
each_example = pytest.mark.parametrize("name", EXAMPLES)
each_way = pytest.mark.parametrize("way", ["sync", "async"])

SONG = "Write me a song about sparkling water:"
DOCUMENTED_PARAMETERS = {
    "deployment_name": "gpt-35-turbo-instruct-0914",
    "model_name": "gpt-3.5-turbo-instruct",
    "temperature": 0.7,
    "top_p": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "n": 1,
    "logit_bias": {},
    "max_tokens": 256,
}
MODEL_KWARGS = {"temperature": 0.8, "max_new_tokens": 400}
TOPIC = {"word_count": 100, "topic": "how to make friends"}
ESSAY = {
    "input_data": {"input_string": ["Write a 100 word essay about how to make friends."]},
    "parameters": {"temperature": 0.8, "max_tokens": 300},
}


@pytest.fixture
def run_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunExample:
    """Runs an example as a script against an address; returns its globals and its output."""

    def run(name: str, url: str, key: str) -> tuple[dict[str, Any], str]:
        for variable in list(os.environ):
            if variable.startswith(("AZURE_OPENAI_", "AZUREML_", "OPENAI_")):
                monkeypatch.delenv(variable)
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", url)
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", key)
        monkeypatch.setenv("OPENAI_API_VERSION", "set by the example")
        paths = {"AZUREML": "/score", "BART": "/score", "DOLLY": "/score"}
        for prefix, path in (*paths.items(), ("SERVERLESS", "/v1/completions")):
            monkeypatch.setenv(f"{prefix}_ENDPOINT_URL", url + path)
            monkeypatch.setenv(f"{prefix}_ENDPOINT_API_KEY", key)
        import_module("langchain_classic")  # it sets filters of its own, which ours must follow
        warnings.filterwarnings("ignore", "The class `LLMChain`", DeprecationWarning)
        names = runpy.run_path(str(EXAMPLES[name]), run_name="__main__")
        return names, capsys.readouterr().out

    return run


def claims_of_azure_openai(names: dict[str, Any], output: str) -> None:
    name, params = output.strip().split("\n", 1)
    shown = ast.literal_eval(params.removeprefix("Params: "))
    assert "AzureOpenAI" in name
    assert {key: shown[key] for key in DOCUMENTED_PARAMETERS} == DOCUMENTED_PARAMETERS
    assert names["llm"].invoke("Tell me a joke", max_tokens=8).strip()


def claims_of_azure_ml(names: dict[str, Any], output: str) -> None:
    text = names["summarized_text" if "summarized_text" in names else "response"]
    assert text.strip()
    assert output == f"{text}\n"


def claims_of_dolly(names: dict[str, Any], output: str) -> None:
    answer = ast.literal_eval(output)
    assert list(answer) == ["word_count", "topic", "text"]
    assert {key: answer[key] for key in TOPIC} == TOPIC
    # The model has nothing to add in one case of six.
    again = (names["chain"].invoke(TOPIC)["text"] for _ in range(8))
    assert answer["text"].strip() or any(text.strip() for text in again)


CLAIMS = {
    "azure_ml_custom_formatter": claims_of_azure_ml,
    "azure_ml_dedicated": claims_of_azure_ml,
    "azure_ml_dolly_llm_chain": claims_of_dolly,
    "azure_ml_serverless": claims_of_azure_ml,
    "azure_openai": claims_of_azure_openai,
}


@each_example
def test_the_example_gets_real_answers(
    name: str, run_example: RunExample, endpoints: LocalEndpoints
) -> None:
    """Every file of the folder, against the local endpoints."""
    CLAIMS[name](*run_example(name, endpoints.url, endpoints.api_key))


# --- a server that records -----------------------------------------------------------------------


@dataclass
class Received:
    """One request as it arrived."""

    client: tuple[str, int]
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Recorder:
    """What a server received, and where it is."""

    url: str
    received: list[Received] = field(default_factory=list)

    def take(self) -> list[Received]:
        """Return what was received since the last time."""
        taken, self.received = self.received, []
        return taken


def reply_to(path: str, body: Any) -> Any:
    """Return an answer in OpenAI's schemas, or one that every formatter of `/score` reads."""
    if not path.endswith("/completions"):
        return [{"0": "fine", "summary_text": "fine"}]
    asked = body.get("prompt")
    choice = {"text": "fine", "message": {"content": "fine"}, "finish_reason": "stop"}
    count = len(asked) if isinstance(asked, list) else 1
    return {"choices": [{"index": index, **choice} for index in range(count)]}


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    """A server of this module's own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            records.received.append(Received(self.client_address, self.path, headers, body))
            reply = json.dumps(reply_to(urlsplit(self.path).path, json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        records = Recorder(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield records
        finally:
            server.shutdown()
            thread.join()


def song(**parameters: Any) -> dict[str, Any]:
    return {"input_data": {"input_string": [SONG], "parameters": parameters}}


COMPLETIONS = (
    "/openai/deployments/gpt-35-turbo-instruct-0914/completions?api-version=2023-12-01-preview"
)
JOKE = {
    "model": "gpt-35-turbo-instruct-0914",
    "prompt": ["Tell me a joke"],
    "temperature": 0.7,
    "top_p": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "n": 1,
    "max_tokens": 256,
}
EXPECTED: dict[str, tuple[str, list[Any]]] = {
    "azure_ml_dedicated": (
        "/score",
        [song(**MODEL_KWARGS), song(**MODEL_KWARGS | {"temperature": 0.5})],
    ),
    "azure_ml_dolly_llm_chain": ("/score", [ESSAY]),
    "azure_ml_serverless": ("/v1/completions", [{"prompt": SONG, **MODEL_KWARGS}]),
    "azure_openai": (COMPLETIONS, [JOKE]),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_example_sends_the_documented_json(
    name: str, run_example: RunExample, recorder: Recorder
) -> None:
    """To the documented place."""
    recorder.take()
    run_example(name, recorder.url, "a-key")
    received = recorder.take()
    target, bodies = EXPECTED[name]
    assert [request.target for request in received] == [target] * len(bodies)
    assert [request.json for request in received] == bodies


def test_the_custom_formatters_bytes_travel_as_they_are(
    run_example: RunExample, recorder: Recorder
) -> None:
    """The body is what the documented subclass returned."""
    recorder.take()
    names, output = run_example("azure_ml_custom_formatter", recorder.url, "a-key")
    body = {
        "inputs": [names["large_text"]],
        "parameters": MODEL_KWARGS,
        "options": {"use_cache": False, "wait_for_model": True},
    }
    assert [request.body for request in recorder.take()] == [json.dumps(body).encode()]
    assert output == "fine\n"


@each_example
def test_the_example_sends_its_key_and_nothing_else_secret(
    name: str, run_example: RunExample, recorder: Recorder
) -> None:
    """Azure OpenAI's as `api-key`, Azure ML's as a bearer token; no deployment unless named."""
    recorder.take()
    run_example(name, recorder.url, "a-key")
    for request in recorder.take():
        sent = [request.headers.get(header) for header in ("api-key", "authorization")]
        assert sent == (["a-key", None] if name == "azure_openai" else [None, "Bearer a-key"])
        assert request.headers["content-type"] == "application/json"
        assert request.headers["host"] == urlsplit(recorder.url).netloc
        assert "azureml-model-deployment" not in request.headers


# --- what holds for every call -------------------------------------------------------------------

FORMATTERS: dict[str, tuple[ContentFormatterBase, str]] = {
    "gpt2": (GPT2ContentFormatter(), "/score"),
    "dolly": (DollyContentFormatter(), "/score"),
    "hf": (HFContentFormatter(), "/score"),
    "mlflow": (MLflowContentFormatter(), "/score"),
    "custom-dedicated": (CustomOpenAIContentFormatter(), "/score"),
    "custom-serverless": (CustomOpenAIContentFormatter(), "/v1/completions"),
    "chat": (OpenAIChatContentFormatter(), "/v1/chat/completions"),
}
each_format = pytest.mark.parametrize("format_name", FORMATTERS)


def online_endpoint(recorder: Recorder, format_name: str, **more: Any) -> AzureMLOnlineEndpoint:
    formatter, path = FORMATTERS[format_name]
    return AzureMLOnlineEndpoint(
        endpoint_url=recorder.url + path,
        endpoint_api_key="a-key",
        content_formatter=formatter,
        **more,
    )


def azure_openai(recorder: Recorder) -> AzureOpenAI:
    return AzureOpenAI(
        azure_endpoint=recorder.url, api_key="a-key", api_version="2024-10-21", azure_deployment="d"
    )


def texts_in(value: Any) -> Iterator[str]:
    """Give every text of a JSON value, but the names of its properties."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_in(part)


async def ask(llm: BaseLLM, prompt: str, way: str, **call: Any) -> str:
    return await llm.ainvoke(prompt, **call) if way == "async" else llm.invoke(prompt, **call)


@each_way
async def test_call_time_arguments_hold_for_their_call(recorder: Recorder, way: str) -> None:
    """The next call has the settings again, over the same connection; `stop` is gone, too."""
    recorder.take()
    llm = online_endpoint(recorder, "custom-dedicated", model_kwargs=dict(MODEL_KWARGS))
    for call in ({"temperature": 0.5}, {}, {"stop": ["\n"]}, {}):
        await ask(llm, SONG, way, **call)
    received = recorder.take()
    assert [request.json for request in received] == [
        song(**MODEL_KWARGS | {"temperature": 0.5}),
        song(**MODEL_KWARGS),
        song(**MODEL_KWARGS, stop=["\n"]),
        song(**MODEL_KWARGS),
    ]
    assert len({request.client for request in received}) == 1


@each_way
async def test_call_time_arguments_of_azure_openai_hold_for_their_call(
    recorder: Recorder,
    way: str,
) -> None:
    """As for Azure ML."""
    recorder.take()
    for call in ({"temperature": 0.5}, {}, {"stop": ["\n"]}, {}):
        await ask(azure_openai(recorder), "Hi", way, **call)
    sent = [(body.json["temperature"], body.json.get("stop")) for body in recorder.take()]
    assert sent == [(0.5, None), (0.7, None), (0.7, ["\n"]), (0.7, None)]


@each_way
async def test_a_named_deployment_travels_in_its_header(recorder: Recorder, way: str) -> None:
    """Where the endpoint's traffic rules would decide otherwise."""
    recorder.take()
    await ask(online_endpoint(recorder, "gpt2", deployment_name="blue"), "Hi", way)
    (request,) = recorder.take()
    assert request.headers["azureml-model-deployment"] == "blue"


# What JSON may mangle; a pair of surrogates is one character to JSON, so only lone ones are drawn.
AWKWARD = [
    'She said "no", \\"maybe\\" and \\n',
    "tabs\tand\r\nlines\n\x00\x1f\x7f\u2028",
    "\U0001f469\u200d\U0001f4bb naïve 数学",
    "\u202e\u05e9\u05dc\u05d5\u05dd\u202c مرحبا",
    "lone \ud800 and \udfff",
]
prompts = st.one_of(
    st.sampled_from(AWKWARD), st.text(), st.text().map(lambda text: text + "\udc80")
)


@each_way
@each_format
@settings(max_examples=20, deadline=None)
@given(prompt=prompts)
async def test_prompts_arrive_verbatim_at_online_endpoints(
    recorder: Recorder,
    format_name: str,
    way: str,
    prompt: str,
) -> None:
    """What the caller passed is what the server decodes, in every format."""
    recorder.take()
    await ask(online_endpoint(recorder, format_name), prompt, way)
    (request,) = recorder.take()
    assert list(texts_in(request.json)) == (["user"] if format_name == "chat" else []) + [prompt]


@each_way
@settings(max_examples=40, deadline=None)
@given(batch=st.lists(prompts, min_size=1, max_size=4))
async def test_prompts_arrive_verbatim_at_azure_openai(
    recorder: Recorder,
    way: str,
    batch: list[str],
) -> None:
    """Several of them in one request, in their order."""
    recorder.take()
    llm = azure_openai(recorder)
    _ = await llm.agenerate(batch) if way == "async" else llm.generate(batch)
    assert [request.json["prompt"] for request in recorder.take()] == [batch]
