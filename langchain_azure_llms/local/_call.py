"""What the web application asks of a call, whichever operation it is."""

from collections.abc import Sequence
from typing import Any, Protocol

from langchain_azure_llms.local._pieces import Operation, Outcome, Piece, Task

MODEL = "smollm2-135m-instruct"
"""The model that answers, as answers name it: like Azure's, they never name the deployment."""


class Call(Protocol):
    """A parsed request: which texts to generate, and how to shape the answer."""

    @property
    def operation(self) -> Operation:
        """Which of the model's two operations answers."""

    @property
    def stream(self) -> bool:
        """Whether the answer is a stream of events."""

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with an event that counts the tokens."""

    @property
    def prompt_count(self) -> int:
        """Prompts in the request."""

    @property
    def candidates(self) -> int:
        """Texts to generate for each prompt."""

    @property
    def id_prefix(self) -> str:
        """How the ids of answers begin."""

    @property
    def answer_object(self) -> str:
        """The `object` of a whole answer."""

    @property
    def event_object(self) -> str:
        """The `object` of a stream's event."""

    def tasks(self) -> list[Task]:
        """Return what to generate: `candidates` neighbouring tasks for each prompt."""

    def choices(self, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
        """Shape what the tasks produced into the choices of a whole answer."""

    def event_choice(self, number: int, piece: Piece, before: Outcome) -> dict[str, Any] | None:
        """Shape a piece of a task into an event's choice; None when there is nothing to tell.

        Args:
            number: The task's place in `tasks`.
            piece: What came.
            before: What had come before.
        """
