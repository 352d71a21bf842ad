"""The local endpoints' application, in memory: a model that fails, calls without a deployment."""

import json
import threading
from typing import Any

import httpx2
import pytest

from langchain_azure_llms.local._access import Access
from langchain_azure_llms.local._app import create_app
from langchain_azure_llms.local._cancellations import Cancellations
from langchain_azure_llms.local._deployments import Deployments
from langchain_azure_llms.local._directory import Directory
from langchain_azure_llms.local._pieces import EngineError, Piece, Task
from langchain_azure_llms.local._text_engine import Emit
from langchain_azure_llms.local._tokens import IssuedTokens

_PLACE = "/openai/deployments/gpt-35-turbo-instruct/completions?api-version=2024-10-21"


class _FailingEngine:
    """Fails after so many pieces."""

    name = "failing"

    def __init__(self, pieces: int) -> None:
        self._pieces = pieces

    def start(self, _task: Task, emit: Emit, _cancelled: threading.Event) -> None:
        for _ in range(self._pieces):
            emit(Piece("word "))
        emit(EngineError(500, "The model fell over."))


async def _answer(path: str, pieces: int, **body: Any) -> httpx2.Response:
    app: Any = create_app(
        _FailingEngine(pieces),  # type: ignore[arg-type] # it is asked for nothing else
        lambda _raw: None,
        Access("k"),
        Deployments(),
        Directory("secret", 60.0, IssuedTokens()),
        Cancellations(),
    )
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://local") as client:
        return await client.post(path, json=body, headers={"api-key": "k"})


@pytest.mark.parametrize("stream", [True, False])
async def test_a_model_that_fails_before_its_first_word_is_a_500(stream: bool) -> None:  # noqa: FBT001
    """Also where a stream was asked for: it has not begun."""
    answer = await _answer(_PLACE, 0, prompt="p", stream=stream)
    assert answer.status_code == 500
    assert "fell over" in answer.text


async def test_a_model_that_fails_in_the_middle_ends_the_stream_with_an_error() -> None:
    """The status has been sent; no end marker follows."""
    answer = await _answer(_PLACE, 2, prompt="p", stream=True)
    *_, last = answer.text.strip().split("\n\n")
    assert answer.status_code == 200
    assert json.loads(last.removeprefix("data: "))["error"]["message"] == "The model fell over."


async def test_a_call_of_the_v1_api_names_its_deployment() -> None:
    """Its URL does not."""
    answer = await _answer("/openai/v1/completions", 0, prompt="p")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")
