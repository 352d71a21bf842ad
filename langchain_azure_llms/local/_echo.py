"""An engine that is not a model: it answers each prompt with the prompt after `echo: `."""

import re
from collections.abc import Callable

from langchain_azure_llms.local._generation import NO_PROMPT, Emit, Piece, Task

_TOKEN = re.compile(r"\s*\S+|\s+\Z")


class EchoEngine:
    """Answers with the prompt, word by word; a word is a token. Needs no weights."""

    name = "echo"

    def start(self, task: Task, emit: Emit, is_cancelled: Callable[[], bool]) -> None:  # noqa: ARG002
        """Emit the whole task at once: one piece for each token, then why it ended."""
        prompt = task["messages"][-1]["content"] if "messages" in task else task["prompt"]
        if isinstance(prompt, list):  # token ids
            prompt = " ".join(map(str, prompt))
        text = f"echo: {'' if prompt == NO_PROMPT else prompt}"
        found = [text.find(stop) for stop in task.get("stop") or ()]
        tokens = _TOKEN.findall(text[: min((place for place in found if place >= 0), default=None)])
        kept = tokens[: task["max_tokens"]]
        for token in kept:
            logprob = {"token": token, "logprob": 0.0, "bytes": list(token.encode())}
            is_asked = task.get("logprobs")
            emit(Piece(token, [{**logprob, "top_logprobs": [logprob]}] if is_asked else []))
        reason = "stop" if len(kept) == len(tokens) else "length"
        emit(Piece(finish_reason=reason, usage=(len(_TOKEN.findall(text)) - 1, len(kept))))
        emit(None)
