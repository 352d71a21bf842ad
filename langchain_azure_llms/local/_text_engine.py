"""What an engine is: it turns tasks into texts. There are two, the model and the echo."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from langchain_azure_llms.local._pieces import Piece, Task

Emit = Callable[[Piece | Exception | None], None]
"""Takes the pieces of one task as they come, then None; or an exception as the last one."""


class TextEngine(Protocol):
    """Turns tasks into texts."""

    @property
    def name(self) -> str:
        """What answers name as their model."""

    def start(self, task: Task, emit: Emit, cancelled: threading.Event) -> None:
        """Begin `task`, and let `emit` have its pieces; setting `cancelled` ends it early."""

    def texts(self, tasks: Sequence[Task]) -> list[str]:
        """Return the texts of `tasks`, waiting for all of them.

        Raises:
            EngineError: When one of them is refused or fails.
        """
