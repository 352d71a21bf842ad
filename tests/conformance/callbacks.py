"""What a claim learns while an LLM is asked: its callbacks, and the requests in flight."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

_GLANCE = 0.002  # seconds between two looks at the requests in flight


@dataclass
class Run:
    """What was told of one run.

    Attributes:
        prompt: What was asked.
        told: What its listeners were told, in order: `start`, `token`, `end`, `error`.
        context: Its tags, metadata and name.
        pieces: The texts of its tokens.
        result: Its result, if it ended.
        error: Its error, if it failed.
    """

    prompt: str
    told: list[str]
    context: dict[str, Any]
    pieces: list[str] = field(default_factory=list)
    result: LLMResult | None = None
    error: BaseException | None = None

    @property
    def fate(self) -> list[str]:
        """What was told of it, tokens aside."""
        return [one for one in self.told if one != "token"]

    @property
    def text(self) -> str:
        """The text it ended with."""
        assert self.result is not None, "a run without an end"
        return self.result.generations[0][0].text


class Listener(BaseCallbackHandler):
    """Remembers what it is told, by run."""

    run_inline = True

    def __init__(self) -> None:
        self.by_id: dict[UUID, Run] = {}
        self.started = threading.Event()

    @property
    def runs(self) -> list[Run]:
        """The runs, in the order of their starts."""
        return list(self.by_id.values())

    @property
    def only(self) -> Run:
        """The one run there was."""
        assert len(self.by_id) == 1, f"{len(self.by_id)} runs for one call"
        return self.runs[0]

    def of(self, prompt: str) -> Run:
        """Return the one run of a prompt."""
        found = [run for run in self.runs if run.prompt == prompt]
        assert len(found) == 1, f"{len(found)} runs for one prompt"
        return found[0]

    def on_llm_start(
        self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **told: Any
    ) -> None:
        context = {name: told.get(name) for name in ("tags", "metadata", "name")}
        self.by_id[run_id] = Run("".join(prompts), ["start"], context)
        self.started.set()

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **told: Any) -> None:
        self._told(run_id, "token").pieces.append(str(token))

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **told: Any) -> None:
        self._told(run_id, "end").result = response

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **told: Any) -> None:
        self._told(run_id, "error").error = error

    def _told(self, run_id: UUID, what: str) -> Run:
        run = self.by_id.setdefault(run_id, Run("", [], {}))  # one that nobody said had started
        run.told.append(what)
        return run


class Peak:
    """Looks again and again at a number, in a thread of its own, and keeps the highest."""

    def __init__(self, number: Callable[[], int]) -> None:
        self._number, self._stop = number, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.highest = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(_GLANCE):
            self.highest = max(self.highest, self._number())
