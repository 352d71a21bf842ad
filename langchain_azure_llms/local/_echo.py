"""The echo: an engine that is not a model. It answers each prompt with the prompt after `echo: `.

So every prompt has a right answer that is known beforehand, and a drill notices an answer that
went to the wrong prompt.
"""

import re
from collections.abc import Iterator

from langchain_azure_llms.local._generation import NO_PROMPT, Cancellation, Emit, Piece, Task

_TOKEN = re.compile(r"\s*\S+|\s+\Z")


class EchoEngine:
    """Answers with the prompt, word by word; a word is a token. Needs no weights."""

    name = "echo"

    def start(self, task: Task, emit: Emit, cancelled: Cancellation) -> None:
        """Emit the whole task at once."""
        for piece in _pieces_of(task):
            if cancelled.is_set():
                break
            emit(piece)
        emit(None)


def _pieces_of(task: Task) -> Iterator[Piece]:
    """Yield one piece for each token, then the reason to end and the counts."""
    prompt = _prompt_of(task)
    text = f"echo: {prompt}"
    found = [text.find(stop) for stop in task.get("stop") or ()]
    tokens = _TOKEN.findall(text[: min((place for place in found if place >= 0), default=None)])
    kept = tokens[: task.get("max_tokens")]
    for token in kept:
        logprob = {"token": token, "logprob": 0.0, "bytes": list(token.encode())}
        asked = task.get("logprobs")
        yield Piece(token, ({**logprob, "top_logprobs": [logprob]},) if asked else ())
    reason = "stop" if len(kept) == len(tokens) else "length"
    yield Piece(finish_reason=reason, usage=(len(_TOKEN.findall(prompt)), len(kept)))


def _prompt_of(task: Task) -> str:
    """Return a completion's prompt, or the last message of a conversation."""
    prompt = task["messages"][-1]["content"] if "messages" in task else task["prompt"]
    if isinstance(prompt, list):  # token ids
        return " ".join(map(str, prompt))
    return "" if prompt == NO_PROMPT else str(prompt)
