"""Who is measured: both classes of this package, their peers, and what lies beneath (the floors).

Each is made as its users make it, with its own defaults.
"""

import warnings
from typing import Any, Protocol, TypeVar

import aiohttp
import httpx2
import langchain_openai
from httpx_aiohttp.httpx2 import Httpx2AiohttpClient
from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    BaseCallbackHandler,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import Generation, LLMResult

import langchain_azure_llms as ours
from tests.benchmarks import server

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it announces its own end
    from langchain_community.llms import azureml_endpoint as community

LLMT = TypeVar("LLMT", bound=BaseLLM)
OURS = "ours"
OPENAI = "langchain-openai"
COMMUNITY = "langchain-community"
NO_OP = "no-op LLM"
HTTPX2 = "httpx2"
HTTPX2_ON_AIOHTTP = "httpx2 on aiohttp"
AIOHTTP = "aiohttp"

KEY = "a-key"
BODY = (
    b'{"input_data": {"input_string": ["Tell me when the next train leaves."], "parameters": {}}}'
)
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
MOST_CONNECTIONS = 1000


def our_openai(url: str, deployment: str = "d") -> ours.AzureOpenAI:
    """Return our LLM for Azure OpenAI."""
    return ours.AzureOpenAI(
        azure_endpoint=url, azure_deployment=deployment, api_version="2024-10-21", api_key=KEY
    )


def their_openai(url: str, deployment: str = "d") -> BaseLLM:
    """Return the peer's LLM for Azure OpenAI."""
    made: Any = langchain_openai.AzureOpenAI
    llm: BaseLLM = made(
        azure_endpoint=url, azure_deployment=deployment, api_version="2024-10-21", api_key=KEY
    )
    return llm


def our_azureml(url: str) -> ours.AzureMLOnlineEndpoint:
    """Return our LLM for Azure ML."""
    return ours.AzureMLOnlineEndpoint(
        endpoint_url=f"{url}/score",
        endpoint_api_key=KEY,
        content_formatter=ours.CustomOpenAIContentFormatter(),
    )


def their_azureml(url: str) -> BaseLLM:
    """Return the peer's LLM for Azure ML."""
    made: Any = community.AzureMLOnlineEndpoint
    llm: BaseLLM = made(
        endpoint_url=f"{url}/score",
        endpoint_api_key=KEY,
        content_formatter=community.CustomOpenAIContentFormatter(),
    )
    return llm


class NoOpLLM(BaseLLM):
    """LangChain's part alone: it answers without asking anybody."""

    @property
    def _llm_type(self) -> str:
        return "no-op"

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        return LLMResult(generations=[[Generation(text=server.TEXT)] for _ in prompts])

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        return self._generate(prompts)


class Listener(BaseCallbackHandler):
    """Is told of each run, and does nothing about it."""


def heard(llm: LLMT) -> LLMT:
    """Return an LLM with somebody who listens to its runs."""
    llm.callbacks = [Listener()]
    return llm


class BareHttpx2:
    """HTTP alone, in threads."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/score"
        self._client = httpx2.Client()

    def post(self) -> bytes:
        """Send one request, and return the body of its reply."""
        return self._client.post(self._url, content=BODY, headers=HEADERS).content

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class AsyncHttp(Protocol):
    """HTTP alone, in asyncio."""

    async def post(self) -> bytes:
        """Send one request, and return the body of its reply."""

    async def aclose(self) -> None:
        """Close all connections."""


class BareAsyncHttpx2:
    """HTTP alone, in asyncio: on httpx2's own engine, or on aiohttp's."""

    def __init__(self, url: str, *, on_aiohttp: bool) -> None:
        self._url = f"{url}/score"
        limits = httpx2.Limits(
            max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS
        )
        made: Any = Httpx2AiohttpClient if on_aiohttp else httpx2.AsyncClient
        self._client: httpx2.AsyncClient = made(limits=limits)

    async def post(self) -> bytes:
        """Send one request, and return the body of its reply."""
        return (await self._client.post(self._url, content=BODY, headers=HEADERS)).content

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


class BareAiohttp:
    """HTTP alone, by aiohttp."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/score"
        self._made: aiohttp.ClientSession | None = None

    async def post(self) -> bytes:
        """Send one request, and return the body of its reply."""
        async with self._session.post(self._url, data=BODY, headers=HEADERS) as reply:
            return await reply.read()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._made is None:  # only a running event loop can have one
            connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS)
            self._made = aiohttp.ClientSession(connector=connector)
        return self._made
