"""One HTTP request of an LLM call, and what becomes of its reply. All pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from langchain_core.outputs import Generation, GenerationChunk

from langchain_azure_llms._redact import public_url
from langchain_azure_llms.exceptions import StreamInterruptedError
from langchain_azure_llms.formatters._stream import OPENAI_ENDING, Ending, ReadEvent, StreamReader
from langchain_azure_llms.formatters.base import Answer
from langchain_azure_llms.transport._errors import from_reply
from langchain_azure_llms.transport._exchange import HttpRequest, Reply
from langchain_azure_llms.transport._sse import error_inside


class PromptCall(NamedTuple):
    """One HTTP request of an LLM call.

    Attributes:
        prompts: The prompts it carries.
        request: What is sent.
        read: Reads a whole answer.
        read_event: Reads an event of a streamed answer.
        stop: Texts to end a streamed answer at, where the service has no parameter for it.
        ending: How a streamed answer says that it is at its end.
    """

    prompts: Sequence[str]
    request: HttpRequest
    read: Callable[[bytes], Answer]
    read_event: ReadEvent
    stop: Sequence[str] = ()
    ending: Ending = OPENAI_ENDING

    def answer(self, reply: Reply) -> Answer:
        """Return what a whole reply says.

        Raises:
            ResponseFormatError: If it cannot be read.
        """
        return self.read(reply.body)

    def reader(self) -> StreamReader:
        """Return what puts the events of the answer together."""
        return StreamReader(self.read_event, self.stop, self.ending)

    def whole_chunk(self, reply: Reply) -> GenerationChunk:
        """Return a whole reply as the one chunk of a stream."""
        first = self.answer(reply).generations[0][0]
        return GenerationChunk(text=first.text, generation_info=first.generation_info)

    def feed(self, reader: StreamReader, data: str, reply: Reply) -> GenerationChunk | None:
        """Return the chunk that an event adds to a reply's stream, if it adds one.

        Raises:
            StatusError: If the event carries an error.
            ResponseFormatError: If it cannot be read.
        """
        if (hidden := error_inside(data)) is not None:
            raise from_reply(
                Reply(hidden.status, reply.headers, hidden.body),
                url=self.request.url,
                now=None,
                longest_wait=self.request.longest_wait,
                text_so_far=reader.text,
            ) from None
        return reader.feed(data)

    def end(self, reader: StreamReader) -> GenerationChunk:
        """Return the last chunk of a stream whose connection ended.

        Raises:
            StreamInterruptedError: If the stream did not say that it was at its end.
        """
        if not reader.is_complete:
            place = public_url(self.request.url)
            raise StreamInterruptedError(
                f"The stream of {place} ended before its end marker; what came of it is in "
                "text_so_far.",
                text_so_far=reader.text,
                url=place,
            )
        return reader.last()


def whole_answer(chunks: Iterable[GenerationChunk]) -> Answer:
    """Return a stream's chunks as one answer."""
    text, info = [], GenerationChunk(text="")
    for chunk in chunks:
        text.append(chunk.text)
        info += GenerationChunk(text="", generation_info=chunk.generation_info)
    told = {"finish_reason": None, "logprobs": None, **(info.generation_info or {})}
    return answer_of([Generation(text="".join(text), generation_info=told)])


def answer_of(generations: list[Generation]) -> Answer:
    """Return one prompt's generations as an answer; what the first tells of usage moves up."""
    info = generations[0].generation_info
    if info is None:
        return Answer([generations])
    info = dict(info)
    usage, model = info.pop("token_usage", None), info.pop("model_name", None)
    fingerprint = info.pop("system_fingerprint", None)
    first = Generation(text=generations[0].text, generation_info=info or None)
    return Answer([[first, *generations[1:]]], usage or {}, model, fingerprint)
