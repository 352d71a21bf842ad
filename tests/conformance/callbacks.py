"""A callback handler that records which of its methods LangChain called, for each run."""

import threading
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult


@dataclass
class Run:
    """The callbacks of one run.

    Attributes:
        prompt: Its prompt.
        events: The callbacks that were called, in order: `start`, `token`, `end`, `error`.
        context: Its tags, metadata and name.
        pieces: The texts of its tokens.
        result: Its result, if it ended.
        error: Its error, if it failed.
    """

    prompt: str
    events: list[str]
    context: dict[str, Any]
    pieces: list[str] = field(default_factory=list)
    result: LLMResult | None = None
    error: BaseException | None = None

    @property
    def lifecycle(self) -> list[str]:
        """Its events without the tokens."""
        return [event for event in self.events if event != "token"]

    @property
    def text(self) -> str:
        """The text it ended with."""
        assert self.result is not None, "a run without an end"
        return self.result.generations[0][0].text


class RecordingHandler(BaseCallbackHandler):
    """Records the callbacks of each run."""

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
        """Return the last run of a prompt: those before it, if any, ended with an error.

        A request of several prompts that is refused because of one of them may be sent again.
        """
        found = [run for run in self.runs if run.prompt == prompt]
        assert found, "no run for a prompt"
        assert all(run.result is None for run in found[:-1]), "a prompt was answered twice"
        return found[-1]

    def on_llm_start(
        self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **context: Any
    ) -> None:
        kept = {name: context.get(name) for name in ("tags", "metadata", "name")}
        self.by_id[run_id] = Run("".join(prompts), ["start"], kept)
        self.started.set()

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **context: Any) -> None:
        self._record(run_id, "token").pieces.append(str(token))

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **context: Any) -> None:
        self._record(run_id, "end").result = response

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **context: Any) -> None:
        self._record(run_id, "error").error = error

    def _record(self, run_id: UUID, event: str) -> Run:
        run = self.by_id.setdefault(run_id, Run("", [], {}))  # one without a start
        run.events.append(event)
        return run
