"""The LLMs that are compared: ours, the peers', and the floor.

Ours and the peers' are made as their users make them, with their own defaults.
"""

import asyncio
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import langchain_openai
from httpx_aiohttp.httpx2 import Httpx2AiohttpClient
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import Generation, LLMResult

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it announces its own end
    from langchain_community.llms import azureml_endpoint as community

OPENAI = "langchain-openai"
COMMUNITY = "langchain-community"
KEY = "a-key"
API_VERSION = "2024-10-21"
_HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
_MOST_CONNECTIONS = 1000


def our_openai(url: str) -> AzureOpenAI:
    """Return our LLM for Azure OpenAI."""
    return AzureOpenAI(
        azure_endpoint=url, azure_deployment="d", api_version=API_VERSION, api_key=KEY
    )


def their_openai(url: str) -> BaseLLM:
    """Return the peer's LLM for Azure OpenAI."""
    cls: Any = langchain_openai.AzureOpenAI
    llm: BaseLLM = cls(
        azure_endpoint=url, azure_deployment="d", api_version=API_VERSION, api_key=KEY
    )
    return llm


def our_azureml(url: str) -> AzureMLOnlineEndpoint:
    """Return our LLM for Azure ML."""
    return AzureMLOnlineEndpoint(
        endpoint_url=f"{url}/score",
        endpoint_api_key=KEY,
        content_formatter=CustomOpenAIContentFormatter(),
    )


def their_azureml(url: str) -> BaseLLM:
    """Return the peer's LLM for Azure ML."""
    cls: Any = community.AzureMLOnlineEndpoint
    llm: BaseLLM = cls(
        endpoint_url=f"{url}/score",
        endpoint_api_key=KEY,
        content_formatter=community.CustomOpenAIContentFormatter(),
    )
    return llm


class BareLLM(BaseLLM):
    """The floor: LangChain's own code, and one request of bare httpx2 for each prompt.

    Async requests go over aiohttp. No retries, no checks: what a client can hardly do without.
    """

    url: str
    client: Any
    async_client: Any

    @property
    def _llm_type(self) -> str:
        return "bare"

    def _generate(self, prompts: list[str], *_args: Any, **_kwargs: Any) -> LLMResult:
        return _result([self.client.post(self.url, **self._request(one)) for one in prompts])

    async def _agenerate(self, prompts: list[str], *_args: Any, **_kwargs: Any) -> LLMResult:
        post = self.async_client.post
        if len(prompts) == 1:
            return _result([await post(self.url, **self._request(prompts[0]))])
        posts = (post(self.url, **self._request(one)) for one in prompts)
        return _result(await asyncio.gather(*posts))

    def _request(self, prompt: str) -> dict[str, Any]:
        body: dict[str, Any] = (
            {"input_data": {"input_string": [prompt], "parameters": {}}}
            if self.url.endswith("/score")
            else {"prompt": [prompt]}
        )
        return {"content": json.dumps(body), "headers": _HEADERS}


def _result(responses: list[httpx2.Response]) -> LLMResult:
    return LLMResult(generations=[[Generation(text=_text(one.json()))] for one in responses])


def _text(body: Any) -> str:
    text: str = body[0]["0"] if isinstance(body, list) else body["choices"][0]["text"]
    return text


def bare_llm(url: str) -> BareLLM:
    """Return the floor for an address, with clients of its own."""
    limits = httpx2.Limits(
        max_connections=_MOST_CONNECTIONS, max_keepalive_connections=_MOST_CONNECTIONS
    )
    return BareLLM(
        url=url,
        client=httpx2.Client(limits=limits),
        async_client=Httpx2AiohttpClient(limits=limits),
    )


class Handler(BaseCallbackHandler):
    """The callback handler of the rows with one: it keeps what it is called with."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], **kwargs: Any) -> None:
        self.events.append(prompts)

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.events.append(response)


@dataclass(frozen=True)
class Service:
    """A service of Azure's, and the LLMs that ask it.

    Attributes:
        cls: The name of our class and of the peer's.
        ours: Makes our LLM for an address.
        peer: The name of the peer.
        theirs: Makes the peer's LLM for an address.
        path: Where the floor sends its requests to.
        peer_prompts: How many prompts the peer is asked in a turn at most (not in a whole batch).
        peer_rounds: How many turns the peer has at most.
    """

    cls: str
    ours: Callable[[str], BaseLLM]
    peer: str
    theirs: Callable[[str], BaseLLM]
    path: str
    peer_prompts: int = 1000
    peer_rounds: int = 1000


AZURE_OPENAI = Service(
    "AzureOpenAI",
    our_openai,
    OPENAI,
    their_openai,
    f"/openai/deployments/d/completions?api-version={API_VERSION}",
)
# Over TLS this peer reads all certificate authorities for each prompt: 25 ms.
AZURE_ML = Service(
    "AzureMLOnlineEndpoint",
    our_azureml,
    COMMUNITY,
    their_azureml,
    "/score",
    peer_prompts=16,
    peer_rounds=2,
)
