"""The echo: an engine that is no model, and says so.

It answers each prompt with the prompt behind `echo: `. So every prompt has a right answer of its
own, known beforehand, and a drill can tell an answer that went to the wrong prompt.
"""

import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_azure_llms.local._completions import NO_PROMPT
from langchain_azure_llms.local._pieces import Piece, Task, Usage
from langchain_azure_llms.local._text_engine import Emit

NAME = "echo"
"""What answers name as their model."""

PREFIX = "echo: "
"""What every text begins with."""

_TOKEN = re.compile(r"\s*\S+|\s+\Z")


class EchoEngine:
    """Answers with the prompt, word by word; a word is a token. Needs no weights."""

    name = NAME

    def start(self, task: Task, emit: Emit, cancelled: threading.Event) -> None:
        """Emit the whole task at once: nothing is waited for, so nothing is to be cancelled."""
        for piece in pieces_of(task):
            if cancelled.is_set():
                break
            emit(piece)
        emit(None)

    def texts(self, tasks: Sequence[Task]) -> list[str]:
        """Return the texts of `tasks`."""
        return ["".join(piece.text for piece in pieces_of(task)) for task in tasks]


def echo_of(prompt: str) -> str:
    """Return the whole answer to a prompt."""
    return PREFIX + prompt


def pieces_of(task: Task) -> Iterator[Piece]:
    """Yield the pieces of a task: one for each token, then the reason to end and the counts."""
    prompt = _prompt_of(task)
    text = echo_of(prompt)
    cut = min((place for stop in _stops(task) if (place := text.find(stop)) >= 0), default=None)
    words = _TOKEN.findall(text[:cut])
    said = words[: task.body.get("max_tokens")]
    for word in said:
        yield Piece(word, _logprobs(word, task))
    reason = "stop" if len(said) == len(words) else "length"
    yield Piece(finish_reason=reason, usage=Usage(len(_TOKEN.findall(prompt)), len(said)))


def _prompt_of(task: Task) -> str:
    """Return a completion's prompt, or the last message of a conversation."""
    if task.operation == "chat":
        content: str = task.body["messages"][-1]["content"]
        return content
    prompt: str | list[int] = task.body["prompt"]
    if isinstance(prompt, list):
        return " ".join(map(str, prompt))
    return "" if prompt == NO_PROMPT else prompt


def _stops(task: Task) -> list[str]:
    stops: list[str] = task.body.get("stop") or []
    return stops


def _logprobs(word: str, task: Task) -> tuple[dict[str, Any], ...]:
    """Return what is told of a token, where it is asked for: there was no doubt about it."""
    if not task.body.get("logprobs"):
        return ()
    token = {"token": word, "logprob": 0.0, "bytes": list(word.encode())}
    return ({**token, "top_logprobs": [token]},)
