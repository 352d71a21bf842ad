"""Online endpoints: what stands behind them, what stands before them, and what both answer."""

import json
from typing import Any

import httpx2
import pytest

from langchain_azure_llms import (
    ContentFormatterBase,
    CustomOpenAIContentFormatter,
    DollyContentFormatter,
    GPT2ContentFormatter,
    HFContentFormatter,
    MLflowContentFormatter,
    OpenAIChatContentFormatter,
    RetryPolicy,
)
from langchain_azure_llms.exceptions import (
    BadRequestError,
    ContextLengthError,
    ModelContainerError,
    RateLimitError,
    ServerError,
    StatusError,
)
from tests.unit_tests.llms.scripted import Service
from tests.unit_tests.wire.endpoints import Calls, scoring

_AT_ONCE = RetryPolicy(max_retries=2, initial_wait=0.0)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'[{"0": "Fog\\nand \"mist\""}]', 'Fog\\nand "mist"'),
        (b'[{"0": "caf\\u00e9 \\ud83d\\ude80\\n"}, {"0": "another row"}]', "café 🚀\n"),
        ('["„ça va“ «tout»"]'.encode(), "„ça va“ «tout»"),
        (b'"a bare text \\u00e9\\n"\n', "a bare text é\n"),
        (b'{"output": " in a chat", "message": {"role": "assistant"}}', " in a chat"),
        (b'{"predictions": [{"0": "one level more"}]}', "one level more"),
        (b'\xef\xbb\xbf["after a mark"]', "after a mark"),
    ],
)
def test_the_texts_own_characters_come_out(
    calls: Calls, service: Service, body: bytes, text: str
) -> None:
    """Unescaped once, and not twice."""
    service.answers = [httpx2.Response(200, content=body)]
    llm = scoring(service)
    assert text == calls.invoke(llm, "x")
    assert text == "".join(calls.stream(llm, "x"))
    assert [text, text] == calls.batch(llm, ["x", "y"])


def test_a_model_server_tells_usage_model_and_finish(calls: Calls, service: Service) -> None:
    """Today's one, for each prompt."""
    usage = {"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10}
    answer = {"output": ["Haze"], "finish_reason": "length", "usage": usage, "model": "gull"}
    service.answers = [httpx2.Response(200, json=answer)]
    result = calls.generate(scoring(service), ["x", "y"])
    assert [{"finish_reason": "length"}] * 2 == [
        generation.generation_info for (generation,) in result.generations
    ]
    assert result.llm_output == {
        "token_usage": {name: 2 * count for name, count in usage.items()},
        "model_name": "gull",
    }


_ONE_PROMPT = [
    (CustomOpenAIContentFormatter(), "/score", lambda body: body["input_data"]["input_string"]),
    (DollyContentFormatter(), "/score", lambda body: body["input_data"]["input_string"]),
    (GPT2ContentFormatter(), "/score", lambda body: body["inputs"]["input_string"]),
    (HFContentFormatter(), "/score", lambda body: body["inputs"]),
    (MLflowContentFormatter(), "/score", lambda body: body["input_data"]),
    (CustomOpenAIContentFormatter(), "/v1/completions", lambda body: [body["prompt"]]),
    (
        OpenAIChatContentFormatter(),
        "/v1/chat/completions",
        lambda body: [message["content"] for message in body["messages"]],
    ),
]


@pytest.mark.parametrize(
    ("formatter", "path", "prompts_of"),
    _ONE_PROMPT,
    ids=[f"{type(formatter).__name__} {path}" for formatter, path, _ in _ONE_PROMPT],
)
def test_no_request_carries_two_prompts(
    calls: Calls, service: Service, formatter: ContentFormatterBase, path: str, prompts_of: Any
) -> None:
    """Some servers would answer the first alone, and say nothing."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        (prompt,) = prompts_of(json.loads(request.content))
        choice = {"index": 0, "text": f"{prompt}!", "message": {"content": f"{prompt}!"}}
        return httpx2.Response(200, json={"output": [f"{prompt}!"], "choices": [choice]})

    service.answers = [answer]
    llm = scoring(service, path, content_formatter=formatter)
    prompts = ["a", "b", 'c "quoted"\n']
    assert [f"{prompt}!" for prompt in prompts] == calls.batch(llm, prompts)
    found = calls.generate(llm, prompts).generations
    assert [f"{prompt}!" for prompt in prompts] == [group[0].text for group in found]


_ENGINE = {"object": "error", "message": "The kettle is cold.", "code": 400}


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b'{"message": "The kettle is cold."}', "application/json", "The kettle is cold."),
        (b'{"detail": "The kettle is cold."}', "application/json", "The kettle is cold."),
        (
            b'{"detail": [{"loc": ["body"], "msg": "The kettle is cold."}]}',
            "application/json",
            "The kettle is cold.",
        ),
        (b'{"error": "The kettle is cold."}', "application/json", "The kettle is cold."),
        (
            b'{"error_code": "COLD", "message": "The kettle is cold."}',
            "application/json",
            "The kettle is cold.",
        ),
        (
            json.dumps({"error": {"code": "Cold", "message": "The kettle is cold."}}).encode(),
            "application/json",
            "The kettle is cold.",
        ),
        (
            json.dumps({"error": {"message": json.dumps(_ENGINE), "status": 400}}).encode(),
            "text/plain",
            "answered 424 Failed Dependency: The kettle is cold.",
        ),
        (b"The kettle is cold.", "text/plain", "The kettle is cold."),
        (
            b"<html><head><title>Oops</title></head><body><p>The kettle\nis cold.</body></html>",
            "text/html",
            "answered 424 Failed Dependency: The kettle is cold.",
        ),
        (b"", "text/plain", "(no message)"),
    ],
)
def test_whatever_a_container_says_reaches_the_caller(
    calls: Calls, service: Service, content: bytes, kind: str, said: str
) -> None:
    """With its own status and reason, in words and as attributes."""
    headers = {
        "content-type": kind,
        "X-Request-Id": "r-3",
        "MS-AzureML-Model-Error-StatusCode": "400",
        "MS-AzureML-Model-Error-Reason": "model_error",
    }
    service.answers = [httpx2.Response(424, headers=headers, content=content)]
    with pytest.raises(ModelContainerError) as raised:
        calls.invoke(scoring(service, retry_policy=_AT_ONCE), "x")
    error = raised.value
    assert said in str(error)
    assert "container answered 400 (model_error)" in str(error)
    assert (424, 400, "model_error", "r-3", content.decode()) == (
        error.status_code,
        error.model_status_code,
        error.model_error_reason,
        error.request_id,
        error.body,
    )
    assert (False, 1, 1) == (error.is_retryable, error.attempts, len(service.requests))


def _failed(status: str, reason: str = "model_error") -> httpx2.Response:
    headers = {"ms-azureml-model-error-statuscode": status, "ms-azureml-model-error-reason": reason}
    told = {name: value for name, value in headers.items() if value}
    return httpx2.Response(424, headers=told, json={"message": "Scoring failed."})


@pytest.mark.parametrize(
    ("failed", "requests"),
    [
        *((_failed(status), 3) for status in ("408", "429", "500", "502", "503", "504")),
        *((_failed(status), 1) for status in ("400", "401", "404", "413", "415", "422", "431")),
        *((_failed(status), 1) for status in ("", "501", "5oo", "-500")),
        *((_failed("", reason), 3) for reason in ("model_not_ready", "too_few_model_instance")),
        (_failed("400", "model_not_ready"), 3),
        (httpx2.Response(424), 1),
    ],
    ids=lambda value: " ".join(value.headers.values()) if not isinstance(value, int) else None,
)
def test_a_failed_container_is_asked_again_where_that_may_help(
    calls: Calls, service: Service, failed: httpx2.Response, requests: int
) -> None:
    """Its own status decides, not the 424 around it."""
    service.answers = [failed]
    with pytest.raises(ModelContainerError) as raised:
        calls.invoke(scoring(service, retry_policy=_AT_ONCE), "x")
    assert (requests, requests, requests == 3) == (
        len(service.requests),
        raised.value.attempts,
        raised.value.is_retryable,
    )


def test_a_container_that_recovers_answers(calls: Calls, service: Service) -> None:
    """The caller sees nothing of it."""
    service.answers = [_failed("503"), _failed("", "model_not_ready"), _answer("up again")]
    assert "up again" == calls.invoke(scoring(service, retry_policy=_AT_ONCE), "x")
    assert 3 == len(service.requests)


def _answer(text: str) -> httpx2.Response:
    return httpx2.Response(200, json=[{"0": text}])


def test_a_containers_own_wait_is_kept_to(calls: Calls, service: Service) -> None:
    """A score script may name one, as any server."""
    busy = _failed("429")
    busy.headers["retry-after"] = "7"
    service.answers = [busy]
    with pytest.raises(ModelContainerError, match="asks to wait 7 s") as raised:
        calls.invoke(scoring(service), "x")
    assert (7.0, True) == (raised.value.retry_after, raised.value.is_retryable)


@pytest.mark.parametrize(
    ("error", "expected", "status", "retryable"),
    [
        ({"status_code": 400, "body": "The tank is dry."}, BadRequestError, 400, False),
        ({"status_code": 429, "body": "The tank is dry."}, RateLimitError, 429, True),
        ({"status_code": 503, "body": "The tank is dry."}, ServerError, 503, True),
        (
            {"status_code": 400, "body": json.dumps({**_ENGINE, "message": "The tank is dry."})},
            BadRequestError,
            400,
            False,
        ),
        ({"message": "The tank is dry."}, ServerError, 500, True),
        ("The tank is dry.", ServerError, 500, True),
    ],
)
def test_a_failure_that_calls_itself_a_success_is_one(
    calls: Calls,
    service: Service,
    error: Any,
    expected: type[StatusError],
    status: int,
    retryable: bool,  # noqa: FBT001
) -> None:
    """With the status that it names inside."""
    service.answers = [httpx2.Response(200, json={"output": None, "error": error})]
    for ask in (calls.invoke, calls.stream):
        with pytest.raises(StatusError, match=r"The tank is dry\.") as raised:
            ask(scoring(service), "x")
        found = raised.value
        assert (expected, status, retryable) == (
            type(found),
            found.status_code,
            found.is_retryable,
        )


def test_a_failure_that_calls_itself_a_success_has_the_replys_request_id(
    calls: Calls, service: Service
) -> None:
    """It is what Azure's support asks for."""
    failed = {"output": None, "error": {"status_code": 503, "body": "The tank is dry."}}
    service.answers = [httpx2.Response(200, headers={"x-request-id": "r-9"}, json=failed)]
    with pytest.raises(ServerError) as raised:
        calls.invoke(scoring(service), "x")
    assert "r-9" == raised.value.request_id


def test_a_prompt_that_is_too_long_is_no_question_of_the_schema(
    calls: Calls, service: Service
) -> None:
    """The engine read the prompt; another formatter would not shorten it."""
    told = {**_ENGINE, "message": "The maximum context length is 64 tokens."}
    service.answers = [httpx2.Response(400, json=told)]
    with pytest.raises(ContextLengthError, match="Shorten the prompt") as raised:
        calls.invoke(scoring(service, "/v1/completions"), "x")
    assert "schema" not in str(raised.value)


def test_a_refusal_without_words_says_the_front_doors_reason(
    calls: Calls, service: Service
) -> None:
    """A crowded endpoint answers with an empty body, and with a header that says why."""
    headers = {"ms-azureml-model-error-reason": "too_many_pending_request"}
    service.answers = [httpx2.Response(429, headers=headers)]
    with pytest.raises(RateLimitError, match="too_many_pending_request"):
        calls.invoke(scoring(service), "x")


def test_a_failure_that_calls_itself_a_success_is_tried_again(
    calls: Calls, service: Service
) -> None:
    """The engine was down for a moment: its own status says whether that may pass."""
    down = {"output": None, "error": {"status_code": 503, "body": "The tank is dry."}}
    service.answers = [httpx2.Response(200, json=down), httpx2.Response(200, json=[{"0": "wet"}])]
    policy = RetryPolicy(max_retries=1, initial_wait=0)
    assert "wet" == calls.invoke(scoring(service, retry_policy=policy), "x")


def test_a_failure_in_an_object_says_what_it_says(calls: Calls, service: Service) -> None:
    """The engine's own answer may come parsed, not as text."""
    inner = {"object": "error", "message": "Too hot: 9 degrees.", "code": "too_hot"}
    failed = {"output": None, "error": {"status_code": 400, "body": inner}}
    service.answers = [httpx2.Response(200, json=failed)]
    with pytest.raises(BadRequestError, match=r"Too hot: 9 degrees\.") as raised:
        calls.invoke(scoring(service), "x")
    assert "too_hot" == raised.value.code


def test_a_crowded_endpoint_is_tried_again(calls: Calls, service: Service) -> None:
    """The front door turns requests away before the container sees them."""
    headers = {"ms-azureml-model-error-reason": "too_many_pending_request"}
    service.answers = [httpx2.Response(424, headers=headers), httpx2.Response(200, json=["in"])]
    policy = RetryPolicy(max_retries=1, initial_wait=0)
    llm = scoring(service, content_formatter=DollyContentFormatter(), retry_policy=policy)
    assert "in" == calls.invoke(llm, "x")
