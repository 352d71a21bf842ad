"""Lines of the Batch API: the bodies that would be sent online, and records of what came back."""

import json
from typing import Any

import pytest

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter
from langchain_azure_llms.bulk.azure_batch_lines import BatchLines, check_llm
from langchain_azure_llms.bulk.prompts import Prompt
from langchain_azure_llms.exceptions import ConfigurationError


def azure(**settings: Any) -> AzureOpenAI:
    defaults = {
        "azure_endpoint": "https://name.openai.azure.com",
        "api_key": "key",
        "api_version": "2024-10-21",
        "azure_deployment": "half-price",
    }
    return AzureOpenAI(**{**defaults, **settings})


@pytest.mark.parametrize(
    ("api", "url"), [("chat_completions", "/chat/completions"), ("responses", "/v1/responses")]
)
def test_a_line_has_the_body_that_would_be_sent_online(api: Any, url: str) -> None:
    llm = azure(api=api, temperature=0.2)
    prompt = Prompt("id", "How are you? \ud83d", {"max_tokens": 17})
    line = BatchLines(llm, {"top_p": 0.5}).line_of(12, prompt)
    arguments = {"top_p": 0.5, "max_tokens": 17}
    online = llm.request_builder(None, arguments, stream=False).build(api, [prompt.text])
    assert line.endswith(b', "body": ' + online.request.body + b"}\n")
    read = json.loads(line)
    assert (read["method"], read["url"]) == ("POST", url)
    assert read["body"]["model"] == "half-price"
    assert read["custom_id"].startswith("12-")


def test_chat_completions_are_used_where_nothing_else_is_known() -> None:
    assert BatchLines(azure(), {}).api == "chat_completions"


def test_the_same_row_with_another_prompt_has_another_id() -> None:
    lines = BatchLines(azure(), {})
    ids = [json.loads(lines.line_of(1, Prompt(1, text)))["custom_id"] for text in ("a", "b")]
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    ("settings", "params", "message"),
    [
        ({"api": "completions"}, {}, "takes chat completions and Responses"),
        ({}, {"extra_headers": {"a": "b"}}, "extra_headers is not a parameter of prompts"),
        ({}, {"timeout": 3}, "timeout is not a parameter of prompts"),
        ({}, {"echo": True}, "echo"),
        ({}, {"max_token": 3}, "max_tokens"),
        ({}, {"stream": True}, "stream"),
    ],
)
def test_what_no_batch_can_be_made_of_is_refused(
    settings: dict[str, Any], params: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        BatchLines(azure(**settings), params)


class _OfItsOwn(AzureOpenAI):
    def _generate(self, *arguments: Any, **more: Any) -> Any:
        return None


@pytest.mark.parametrize(
    ("llm", "message"),
    [
        (
            AzureMLOnlineEndpoint(
                endpoint_url="https://name.region.inference.ml.azure.com/score",
                endpoint_api_key="key",
                content_formatter=CustomOpenAIContentFormatter(),
            ),
            "Only Azure OpenAI has a Batch API",
        ),
        (azure(azure_endpoint="https://gateway.example/llm/chat/completions"), "whole URL"),
        (
            _OfItsOwn(
                azure_endpoint="https://name.openai.azure.com",
                api_key="key",
                api_version="v1",
                azure_deployment="a",
            ),
            "_generate of its own",
        ),
    ],
)
def test_llms_without_a_batch_api_are_refused(llm: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_llm(llm)


def record_of(result: dict[str, Any], **settings: Any) -> dict[str, Any]:
    lines = BatchLines(azure(**settings), {})
    return lines.record_of(Prompt("id", "p"), {"custom_id": "0-a", **result}, 5.0).as_dict()


def test_an_answer_becomes_a_record_with_its_counts() -> None:
    message = {"role": "assistant", "content": "text"}
    details = {"cached_tokens": 2}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    body = {
        "choices": [{"index": 0, "message": message, "finish_reason": "length"}],
        "model": "m",
        "usage": {**usage, "prompt_tokens_details": details},
    }
    record = record_of({"response": {"status_code": 200, "body": body}, "error": None})
    expected = {"id": "id", "text": "text", "finish_reason": "length", "model": "m", **usage}
    expected |= {"cached_tokens": 2, "attempts": 1, "seconds": 5.0, "error": None}
    assert {name: record[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("result", "error", "status", "is_retryable"),
    [
        (
            {
                "response": {
                    "status_code": 400,
                    "body": {"error": {"code": "content_filter", "message": "no"}},
                }
            },
            "ContentFilterError",
            400,
            False,
        ),
        (
            {"response": {"status_code": 429, "body": {"error": {"message": "in 90 seconds"}}}},
            "RateLimitError",
            429,
            True,
        ),
        ({"response": {"status_code": 500, "body": None}}, "ServerError", 500, True),
        ({"response": {"status_code": 200, "body": {}}}, "ResponseFormatError", None, False),
        ({"response": {"body": {}}}, "ResponseFormatError", None, False),
        (
            {"response": None, "error": {"code": "batch_expired", "message": "too late"}},
            "EndpointTimeoutError",
            None,
            True,
        ),
        ({"response": None, "error": None}, "EndpointTimeoutError", None, True),
    ],
)
def test_what_went_wrong_becomes_a_record_with_its_error(
    result: dict[str, Any],
    error: str,
    status: int | None,
    is_retryable: bool,  # noqa: FBT001
) -> None:
    record = record_of(result)
    found = (record["error"], record["status_code"], record["is_retryable"], record["text"])
    assert found == (error, status, is_retryable, None)
