"""What answers behind the routes, and what goes wrong before."""

from dataclasses import dataclass
from typing import Literal, get_args

from langchain_azure_llms.local._errors import LocalEndpointsError
from langchain_azure_llms.local._script import Script

EngineName = Literal["model", "echo"]
"""The engines there are."""


@dataclass(frozen=True)
class Staging:
    """What answers, and what goes wrong.

    Attributes:
        engine: `"model"` is the real small one, `"echo"` repeats the prompt.
        threads: CPU threads that the model generates with; None for half of the machine's.
        script: What goes wrong with which request; None when nothing does.
        seconds_refused: How long connections are refused at the start.

    Raises:
        LocalEndpointsError: When there is no such engine.
    """

    engine: EngineName = "model"
    threads: int | None = None
    script: Script | None = None
    seconds_refused: float = 0.0

    def __post_init__(self) -> None:
        if self.engine not in get_args(EngineName):
            names = " and ".join(f'"{name}"' for name in get_args(EngineName))
            raise LocalEndpointsError(f"There is no engine {self.engine!r}: there are {names}.")
