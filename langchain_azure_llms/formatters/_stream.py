"""Putting the events of a stream together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from langchain_core.outputs import GenerationChunk

from langchain_azure_llms.formatters._stop import StopCutter
from langchain_azure_llms.formatters.base import Event


class Ending(NamedTuple):
    """How the streams of a format end.

    Attributes:
        marker: The last event's data; None for formats whose streams end with their connection.
        is_finish: Whether the event with the finish reason is the last.
    """

    marker: str | None = None
    is_finish: bool = False


OPENAI_ENDING = Ending("[DONE]")


ReadEvent = Callable[[str], Event | GenerationChunk | str | None]
"""Reads an event's data: ours as an `Event`, since making objects of LangChain's takes time."""


class StreamReader:
    """Reads one stream: text as it comes, everything else once, at the end.

    LangChain adds chunks up, and would add the words of repeated annotations up too ("safesafe").
    So what an event tells beside its text and log probabilities is kept back for the last chunk.
    Neither a finish reason nor anything else ends a stream but its end marker or the connection's
    end: filters run in blocks, and text and annotations may follow the finish.

    Args:
        read_event: Reads one event's data.
        stop: Texts to end at, where the service itself has no such parameter.
        ending: How streams of this format end.

    Attributes:
        ended: Whether the end marker was seen.
        stopped: Whether a text to end at came: what follows is not wanted.
        text: The text so far.
    """

    def __init__(
        self,
        read_event: ReadEvent,
        stop: Sequence[str] = (),
        ending: Ending = OPENAI_ENDING,
    ) -> None:
        self._read_event = read_event
        self._ending = ending
        self._texts: list[str] = []
        self._info: dict[str, Any] = {}
        self._cutter = StopCutter(stop) if stop else None
        self.ended = False

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._texts)

    @property
    def stopped(self) -> bool:
        """Whether a text to end at came."""
        return self._cutter is not None and self._cutter.stopped

    @property
    def is_over(self) -> bool:
        """Whether nothing can come any more, so that a connection may break."""
        return self.ended or self.stopped or (self._ending.is_finish and self._is_finished)

    @property
    def is_complete(self) -> bool:
        """Whether a stream whose connection ended as it should is a whole answer."""
        return self.is_over or self._is_finished or self._ending == Ending()

    @property
    def _is_finished(self) -> bool:
        return self._info.get("finish_reason") is not None

    def feed(self, data: str) -> GenerationChunk | None:
        """Return the chunk that an event's data adds, or None if it adds no text.

        Raises:
            ResponseFormatError: If the event cannot be read.
        """
        if data.strip() in (self._ending.marker, OPENAI_ENDING.marker):
            self.ended = True
            return None
        event = self._read_event(data)
        if isinstance(event, Event):
            text, told = event
        elif isinstance(event, GenerationChunk):
            text, told = event.text, dict(event.generation_info or {})
        elif event is not None:
            text, told = event, {}
        else:
            return None
        logprobs = told.pop("logprobs", None)
        self._remember(told)
        if self._cutter is not None:
            text = self._cutter.feed(text)
        if not text and not logprobs:
            return None
        self._texts.append(text)
        return GenerationChunk(
            text=text, generation_info={"finish_reason": None, "logprobs": logprobs}
        )

    def last(self) -> GenerationChunk:
        """Return the chunk that ends the stream: all that was told beside its text.

        It has text of its own only where the beginning of a text to end at turned out to be none.
        """
        rest = "" if self._cutter is None else self._cutter.rest()
        self._texts.append(rest)
        if self.stopped:
            self._info["finish_reason"] = "stop"
        return GenerationChunk(text=rest, generation_info=self._info or None)

    def _remember(self, told: dict[str, Any]) -> None:
        for key, value in told.items():
            if isinstance(value, dict) and key != "token_usage":
                known = self._info.get(key)
                self._info[key] = {**known, **value} if isinstance(known, dict) else value
            elif value is not None:
                self._info[key] = value
