"""`LocalEndpoints`: the endpoints, served by a thread of the calling process."""

import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Literal, Self, get_args

from langchain_azure_llms._install import install_command
from langchain_azure_llms.local._credentials import Credentials
from langchain_azure_llms.local._errors import LocalEndpointsError
from langchain_azure_llms.local._scenario import PromptRecord, Scenario, Script

API_VERSION = "2024-10-21"
"""A generally available version of Azure OpenAI's API; the endpoints accept any well-formed one."""

EngineName = Literal["model", "echo"]
COMPLETION_DEPLOYMENTS = ("gpt-35-turbo-instruct", "gpt-35-turbo-instruct-0914")


class LocalEndpoints:
    """Azure's endpoints on loopback, answered by a real small model while the context is open.

    Serves, on one port of 127.0.0.1, Azure OpenAI (by `api-version` and v1), a serverless endpoint,
    the `/score` of an Azure ML online endpoint in the schema of every content formatter, Microsoft
    Entra ID's tokens, and those of machines with an identity.

    The server has a thread and an event loop of its own, so it may be entered anywhere, also
    inside a running loop. Endpoints that are open at once share one model.

    Args:
        api_key: The key to accept; a random one by default.
        port: The port to listen on; any free one by default.
        tokens: Bearer tokens to accept too, in the place of Microsoft Entra ID's; they never
            expire.
        deployments: Names of the deployments that complete text; `"*"` stands for any other name.
        chat_deployments: Names of the deployments that chat, and refuse to complete.
        responses_deployments: Names of the deployments that take Responses, and refuse all else.
        embedding_deployments: Names of the deployments that embed, and refuse all that is served.
        client_secret: The secret that applications get tokens with; a random one by default.
        token_lifetime: Seconds that the tokens they get are good for.
        ssl_certfile: A certificate in PEM, which all is served over TLS with.
        ssl_keyfile: Its private key, unless that stands in `ssl_certfile`.
        threads: CPU threads that generate; half of the machine's by default. Without effect while
            other endpoints of this process are open.
        engine: What answers: `"model"`, the real small one; or `"echo"`, which is no model. It
            answers each prompt with the prompt behind `echo: `, names itself `echo` as the model,
            needs no weights and no llama.cpp, and starts at once.
        scenario: What goes wrong with requests: a name, a `Scenario`, or several, of which the
            first that a prompt meets counts. See `Scenario` for the names.
        clock: Tells the seconds that tokens expire by.

    Raises:
        LocalEndpointsError: When an argument is wrong. When entered and the port is taken, the
            certificate cannot be used, the weights cannot be fetched, an extra or a system library
            is missing; and by `url` and `environ` when not open.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        port: int = 0,
        tokens: Sequence[str] = (),
        deployments: Sequence[str] = COMPLETION_DEPLOYMENTS,
        chat_deployments: Sequence[str] = ("local-chat",),
        responses_deployments: Sequence[str] = ("local-responses",),
        embedding_deployments: Sequence[str] = ("local-embedding",),
        client_secret: str | None = None,
        token_lifetime: float = 3600.0,
        ssl_certfile: str | os.PathLike[str] | None = None,
        ssl_keyfile: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        engine: EngineName = "model",
        scenario: str | Scenario | Sequence[str | Scenario] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.api_key = _secret("api_key", api_key)
        self.client_secret = _secret("client_secret", client_secret)
        self.tokens = tuple(tokens)
        if ssl_keyfile is not None and ssl_certfile is None:
            raise LocalEndpointsError("ssl_keyfile needs the ssl_certfile it belongs to.")
        if engine not in get_args(EngineName):
            names = " and ".join(f'"{name}"' for name in get_args(EngineName))
            raise LocalEndpointsError(f"There is no engine {engine!r}: there are {names}.")
        given = [scenario] if isinstance(scenario, str | Scenario) else scenario or ()
        scenarios = [Scenario(one) if isinstance(one, str) else one for one in given]
        self._credentials = Credentials(
            self.api_key, self.tokens, self.client_secret, token_lifetime, clock
        )
        self._script = Script(scenarios) if scenarios else None
        self._scheme = "https" if ssl_certfile else "http"
        self._settings: dict[str, Any] = {
            "credentials": self._credentials,
            "deployments": {
                "completions": tuple(deployments),
                "chat": tuple(chat_deployments),
                "responses": tuple(responses_deployments),
                "embeddings": tuple(embedding_deployments),
            },
            "port": port,
            "certfile": ssl_certfile,
            "keyfile": ssl_keyfile,
            "engine": engine,
            "threads": threads,
            "script": self._script,
        }
        self._port: int | None = None
        self._open = ExitStack()

    @property
    def url(self) -> str:
        """Their address: `http://127.0.0.1:PORT`, or with a certificate `https://127.0.0.1:PORT`."""
        if self._port is None:
            raise LocalEndpointsError("The local endpoints are not running: enter them by `with`.")
        return f"{self._scheme}://127.0.0.1:{self._port}"

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

    @property
    def tokens_issued(self) -> int:
        """How many tokens were given out, by `issue_token` and by the routes."""
        return self._credentials.issued

    @property
    def scopes_requested(self) -> tuple[str, ...]:
        """What the routes were asked for tokens for: scopes, and the resources of machines."""
        return tuple(self._credentials.scopes)

    @property
    def prompts_seen(self) -> dict[str, PromptRecord]:
        """What became of each prompt; kept when there is a scenario, and empty otherwise."""
        return {} if self._script is None else self._script.records

    def issue_token(self, *, lifetime: float = 3600.0) -> str:
        """Return a bearer token that every route accepts for `lifetime` seconds."""
        return self._credentials.issue(lifetime)

    def revoke_tokens(self) -> None:
        """Let the routes accept none of the tokens that were given out so far."""
        self._credentials.revoke()

    def __enter__(self) -> Self:
        if self._port is not None:
            raise LocalEndpointsError("These local endpoints are running already.")
        try:
            from langchain_azure_llms.local._server import serve  # noqa: PLC0415 (an extra; heavy)
        except ModuleNotFoundError as error:
            message = f"The local endpoints need an extra ({error.name} is missing): "
            message += f"{install_command('local')}."
            raise LocalEndpointsError(message) from error
        self._port = self._open.enter_context(serve(**self._settings))
        return self

    def start(self) -> Self:
        """Begin to serve, and return this object; for notebooks, where no `with` block can be.

        Raises:
            LocalEndpointsError: If they are running already, or cannot be started.
        """
        return self.__enter__()

    def stop(self) -> None:
        """End what `start` began; without effect where nothing runs."""
        self.__exit__()

    def __repr__(self) -> str:
        """Return the address, or that there is none; no key."""
        return f"<LocalEndpoints at {self.url}>" if self._port else "<LocalEndpoints, not running>"

    def __exit__(self, *exc_info: object) -> None:
        self._port = None
        self._open.close()


def _secret(name: str, given: str | None) -> str:
    if given is None:
        return secrets.token_hex(16)
    if not given.strip():
        raise LocalEndpointsError(f"The {name} must not be empty: leave it out for a random one.")
    return given
