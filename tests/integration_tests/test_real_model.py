"""Both LLM classes against a real small model, behind our routes and behind Microsoft's server."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

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
from langchain_azure_llms.exceptions import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    DeploymentNotFoundError,
    ModelContainerError,
    OperationNotSupportedError,
)
from langchain_azure_llms.local import LocalEndpoints
from tests.support.llms import AzureLLM

Invoke = Callable[..., str]
_PROMPT = "The capital of France is"


def _sync(llm: AzureLLM, prompt: str, **kwargs: Any) -> str:
    return llm.invoke(prompt, **kwargs)


def _async(llm: AzureLLM, prompt: str, **kwargs: Any) -> str:
    return asyncio.run(llm.ainvoke(prompt, **kwargs))


def _streamed(llm: AzureLLM, prompt: str, **kwargs: Any) -> str:
    return "".join(llm.stream(prompt, **kwargs))


def _async_streamed(llm: AzureLLM, prompt: str, **kwargs: Any) -> str:
    async def collect() -> str:
        return "".join([text async for text in llm.astream(prompt, **kwargs)])

    return asyncio.run(collect())


each_way = pytest.mark.parametrize("invoke", [_sync, _async, _streamed, _async_streamed])
both_ways = pytest.mark.parametrize("invoke", [_sync, _async])


def _azure(endpoints: LocalEndpoints, **settings: Any) -> AzureOpenAI:
    base = {
        "azure_endpoint": endpoints.url,
        "azure_deployment": "gpt-35-turbo-instruct",
        "api_version": "2024-10-21",
        "api_key": endpoints.api_key,
        "temperature": 0,
        "max_tokens": 8,
    }
    return AzureOpenAI(**{**base, **settings})


def _ml(url: str, key: str, formatter: ContentFormatterBase, **settings: Any) -> Any:
    kwargs = {"temperature": 0, "max_new_tokens": 8, "max_tokens": 8}
    if isinstance(formatter, CustomOpenAIContentFormatter) and not url.endswith("/score"):
        del kwargs["max_new_tokens"]
    base = {"endpoint_url": url, "endpoint_api_key": key, "model_kwargs": kwargs}
    return AzureMLOnlineEndpoint(**{**base, "content_formatter": formatter, **settings})


@each_way
def test_azure_openai_answers(endpoints: LocalEndpoints, invoke: Invoke) -> None:
    """The same text whichever way it is asked for, since nothing is drawn at temperature 0."""
    answer = invoke(_azure(endpoints), _PROMPT)
    assert answer.strip()
    assert answer == _sync(_azure(endpoints), _PROMPT)


@pytest.mark.parametrize(
    "settings",
    [
        {"api_version": "v1"},
        {"api_key": None, "azure_ad_token": "entra-token"},
        {"api_key": None, "azure_ad_token_provider": lambda: "entra-token"},
    ],
    ids=["v1", "token", "provider"],
)
@both_ways
def test_other_routes_and_credentials_answer_the_same(
    endpoints: LocalEndpoints, invoke: Invoke, settings: dict[str, Any]
) -> None:
    """The v1 API, an Entra token, a token provider."""
    assert invoke(_azure(endpoints, **settings), _PROMPT) == _sync(_azure(endpoints), _PROMPT)


@pytest.mark.parametrize("version", ["2024-10-21", "v1"])
@pytest.mark.parametrize("deployment", ["local-chat", "local-responses"])
@each_way
def test_deployments_that_only_speak_a_later_form(
    endpoints: LocalEndpoints, invoke: Invoke, deployment: str, version: str
) -> None:
    """They are found out, and answer the same whichever way they are asked."""
    settings = {"azure_deployment": deployment, "api_version": version, "max_tokens": 16}
    llm = _azure(endpoints, **settings)
    answer = invoke(llm, _PROMPT)
    assert answer.strip()
    api = "chat_completions" if deployment == "local-chat" else "responses"
    assert answer == _sync(_azure(endpoints, api=api, **settings), _PROMPT)
    word = answer.split()[-1]
    assert word not in invoke(llm, _PROMPT, stop=[word])


@pytest.mark.parametrize("deployment", ["local-chat", "local-responses"])
@both_ways
def test_later_forms_tell_the_same_as_completions(
    endpoints: LocalEndpoints, invoke: Invoke, deployment: str
) -> None:
    """Log probabilities, usage, filters, the reason to end; batches and callbacks."""
    llm = _azure(endpoints, azure_deployment=deployment, max_tokens=16, logprobs=2)
    result = llm.generate([_PROMPT, "Hello"])
    assert len(result.generations) == 2
    for (generation,) in result.generations:
        info = generation.generation_info or {}
        assert info["finish_reason"] in {"length", "stop"}
        assert "".join(info["logprobs"]["tokens"]).strip() == generation.text.strip()
        assert len(info["logprobs"]["top_logprobs"][0]) >= 2
        assert info["content_filter_results"]["hate"] == {"filtered": False, "severity": "safe"}
        assert info["prompt_filter_results"][0]["prompt_index"] == 0
    usage = (result.llm_output or {})["token_usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    several = _azure(endpoints, azure_deployment="local-chat", n=2, max_tokens=4).generate(["Hi"])
    assert len(several.generations[0]) == 2


def test_several_prompts_and_completions_come_back_in_order(endpoints: LocalEndpoints) -> None:
    """Each prompt is repeated by `echo`, so its place can be seen; usage is counted."""
    prompts = ["One", "Two", "Three"]
    llm = _azure(endpoints, n=2, batch_size=2, temperature=1, max_tokens=2)
    result = llm.generate(prompts, echo=True)
    starts = [
        [g.text.startswith(prompt) for g in group]
        for prompt, group in zip(prompts, result.generations, strict=True)
    ]
    assert starts == [[True, True]] * 3
    usage = (result.llm_output or {})["token_usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == 3 * 2 * 2
    assert (result.llm_output or {})["model_name"] != "gpt-3.5-turbo-instruct"


def test_generations_tell_finish_log_probabilities_and_filters(endpoints: LocalEndpoints) -> None:
    """The details that come with the text."""
    result = _azure(endpoints, logprobs=2, best_of=2).generate([_PROMPT])
    info = result.generations[0][0].generation_info or {}
    assert info["finish_reason"] == "length"
    assert len(info["logprobs"]["tokens"]) == 8
    assert info["content_filter_results"]["hate"] == {"filtered": False, "severity": "safe"}
    assert info["prompt_filter_results"][0]["prompt_index"] == 0


@each_way
def test_stop_ends_the_text_of_that_call(endpoints: LocalEndpoints, invoke: Invoke) -> None:
    """And the next call is whole again."""
    llm = _azure(endpoints)
    whole = invoke(llm, _PROMPT)
    word = whole.split()[1]
    assert invoke(llm, _PROMPT, stop=[word]) == whole.partition(word)[0]
    assert invoke(llm, _PROMPT) == whole


def test_a_stream_comes_in_pieces_with_its_usage(endpoints: LocalEndpoints) -> None:
    """Token by token; asked for, usage comes with the last chunk."""
    chunks = list(_azure(endpoints)._stream(_PROMPT, stream_options={"include_usage": True}))
    assert len([chunk for chunk in chunks if chunk.text]) > 2
    assert (chunks[-1].generation_info or {})["token_usage"]["completion_tokens"] == 8


@pytest.mark.parametrize(
    ("settings", "call", "expected"),
    [
        ({"api_key": "wrong"}, {}, AuthenticationError),
        ({"azure_deployment": "nowhere"}, {}, DeploymentNotFoundError),
        ({"api_version": "soon"}, {}, DeploymentNotFoundError),
        (
            {"azure_deployment": "local-chat", "api": "completions"},
            {},
            OperationNotSupportedError,
        ),
        ({"azure_deployment": "local-embedding"}, {}, OperationNotSupportedError),
        ({}, {"temperature": 99}, BadRequestError),
    ],
)
@each_way
def test_refusals_are_typed(
    endpoints: LocalEndpoints,
    invoke: Invoke,
    settings: dict[str, Any],
    call: dict[str, Any],
    expected: type[Exception],
) -> None:
    """By the real service's statuses and codes."""
    with pytest.raises(expected):
        invoke(_azure(endpoints, **settings), _PROMPT, **call)


@both_ways
def test_a_prompt_that_does_not_fit_is_typed(endpoints: LocalEndpoints, invoke: Invoke) -> None:
    """LangChain's ContextOverflowError too."""
    with pytest.raises(ContextLengthError):
        invoke(_azure(endpoints), "word " * 5000)


_SCORING = [
    CustomOpenAIContentFormatter(),
    DollyContentFormatter(),
    GPT2ContentFormatter(),
    HFContentFormatter(),
    MLflowContentFormatter(),
]
each_formatter = pytest.mark.parametrize(
    "formatter", _SCORING, ids=[type(formatter).__name__ for formatter in _SCORING]
)


@each_formatter
@each_way
def test_a_scoring_endpoint_answers_in_each_schema(
    endpoints: LocalEndpoints, invoke: Invoke, formatter: ContentFormatterBase
) -> None:
    """The same text, for the same model is behind all of them."""
    llm = _ml(f"{endpoints.url}/score", endpoints.api_key, formatter)
    assert invoke(llm, _PROMPT) == _sync(_azure(endpoints), _PROMPT)


@each_formatter
@both_ways
def test_microsofts_server_answers_in_each_schema(
    endpoints: LocalEndpoints, scoring_server: str, invoke: Invoke, formatter: ContentFormatterBase
) -> None:
    """The same score script behind the server that Azure ML's images run."""
    llm = _ml(f"{scoring_server}/score", "any", formatter)
    assert invoke(llm, _PROMPT) == _sync(_azure(endpoints), _PROMPT)


@each_way
@pytest.mark.parametrize("path", ["/completions", "/v1/completions"])
def test_a_serverless_endpoint_answers(
    endpoints: LocalEndpoints, invoke: Invoke, path: str
) -> None:
    """Streams are real ones here."""
    llm = _ml(endpoints.url + path, endpoints.api_key, CustomOpenAIContentFormatter())
    assert invoke(llm, _PROMPT) == _sync(_azure(endpoints), _PROMPT)


@each_way
@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions"])
def test_a_chat_endpoint_answers(endpoints: LocalEndpoints, invoke: Invoke, path: str) -> None:
    """Through the chat formatter."""
    llm = _ml(endpoints.url + path, endpoints.api_key, OpenAIChatContentFormatter())
    assert invoke(llm, "Say hello.").strip()


def test_serverless_streams_come_in_pieces(endpoints: LocalEndpoints) -> None:
    """Not one chunk at the end."""
    llm = _ml(f"{endpoints.url}/completions", endpoints.api_key, CustomOpenAIContentFormatter())
    assert len([text for text in llm.stream(_PROMPT) if text]) > 2


def test_a_scripts_failure_is_explained(endpoints: LocalEndpoints, scoring_server: str) -> None:
    """Behind the front door as a 424 with the container's status, without it as itself."""

    class Wrong(MLflowContentFormatter):
        def payload(self, prompt: str, model_kwargs: dict[str, Any]) -> dict[str, Any]:
            return {"unknown": prompt}

    with pytest.raises(ModelContainerError) as behind:
        _sync(_ml(f"{endpoints.url}/score", endpoints.api_key, Wrong()), _PROMPT)
    assert (behind.value.model_status_code, behind.value.is_retryable) == (400, False)
    with pytest.raises(BadRequestError):
        _sync(_ml(f"{scoring_server}/score", "any", Wrong()), _PROMPT)


def test_a_batch_of_prompts_keeps_its_order(endpoints: LocalEndpoints) -> None:
    """Sync and async, several requests at once."""
    prompts = [f"{number} and" for number in range(8)]
    kwargs = {"temperature": 0, "max_new_tokens": 2, "return_full_text": True}
    llm = _ml(
        f"{endpoints.url}/score", endpoints.api_key, DollyContentFormatter(), model_kwargs=kwargs
    )
    found = llm.batch(prompts)
    assert [text.startswith(prompt) for prompt, text in zip(prompts, found, strict=True)] == [
        True
    ] * 8
    assert asyncio.run(llm.abatch(prompts)) == found


def test_a_wrong_route_of_microsofts_server_is_typed(scoring_server: str) -> None:
    """Its 404 has neither JSON nor request id."""
    with pytest.raises(DeploymentNotFoundError):
        _sync(_ml(f"{scoring_server}/elsewhere", "any", DollyContentFormatter()), _PROMPT)
