"""`LocalEndpoints`: the endpoints, served by a thread of the calling process."""

import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from types import ModuleType, TracebackType
from typing import Self

from langchain_azure_llms.local._access import Access
from langchain_azure_llms.local._deployments import (
    CHAT_DEPLOYMENTS,
    COMPLETION_DEPLOYMENTS,
    Deployments,
)
from langchain_azure_llms.local._errors import LocalEndpointsError

API_VERSION = "2024-10-21"
"""A generally available version of Azure OpenAI's API; the endpoints accept any well-formed one."""


class LocalEndpoints:
    """Azure's endpoints on loopback, answered by a real small model while the context is open.

    Serves, on one port of 127.0.0.1:

    * Azure OpenAI: `/openai/deployments/{name}/completions` and `/chat/completions` (with
      `api-version`),
      `/openai/v1/completions` and `/openai/v1/chat/completions`;
    * a serverless endpoint: `/completions`, `/v1/completions`, `/chat/completions`,
      `/v1/chat/completions`;
    * an Azure ML online endpoint: `/score`, in the schema of every content formatter.

    The server has a thread and an event loop of its own, so it may be entered anywhere, also
    inside a running loop (which it blocks for about a second). Endpoints that are open at once
    share one model.

    Args:
        api_key: The key to accept; a random one by default.
        port: The port to listen on; any free one by default.
        tokens: Bearer tokens to accept too, in the place of Microsoft Entra ID's.
        deployments: Names of the deployments that complete text; `"*"` stands for any other name.
        chat_deployments: Names of the deployments that chat, and refuse to complete.
        threads: CPU threads that generate; half of the machine's by default. Without effect while
            other endpoints of this process are open.

    Raises:
        LocalEndpointsError: When entered and the port is taken, the weights cannot be fetched, an
        extra or a system library is missing; and by `url` and `environ` when not open.

    Example:
        ```python
        with LocalEndpoints() as endpoints:
            llm = AzureOpenAI(
                azure_endpoint=endpoints.url,
                api_key=endpoints.api_key,
                api_version="2024-10-21",
                azure_deployment="gpt-35-turbo-instruct",
            )
            print(llm.invoke("Tell me a joke"))
        ```
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        port: int = 0,
        tokens: Sequence[str] = (),
        deployments: Sequence[str] = COMPLETION_DEPLOYMENTS,
        chat_deployments: Sequence[str] = CHAT_DEPLOYMENTS,
        threads: int | None = None,
    ) -> None:
        self.api_key = secrets.token_hex(16) if api_key is None else api_key
        if not self.api_key.strip():
            raise LocalEndpointsError(
                "The api_key must not be empty: leave it out for a random one."
            )
        self.tokens = tuple(tokens)
        self._access = Access(self.api_key, self.tokens)
        self._deployments = Deployments(tuple(deployments), tuple(chat_deployments))
        self._wanted_port = port
        self._threads = threads
        self._port: int | None = None
        self._open = ExitStack()

    @property
    def url(self) -> str:
        """The address of the endpoints, `http://127.0.0.1:PORT`, without a slash at the end."""
        if self._port is None:
            raise LocalEndpointsError(
                "The local endpoints are not running: enter them with `with`."
            )
        return f"http://127.0.0.1:{self._port}"

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables that point the LLM classes here."""
        return {
            "AZURE_OPENAI_ENDPOINT": self.url,
            "AZURE_OPENAI_API_KEY": self.api_key,
            "OPENAI_API_VERSION": API_VERSION,
            "AZUREML_ENDPOINT_URL": f"{self.url}/score",
            "AZUREML_ENDPOINT_API_KEY": self.api_key,
        }

    def __enter__(self) -> Self:
        if self._port is not None:
            raise LocalEndpointsError("These local endpoints are running already.")
        server = _import_server()
        self._port = self._open.enter_context(
            server.serve(self._access, self._deployments, self._wanted_port, self._threads)
        )
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._port = None
        self._open.close()


def _import_server() -> ModuleType:
    try:
        from langchain_azure_llms.local import _server  # noqa: PLC0415 (needs an extra; heavy)
    except ModuleNotFoundError as error:
        raise LocalEndpointsError(
            f"The local endpoints need an extra ({error.name} is missing): "
            'pip install "langchain-azure-llms[local]".'
        ) from error
    return _server
