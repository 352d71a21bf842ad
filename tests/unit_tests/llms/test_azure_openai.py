"""What `AzureOpenAI` sends, and what it makes of the answers."""

import json
import time
from typing import Any

import httpx2
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult
from langchain_core.prompts import PromptTemplate

from langchain_azure_llms import AzureOpenAI
from langchain_azure_llms.exceptions import (
    AzureLLMError,
    ConfigurationError,
    ContentFilterError,
    CredentialError,
    ServerError,
    StreamInterruptedError,
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


def _llm(service: Service, **settings: Any) -> AzureOpenAI:
    base = {
        "azure_endpoint": "https://r.openai.azure.com",
        "azure_deployment": "d",
        "api_version": "2024-10-21",
        "api_key": "k",
    }
    return AzureOpenAI(**{**base, **service.clients, **settings})


def test_a_prompt_is_answered(calls: Calls, service: Service) -> None:
    """URL, headers and body are those of Azure OpenAI's completions."""
    assert calls.invoke(_llm(service), "hi") == "hi!"
    (request,) = service.requests
    url = "https://r.openai.azure.com/openai/deployments/d/completions?api-version=2024-10-21"
    assert str(request.url) == url
    assert request.headers["api-key"] == "k"
    assert request.headers["user-agent"].startswith("langchain-azure-llms/")
    assert service.bodies == [
        {
            "prompt": ["hi"],
            "model": "d",
            "temperature": 0.7,
            "top_p": 1,
            "frequency_penalty": 0,
            "presence_penalty": 0,
            "n": 1,
            "max_tokens": 256,
        }
    ]


def test_prompts_are_packed_into_requests_and_answered_in_order(
    calls: Calls, service: Service
) -> None:
    """`batch_size` prompts a request; usage is summed, the model is the one that answered."""
    prompts = [str(number) for number in range(7)]
    result = calls.generate(_llm(service, batch_size=3), prompts)
    assert [group[0].text for group in result.generations] == [f"{p}!" for p in prompts]
    assert sorted(len(body["prompt"]) for body in service.bodies) == [1, 3, 3]
    assert result.llm_output == {
        "token_usage": {"prompt_tokens": 7, "completion_tokens": 14, "total_tokens": 21},
        "model_name": "served",
    }


def test_several_completions_of_each_prompt(calls: Calls, service: Service) -> None:
    """`n` at construction or at the call."""
    result = calls.generate(_llm(service, n=2, best_of=3), ["a", "b"], n=3)
    assert [len(group) for group in result.generations] == [3, 3]
    assert (service.bodies[0]["n"], service.bodies[0]["best_of"]) == (3, 3)


def test_batches_keep_their_order(calls: Calls, service: Service) -> None:
    """Also with LangChain's own bound on concurrency."""
    prompts = [str(number) for number in range(9)]
    found = calls.batch(_llm(service), prompts, config={"max_concurrency": 4})
    assert found == [f"{prompt}!" for prompt in prompts]


def test_call_time_arguments_and_stop_count_for_that_call_alone(
    calls: Calls, service: Service
) -> None:
    """The next call is as the constructor said."""
    llm = _llm(service, model_kwargs={"user": "u"})
    calls.invoke(llm, "a", stop=["x"], temperature=0.1, echo=True, user="v")
    calls.invoke(llm, "a")
    first, second = service.bodies
    assert (first["stop"], first["temperature"], first["echo"], first["user"]) == (
        ["x"],
        0.1,
        True,
        "v",
    )
    assert (second["temperature"], second["user"]) == (0.7, "u")
    assert not {"stop", "echo"} & set(second)


def test_arguments_of_openais_own_client_are_understood_at_call_time(
    calls: Calls, service: Service
) -> None:
    """Headers, query, body and timeout of one call."""
    llm = _llm(service, default_headers={"X-A": "1", "api-KEY": "over"}, default_query={"q": "1"})
    extra = {"extra_headers": {"x-b": "2"}, "extra_query": {"r": "2"}, "extra_body": {"z": 3}}
    calls.invoke(llm, "a", timeout=7, **extra)
    (request,) = service.requests
    assert dict(request.url.params) == {"api-version": "2024-10-21", "q": "1", "r": "2"}
    assert (request.headers["x-a"], request.headers["x-b"]) == ("1", "2")
    assert request.headers.get_list("api-key") == ["over"]
    assert request.extensions["timeout"]["read"] == 7
    assert service.bodies[0]["z"] == 3
    assert not {"extra_headers", "extra_query", "extra_body", "timeout"} & set(service.bodies[0])


def test_one_call_may_go_to_another_deployment(calls: Calls, service: Service) -> None:
    """As in OpenAI's client: `model=` names the deployment only where none is fixed."""
    calls.invoke(_llm(service, azure_deployment=None), "a", model="other one")
    calls.invoke(_llm(service), "a", model="other one")
    loose, fixed = (str(request.url) for request in service.requests)
    assert "/deployments/other%20one/completions" in loose
    assert "/deployments/d/completions" in fixed
    assert [body["model"] for body in service.bodies] == ["other one", "other one"]


def test_without_a_deployment_the_call_says_what_to_pass(calls: Calls, service: Service) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="pass deployment_name"):
        calls.invoke(_llm(service, azure_deployment=None), "a")
    assert service.requests == []


def test_a_stream_gives_text_as_it_comes(calls: Calls, service: Service) -> None:
    """White space included; the end adds no text."""
    service.answers = [stream(text_event("\n\na"), text_event(" b "), text_event("", "stop"))]
    assert [text for text in calls.stream(_llm(service), "x") if text] == ["\n\na", " b "]
    assert (service.bodies[0]["stream"], service.bodies[0]["prompt"]) == (True, "x")


class Tokens(BaseCallbackHandler):
    """Remembers what callbacks are told."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.results: list[LLMResult] = []

    def on_llm_new_token(self, token: str, **_: Any) -> None:
        self.tokens.append(token)

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        self.results.append(response)


def test_streaming_reports_tokens_and_the_whole_generation(calls: Calls, service: Service) -> None:
    """What came beside the text is in the final generation, once."""
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "total_tokens": 3}}
    service.answers = [stream(text_event("a"), text_event("b", "stop"), usage)]
    seen = Tokens()
    calls.stream(_llm(service), "x", config={"callbacks": [seen]})
    assert [token for token in seen.tokens if token] == ["a", "b"]
    (generation,) = seen.results[0].generations[0]
    assert generation.text == "ab"
    assert (generation.generation_info or {})["finish_reason"] == "stop"
    assert (generation.generation_info or {})["token_usage"]["total_tokens"] == 3


def test_streaming_true_streams_each_of_several_prompts(calls: Calls, service: Service) -> None:
    """The peer refuses this."""
    usage = {"choices": [], "usage": {"total_tokens": 3}}
    service.answers = [stream(text_event("a"), text_event("b", "stop"), usage)]
    seen = Tokens()
    llm = _llm(service, streaming=True, callbacks=[seen])
    result = calls.generate(llm, ["x", "y"])
    assert [group[0].text for group in result.generations] == ["ab", "ab"]
    assert result.llm_output == {"token_usage": {"total_tokens": 6}, "model_name": "served"}
    assert all(body["stream"] for body in service.bodies)


def test_a_service_that_does_not_stream_gives_one_chunk(calls: Calls, service: Service) -> None:
    """The whole answer."""
    service.answers = [completion("all of it")]
    assert calls.stream(_llm(service), "x") == ["all of it"]


def test_a_stream_without_its_end_is_an_error_with_the_text_so_far(
    calls: Calls, service: Service
) -> None:
    """Never a silent short answer."""
    service.answers = [stream(text_event("half an"), done=False)]
    with pytest.raises(StreamInterruptedError) as raised:
        calls.stream(_llm(service), "x")
    assert raised.value.text_so_far == "half an"


def test_an_error_inside_a_stream_has_its_own_class_and_the_text_so_far(
    calls: Calls, service: Service
) -> None:
    """The service failed after its 200."""
    event = {"error": {"message": "high demand", "type": "server_error", "code": None}}
    service.answers = [stream(text_event("half"), event, done=False)]
    with pytest.raises(ServerError, match="high demand") as raised:
        calls.stream(_llm(service), "x")
    assert (raised.value.text_so_far, raised.value.status_code) == ("half", 500)


@pytest.mark.parametrize(
    "event",
    [
        'event: error\ndata: {"message": "boom", "code": 500}\n\n',
        "event: error\ndata: boom\n\n",
        'data: {"object": "error", "message": "boom", "code": 500}\n\n',
        'data: {"error": {"message": "boom"}, "choices": [{"index": 0, "text": ""}]}\n\n',
    ],
)
def test_errors_of_every_form_inside_a_stream_are_errors(
    calls: Calls, service: Service, event: str
) -> None:
    """A half answer that passes for a whole one is the worst of answers."""
    half = f"data: {json.dumps(text_event('half'))}\n\n{event}data: [DONE]\n\n"
    headers = {"content-type": "text/event-stream"}
    service.answers = [httpx2.Response(200, headers=headers, content=half.encode())]
    with pytest.raises(ServerError, match="boom") as raised:
        calls.stream(_llm(service), "x")
    assert raised.value.text_so_far == "half"


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"message": "boom"}, "choices": [{"text": "x"}]},
        {"object": "error", "message": "boom", "code": 500, "choices": [{"text": "x"}]},
    ],
)
def test_an_error_beside_choices_is_an_error(
    calls: Calls, service: Service, answer: dict[str, Any]
) -> None:
    """Whatever else the answer holds."""
    service.answers = [httpx2.Response(200, json=answer)]
    with pytest.raises(ServerError, match="boom"):
        calls.invoke(_llm(service), "x")


def test_odd_types_beside_the_text_do_not_break_a_stream(calls: Calls, service: Service) -> None:
    """Log probabilities and finish reasons that cannot be added up."""
    odd = {"choices": [{"text": "a", "logprobs": {"x": 1.5}, "finish_reason": {"a": 1}}]}
    service.answers = [stream(odd, odd, text_event("b", "stop"))]
    assert "".join(calls.stream(_llm(service), "x")) == "aab"
    assert calls.generate(_llm(service, streaming=True), ["x"]).generations[0][0].text == "aab"


def test_long_streams_cost_in_proportion(service: Service) -> None:
    """The text so far is not put together for every event: ten times the events, not a hundred."""

    def seconds(count: int) -> float:
        service.answers = [stream(*[text_event("word ")] * count, text_event("", "stop"))]
        started = time.process_time()
        assert sum(1 for _ in _llm(service)._stream("x")) == count + 1
        return time.process_time() - started

    few = min(seconds(2_000) for _ in range(3))
    assert seconds(20_000) < 30 * few


def test_a_users_clients_own_parameters_are_added(service: Service) -> None:
    """They do not replace the API version."""
    transport = httpx2.MockTransport(service)
    llm = _llm(service, http_client=httpx2.Client(transport=transport, params={"t": "1"}))
    llm.invoke("x")
    assert dict(service.requests[0].url.params) == {"t": "1", "api-version": "2024-10-21"}


def test_the_text_of_a_users_hook_is_not_told(service: Service) -> None:
    """Its error holds the whole URL, with its query."""
    service.answers = [httpx2.Response(500)]
    hooks = {"response": [lambda response: response.raise_for_status()]}
    client = httpx2.Client(transport=httpx2.MockTransport(service), event_hooks=hooks)
    with pytest.raises(AzureLLMError) as raised:
        _llm(service, http_client=client, default_query={"code": "s3cret"}).invoke("x")
    assert "s3cret" not in str(raised.value)


def test_a_closed_client_of_ones_own_is_a_configuration_error(service: Service) -> None:
    """Not a bare RuntimeError."""
    client = httpx2.Client(transport=httpx2.MockTransport(service))
    client.close()
    with pytest.raises(ConfigurationError, match="closed"):
        _llm(service, http_client=client).invoke("x")


def test_no_key_stands_in_a_traceback_with_locals(calls: Calls, service: Service) -> None:
    """As rich and error trackers render them."""
    service.answers = [httpx2.Response(500, content=b"broken")]
    with pytest.raises(ServerError) as raised:
        calls.invoke(_llm(service, api_key="s3cret", max_retries=0), "x")
    shown, trace = "", raised.value.__traceback__
    while trace is not None:
        if "langchain_azure_llms" in trace.tb_frame.f_code.co_filename:
            shown += repr(trace.tb_frame.f_locals)
        trace = trace.tb_next
    assert "headers" in shown
    assert "s3cret" not in shown


def test_an_endpoint_that_was_changed_is_checked_too(calls: Calls, service: Service) -> None:
    """The key does not go out in the open."""
    llm = _llm(service)
    llm.azure_endpoint = "http://elsewhere.example"
    with pytest.raises(ConfigurationError, match="would travel unencrypted"):
        calls.invoke(llm, "x")


def test_a_broken_answer_after_the_end_marker_is_no_error(calls: Calls, service: Service) -> None:
    """Everything had arrived."""
    service.answers = [stream(text_event("a", "stop"), "[DONE]", "{broken", done=False)]
    assert "".join(calls.stream(_llm(service), "x")) == "a"


def test_a_stream_of_several_completions_is_refused(calls: Calls, service: Service) -> None:
    """It could only mix them."""
    with pytest.raises(ConfigurationError, match="A stream gives one completion"):
        calls.stream(_llm(service, n=2), "x")
    assert service.requests == []


def test_a_refused_prompt_is_a_typed_error(calls: Calls, service: Service) -> None:
    """And is not tried again."""
    service.answers = [httpx2.Response(400, json={"error": {"code": "content_filter"}})]
    with pytest.raises(ContentFilterError):
        calls.invoke(_llm(service), "x")
    assert len(service.requests) == 1


def test_an_error_under_a_200_is_typed_too(calls: Calls, service: Service) -> None:
    """With the status it names."""
    service.answers = [httpx2.Response(200, json={"error": {"code": "503", "message": "down"}})]
    with pytest.raises(ServerError, match="down") as raised:
        calls.invoke(_llm(service), "x")
    assert raised.value.status_code == 503


@pytest.mark.parametrize("value", [-1, 0, 2.5, True, "2"])
def test_a_count_that_is_none_is_refused_at_the_call(
    calls: Calls, service: Service, value: object
) -> None:
    """Choices are placed by it."""
    with pytest.raises(ConfigurationError, match="n is "):
        calls.invoke(_llm(service), "x", n=value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"prompt": "other"}, "'prompt' is no model parameter"),
        ({"stream": True}, "Call stream or astream"),
        ({"timeout": "soon"}, "expected seconds"),
        ({"timeout": 0}, "more than 0 seconds"),
        ({"temprature": 0.1}, "Did you mean 'temperature'"),
        ({"extra_headers": {"x": "é"}}, "The header 'x' must be text"),
        ({"extra_headers": {"x": "a\r\nb: c"}}, "The header 'x' must be text"),
        ({"extra_headers": {"x": 1}}, "The header 'x' must be text"),
        ({"extra_headers": {"Content-Length": "1"}}, "set by the HTTP client alone"),
        ({"extra_headers": {"a b": "1"}}, "cannot be the name of a header"),
        ({"extra_headers": [("a", "b")]}, "extra_headers is a list"),
        ({"extra_query": "a=b"}, "extra_query is a str"),
        ({"extra_body": [1]}, "extra_body is a list"),
        ({"temperature": float("nan")}, "cannot be sent as JSON"),
    ],
)
def test_call_time_arguments_that_cannot_work_are_refused(
    calls: Calls, service: Service, call: dict[str, Any], message: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match=message):
        calls.invoke(_llm(service).bind(**call), "x")
    assert service.requests == []


@pytest.mark.parametrize("prompt", [17, b"bytes", None, object()])
def test_a_prompt_that_is_not_text_is_refused(calls: Calls, service: Service, prompt: Any) -> None:
    """By `invoke` and by `generate`, before anything is sent."""
    with pytest.raises((ValueError, NotImplementedError)):  # LangChain's own errors
        calls.invoke(_llm(service), prompt)
    with pytest.raises(ConfigurationError, match=r"Prompt 1 is a .*expected text"):
        calls.generate(_llm(service), ["fine", prompt])
    assert service.requests == []


def test_it_is_a_link_of_a_chain(service: Service) -> None:
    """LCEL, as the documentation shows it."""
    chain = PromptTemplate.from_template("Say {word}") | _llm(service)
    assert chain.invoke({"word": "cheese"}) == "Say cheese!"


def test_an_entra_token_travels_as_bearer(calls: Calls, service: Service) -> None:
    """And no key beside it."""
    calls.invoke(_llm(service, api_key=None, azure_ad_token="t"), "x")
    headers = service.requests[0].headers
    assert (headers["authorization"], "api-key" in headers) == ("Bearer t", False)


def test_a_token_provider_is_asked_for_every_request(calls: Calls, service: Service) -> None:
    """A token outlived is replaced."""
    tokens = iter(["t1", "t2"])
    llm = _llm(service, api_key=None, azure_ad_token_provider=lambda: next(tokens))
    calls.invoke(llm, "x")
    calls.invoke(llm, "x")
    sent = [request.headers["authorization"] for request in service.requests]
    assert sent == ["Bearer t1", "Bearer t2"]


@pytest.mark.parametrize("token", ["s3cret\n", "s3creté", "Bearer s3cret"])
def test_a_token_that_cannot_be_sent_is_refused_unseen(
    calls: Calls, service: Service, token: str
) -> None:
    """As a key is, without showing it."""
    llm = _llm(service, api_key=None, azure_ad_token_provider=lambda: token)
    with pytest.raises(ConfigurationError, match="token provider's token") as raised:
        calls.invoke(llm, "x")
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("token", ["", "  ", None, 17])
def test_a_provider_without_a_token_is_an_error(
    calls: Calls, service: Service, token: object
) -> None:
    """Nothing is sent."""
    llm = _llm(service, api_key=None, azure_ad_token_provider=lambda: token)
    with pytest.raises(CredentialError, match="token provider returned"):
        calls.invoke(llm, "x")
    assert service.requests == []


def test_a_provider_that_fails_is_an_error_with_its_cause(calls: Calls, service: Service) -> None:
    """The reason is told."""

    def signed_out() -> str:
        raise RuntimeError("signed out")

    llm = _llm(service, api_key=None, azure_ad_token_provider=signed_out)
    with pytest.raises(CredentialError, match="signed out") as raised:
        calls.invoke(llm, "x")
    assert isinstance(raised.value.__cause__, RuntimeError)


async def _async_token() -> str:
    return "at"


def test_async_calls_prefer_the_async_provider(service: Service) -> None:
    """The sync one serves the sync calls."""
    llm = _llm(
        service,
        api_key=None,
        azure_ad_token_provider=lambda: "st",
        azure_ad_async_token_provider=_async_token,
    )
    SyncCalls().invoke(llm, "x")
    AsyncCalls().invoke(llm, "x")
    sent = [request.headers["authorization"] for request in service.requests]
    assert sent == ["Bearer st", "Bearer at"]


def test_an_async_provider_alone_cannot_serve_a_sync_call(service: Service) -> None:
    """The error says what to do."""
    llm = _llm(service, api_key=None, azure_ad_async_token_provider=_async_token)
    with pytest.raises(ConfigurationError, match="ainvoke"):
        llm.invoke("x")
    assert AsyncCalls().invoke(llm, "x") == "x!"
