"""What `AzureMLOnlineEndpoint` accepts, sends, and makes of the answers."""

import io
import json
from typing import Any

import httpx2
import pytest
from langchain_core.outputs import Generation, GenerationChunk
from pydantic import SecretStr

from langchain_azure_llms import (
    AzureMLEndpointApiType,
    AzureMLOnlineEndpoint,
    ContentFormatterBase,
    CustomOpenAIContentFormatter,
    DollyContentFormatter,
    GPT2ContentFormatter,
    HFContentFormatter,
    MLflowContentFormatter,
    OpenAIChatContentFormatter,
)
from langchain_azure_llms.exceptions import (
    ConfigurationError,
    MissingCredentialError,
    ResponseFormatError,
    ServerError,
    StatusError,
    UnsupportedApiTypeError,
)
from tests.unit_tests.llms.scripted import (
    AsyncCalls,
    Service,
    SyncCalls,
    completion,
    stream,
    text_event,
)

Calls = SyncCalls | AsyncCalls
_URL = "https://e.westeurope.inference.ml.azure.com/score"
_SERVERLESS = "https://e.westeurope.models.ai.azure.com/v1/completions"
_DEDICATED_TYPE, _SERVERLESS_TYPE = (
    AzureMLEndpointApiType.dedicated,
    AzureMLEndpointApiType.serverless,
)


def _llm(service: Service | None = None, **settings: Any) -> AzureMLOnlineEndpoint:
    base = {
        "endpoint_url": _URL,
        "endpoint_api_key": "k",
        "content_formatter": CustomOpenAIContentFormatter(),
    }
    clients = service.clients if service else {}
    return AzureMLOnlineEndpoint(**{**base, **clients, **settings})


def _score(request: httpx2.Request) -> httpx2.Response:
    (prompt,) = json.loads(request.content)["input_data"]["input_string"]
    return httpx2.Response(200, json=[{"0": f"{prompt}!"}])


@pytest.fixture
def scoring() -> Service:
    """A service that answers `/score`."""
    return Service([_score])


def test_a_prompt_is_answered(calls: Calls, scoring: Service) -> None:
    """URL, headers and body are those of a scoring request."""
    llm = _llm(scoring, deployment_name="blue", model_kwargs={"temperature": 0.8})
    assert calls.invoke(llm, "hi") == "hi!"
    (request,) = scoring.requests
    assert str(request.url) == _URL
    assert request.headers["authorization"] == "Bearer k"
    assert request.headers["azureml-model-deployment"] == "blue"
    assert request.headers["content-type"] == "application/json"
    expected = {"input_data": {"input_string": ["hi"], "parameters": {"temperature": 0.8}}}
    assert scoring.bodies == [expected]


def test_each_prompt_has_a_request_of_its_own(calls: Calls, scoring: Service) -> None:
    """Model servers answer only the first of several."""
    prompts = [str(number) for number in range(40)]
    assert calls.batch(_llm(scoring), prompts) == [f"{prompt}!" for prompt in prompts]
    assert len(scoring.requests) == 40


def test_call_time_arguments_and_stop_count_for_that_call_alone(
    calls: Calls, scoring: Service
) -> None:
    """The constructor's mapping is not touched."""
    kwargs = {"temperature": 0.8}
    llm = _llm(scoring, model_kwargs=kwargs)
    calls.invoke(llm, "a", temperature=0.5, stop=["x"], top_p=0.9)
    calls.invoke(llm, "a")
    first, second = (body["input_data"]["parameters"] for body in scoring.bodies)
    assert first == {"temperature": 0.5, "stop": ["x"], "top_p": 0.9}
    assert (second, kwargs) == ({"temperature": 0.8}, {"temperature": 0.8})


def test_a_formatter_cannot_change_the_next_calls_arguments(calls: Calls, service: Service) -> None:
    """Each request has a mapping of its own."""

    class Popping(ContentFormatterBase):
        def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
            return json.dumps({"t": model_kwargs.pop("t")}).encode()

        def format_response_payload(self, output: bytes) -> str:
            return "fine"

    service.answers = [httpx2.Response(200)]
    llm = _llm(service, content_formatter=Popping(), model_kwargs={"t": 1})
    calls.batch(llm, ["a", "b"])
    assert service.bodies == [{"t": 1}, {"t": 1}]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (_URL, _DEDICATED_TYPE),
        (_SERVERLESS, _SERVERLESS_TYPE),
        ("https://h.example/completions", _SERVERLESS_TYPE),
        ("https://h.example/completions/", _SERVERLESS_TYPE),
        ("https://h.example/models/chat/completions?api-version=1", _SERVERLESS_TYPE),
        ("https://h.example/chat/completions", _SERVERLESS_TYPE),
        ("https://h.example/api/v1/endpoint/mine/score", _DEDICATED_TYPE),
        ("https://gateway.example/team/ml", _DEDICATED_TYPE),
    ],
)
def test_any_path_is_accepted_and_tells_the_api_type(
    url: str, expected: AzureMLEndpointApiType
) -> None:
    """Unless the api type is given."""
    assert _llm(endpoint_url=url).endpoint_api_type is expected
    given = _llm(endpoint_url=url, endpoint_api_type="dedicated")
    assert given.endpoint_api_type is _DEDICATED_TYPE


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (AzureMLEndpointApiType.dedicated, _DEDICATED_TYPE),
        (AzureMLEndpointApiType.realtime, _DEDICATED_TYPE),
        ("dedicated", _DEDICATED_TYPE),
        ("realtime", _DEDICATED_TYPE),
        ("AzureMLEndpointApiType.serverless", _SERVERLESS_TYPE),
        ("Serverless", _SERVERLESS_TYPE),
    ],
)
def test_api_types_of_every_age(given: Any, expected: AzureMLEndpointApiType) -> None:
    """The member, its value, its text; `realtime` is the old name of `dedicated`."""
    assert _llm(endpoint_api_type=given).endpoint_api_type is expected


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"endpoint_url": None}, ConfigurationError, "No endpoint"),
        ({"endpoint_url": ""}, ConfigurationError, "No endpoint"),
        ({"endpoint_url": "https://h.example"}, ConfigurationError, "without a path"),
        ({"endpoint_url": "https://h.example/"}, ConfigurationError, "without a path"),
        ({"endpoint_url": "h.example/score"}, ConfigurationError, "expected a whole URL"),
        ({"endpoint_url": "https:///score"}, ConfigurationError, "expected a whole URL"),
        ({"endpoint_url": "http://h.example/score"}, ConfigurationError, "unencrypted"),
        ({"endpoint_url": 17}, ConfigurationError, "endpoint_url: Input should be a valid string"),
        ({"endpoint_api_type": "batch"}, ConfigurationError, "expected one of 'dedicated'"),
        ({"endpoint_api_key": None}, MissingCredentialError, "AZUREML_ENDPOINT_API_KEY"),
        ({"endpoint_api_key": ""}, ConfigurationError, "endpoint_api_key is empty"),
        ({"endpoint_api_key": "k\n"}, ConfigurationError, "endpoint_api_key has white space"),
        ({"endpoint_api_key": 17}, ConfigurationError, "endpoint_api_key"),
        ({"timeout": -1}, ConfigurationError, "more than 0"),
        ({"endpoint_ulr": "x"}, ConfigurationError, "Did you mean 'endpoint_url'"),
        ({"temperature": 1}, ConfigurationError, "Model parameters go into model_kwargs"),
        ({"content_formatter": GPT2ContentFormatter}, ConfigurationError, "pass an object"),
        ({"content_formatter": object()}, ConfigurationError, "without format_request_payload"),
        (
            {"content_formatter": GPT2ContentFormatter(), "endpoint_url": _SERVERLESS},
            UnsupportedApiTypeError,
            "GPT2ContentFormatter supports endpoints of type dedicated",
        ),
        (
            {"content_formatter": DollyContentFormatter(), "endpoint_api_type": "serverless"},
            UnsupportedApiTypeError,
            "this one is serverless",
        ),
        ({"model_kwargs": 17}, ConfigurationError, "model_kwargs"),
    ],
)
def test_what_cannot_work_is_refused_by_the_constructor(
    settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    """By our own errors, with what to do."""
    with pytest.raises(error) as raised:
        _llm(**settings)
    assert message in str(raised.value)
    assert raised.value.__context__ is None


def test_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """URL, key, type, deployment and a timeout with a fraction."""
    monkeypatch.setenv("AZUREML_ENDPOINT_URL", _URL + "/")
    monkeypatch.setenv("AZUREML_ENDPOINT_API_KEY", "env-key")
    monkeypatch.setenv("AZUREML_ENDPOINT_API_TYPE", "realtime")
    monkeypatch.setenv("AZUREML_DEPLOYMENT_NAME", "green")
    monkeypatch.setenv("AZUREML_TIMEOUT", "90.5")
    llm = AzureMLOnlineEndpoint(endpoint_api_key=None, endpoint_url=None)
    assert (llm.endpoint_url, llm.endpoint_api_type) == (_URL, _DEDICATED_TYPE)
    assert (llm.deployment_name, llm.timeout) == ("green", 90.5)
    assert llm.endpoint_api_key == SecretStr("env-key")


def test_a_wrong_type_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is checked as an argument is."""
    monkeypatch.setenv("AZUREML_ENDPOINT_API_TYPE", "cheap")
    with pytest.raises(ConfigurationError, match="'cheap'"):
        _llm()
    monkeypatch.delenv("AZUREML_ENDPOINT_API_TYPE")
    monkeypatch.setenv("AZUREML_TIMEOUT", "soon")
    with pytest.raises(ConfigurationError, match="'soon'"):
        _llm()


def test_the_default_timeout_is_the_peers() -> None:
    """Fifty seconds."""
    assert _llm().timeout == 50


def test_without_a_formatter_the_first_call_says_what_to_pass(
    calls: Calls, service: Service
) -> None:
    """A saved config may have none, so constructing works."""
    llm = _llm(service, content_formatter=None)
    with pytest.raises(ConfigurationError, match="pass content_formatter"):
        calls.invoke(llm, "x")
    assert service.requests == []


@pytest.mark.parametrize(
    ("formatter", "call", "message"),
    [
        (CustomOpenAIContentFormatter(), {"prompt": "other"}, "'prompt' is no model parameter"),
        (OpenAIChatContentFormatter(), {"messages": []}, "'messages' is no model parameter"),
        (CustomOpenAIContentFormatter(), {"stream": True}, "Call stream or astream"),
    ],
)
def test_call_time_arguments_that_cannot_work_are_refused(
    calls: Calls, service: Service, formatter: Any, call: dict[str, Any], message: str
) -> None:
    """Before anything is sent."""
    llm = _llm(service, endpoint_url=_SERVERLESS, content_formatter=formatter)
    with pytest.raises(ConfigurationError, match=message):
        calls.invoke(llm.bind(**call), "x")
    assert service.requests == []


class TwoArguments(ContentFormatterBase):
    """The documented custom formatter: no api type, plain text."""

    content_type = "application/json"
    accepts = "application/json"

    def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
        return str.encode(json.dumps({"inputs": [prompt], "parameters": model_kwargs}))

    def format_response_payload(self, output: bytes) -> str:
        found: str = json.loads(output)[0]["summary_text"]
        return found


def test_formatters_of_the_oldest_interface_work(calls: Calls, service: Service) -> None:
    """Two arguments in, text out."""
    service.answers = [httpx2.Response(200, json=[{"summary_text": "short"}])]
    llm = _llm(service, content_formatter=TwoArguments(), endpoint_api_type="dedicated")
    assert calls.invoke(llm, "long") == "short"


@pytest.mark.parametrize(
    "payload", [b"p", bytearray(b"p"), "p", io.BytesIO(b"p"), io.StringIO("p")], ids=type
)
def test_payloads_of_every_type(service: Service, payload: Any) -> None:
    """Bytes, text, and what can be read."""

    class Own(TwoArguments):
        def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> Any:
            return payload

    service.answers = [httpx2.Response(200, json=[{"summary_text": "short"}])]
    _llm(service, content_formatter=Own()).invoke("x")
    assert service.requests[0].content == b"p"


@pytest.mark.parametrize("payload", [None, 17, {"a": 1}])
def test_a_payload_of_another_type_is_refused(
    calls: Calls, service: Service, payload: object
) -> None:
    """Before anything is sent."""

    class Own(TwoArguments):
        def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> Any:
            return payload

    with pytest.raises(ConfigurationError, match=r"Own.format_request_payload returned a"):
        calls.invoke(_llm(service, content_formatter=Own()), "x")
    assert service.requests == []


@pytest.mark.parametrize(
    ("returned", "texts"),
    [
        ("text", ["text"]),
        (Generation(text="g"), ["g"]),
        (GenerationChunk(text="c"), ["c"]),
        ([Generation(text="g"), Generation(text="h")], ["g", "h"]),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_answers_of_every_type(service: Service, returned: Any, texts: list[str]) -> None:
    """Text, one generation, several."""

    class Own(TwoArguments):
        def format_response_payload(self, output: bytes) -> Any:
            return returned

    service.answers = [httpx2.Response(200)]
    result = _llm(service, content_formatter=Own()).generate(["x"])
    assert [generation.text for generation in result.generations[0]] == texts


@pytest.mark.parametrize("returned", [None, 17, {"text": "x"}, [], [17]])
def test_an_answer_of_another_type_is_an_error(
    calls: Calls, service: Service, returned: object
) -> None:
    """It names the formatter and what came."""

    class Own(TwoArguments):
        def format_response_payload(self, output: bytes) -> Any:
            return returned

    service.answers = [httpx2.Response(200)]
    with pytest.raises(ResponseFormatError, match=r"Own.format_response_payload returned"):
        calls.invoke(_llm(service, content_formatter=Own()), "x")


def test_an_answer_the_formatter_cannot_read_is_an_error_with_body_and_cause(
    calls: Calls, service: Service
) -> None:
    """Not a bare KeyError."""
    service.answers = [httpx2.Response(200, json=[{"other": "x"}])]
    with pytest.raises(ResponseFormatError, match="TwoArguments could not read") as raised:
        calls.invoke(_llm(service, content_formatter=TwoArguments()), "x")
    assert isinstance(raised.value.__cause__, KeyError)
    assert raised.value.body == '[{"other":"x"}]'


def test_a_200_that_carries_failure_is_an_error_with_the_inner_status(
    calls: Calls, service: Service
) -> None:
    """Azure ML's model server does so when its engine failed."""
    answer = {"output": None, "error": {"status_code": 503, "body": "engine down"}}
    service.answers = [httpx2.Response(200, json=answer)]
    with pytest.raises(ServerError, match="engine down") as raised:
        calls.invoke(_llm(service), "x")
    assert raised.value.status_code == 503


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        (httpx2.Response(400), True),
        (httpx2.Response(422), True),
        (httpx2.Response(424, headers={"ms-azureml-model-error-statuscode": "400"}), True),
        (httpx2.Response(424, headers={"ms-azureml-model-error-statuscode": "500"}), False),
        (httpx2.Response(401), False),
    ],
)
def test_a_refused_request_names_the_formatter(
    calls: Calls,
    service: Service,
    reply: httpx2.Response,
    named: bool,  # noqa: FBT001
) -> None:
    """The wrong one is the likeliest mistake."""
    service.answers = [reply]
    with pytest.raises(StatusError) as raised:
        calls.invoke(_llm(service, max_retries=0), "x")
    assert ("the schema of CustomOpenAIContentFormatter" in str(raised.value)) is named


def test_an_empty_object_is_no_answer(calls: Calls, service: Service) -> None:
    """The same server says `{}` when its script failed."""
    service.answers = [httpx2.Response(200, json={})]
    with pytest.raises(ResponseFormatError, match="CustomOpenAIContentFormatter"):
        calls.invoke(_llm(service), "x")


def test_serverless_endpoints_stream(calls: Calls, service: Service) -> None:
    """Where the format does, real events are asked for and read."""
    service.answers = [stream(text_event("a"), text_event("b", "stop"))]
    llm = _llm(service, endpoint_url=_SERVERLESS, model_kwargs={"max_new_tokens": 4})
    assert [text for text in calls.stream(llm, "x", stop=["z"]) if text] == ["a", "b"]
    assert service.bodies == [{"prompt": "x", "max_new_tokens": 4, "stop": ["z"], "stream": True}]


def test_chat_endpoints_stream(calls: Calls, service: Service) -> None:
    """Dedicated ones too: the schema is the same."""
    event = {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}
    service.answers = [stream(event)]
    llm = _llm(service, content_formatter=OpenAIChatContentFormatter())
    assert "".join(calls.stream(llm, "x")) == "a"
    assert service.bodies == [{"messages": [{"role": "user", "content": "x"}], "stream": True}]


@pytest.mark.parametrize(
    "formatter",
    [
        CustomOpenAIContentFormatter(),
        DollyContentFormatter(),
        GPT2ContentFormatter(),
        HFContentFormatter(),
        MLflowContentFormatter(),
        TwoArguments(),
    ],
    ids=lambda formatter: type(formatter).__name__,
)
def test_other_formats_stream_one_whole_chunk(
    calls: Calls, service: Service, formatter: ContentFormatterBase
) -> None:
    """And are not asked to stream."""
    service.answers = [httpx2.Response(200, json=[{"summary_text": "all of it"}])]
    llm = _llm(service, content_formatter=formatter)
    assert calls.stream(llm, "x") == ["all of it"]
    assert "stream" not in json.dumps(service.bodies)


def test_an_own_formatter_can_stream(calls: Calls, service: Service) -> None:
    """By saying for which api types, and how an event is read."""

    class Streaming(TwoArguments):
        @property
        def streaming_api_types(self) -> list[AzureMLEndpointApiType]:
            return [AzureMLEndpointApiType.dedicated]

        def format_stream_event(self, data: str, api_type: Any = None) -> str:
            return data.upper()

    service.answers = [stream("a", "b")]
    llm = _llm(service, content_formatter=Streaming())
    assert [text for text in calls.stream(llm, "x") if text] == ["A", "B"]


def test_usage_and_model_are_told_where_the_service_tells_them(
    calls: Calls, service: Service
) -> None:
    """Summed over the requests."""
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    service.answers = [completion("a", usage=usage, model="m")]
    result = calls.generate(_llm(service, endpoint_url=_SERVERLESS), ["x", "y"])
    assert result.llm_output == {
        "token_usage": {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6},
        "model_name": "m",
    }
    info = result.generations[0][0].generation_info
    assert info == {"finish_reason": "stop", "logprobs": None}


def test_headers_and_query_of_ones_own_travel(calls: Calls, scoring: Service) -> None:
    """Over ours of the same name; what the URL has stays."""
    llm = _llm(
        scoring,
        endpoint_url=f"{_URL}?a=1",
        default_headers={"X-Team": "t", "content-TYPE": "application/x"},
        default_query={"b": 2},
    )
    calls.invoke(llm, "x")
    (request,) = scoring.requests
    assert str(request.url) == f"{_URL}?a=1&b=2"
    assert request.headers.get_list("content-type") == ["application/x"]
    assert request.headers["x-team"] == "t"


def test_stop_among_the_model_arguments_is_sent(calls: Calls, scoring: Service) -> None:
    """And does not get in tracing's way."""
    calls.invoke(_llm(scoring, model_kwargs={"stop": ["\n"]}), "x")
    assert scoring.bodies[0]["input_data"]["parameters"] == {"stop": ["\n"]}


def test_without_a_model_name_none_is_told(calls: Calls, scoring: Service) -> None:
    """Token counters of LangChain's would stumble over None."""
    assert calls.generate(_llm(scoring), ["x"]).llm_output == {"token_usage": {}}


@pytest.mark.parametrize("returned", [17, b"bytes", ["a"], {"a": 1}, ValueError("odd")])
def test_an_event_that_a_formatter_cannot_read_is_an_error(
    calls: Calls, service: Service, returned: Any
) -> None:
    """Of our own class, whatever it returns or raises; it need not take the api type."""

    class Own(TwoArguments):
        @property
        def streaming_api_types(self) -> list[AzureMLEndpointApiType]:
            return [AzureMLEndpointApiType.dedicated]

        def format_stream_event(self, data: str) -> Any:
            if isinstance(returned, Exception):
                raise returned
            return returned

    service.answers = [stream("a", "b")]
    with pytest.raises(ResponseFormatError, match="Own"):
        calls.stream(_llm(service, content_formatter=Own()), "x")


def test_the_api_type_may_be_a_keyword(service: Service) -> None:
    """It is the real one, not the default."""
    seen = []

    class Own(TwoArguments):
        def format_response_payload(self, output: bytes, *, api_type: str = "unknown") -> str:
            seen.append(api_type)
            return "fine"

    service.answers = [httpx2.Response(200)]
    _llm(service, content_formatter=Own()).invoke("x")
    assert seen == ["dedicated"]


def test_nested_arguments_are_each_requests_own(calls: Calls, service: Service) -> None:
    """A formatter that changes them changes nothing else."""

    class Own(TwoArguments):
        def format_request_payload(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
            return json.dumps(model_kwargs["nested"].pop("t")).encode()

    service.answers = [httpx2.Response(200, json=[{"summary_text": "fine"}])]
    llm = _llm(service, content_formatter=Own(), model_kwargs={"nested": {"t": 1}})
    calls.batch(llm, ["a", "b"])
    assert llm.model_kwargs == {"nested": {"t": 1}}


def test_printing_names_what_identifies_it() -> None:
    """Without the URL's query and without secrets."""
    llm = _llm(endpoint_url=f"{_URL}?key=s3cret", endpoint_api_key="s3cret", deployment_name="b")
    assert llm._identifying_params == {
        "deployment_name": "b",
        "endpoint_url": _URL,
        "endpoint_api_type": "dedicated",
        "content_formatter": "CustomOpenAIContentFormatter",
        "model_kwargs": {},
    }
    assert "s3cret" not in str(llm)


def test_tracing_names_the_deployment_and_the_parameters() -> None:
    """Which stand in model_kwargs here."""
    llm = _llm(deployment_name="b", model_kwargs={"temperature": 0.2, "max_tokens": 9})
    params = llm._get_ls_params()
    assert (params["ls_provider"], params["ls_model_name"]) == ("azureml_endpoint", "b")
    assert (params["ls_temperature"], params["ls_max_tokens"]) == (0.2, 9)


def test_headers_and_query_of_a_call_are_not_the_models(calls: Calls, scoring: Service) -> None:
    """They travel as such, over the LLM's own, and never in the body."""
    llm = _llm(scoring, default_headers={"x-a": "1", "x-b": "1"}, default_query={"q": "1"})
    calls.invoke(llm, "hi", extra_headers={"x-a": "2"}, extra_query={"r": "2"}, top_k=3)
    (request,) = scoring.requests
    assert ("2", "1") == (request.headers["x-a"], request.headers["x-b"])
    assert f"{_URL}?q=1&r=2" == str(request.url)
    assert {"top_k": 3} == scoring.bodies[0]["input_data"]["parameters"]


@pytest.mark.parametrize("name", ["timeout", "max_retries", "endpoint_url", "content_formatter"])
def test_a_setting_is_no_argument_of_a_call(name: str) -> None:
    """The model would be sent it as a parameter, and the call would go on as before."""
    with pytest.raises(ConfigurationError, match=f"{name} is a setting of AzureMLOnlineEndpoint"):
        _llm(Service([])).invoke("hi", **{name: 1})  # type: ignore[arg-type]
