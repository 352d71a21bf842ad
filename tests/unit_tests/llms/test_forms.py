"""One LLM class, whatever form its deployment speaks."""

import asyncio
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from langchain_azure_llms import AzureOpenAI, load_llm
from langchain_azure_llms.exceptions import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ContentFilterError,
    DeploymentNotFoundError,
    OperationNotSupportedError,
    PermissionDeniedError,
    StatusError,
    StreamInterruptedError,
)
from tests.unit_tests.llms.scripted import AsyncCalls, Service, SyncCalls, echo, stream, text_event
from tests.unit_tests.llms.scripted import azure_openai as _llm

Calls = SyncCalls | AsyncCalls
Answer = Callable[[httpx2.Request], httpx2.Response]
COMPLETIONS, CHAT, RESPONSES = "completions", "chat_completions", "responses"


def _error(status: int, **error: Any) -> Answer:
    return lambda _request: httpx2.Response(status, json={"error": error})


NOT_SUPPORTED = _error(400, code="OperationNotSupported", message="It does not work with gpt-9.")
REFUSALS = [
    NOT_SUPPORTED,
    _error(
        404,
        code=None,
        type="invalid_request_error",
        message="This is a chat model and not supported in the v1/completions endpoint.",
    ),
    _error(400, code=None, message="The requested operation is unsupported."),
]


def _chat(request: httpx2.Request) -> httpx2.Response:
    body = json.loads(request.content)
    text = body["messages"][0]["content"] + "!"
    if body.get("stream"):
        pieces = [{"choices": [{"delta": {"content": c}, "index": 0}]} for c in text]
        end = {"choices": [{"delta": {}, "index": 0, "finish_reason": "stop"}]}
        return stream({"choices": [], "prompt_filter_results": []}, *pieces, end)
    choices = [
        {"message": {"content": text}, "index": i, "finish_reason": "stop"}
        for i in range(body.get("n", 1))
    ]
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return httpx2.Response(200, json={"choices": choices, "usage": usage, "model": "chatty"})


def _responses(request: httpx2.Request) -> httpx2.Response:
    body = json.loads(request.content)
    text = body["input"] + "!"
    value = {
        "status": "completed",
        "model": "responding",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}],
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    }
    if body.get("stream"):
        pieces = [{"type": "response.output_text.delta", "delta": c} for c in text]
        return stream(*pieces, {"type": "response.completed", "response": value}, done=False)
    return httpx2.Response(200, json=value)


def _form_of(request: httpx2.Request) -> str:
    path = request.url.path
    if path.endswith("/responses"):
        return RESPONSES
    return CHAT if path.endswith("/chat/completions") else COMPLETIONS


class Deployment(Service):
    """Speaks some forms, and refuses the others."""

    def __init__(
        self,
        forms: dict[str, Answer] | None = None,
        refusal: Answer = NOT_SUPPORTED,
        delay: float = 0.0,
    ) -> None:
        refusing = dict.fromkeys((COMPLETIONS, CHAT, RESPONSES), refusal)
        answers = refusing | (forms or {})

        def answer(request: httpx2.Request) -> httpx2.Response:
            time.sleep(delay)
            return answers[_form_of(request)](request)

        super().__init__([answer])

    @property
    def forms(self) -> list[str]:
        """The forms of the requests."""
        return [_form_of(request) for request in self.requests]


@pytest.fixture(params=[SyncCalls(), AsyncCalls()], ids=["sync", "async"])
def calls(request: pytest.FixtureRequest) -> Calls:
    """Both ways of calling."""
    made: Calls = request.param
    return made


SPEAKING = [
    pytest.param({COMPLETIONS: echo}, [COMPLETIONS], id="completions"),
    pytest.param({CHAT: _chat}, [COMPLETIONS, CHAT], id="chat"),
    pytest.param({RESPONSES: _responses}, [COMPLETIONS, CHAT, RESPONSES], id="responses"),
]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize(("speaks", "tried"), SPEAKING)
def test_the_form_is_found_out_once(
    calls: Calls, speaks: dict[str, Answer], tried: list[str], refusal: Answer
) -> None:
    """The first call tries them in order; the later ones know."""
    service = Deployment(speaks, refusal)
    llm = _llm(service)
    assert ["hi!", "ho!"] == [calls.invoke(llm, "hi"), calls.invoke(llm, "ho")]
    assert [*tried, tried[-1]] == service.forms


@pytest.mark.parametrize(("speaks", "tried"), SPEAKING)
def test_it_is_found_out_while_streaming(
    calls: Calls, speaks: dict[str, Answer], tried: list[str]
) -> None:
    """A refusal comes before the first chunk."""
    if COMPLETIONS in speaks:
        speaks = {COMPLETIONS: lambda _: stream(*map(text_event, "hi!"), text_event("", "stop"))}
    service = Deployment(speaks)
    llm = _llm(service)
    assert ["hi!", "hi!"] == ["".join(calls.stream(llm, "hi")) for _ in range(2)]
    assert [*tried, tried[-1]] == service.forms


@pytest.mark.parametrize(("speaks", "tried"), SPEAKING[1:])
def test_a_batch_tries_with_its_first_request(
    calls: Calls, speaks: dict[str, Answer], tried: list[str]
) -> None:
    """Answers stand in the prompts' order; each prompt has a request of its own."""
    service = Deployment(speaks)
    prompts = [f"p{number}" for number in range(50)]
    assert [f"{p}!" for p in prompts] == calls.batch(_llm(service), prompts)
    assert 50 + len(tried) - 1 == len(service.requests)
    usage = (calls.generate(_llm(service), prompts).llm_output or {})["token_usage"]
    assert {"prompt_tokens": 50, "completion_tokens": 100, "total_tokens": 150} == usage


def test_one_warning_tells_of_it(calls: Calls, caplog: pytest.LogCaptureFixture) -> None:
    """And says how to save the refused request."""
    llm = _llm(Deployment({CHAT: _chat}))
    calls.invoke(llm, "hi")
    calls.invoke(llm, "hi")
    assert [
        "The deployment 'd' does not offer completions; chat_completions is used from now on. "
        "api='chat_completions' saves the refused first request."
    ] == [record.getMessage() for record in caplog.records]
    assert [logging.WARNING] == [record.levelno for record in caplog.records]


def test_no_warning_where_nothing_is_refused(
    calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    """Completions are what was asked for."""
    calls.invoke(_llm(Deployment({COMPLETIONS: echo})), "hi")
    assert [] == caplog.records


def test_copies_share_what_was_learned(calls: Calls) -> None:
    """In either direction; another object learns for itself, and so does another deployment."""
    service = Deployment({CHAT: _chat})
    llm = _llm(service)
    copied = llm.model_copy(update={"temperature": 0.1})
    calls.invoke(copied, "hi")
    calls.invoke(llm, "hi")
    calls.invoke(llm.bind(stop=["x"]), "hi")
    assert [COMPLETIONS, CHAT, CHAT, CHAT] == service.forms
    llm.deployment_name = "e"
    calls.invoke(llm, "hi")
    assert [COMPLETIONS, CHAT] == service.forms[4:]


def test_what_was_learned_is_not_saved_unless_it_was_set(tmp_path: Path) -> None:
    """A file says what the user said."""
    llm = _llm(Deployment({CHAT: _chat}))
    llm.invoke("hi")
    path = tmp_path / "x.json"
    with pytest.warns(UserWarning, match="saved without"):
        llm.save(path)
    assert "api" not in json.loads(path.read_text())
    with pytest.warns(UserWarning, match="saved without"):
        _llm(Deployment(), api="auto").save(path)
    loaded = load_llm(path, api_key="k")
    assert isinstance(loaded, AzureOpenAI)
    assert "auto" == json.loads(path.read_text())["api"] == loaded.api


OTHER_REFUSALS = [
    (
        _error(400, code="BadRequest", message="This operation is not supported here."),
        BadRequestError,
    ),
    (_error(400, code="content_filter", message="filtered"), ContentFilterError),
    (_error(400, code="unsupported_parameter", message="no best_of"), BadRequestError),
    (_error(404, code="DeploymentNotFound", message="no such deployment"), DeploymentNotFoundError),
    (_error(401, code="401", message="Access denied"), AuthenticationError),
]


@pytest.mark.parametrize(("refusal", "expected"), OTHER_REFUSALS)
def test_no_other_refusal_switches(
    calls: Calls, refusal: Answer, expected: type[Exception]
) -> None:
    """It is the caller's error."""
    service = Deployment({CHAT: _chat}, refusal)
    with pytest.raises(expected):
        calls.invoke(_llm(service), "hi")
    assert [COMPLETIONS] == service.forms


def test_an_error_after_a_refusal_says_why_it_was_tried(calls: Calls) -> None:
    """The caller asked for text, and sees an error of Responses."""
    service = Deployment({RESPONSES: _error(403, code="403", message="Not from here")})
    with pytest.raises(PermissionDeniedError, match=r"responses was tried because .* refused comp"):
        calls.invoke(_llm(service), "hi")


def _plain(status: int, body: Any) -> Answer:
    return lambda _request: httpx2.Response(status, json=body)


API_REFUSALS = [
    _plain(404, {"statusCode": 404, "message": "Resource not found"}),
    _plain(404, {"error": {"code": "404", "message": "Resource not found"}}),
    _plain(404, {"detail": "Not Found"}),
    lambda _request: httpx2.Response(404),
    lambda _request: httpx2.Response(404, html="<html><h1>404 Not Found</h1></html>"),
    lambda _request: httpx2.Response(405),
    _plain(405, {"detail": "Method Not Allowed"}),
    _error(400, message="This model is not supported by Responses API."),
    _error(404, message="This model is only supported in v1/responses and not in v1/completions."),
    _error(400, message="The chatCompletion operation does not work with the specified model, x."),
    _error(400, code="OperationNotSupported", message="No."),
    _error(400, message="The requested operation is unsupported."),
]


@pytest.mark.parametrize("refusal", API_REFUSALS)
def test_every_refusal_of_an_api_leads_to_the_next(calls: Calls, refusal: Answer) -> None:
    """Gateways, model hosts and servers of other makers each have their own."""
    service = Deployment({CHAT: _chat}, refusal)
    assert "hi!" == calls.invoke(_llm(service), "hi")
    assert "ho!" == calls.invoke(_llm(service), "ho")
    assert [COMPLETIONS, CHAT, CHAT] == service.forms


def test_an_api_that_is_gone_is_looked_for_anew(calls: Calls) -> None:
    """Another model may be behind the deployment by now."""
    forms: dict[str, Answer] = {CHAT: _chat}

    def answer(request: httpx2.Request) -> httpx2.Response:
        return forms.get(_form_of(request), NOT_SUPPORTED)(request)

    service = Deployment({}, answer)
    llm = _llm(service)
    assert "hi!" == calls.invoke(llm, "hi")
    forms.update({RESPONSES: _responses, COMPLETIONS: API_REFUSALS[0], CHAT: API_REFUSALS[0]})
    assert "ho!" == calls.invoke(llm, "ho")


def test_an_address_where_nothing_answers_lists_what_was_tried(calls: Calls) -> None:
    """It is no model that refuses."""
    service = Deployment({}, API_REFUSALS[0])
    with pytest.raises(DeploymentNotFoundError) as raised:
        calls.invoke(_llm(service), "hi")
    message = str(raised.value)
    assert "nothing is there" in message
    assert [1, 1, 1] == [message.count(f" {api}: https") for api in (COMPLETIONS, CHAT, RESPONSES)]


def test_a_model_that_refuses_every_form_gives_one_error(calls: Calls) -> None:
    """An embedding model: it lists the refusals."""
    service = Deployment()
    with pytest.raises(OperationNotSupportedError) as raised:
        calls.invoke(_llm(service), "hi")
    message = str(raised.value)
    assert "'d' refuses every API" in message
    assert [1, 1, 1] == [
        message.count(f" {form}: https") for form in (COMPLETIONS, CHAT, RESPONSES)
    ]
    assert [COMPLETIONS, CHAT, RESPONSES] == service.forms


@pytest.mark.parametrize("api", [COMPLETIONS, CHAT, RESPONSES])
def test_a_fixed_form_is_the_only_one(calls: Calls, api: str) -> None:
    """The error names the deployment and the ways out."""
    service = Deployment()
    with pytest.raises(OperationNotSupportedError) as raised:
        calls.invoke(_llm(service, api=api), "hi")
    assert [api] == service.forms
    for word in ("'d'", api, "api='auto'", "'chat_completions'", "'responses'"):
        assert word in str(raised.value)


def test_a_form_that_does_not_exist_is_refused() -> None:
    """With those that do."""
    with pytest.raises(ConfigurationError, match="'auto', 'completions', 'chat_completions'"):
        _llm(Deployment(), api="chat")


def test_sixty_four_tasks_send_one_probe() -> None:
    """The others wait for its result, and streams do, too."""
    service = Deployment({CHAT: _chat})
    llm = _llm(service)

    async def streamed(prompt: str) -> str:
        return "".join([text async for text in llm.astream(prompt)])

    async def main() -> list[str]:
        prompts = [f"p{number}" for number in range(32)]
        return await asyncio.gather(*map(llm.ainvoke, prompts), *map(streamed, prompts))

    assert [f"p{n}!" for n in range(32)] * 2 == asyncio.run(main())
    assert (1, 64) == (service.forms.count(COMPLETIONS), service.forms.count(CHAT))


def test_those_who_wait_for_a_probe_that_fails_go_on_at_once() -> None:
    """One after the other could take for ever."""
    begun, entered = threading.Barrier(9, timeout=20), threading.Barrier(8, timeout=20)
    first = threading.Event()

    def answer(_request: httpx2.Request) -> httpx2.Response:
        if not first.is_set():
            first.set()
            time.sleep(1.0)  # until the others wait for it, on a busy machine, too
        else:
            entered.wait()  # only together do they go on
        return httpx2.Response(500)

    llm = _llm(Service([answer]))
    with ThreadPoolExecutor(9) as pool:
        futures = [pool.submit(lambda: begun.wait() >= 0 and llm.invoke("x")) for _ in range(9)]
        errors = [future.exception(timeout=40) for future in futures]
    assert {"ServerError"} == {type(error).__name__ for error in errors}


def test_a_cancelled_probe_is_taken_over() -> None:
    """Those who wait are not left behind, nor cancelled with it."""
    service = Deployment({CHAT: _chat})
    answered = service.answers[0]
    assert callable(answered)
    entered, hang = asyncio.Event(), [True]

    async def handle(request: httpx2.Request) -> httpx2.Response:
        if hang.pop() if hang else False:
            entered.set()
            await asyncio.sleep(30)
        service.requests.append(request)
        return answered(request)

    async def main() -> str:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(handle))
        llm = _llm(service, http_async_client=client)
        probing = asyncio.ensure_future(llm.ainvoke("a"))
        await entered.wait()
        waiting = asyncio.ensure_future(llm.ainvoke("b"))
        also_waiting = asyncio.ensure_future(llm.ainvoke("c"))
        await asyncio.sleep(0.01)
        also_waiting.cancel()
        await asyncio.sleep(0.01)
        probing.cancel()
        return await waiting

    assert "b!" == asyncio.run(main())


def test_a_sync_call_inside_the_loop_that_probes_does_not_hang() -> None:
    """It finds out for itself: the loop's task could not go on while it waits."""
    entered = asyncio.Event()
    service = Deployment({CHAT: _chat})

    async def slow(_request: httpx2.Request) -> httpx2.Response:
        entered.set()
        await asyncio.sleep(0.05)
        return _chat(_request) if _form_of(_request) == CHAT else NOT_SUPPORTED(_request)

    async def main() -> list[str]:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(slow))
        llm = _llm(service, http_async_client=client)
        probing = asyncio.ensure_future(llm.ainvoke("a"))
        await entered.wait()
        return [llm.invoke("b"), await probing]

    assert ["b!", "a!"] == asyncio.run(asyncio.wait_for(main(), 20))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_does_not_wait_for_its_parents_probe() -> None:
    """The thread that probes stays in the parent."""
    probing, go_on, parent = threading.Event(), threading.Event(), os.getpid()

    def answer(request: httpx2.Request) -> httpx2.Response:
        if os.getpid() == parent and _form_of(request) == COMPLETIONS:
            probing.set()
            assert go_on.wait(20)
        return _chat(request) if _form_of(request) == CHAT else NOT_SUPPORTED(request)

    llm = _llm(Service([answer]))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(llm.invoke, "hi")
        assert probing.wait(5)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                signal.alarm(10)
                code = 0 if llm.invoke("ho") == "ho!" else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        go_on.set()
        assert "hi!" == first.result(10)
    assert 0 == os.waitstatus_to_exitcode(status)


def test_a_refusal_under_a_successful_status_counts_too(calls: Calls) -> None:
    """Gateways write statuses anew."""
    body = {"error": {"code": "OperationNotSupported", "message": "It does not work with gpt-9."}}
    service = Deployment({CHAT: _chat}, lambda _request: httpx2.Response(200, json=body))
    assert "hi!" == calls.invoke(_llm(service), "hi")


@pytest.mark.parametrize("name", [".", ".."])
def test_a_paths_own_signs_are_no_deployment(calls: Calls, name: str) -> None:
    """They would lead to another route."""
    with pytest.raises(ConfigurationError, match="cannot be the name of a deployment"):
        calls.invoke(_llm(Deployment({COMPLETIONS: echo}), azure_deployment=name), "hi")


def test_a_form_that_is_refused_later_is_found_out_anew(calls: Calls) -> None:
    """Another model may have taken the deployment over."""
    forms: dict[str, Answer] = {CHAT: _chat, RESPONSES: NOT_SUPPORTED}

    def answer(request: httpx2.Request) -> httpx2.Response:
        return forms[_form_of(request)](request)

    service = Deployment({CHAT: answer, RESPONSES: answer})
    llm = _llm(service)
    calls.invoke(llm, "hi")
    forms |= {CHAT: NOT_SUPPORTED, RESPONSES: _responses}
    assert "hi!" == calls.invoke(llm, "hi")
    forms |= {CHAT: _chat, RESPONSES: NOT_SUPPORTED}
    assert "hi!" == "".join(calls.stream(llm, "hi"))
    forms |= {CHAT: NOT_SUPPORTED, RESPONSES: _responses}
    assert ["a!", "b!", "c!"] == calls.batch(llm, ["a", "b", "c"])


# --- what is sent -----------------------------------------------------------------------------


def _body(calls: Calls, api: str, call: dict[str, Any] | None = None, **settings: Any) -> Any:
    service = Deployment({COMPLETIONS: echo, CHAT: _chat, RESPONSES: _responses})
    calls.invoke(_llm(service, api=api, **settings), "hi", **(call or {}))
    return service.bodies[0]


def test_only_what_was_set_is_sent(calls: Calls) -> None:
    """Reasoning models refuse what they do not know, even at its default."""
    chat = {"messages": [{"role": "user", "content": "hi"}], "model": "d"}
    assert chat == _body(calls, CHAT)
    assert {"input": "hi", "model": "d", "store": False} == _body(calls, RESPONSES)
    explicit: dict[str, Any] = {"temperature": 0.7, "top_p": 1, "n": 1, "frequency_penalty": 0}
    assert {**chat, **explicit} == _body(calls, CHAT, **explicit)
    expected = {"input": "hi", "model": "d", "store": False, "temperature": 0.7, "top_p": 1}
    assert expected == _body(calls, RESPONSES, **explicit)


def test_a_calls_own_parameters_and_the_bodys_additions(calls: Calls) -> None:
    """A call's come over the settings; additions to the body travel as they are."""
    settings = {"max_tokens": 50, "model_kwargs": {"user": "u"}, "extra_body": {"x": 1}}
    call = {"max_tokens": 20, "extra_body": {"max_tokens": 7}, "stop": ["s"]}
    body = _body(calls, CHAT, call, **settings)
    assert {
        "messages": [{"role": "user", "content": "hi"}],
        "model": "d",
        "max_tokens": 7,
        "stop": ["s"],
        "user": "u",
        "x": 1,
    } == body


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("2023-05-15", "max_tokens"),
        ("2024-08-01-preview", "max_tokens"),
        ("2024-09-01-preview", "max_completion_tokens"),
        ("2024-10-21", "max_completion_tokens"),
        ("2025-04-01-preview", "max_completion_tokens"),
        ("v1", "max_completion_tokens"),
        ("preview", "max_completion_tokens"),
    ],
)
def test_the_limit_has_the_name_that_the_version_knows(
    calls: Calls, version: str, name: str
) -> None:
    """It changed with the first reasoning models."""
    assert 20 == _body(calls, CHAT, max_tokens=20, api_version=version)[name]


@pytest.mark.parametrize("api", [CHAT, RESPONSES])
def test_filling_the_context_is_no_limit(calls: Calls, api: str) -> None:
    """These forms have none unless told."""
    assert not [name for name in _body(calls, api, max_tokens=-1) if "tokens" in name]


@pytest.mark.parametrize(
    ("api", "settings", "name"),
    [
        (CHAT, {"best_of": 3}, "best_of"),
        (CHAT, {"model_kwargs": {"suffix": "s"}}, "suffix"),
        (CHAT, {"model_kwargs": {"echo": True}}, "echo"),
        (RESPONSES, {"n": 2}, "n"),
        (RESPONSES, {"best_of": 2}, "best_of"),
        (RESPONSES, {"seed": 1}, "seed"),
    ],
)
def test_parameters_without_a_counterpart_are_named(
    calls: Calls, api: str, settings: dict[str, Any], name: str
) -> None:
    """Before anything is sent; while finding out, after the refusal."""
    service = Deployment({api: NOT_SUPPORTED})
    with pytest.raises(ConfigurationError, match=f"no counterpart of {name}"):
        calls.invoke(_llm(service, api=api, **settings), "hi")
    assert [] == service.forms
    refused = "was tried because the deployment refused completions"
    with pytest.raises(ConfigurationError, match=f"no counterpart of .*{name}.*{refused}"):
        calls.invoke(_llm(service, **settings), "hi")


def test_several_completions_of_a_chat(calls: Calls) -> None:
    """In their order, all of them."""
    llm = _llm(Deployment({CHAT: _chat}), n=3)
    result = calls.generate(llm, ["a", "b"])
    texts = [[generation.text for generation in group] for group in result.generations]
    assert [["a!"] * 3, ["b!"] * 3] == texts
    assert "chatty" == (result.llm_output or {})["model_name"]


def test_responses_end_where_the_caller_wants(calls: Calls) -> None:
    """The service has no such parameter: it is not sent, and the rest of a stream not read."""
    service = Deployment({RESPONSES: _responses})
    llm = _llm(service, api=RESPONSES)
    assert "one" == calls.invoke(llm, "one stop two", stop=[" stop"])
    assert "one" == "".join(calls.stream(llm, "one stop two", stop=[" stop"]))
    assert "one" == calls.invoke(
        _llm(service, api=RESPONSES, model_kwargs={"stop": " stop"}), "one stop two"
    )
    assert not [body for body in service.bodies if "stop" in body]


@pytest.mark.parametrize("api", [COMPLETIONS, CHAT, RESPONSES])
@pytest.mark.parametrize("stop", [5, [5], {"a": 1}])
def test_what_is_no_text_to_end_at_is_refused(calls: Calls, api: str, stop: Any) -> None:
    """Before anything is sent."""
    service = Deployment()
    with pytest.raises(ConfigurationError, match="stop must be"):
        calls.invoke(_llm(service, api=api), "hi", stop=stop)
    assert [] == service.forms


@pytest.mark.parametrize(
    ("settings", "call", "url"),
    [
        ({}, {}, "https://r.openai.azure.com/openai/v1/responses"),
        (
            {"default_query": {"code": "c"}},
            {"extra_query": {"x": "y"}},
            "https://r.openai.azure.com/openai/v1/responses?code=c&x=y",
        ),
    ],
)
def test_responses_have_one_route(
    calls: Calls, settings: dict[str, Any], call: dict[str, Any], url: str
) -> None:
    """Whatever the route of the other forms; queries of gateways come along."""
    service = Deployment({RESPONSES: _responses})
    calls.invoke(_llm(service, api=RESPONSES, **settings), "hi", **call)
    assert url == str(service.requests[0].url)


@pytest.mark.parametrize("api", [COMPLETIONS, CHAT])
def test_usage_of_a_stream_is_asked_for_when_wanted(calls: Calls, api: str) -> None:
    """Not by default: old versions refuse the question."""
    end = {"delta": {}, "index": 0, "finish_reason": "stop"}
    event = text_event("a", "stop") if api == COMPLETIONS else {"choices": [end]}
    service = Deployment({api: lambda _request: stream(event)})
    for wanted in (False, True):
        list(calls.stream(_llm(service, api=api, stream_usage=wanted), "x"))
    assert [None, {"include_usage": True}] == [b.get("stream_options") for b in service.bodies]


def _refuses(
    *names: str, status: int = 400, shape: str = "openai", text: str = "Thought: x"
) -> Callable[[httpx2.Request], httpx2.Response]:
    """Return a chat deployment that does not take some parameters, and says so in a shape."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        for name in names:
            if name in body:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                shapes: dict[str, Any] = {
                    "openai": {"message": message, "param": name, "code": "unsupported_parameter"},
                    "message alone": {"message": message},
                    "argument": {
                        "message": f"Unrecognized request argument supplied: {name}",
                        "type": "invalid_request_error",
                    },
                    "validation": {
                        "message": "invalid input error",
                        "details": [
                            {"type": "extra_forbidden", "loc": ["body", name], "msg": "No"}
                        ],
                    },
                }
                return httpx2.Response(status, json={"error": shapes[shape]})
        if body.get("stream"):
            pieces = [text[i : i + 4] for i in range(0, len(text), 4)]
            deltas = [{"choices": [{"index": 0, "delta": {"content": one}}]} for one in pieces]
            end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
            return stream(*deltas, end)
        whole = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": whole}
        return httpx2.Response(200, json={"choices": [choice]})

    return answer


@pytest.mark.parametrize("shape", ["openai", "message alone", "argument", "validation"])
def test_stop_sequences_that_a_model_does_not_take_cut_the_text_here(
    calls: Calls, shape: str
) -> None:
    """Whole and streamed; the next call sends none at once."""
    answer = _refuses("stop", shape=shape, text="Thought: x\nObservation: y")
    service = Deployment({CHAT: answer})
    llm = _llm(service)
    assert "Thought: x" == calls.invoke(llm, "hi", stop=["\nObservation:"])
    assert [COMPLETIONS, CHAT, CHAT] == service.forms
    assert "Thought: x" == "".join(calls.stream(llm, "hi", stop=["\nObservation:"]))
    assert "Thought: x\nObservation: y" == calls.invoke(llm, "hi")
    assert 5 == len(service.forms)
    assert ["Thought: x"] * 3 == calls.batch(llm, ["a", "b", "c"], stop=["\nObservation:"])
    assert 8 == len(service.forms)


@pytest.mark.parametrize("shape", ["openai", "message alone", "argument", "validation"])
@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(
    ("version", "refused", "taken"),
    [
        ("2023-05-15", "max_tokens", "max_completion_tokens"),
        ("v1", "max_completion_tokens", "max_tokens"),
    ],
)
def test_a_limit_is_sent_under_the_name_that_the_model_takes(
    calls: Calls, shape: str, status: int, version: str, refused: str, taken: str
) -> None:
    """Tried once with the other name, which is remembered."""
    service = Deployment({CHAT: _refuses(refused, status=status, shape=shape)})
    llm = _llm(service, api=CHAT, api_version=version, max_tokens=7)
    for _ in range(2):
        assert "Thought: x" == calls.invoke(llm, "hi")
    assert [{refused: 7}, {taken: 7}, {taken: 7}] == [
        {name: body[name] for name in (refused, taken) if name in body} for body in service.bodies
    ]
    assert "Thought: x" == calls.invoke(llm, "hi", max_tokens=9)
    assert 9 == service.bodies[-1][taken]


def test_stop_and_limit_may_both_be_refused(calls: Calls) -> None:
    """One after the other."""
    service = Deployment({CHAT: _refuses("stop", "max_tokens", text="a b")})
    llm = _llm(service, api=CHAT, api_version="2023-05-15", max_tokens=7)
    assert "a" == calls.invoke(llm, "hi", stop=" ")
    assert 3 == len(service.bodies)


def test_a_model_that_takes_neither_name_of_the_limit_is_asked_twice(calls: Calls) -> None:
    """Not for ever."""
    service = Deployment({CHAT: _refuses("max_tokens", "max_completion_tokens")})
    with pytest.raises(BadRequestError, match="does not take max_tokens"):
        calls.invoke(_llm(service, api=CHAT, max_tokens=7), "hi")
    assert 2 == len(service.bodies)


def test_what_extra_body_holds_is_sent_as_it_is(calls: Calls) -> None:
    """A refusal of it is the caller's error."""
    service = Deployment({CHAT: _refuses("stop")})
    with pytest.raises(BadRequestError, match="does not take stop"):
        calls.invoke(_llm(service, api=CHAT, extra_body={"stop": ["x"]}), "hi")
    assert 1 == len(service.bodies)


@pytest.mark.parametrize(
    "parameter", ["temperature", "top_p", "presence_penalty", "logprobs", "n", "frequency_penalty"]
)
def test_the_error_of_another_parameter_names_it_alone(calls: Calls, parameter: str) -> None:
    """And says what to do."""
    llm = _llm(Deployment({CHAT: _refuses(parameter)}), **{parameter: 1})
    with pytest.raises(BadRequestError) as raised:
        calls.invoke(llm, "hi")
    message = str(raised.value)
    assert f"The model does not take {parameter}: leave it out" in message
    others = {"temperature", "top_p", "presence_penalty", "max_tokens"} - {parameter}
    assert [] == [name for name in others if name in message]
    assert (parameter, True) == (raised.value.param, raised.value.is_unsupported)


def test_a_value_that_is_out_of_range_is_not_an_unsupported_parameter(calls: Calls) -> None:
    """Nothing is sent in its place."""
    message = "max_completion_tokens is too large: 99999. This model supports at most 16384."
    refusal = _error(400, code="invalid_value", message=message, param="max_completion_tokens")
    service = Deployment({CHAT: refusal})
    with pytest.raises(BadRequestError, match="too large") as raised:
        calls.invoke(_llm(service, api=CHAT, max_tokens=99999), "hi")
    assert raised.value.is_unsupported is False
    assert 1 == len(service.forms)


_SCHEMA = {"name": "tide", "schema": {"type": "object"}, "strict": True}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (
            {"response_format": {"type": "json_object"}},
            {"text": {"format": {"type": "json_object"}}},
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": _SCHEMA}},
            {"text": {"format": {"type": "json_schema", **_SCHEMA}}},
        ),
        ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        (
            {"verbosity": "low", "response_format": {"type": "text"}},
            {"text": {"verbosity": "low", "format": {"type": "text"}}},
        ),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ({"max_tokens": 16}, {"max_output_tokens": 16}),
        ({"max_completion_tokens": 17}, {"max_output_tokens": 17}),
    ],
)
@pytest.mark.parametrize("place", ["model_kwargs", "call"])
def test_parameters_have_their_place_in_responses(
    calls: Calls, given: dict[str, Any], sent: dict[str, Any], place: str
) -> None:
    """Wherever they were passed."""
    service = Deployment({RESPONSES: _responses})
    kwargs = given if place == "call" else {}
    settings = {"model_kwargs": given} if place == "model_kwargs" else {}
    calls.invoke(_llm(service, api=RESPONSES, **settings), "hi", **kwargs)
    body = service.bodies[0]
    assert sent == {name: body[name] for name in sent}
    assert [] == [name for name in given if name in body]


def test_a_limit_below_that_of_responses_is_refused_before_it_is_sent(calls: Calls) -> None:
    """The service takes 16 at least."""
    service = Deployment({RESPONSES: _responses})
    with pytest.raises(ConfigurationError, match=r"max_tokens is 5, .* at least 16"):
        calls.invoke(_llm(service, api=RESPONSES, max_tokens=5), "hi")
    assert [] == service.forms


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            {"type": "error", "code": "rate_limit_exceeded", "message": "slow down"},
            "RateLimitError",
        ),
        (
            {
                "type": "response.failed",
                "response": {"error": {"code": "server_error", "message": "broken"}},
            },
            "ServerError",
        ),
        ({"type": "response.failed", "response": {"error": None}}, "ServerError"),
    ],
)
def test_a_responses_stream_that_fails_is_an_error(
    calls: Calls, event: dict[str, Any], expected: str
) -> None:
    """With the text so far."""
    delta = {"type": "response.output_text.delta", "delta": "He"}
    llm = _llm(Deployment({RESPONSES: lambda _: stream(delta, event, done=False)}), api=RESPONSES)
    with pytest.raises(StatusError) as raised:
        list(calls.stream(llm, "hi"))
    assert expected == type(raised.value).__name__
    assert "He" == raised.value.text_so_far


def test_a_responses_stream_that_is_cut_is_interrupted(calls: Calls) -> None:
    """It has an end marker of its own."""
    delta = {"type": "response.output_text.delta", "delta": "He"}
    llm = _llm(Deployment({RESPONSES: lambda _: stream(delta, done=False)}), api=RESPONSES)
    with pytest.raises(StreamInterruptedError, match="ended before its end marker") as raised:
        list(calls.stream(llm, "hi"))
    assert "He" == raised.value.text_so_far


@pytest.mark.parametrize(
    "name",
    ["request_timeout", "api_key", "max_retries", "batch_size", "streaming", "azure_endpoint"],
)
def test_a_setting_is_no_argument_of_a_call(calls: Calls, name: str) -> None:
    """It would be sent to the model, and have no effect."""
    with pytest.raises(ConfigurationError, match=f"{name} is a setting of AzureOpenAI"):
        calls.invoke(_llm(Deployment({COMPLETIONS: echo})), "hi", **{name: 1})
