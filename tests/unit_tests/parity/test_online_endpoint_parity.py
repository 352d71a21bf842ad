"""`AzureMLOnlineEndpoint` and its formatters follow langchain-community's of the same names."""

import inspect
import json
import warnings
from typing import Any
from urllib.request import Request

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import Generation
from pydantic import SecretStr

import langchain_azure_llms
from langchain_azure_llms import AzureMLEndpointApiType, AzureMLOnlineEndpoint

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", ".*`langchain-community` is being sunset")
    warnings.filterwarnings("ignore", "Pydantic V1 style `@validator` validators are deprecated")
    from langchain_community.llms import azureml_endpoint as peer

ENDPOINT: dict[str, Any] = {
    "endpoint_url": "https://endpoint.example/score",
    "endpoint_api_key": "a-key",
}
SERVERLESS: dict[str, Any] = {
    "endpoint_url": "https://endpoint.example/completions",
    "endpoint_api_type": "serverless",
    "endpoint_api_key": "a-key",
}
SAMPLES: dict[str, Any] = {
    "endpoint_url": "https://another.example/score",
    "endpoint_api_type": AzureMLEndpointApiType.dedicated,
    "endpoint_api_key": SecretStr("another-key"),
    "deployment_name": "blue",
    "timeout": 90,
    "http_client": httpx2.Client(),
    "max_retries": 4,
    "content_formatter": langchain_azure_llms.GPT2ContentFormatter(),
    "model_kwargs": {"temperature": 0.5},
}
VARIABLES = {
    "AZUREML_ENDPOINT_URL": "endpoint_url",
    "AZUREML_ENDPOINT_API_KEY": "endpoint_api_key",
    "AZUREML_ENDPOINT_API_TYPE": "endpoint_api_type",
    "AZUREML_DEPLOYMENT_NAME": "deployment_name",
    "AZUREML_TIMEOUT": "timeout",
}
PEER_FIELDS = sorted(
    peer.AzureMLOnlineEndpoint.model_fields.keys() - set(BaseLLM.model_fields.keys())
)
FORMATTERS = [
    "GPT2ContentFormatter",
    "OSSContentFormatter",
    "HFContentFormatter",
    "DollyContentFormatter",
    "CustomOpenAIContentFormatter",
    "LlamaContentFormatter",
]
BUILDS = [AzureMLOnlineEndpoint, peer.AzureMLOnlineEndpoint]
each_way = pytest.mark.parametrize("way", ["sync", "async"])


def formatter_pair(name: str) -> tuple[Any, Any]:
    """Return ours and the peer's formatter of a name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f"`?{name}`? (is|will be) deprecated")
        return getattr(langchain_azure_llms, name)(), getattr(peer, name)()


def plain(value: Any) -> Any:
    """Return a setting as plain data: secrets and enum members differ by class only."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return getattr(value, "value", value)


# --- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PEER_FIELDS)
def test_every_argument_is_taken(name: str) -> None:
    """And kept as it was given; a name without a sample is new to us."""
    llm = AzureMLOnlineEndpoint(**{**ENDPOINT, name: SAMPLES[name]})
    assert getattr(llm, name) == SAMPLES[name]


@pytest.mark.parametrize("name", [name for name in PEER_FIELDS if name != "http_client"])
def test_every_argument_has_the_peers_default(name: str) -> None:
    """But `http_client`, which is an object of the peer's own there."""
    ours, theirs = (build(**ENDPOINT) for build in BUILDS)
    assert plain(getattr(ours, name)) == plain(getattr(theirs, name))


@pytest.mark.parametrize(("variable", "name"), VARIABLES.items())
def test_every_variable_is_read(variable: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into the same setting."""
    value = str(plain(SAMPLES[name]))
    monkeypatch.setenv(variable, value)
    rest = {key: given for key, given in ENDPOINT.items() if key != name}
    ours, theirs = (build(**rest) for build in BUILDS)
    assert plain(getattr(ours, name)) == plain(getattr(theirs, name))
    assert str(plain(getattr(theirs, name))) == value
    assert plain(getattr(ours, name)) == plain(SAMPLES[name])


def test_the_peer_reads_no_other_variable() -> None:
    """The table above is complete."""
    text = inspect.getsource(peer)
    found = {word.strip("\"',`.()") for word in text.split() if "AZUREML_" in word}
    assert found == set(VARIABLES)


def test_the_api_types_are_the_peers() -> None:
    """Members, their values, and that they are text."""
    ours, theirs = AzureMLEndpointApiType, peer.AzureMLEndpointApiType
    assert {kind.name: kind.value for kind in ours} == {kind.name: kind.value for kind in theirs}
    assert all(isinstance(kind, str) for kind in ours)


@pytest.mark.parametrize("kind", list(peer.AzureMLEndpointApiType))
def test_the_peers_api_types_are_taken(kind: Any) -> None:
    """As members, and as their text; `realtime` means `dedicated`."""
    meant = "serverless" if kind.value == "serverless" else "dedicated"
    for given_kind in (kind, kind.value):
        llm = AzureMLOnlineEndpoint(**ENDPOINT, endpoint_api_type=given_kind)
        assert llm.endpoint_api_type == meant


def test_it_describes_itself_with_at_least_what_the_peer_tells() -> None:
    """And by the same type, which saved files hold."""
    more = {"deployment_name": "blue", "model_kwargs": {"temperature": 0.5}}
    ours, theirs = (build(**ENDPOINT, **more) for build in BUILDS)
    expected = theirs._identifying_params
    assert {name: ours._identifying_params[name] for name in expected} == expected
    assert ours._llm_type == theirs._llm_type == "azureml_endpoint"


# --- formatters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATTERS)
def test_every_formatter_has_the_peers_attributes(name: str) -> None:
    """Subclasses and callers use them."""
    ours, theirs = formatter_pair(name)
    assert (ours.content_type, ours.accepts) == (theirs.content_type, theirs.accepts)
    assert [kind.value for kind in ours.supported_api_types] == [
        kind.value for kind in theirs.supported_api_types
    ]
    assert "dedicated" in ours.format_error_msg.format(api_type="dedicated")


def test_the_list_of_formatters_is_the_peers() -> None:
    """None was forgotten."""
    assert sorted(FORMATTERS) == sorted(
        kind.__name__
        for kind in vars(peer).values()
        if isinstance(kind, type)
        and issubclass(kind, peer.ContentFormatterBase)
        and kind is not peer.ContentFormatterBase
    )


@given(prompt=st.text())
def test_special_characters_are_escaped_as_by_the_peer(prompt: str) -> None:
    """For old subclasses that do it themselves."""
    ours = langchain_azure_llms.ContentFormatterBase.escape_special_characters(prompt)
    assert ours == peer.ContentFormatterBase.escape_special_characters(prompt)


def undone(value: Any, their_prompt: str, prompt: str) -> Any:
    """Return a JSON value with the peer's rewriting of the prompt undone."""
    if isinstance(value, dict):
        return {key: undone(part, their_prompt, prompt) for key, part in value.items()}
    if isinstance(value, list):
        return [undone(part, their_prompt, prompt) for part in value]
    return prompt if value == their_prompt else value


SHAPES = [(name, "dedicated") for name in FORMATTERS] + [
    (name, "serverless") for name in ("CustomOpenAIContentFormatter", "LlamaContentFormatter")
]
each_shape = pytest.mark.parametrize(("name", "kind"), SHAPES)


@each_shape
@settings(deadline=None)
@given(
    prompt=st.text(),
    model_kwargs=st.dictionaries(
        st.text().filter(lambda name: name != "prompt"),
        st.integers() | st.floats(0, 2) | st.booleans(),
    ),
)
def test_the_payload_has_the_peers_shape_and_the_prompt_verbatim(
    name: str, kind: str, prompt: str, model_kwargs: dict[str, Any]
) -> None:
    """The peer quotes prompts, and escapes them once more than JSON does."""
    ours, theirs = formatter_pair(name)
    escaped = theirs.escape_special_characters(prompt)
    quoted = f'"{prompt if name == "HFContentFormatter" else escaped}"'
    their_prompt = escaped if kind == "serverless" else quoted
    payload = ours.format_request_payload(prompt, model_kwargs, AzureMLEndpointApiType(kind))
    their_payload = theirs.format_request_payload(
        prompt, model_kwargs, peer.AzureMLEndpointApiType(kind)
    )
    assert json.loads(payload) == undone(json.loads(their_payload), their_prompt, prompt)


ANSWERS: dict[str, Any] = {
    "GPT2ContentFormatter": [{"0": "fine"}],
    "OSSContentFormatter": [{"0": "fine"}],
    "HFContentFormatter": [{"0": {"generated_text": "fine"}}],
    "DollyContentFormatter": ["fine"],
    "CustomOpenAIContentFormatter": [{"0": "fine"}],
    "LlamaContentFormatter": [{"0": "fine"}],
}
CHOICE = {"text": "fine", "finish_reason": "stop", "logprobs": None}


@each_shape
def test_the_answer_is_read_as_by_the_peer(name: str, kind: str) -> None:
    """Text, finish reason and log probabilities."""
    answer = {"choices": [CHOICE]} if kind == "serverless" else ANSWERS[name]
    ours, theirs = formatter_pair(name)
    body = json.dumps(answer).encode()
    read = ours.format_response_payload(body, AzureMLEndpointApiType(kind))
    expected = theirs.format_response_payload(body, peer.AzureMLEndpointApiType(kind))
    assert read == ([expected] if isinstance(read, list) else expected)


# --- requests ------------------------------------------------------------------------------------


class Wire:
    """An endpoint that remembers what it received."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.received: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.received.append(request)
        return httpx2.Response(200, json=self.answer)


def on_wire(wire: Wire, **more: Any) -> AzureMLOnlineEndpoint:
    transport = httpx2.MockTransport(wire)
    return AzureMLOnlineEndpoint(
        **more,
        http_client=httpx2.Client(transport=transport, trust_env=False),
        http_async_client=httpx2.AsyncClient(transport=transport, trust_env=False),
    )


async def ask(llm: BaseLLM, prompt: str, way: str, **call: Any) -> str:
    return await llm.ainvoke(prompt, **call) if way == "async" else llm.invoke(prompt, **call)


class Reply:
    """What the peer's HTTP client reads."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def read(self) -> bytes:
        return self.body


@each_way
@each_shape
async def test_the_request_goes_where_the_peers_goes(
    name: str, kind: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same method, URL, key and deployment, and the same parameters."""
    answer = {"choices": [CHOICE]} if kind == "serverless" else ANSWERS[name]
    sent: list[Request] = []

    def urlopen(request: Request, timeout: float) -> Reply:
        assert timeout == 50
        sent.append(request)
        return Reply(json.dumps(answer).encode())

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    own, wire = formatter_pair(name), Wire(answer)
    more = {
        **(SERVERLESS if kind == "serverless" else ENDPOINT),
        "deployment_name": "blue",
        "model_kwargs": {"temperature": 0.5, "max_new_tokens": 5},
    }
    call: dict[str, Any] = {"stop": ["END"], "temperature": 0.1}
    ours = on_wire(wire, **more, content_formatter=own[0])
    theirs = peer.AzureMLOnlineEndpoint(**more, content_formatter=own[1])
    assert await ask(ours, "plain", way, **call) == await ask(theirs, "plain", way, **call)
    (request,), (their_request,) = wire.received, sent
    body = their_request.data
    assert isinstance(body, bytes)
    assert (request.method, str(request.url)) == (
        their_request.get_method(),
        their_request.full_url,
    )
    headers = {key.lower(): value for key, value in their_request.header_items()}
    compared = ("authorization", "content-type", "azureml-model-deployment")
    assert [request.headers[key] for key in compared] == [headers[key] for key in compared]
    assert json.loads(request.content) == undone(json.loads(body), '"plain"', "plain")


# --- formatters that others wrote ----------------------------------------------------------------


class TwoArguments:
    """As the documentation shows them: no api type, and text instead of a `Generation`."""

    def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
        return json.dumps({"inputs": [prompt], "parameters": model_kwargs}).encode()

    def format_response_payload(self, output: bytes) -> str:
        return str(json.loads(output)[0]["summary_text"])


class ThreeArguments:
    """As the peer calls them."""

    def format_request_payload(
        self, prompt: str, model_kwargs: dict[str, Any], api_type: Any
    ) -> bytes:
        body = {"inputs": [prompt], "parameters": model_kwargs, "on": api_type.value}
        return json.dumps(body).encode()

    def format_response_payload(self, output: bytes, api_type: Any) -> Generation:
        return Generation(text=f"{json.loads(output)[0]['summary_text']} on {api_type.value}")


BASES = [langchain_azure_llms.ContentFormatterBase, peer.ContentFormatterBase]


@each_way
@pytest.mark.parametrize("base", BASES, ids=["our base", "the peer's base"])
@pytest.mark.parametrize(
    ("methods", "arguments", "text"),
    [(TwoArguments, {}, "fine"), (ThreeArguments, {"on": "dedicated"}, "fine on dedicated")],
)
async def test_old_formatters_work_as_they_are(
    methods: type, base: type, arguments: dict[str, Any], text: str, way: str
) -> None:
    """With two or three arguments, on our base class or on the peer's."""
    formatter = type("CustomFormatter", (methods, base), {})()
    wire = Wire([{"summary_text": "fine"}])
    llm = on_wire(wire, **ENDPOINT, content_formatter=formatter, model_kwargs={"a": 1})
    assert await ask(llm, 'a "b"\n', way) == text
    assert json.loads(wire.received[0].content) == {
        "inputs": ['a "b"\n'],
        "parameters": {"a": 1},
        **arguments,
    }


@each_way
@each_shape
async def test_the_peers_own_formatters_work_here(name: str, kind: str, way: str) -> None:
    """Their objects send what they always sent."""
    _, formatter = formatter_pair(name)
    wire = Wire({"choices": [CHOICE]} if kind == "serverless" else ANSWERS[name])
    more = SERVERLESS if kind == "serverless" else ENDPOINT
    llm = on_wire(wire, **more, content_formatter=formatter)
    assert await ask(llm, "plain", way) == "fine"
    expected = formatter.format_request_payload("plain", {}, peer.AzureMLEndpointApiType(kind))
    assert wire.received[0].content == expected
