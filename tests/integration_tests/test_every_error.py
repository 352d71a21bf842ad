"""Each class of the tree is what a real server, or a real mistake, brings about; and it travels.

The calls are made in another process, from which the errors come back: pickled, as they do from
worker pools, Ray and Spark.
"""

import asyncio
import errno
import inspect
import json
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    AzureOpenAI,
    CustomOpenAIContentFormatter,
    GPT2ContentFormatter,
    exceptions,
    load_llm,
)
from tests.integration_tests.wire import Connection, WireServer

Error = exceptions.AzureLLMError
_FILTERED = {"innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}}}
_REPLIES: dict[str, tuple[str, Any]] = {
    "bad": ("400 Bad Request", {"error": {"code": "x", "message": "No such knob."}}),
    "long": ("400 Bad Request", {"error": {"message": "The maximum context length is 9."}}),
    "filtered": ("400 Bad Request", {"error": {"code": "content_filter", **_FILTERED}}),
    "chat": ("400 Bad Request", {"error": {"code": "OperationNotSupported", "message": "no"}}),
    "key": ("401 Unauthorized", {"error": {"code": "401", "message": "Wrong key."}}),
    "rules": ("403 Forbidden", {"error": {"code": "403", "message": "Blocked."}}),
    "nowhere": ("404 Not Found", {"error": {"code": "DeploymentNotFound", "message": "no"}}),
    "container": ("424 Failed Dependency", {"message": "The model failed."}),
    "busy": ("429 Too Many Requests", {"error": {"message": "Retry after 3 seconds."}}),
    "down": ("503 Service Unavailable", {"error": {"message": "Down."}}),
    "teapot": ("418 I'm a teapot", {"error": {"message": "Tea only."}}),
    "page": ("200 OK", "<html>sign in</html>"),
}


async def _serve(connection: Connection) -> None:
    while request := await connection.request():
        place = request["line"].split("/")[1]
        if place == "hangs-up":
            return
        if place == "slow":
            await asyncio.sleep(5)
        if place == "cut":
            await connection.begin_stream()
            await connection.event({"choices": [{"text": "Once upon", "index": 0}]})
            return
        status, value = _REPLIES[place]
        await connection.reply(value, status)


def _azure(url: str, **settings: Any) -> AzureOpenAI:
    base = {"azure_deployment": "d", "api_version": "2024-10-21", "max_retries": 0}
    who = {} if "credential" in settings else {"api_key": "k"}
    return AzureOpenAI(azure_endpoint=url, api="completions", **{**base, **who, **settings})


def _ask(place: str, **settings: Any) -> Callable[[str], Any]:
    return lambda url: _azure(f"{url}/{place}", **settings).invoke("x")


def _no_token(*_scopes: str, **_options: Any) -> str:
    raise OSError("signed out")


def _ml(**settings: Any) -> Callable[[str], Any]:
    return lambda url: AzureMLOnlineEndpoint(
        endpoint_url=f"{url}/v1/completions",
        **{"content_formatter": CustomOpenAIContentFormatter(), **settings},
    )


def _file(name: str, content: str | None) -> Callable[[str], Any]:
    def load(_url: str) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            if content is not None:
                path.write_text(content)
            return load_llm(path)

    return load


def _denied(_url: str) -> Any:
    """Load a file that may not be read: who runs the tests may read all."""
    denied = PermissionError(errno.EACCES, "Permission denied")
    with mock.patch.object(Path, "read_text", side_effect=denied):
        return load_llm("x.json")


PROVOCATIONS: dict[type[Error], Callable[[str], Any]] = {
    exceptions.ConfigurationError: _ask("bad", temperature="warm"),
    exceptions.MissingCredentialError: _ml(),
    exceptions.ConflictingCredentialsError: _ask("bad", azure_ad_token="t"),
    exceptions.UnsupportedApiTypeError: _ml(
        endpoint_api_key="k", content_formatter=GPT2ContentFormatter()
    ),
    exceptions.CredentialError: _ask("bad", credential=_no_token),
    exceptions.EndpointConnectionError: _ask("hangs-up"),
    exceptions.EndpointTimeoutError: _ask("slow", timeout=0.2),
    exceptions.StreamInterruptedError: _ask("cut", streaming=True),
    exceptions.StatusError: _ask("teapot"),
    exceptions.BadRequestError: _ask("bad"),
    exceptions.ContextLengthError: _ask("long"),
    exceptions.ContentFilterError: _ask("filtered"),
    exceptions.OperationNotSupportedError: _ask("chat"),
    exceptions.AuthenticationError: _ask("key"),
    exceptions.PermissionDeniedError: _ask("rules"),
    exceptions.DeploymentNotFoundError: _ask("nowhere"),
    exceptions.ModelContainerError: _ask("container"),
    exceptions.RateLimitError: _ask("busy"),
    exceptions.ServerError: _ask("down"),
    exceptions.ResponseFormatError: _ask("page"),
    exceptions.LoadError: _file("x.json", "{"),
    exceptions.MissingFileError: _file("x.json", None),
    exceptions.UnreadableFileError: _denied,
    exceptions.UnknownTypeError: _file("x.json", json.dumps({"_type": "azura"})),
    exceptions.UnsupportedFileError: _file("x.toml", ""),
}
_BASES = {exceptions.AzureLLMError, exceptions.RequestError}
_BY_NAME = {cls.__name__: cls for cls in PROVOCATIONS}


def _provoke(name: str, url: str) -> None:
    """Make the call, in the other process; its error comes back by itself."""
    PROVOCATIONS[_BY_NAME[name]](url)


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with WireServer(_serve) as serving:
        yield serving


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        yield pool


def test_no_class_is_forgotten() -> None:
    """But for the bases that are raised by nothing."""
    found = (cls for _, cls in inspect.getmembers(exceptions, inspect.isclass))
    tree = {cls for cls in found if issubclass(cls, Error)}
    assert tree - _BASES == PROVOCATIONS.keys()


@pytest.mark.parametrize("name", sorted(_BY_NAME))
def test_each_is_provoked_and_crosses_a_process_boundary(
    server: WireServer, elsewhere: ProcessPoolExecutor, name: str
) -> None:
    """Class, words and attributes are those of the same call here."""
    cls = _BY_NAME[name]
    there = elsewhere.submit(_provoke, name, server.url).exception(60)
    with pytest.raises(Error) as raised:
        PROVOCATIONS[cls](server.url)
    here = raised.value
    assert (cls, cls) == (type(here), type(there))
    assert _contents(here) == _contents(there)


def _contents(error: BaseException | None) -> dict[str, Any]:
    """Return what an error holds; where a file stood, and what others registered here, differs."""
    place = str(getattr(error, "path", None))
    held = {name: str(value).replace(place, "...") for name, value in vars(error).items()}
    words = str(error).replace(place, "...").partition(" Registered: ")[0]
    return {**held, "words": words}
