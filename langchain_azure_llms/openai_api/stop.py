"""Stop sequences, for an API that has no parameter for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.outputs import Generation

from langchain_azure_llms._completion import CompletionResponse


class StopCutter:
    """Cuts a text that arrives in pieces at the first stop sequence.

    Text that may be the beginning of a stop sequence is held back until the next piece decides.

    Attributes:
        stopped: Whether a stop sequence was found; nothing after it is returned.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = [sequence for sequence in stop if sequence]
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """Return the text that is certain to stand before any stop sequence."""
        if self.stopped:
            return ""
        self._held += text
        found = [
            (start + len(sequence), start)
            for sequence in self._stop
            if (start := self._held.find(sequence)) >= 0
        ]
        if found:  # the one that ends first, as the service would have found it
            self.stopped = True
            before, self._held = self._held[: min(found)[1]], ""
            return before
        held_back = max(map(self._begun, self._stop), default=0)
        end = len(self._held) - held_back
        certain, self._held = self._held[:end], self._held[end:]
        return certain

    def rest(self) -> str:
        """Return the text that was held back; call it when the text has ended."""
        rest, self._held = self._held, ""
        return rest

    def _begun(self, sequence: str) -> int:
        """Return how many of the last characters may begin a stop sequence."""
        longest = min(len(sequence) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held.endswith(sequence[:n])), 0)


def cut(text: str, stop: Sequence[str]) -> str:
    """Return the text before the first stop sequence."""
    cutter = StopCutter(stop)
    return cutter.feed(text) + cutter.rest()


def as_stop(given: Any) -> tuple[str, ...]:
    """Return stop sequences, given as one text or as several, as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given or ())


def cut_response(
    response: CompletionResponse, stop: Sequence[str], prompt: str = ""
) -> CompletionResponse:
    """Return a response whose texts end before the first stop sequence.

    Args:
        response: The response.
        stop: The stop sequences.
        prompt: What a text may begin with: some servers repeat the prompt, and what stands there
            stops nothing.
    """
    if not stop:
        return response
    generations = [[_cut(one, stop, prompt) for one in group] for group in response.generations]
    return response._replace(generations=generations)


def _cut(generation: Generation, stop: Sequence[str], prompt: str) -> Generation:
    echo = prompt if generation.text.startswith(prompt) else ""
    text = echo + cut(generation.text[len(echo) :], stop)
    if text == generation.text:
        return generation
    info = {**(generation.generation_info or {}), "finish_reason": "stop"}
    return Generation(text=text, generation_info=info)
