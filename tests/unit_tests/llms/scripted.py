"""A scripted service in memory, and both ways of calling an LLM."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx2
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import GenerationChunk, LLMResult
from langchain_core.runnables import Runnable

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter
from langchain_azure_llms.exceptions import ResponseFormatError
from tests.support.llms import AzureLLM

Answering = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


@dataclass
class Service:
    """Answers requests in turn, the last answer again and again, and remembers the requests."""

    answers: list[Answering] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            return httpx2.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )
        return answer(request)

    @property
    def clients(self) -> dict[str, Any]:
        """The constructor arguments that lead an LLM here."""
        transport = httpx2.MockTransport(self)
        return {
            "http_client": httpx2.Client(transport=transport),
            "http_async_client": httpx2.AsyncClient(transport=transport),
        }

    @property
    def bodies(self) -> list[Any]:
        """What the requests carried."""
        return [json.loads(request.content) for request in self.requests]


def azure_openai(
    service: Service, cls: type[AzureOpenAI] = AzureOpenAI, /, **settings: Any
) -> AzureOpenAI:
    """Return an LLM that asks the service, once."""
    base: dict[str, Any] = {
        "azure_endpoint": "https://r.openai.azure.com",
        "azure_deployment": "d",
        "api_version": "2024-10-21",
        "api_key": "k",
        "max_retries": 0,
    }
    return cls(**{**base, **service.clients, **settings})


def azure_ml(service: Service, **settings: Any) -> AzureMLOnlineEndpoint:
    """Return an LLM at a serverless endpoint that asks the service, once."""
    base: dict[str, Any] = {
        "endpoint_url": "https://h.example/v1/completions",
        "endpoint_api_key": "k",
        "content_formatter": CustomOpenAIContentFormatter(),
        "max_retries": 0,
    }
    return AzureMLOnlineEndpoint(**{**base, **service.clients, **settings})


def completion(*texts: str, **extra: Any) -> httpx2.Response:
    """Return a reply with these completions."""
    choices = [{"text": t, "index": i, "finish_reason": "stop"} for i, t in enumerate(texts)]
    return httpx2.Response(200, json={"choices": choices, **extra})


def echo(request: httpx2.Request) -> httpx2.Response:
    """Answer each prompt of a completions request with itself and a mark."""
    body = json.loads(request.content)
    prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
    texts = [f"{prompt}!" for prompt in prompts for _ in range(body.get("n", 1))]
    count = len(prompts)
    usage = {"prompt_tokens": count, "completion_tokens": 2 * count, "total_tokens": 3 * count}
    return completion(*texts, usage=usage, model="served")


def stream(*events: Any, done: bool = True) -> httpx2.Response:
    """Return a reply that streams these events."""
    shown = [event if isinstance(event, str) else json.dumps(event) for event in events]
    data = "".join(f"data: {event}\n\n" for event in [*shown, *(["[DONE]"] if done else [])])
    return httpx2.Response(
        200, headers={"content-type": "text/event-stream"}, content=data.encode()
    )


def text_event(text: str, finish: str | None = None) -> dict[str, Any]:
    """Return an event of a completions stream."""
    return {"model": "served", "choices": [{"text": text, "index": 0, "finish_reason": finish}]}


class _Chunks(BaseCallbackHandler):
    """Keeps the chunks of a stream."""

    def __init__(self) -> None:
        self.seen: list[GenerationChunk] = []

    def on_llm_new_token(self, token: str, *, chunk: Any = None, **kwargs: Any) -> None:
        self.seen.append(chunk)


class SyncCalls:
    """Calls an LLM in this thread."""

    def invoke(self, llm: Runnable[Any, str], prompt: Any, **kwargs: Any) -> str:
        return llm.invoke(prompt, **kwargs)

    def generate(self, llm: AzureLLM, prompts: list[str], **kwargs: Any) -> LLMResult:
        return llm.generate(prompts, **kwargs)

    def batch(self, llm: AzureLLM, prompts: list[str], **kwargs: Any) -> list[str]:
        return llm.batch(list(prompts), **kwargs)

    def stream(self, llm: AzureLLM, prompt: str, **kwargs: Any) -> list[str]:
        return list(llm.stream(prompt, **kwargs))

    def chunks(self, llm: AzureLLM, prompt: str) -> list[GenerationChunk]:
        handler = _Chunks()
        self.stream(llm, prompt, config={"callbacks": [handler]})
        return handler.seen


class AsyncCalls:
    """Calls an LLM in an event loop."""

    def invoke(self, llm: Runnable[Any, str], prompt: Any, **kwargs: Any) -> str:
        return asyncio.run(llm.ainvoke(prompt, **kwargs))

    def generate(self, llm: AzureLLM, prompts: list[str], **kwargs: Any) -> LLMResult:
        return asyncio.run(llm.agenerate(prompts, **kwargs))

    def batch(self, llm: AzureLLM, prompts: list[str], **kwargs: Any) -> list[str]:
        return asyncio.run(llm.abatch(list(prompts), **kwargs))

    def stream(self, llm: AzureLLM, prompt: str, **kwargs: Any) -> list[str]:
        async def collect() -> list[str]:
            return [text async for text in llm.astream(prompt, **kwargs)]

        return asyncio.run(collect())

    def chunks(self, llm: AzureLLM, prompt: str) -> list[GenerationChunk]:
        handler = _Chunks()
        self.stream(llm, prompt, config={"callbacks": [handler]})
        return handler.seen


class SentRequest(NamedTuple):
    """What an LLM sent."""

    url: str
    headers: dict[str, str]
    body: bytes
    timeout: dict[str, float | None]


def requests_of(
    llm: AzureLLM,
    prompts: list[str],
    stop: list[str] | None = None,
    params: dict[str, Any] | None = None,
) -> list[SentRequest]:
    """Return the requests that an LLM sends to a service that echoes."""
    service = Service([_answer_in_its_schema])
    with suppress(ResponseFormatError):  # of formatters for other schemas
        llm.model_copy(update=service.clients).generate(prompts, stop, **(params or {}))
    return [
        SentRequest(str(r.url), dict(r.headers), r.content, r.extensions["timeout"])
        for r in service.requests
    ]


def _answer_in_its_schema(request: httpx2.Request) -> httpx2.Response:
    return echo(request) if b'"prompt"' in request.content else httpx2.Response(200, json=["text"])
