"""Streams: from events to LangChain's chunks, and from chunks to a whole response."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from langchain_core.outputs import Generation, GenerationChunk

from langchain_azure_llms._completion import CompletionResponse, StreamDelta
from langchain_azure_llms.openai_api.llm_output import response_of
from langchain_azure_llms.openai_api.stop import StopCutter


class Ending(NamedTuple):
    """How the streams of a format end.

    Attributes:
        marker: The data of the last event; None for formats whose streams end with the connection.
        is_finish: Whether the event with the finish reason is the last one.
    """

    marker: str | None = None
    is_finish: bool = False


OPENAI_ENDING = Ending("[DONE]")

ParseEvent = Callable[[str], StreamDelta | GenerationChunk | None]
"""Parses the data of an event. A `StreamDelta` is cheaper to make than a chunk of LangChain's."""


class StreamReader:
    """Reads one stream: returns text as it comes, and everything else once, at the end.

    LangChain adds chunks up, and would also add up the texts of repeated annotations ("safesafe").
    So what an event has beside its text and log probabilities is kept for the last chunk. Only the
    end marker, or the end of the connection, ends a stream; the finish reason does not: Azure's
    filters run in blocks, and text and annotations may follow it.

    Args:
        parse_event: Parses the data of one event.
        stop: Stop sequences, where the API has no parameter for them.
        ending: How streams of this format end.

    Attributes:
        ended: Whether the end marker was seen.
        stopped: Whether a stop sequence was found: what follows is not wanted.
        text: The text so far.
        failure: What said that the stream had failed, without a reason.
    """

    def __init__(
        self,
        parse_event: ParseEvent,
        stop: Sequence[str] = (),
        ending: Ending = OPENAI_ENDING,
    ) -> None:
        self._parse_event = parse_event
        self._ending = ending
        # Endpoints behind custom formatters may end with OpenAI's marker all the same.
        self._markers = (ending.marker, OPENAI_ENDING.marker)
        self._cutter = StopCutter(stop) if stop else None
        self._texts: list[str] = []
        self._info: dict[str, Any] = {}
        self._held: GenerationChunk | None = None
        self.ended = False
        self.failure: Any = None

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._texts)

    @property
    def stopped(self) -> bool:
        """Whether a stop sequence was found."""
        return self._cutter is not None and self._cutter.stopped

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come, so that a connection may break."""
        return self.ended or self.stopped or (self._ending.is_finish and self._has_finish_reason)

    @property
    def is_complete(self) -> bool:
        """Whether a stream whose connection was closed properly is a whole response."""
        return self.is_over or self._has_finish_reason or self._ending == Ending()

    @property
    def _has_finish_reason(self) -> bool:
        return "finish_reason" in self._info

    def feed(self, data: str) -> GenerationChunk | None:
        """Return the chunk that an event's data adds, or None if it adds no text.

        Raises:
            ResponseFormatError: If the event cannot be parsed.
        """
        if data.strip() in self._markers:
            self.ended = True
            return None
        event = self._parse_event(data)
        if event is None:
            return None
        if isinstance(event, StreamDelta):
            text, info = event
        else:
            text, info = event.text, dict(event.generation_info or {})
        logprobs = info.pop("logprobs", None)
        for name, value in info.items():  # most events repeat the model's name
            if self._info.get(name) != value or name == "reasoning_content":
                self._remember(name, value)
        if self._cutter is not None:
            text = self._cutter.feed(text)
        if not text and not logprobs:
            return None
        self._texts.append(text)
        own = {"logprobs": logprobs} if logprobs else None
        chunk = GenerationChunk(text=text, generation_info=own)
        if self._held is not None:
            chunk, self._held = self._held + chunk, None
        if info.get("finish_reason"):  # probably the last text: it gets all that is told
            self._held = chunk
            return None
        return chunk

    def last(self) -> GenerationChunk:
        """Return the chunk that ends the stream: all that the events had beside their text.

        It has a text of its own where the last text came with its finish reason, or where the
        beginning of a stop sequence turned out to be none.
        """
        rest = "" if self._cutter is None else self._cutter.rest()
        self._texts.append(rest)
        if self.stopped:
            self._info["finish_reason"] = "stop"
        last = GenerationChunk(text=rest, generation_info=self._info or None)
        return last if self._held is None else self._held + last

    def _remember(self, name: str, value: Any) -> None:
        """Keep what an event has beside its text; filter results come in parts."""
        known = self._info.get(name)
        if name == "reasoning_content" and isinstance(known, str):
            self._info[name] = known + value
        elif isinstance(value, dict) and isinstance(known, dict) and name != "token_usage":
            self._info[name] = {**known, **value}
        elif value is not None:
            self._info[name] = value


def join_chunks(chunks: Iterable[GenerationChunk]) -> CompletionResponse:
    """Return the chunks of a whole stream as one response."""
    texts, joined = [], GenerationChunk(text="")
    for chunk in chunks:
        texts.append(chunk.text)
        if chunk.generation_info:
            joined += GenerationChunk(text="", generation_info=chunk.generation_info)
    info = {"finish_reason": None, "logprobs": None, **(joined.generation_info or {})}
    info.pop("usage_metadata", None)  # the counts of several prompts are in `llm_output`
    return response_of([Generation(text="".join(texts), generation_info=info)])
