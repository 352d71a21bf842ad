"""An engine that says what a test lets it say, and the application in front of it."""

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import httpx2

from langchain_azure_llms.local._app import create_app
from langchain_azure_llms.local._credentials import Credentials
from langchain_azure_llms.local._errors import server_error
from langchain_azure_llms.local._generation import Emit, Piece, Task

COMPLETIONS = "/openai/deployments/text/completions?api-version=2024-10-21"
CHAT = "/openai/deployments/talk/chat/completions?api-version=2024-10-21"
RESPONSES = "/openai/v1/responses"
DEPLOYMENTS = {
    "completions": ["text", "both"],
    "chat": ["talk", "both"],
    "responses": ["answer"],
    "embeddings": ["vector"],
}
ENDED = Piece(finish_reason="stop", usage=(3, 2))


class ScriptedEngine:
    """Emits the given pieces for each task, or those of the task's own; remembers the tasks."""

    name = "scripted"

    def __init__(
        self, *pieces: Piece, each: Sequence[Sequence[Piece]] = (), fails: bool = False
    ) -> None:
        self.tasks: list[Task] = []
        self._pieces = pieces
        self._each = each
        self._fails = fails

    def start(self, task: Task, emit: Emit, is_cancelled: Callable[[], bool]) -> None:
        """Emit all at once."""
        pieces = self._each[len(self.tasks)] if self._each else self._pieces
        self.tasks.append(task)
        for piece in pieces:
            emit(piece)
        emit(server_error("The model fell over.") if self._fails else None)


async def post(
    engine: ScriptedEngine,
    path: str,
    body: Any,
    headers: dict[str, Any] | None = None,
    *,
    raises: bool = True,
) -> httpx2.Response:
    """Call the application in memory, with its key unless other headers are given."""
    credentials = Credentials("key", ("token",))
    app: Any = create_app(engine, credentials, DEPLOYMENTS, threading.Event())
    name, key = ("authorization", "Bearer key") if path == "/score" else ("api-key", "key")
    sent = {name: key} if headers is None else headers
    transport = httpx2.ASGITransport(app, raise_app_exceptions=raises)
    async with httpx2.AsyncClient(transport=transport, base_url="http://local") as client:
        return await client.post(path, content=json.dumps(body), headers=sent)


async def task_of(path: str, body: Any) -> Task:
    """Return the task that a request becomes."""
    engine = ScriptedEngine(Piece("text"), ENDED)
    answer = await post(engine, path, body)
    assert answer.status_code == 200, answer.text
    return engine.tasks[0]


def events_of(answer: httpx2.Response) -> list[Any]:
    """Return the data of a stream's events, but for the end marker."""
    blocks = answer.text.strip().split("\n\n")
    datas = [block.partition("data: ")[2] for block in blocks]
    return [json.loads(data) for data in datas if data != "[DONE]"]
