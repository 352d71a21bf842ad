"""What the web application asks of a call, whichever operation it is."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from langchain_azure_llms.local._pieces import Outcome, Piece, Task

MODEL = "smollm2-135m-instruct"
"""The local model, as answers name it: like Azure's, they never name the deployment."""


class Events(Protocol):
    """The server-sent events of one answer, made piece by piece."""

    def opening(self) -> Iterator[str]:
        """Yield what comes before any text."""

    def piece(self, number: int, piece: Piece) -> Iterator[str]:
        """Yield the event for a piece of task `number`, when it has one."""

    def closing(self) -> Iterator[str]:
        """Yield what comes after the last text."""

    def failure(self, message: str) -> str:
        """Return the event of an error after the 200 was sent."""


class Call(Protocol):
    """A parsed request: which texts to generate, and how to shape the answer."""

    @property
    def prompt_field(self) -> str:
        """The field that holds the prompt, which an error may be about."""

    @property
    def stream(self) -> bool:
        """Whether the answer is a stream of events."""

    def tasks(self) -> list[Task]:
        """Return what to generate."""

    def whole(
        self, outcomes: Sequence[Outcome], *, filters: bool, model: str = MODEL
    ) -> dict[str, Any]:
        """Shape what the tasks produced into a whole answer.

        Args:
            outcomes: One for each of `tasks`.
            filters: Whether the service tells what its content filter found, as Azure OpenAI does.
            model: The name of the model that answers.
        """

    def events(self, *, filters: bool, model: str = MODEL) -> Events:
        """Return the maker of the answer's events; the arguments are those of `whole`."""


class ChoicesCall(Protocol):
    """What an answer in choices is made of."""

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
