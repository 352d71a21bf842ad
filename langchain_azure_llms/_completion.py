"""What an endpoint answered, whichever API or schema it speaks."""

from __future__ import annotations

from typing import Any, NamedTuple

from langchain_core.outputs import Generation, GenerationChunk


class CompletionResponse(NamedTuple):
    """The parsed response to one HTTP request.

    Attributes:
        generations: The generations of each prompt that the request carried, in order.
        llm_output: What the response says about the whole request, by the names of LangChain's
            `LLMResult.llm_output`: `token_usage`, `model_name`, `system_fingerprint`. Only what
            the service sent is there.
    """

    generations: list[list[Generation]]
    llm_output: dict[str, Any]


class StreamDelta(NamedTuple):
    """What one event of a stream adds.

    Attributes:
        text: The text it adds; may be empty.
        info: What it says beside its text, by the names of `Generation.generation_info`.
    """

    text: str
    info: dict[str, Any]

    def chunk(self) -> GenerationChunk:
        """Return it as a chunk of LangChain's."""
        return GenerationChunk(text=self.text, generation_info=self.info or None)
