"""Completions and chat completions: reading requests, and answers in choices, whole or streamed.

Defaults and limits are those of Azure's REST reference for completions (2024-10-21): 16 tokens,
`best_of` counts its discarded texts too, `n` choices per prompt in the prompts' order.
"""

import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_azure_llms.local._errors import ApiError, invalid_request
from langchain_azure_llms.local._generation import NO_PROMPT, Outcome, Piece, Pieces, Task
from langchain_azure_llms.local._parameters import Fields, read_messages, read_sampling, repeated

DEFAULT_MAX_TOKENS = 256
"""Azure has no limit for chat but the context's; the local model may never stop, so it has one."""

_SAFE = {"filtered": False, "severity": "safe"}
SAFE = dict.fromkeys(("hate", "self_harm", "sexual", "violence"), _SAFE)
"""The results of a content filter that found nothing."""

_Prompt = str | list[int]
_Content = Callable[[int, Outcome | Piece, Outcome | None], dict[str, Any]]


@dataclass
class ChoicesCall:
    """A request for `n` choices per prompt, out of as many neighbouring tasks as `best_of`.

    `content` returns what a choice says of a text; or what an event says of a piece that comes
    after an outcome so far, which is nothing where there need not be an event. `filters` tells
    whether the service reports what its content filter found.
    """

    prompt_field: str
    kind: str
    tasks: list[Task]
    n: int
    best_of: int
    fields: Fields
    content: _Content

    def __post_init__(self) -> None:
        options = self.fields.object("stream_options")
        self.stream, self.include_usage = self.fields.flag("stream"), options.flag("include_usage")

    def whole(self, outcomes: Sequence[Outcome], model: str, *, filters: bool) -> dict[str, Any]:
        """Return the whole answer: the likeliest texts of each prompt, in the prompts' order."""
        choices: list[dict[str, Any]] = []
        for number in range(0, len(outcomes), self.best_of):
            kept = outcomes[number : number + self.best_of]
            if self.n < self.best_of:
                kept = sorted(kept, key=_mean_logprob, reverse=True)[: self.n]
            for outcome in kept:
                end = {"index": len(choices), "finish_reason": outcome.finish_reason}
                choices.append(end | self.content(number // self.best_of, outcome, None))
        answer = self._head(model)
        if filters:
            answer["prompt_filter_results"] = self._prompt_filters()
            choices = [choice | {"content_filter_results": SAFE} for choice in choices]
        return answer | {"choices": choices, "usage": self._usage(outcomes)}

    async def events(self, pieces: Pieces, model: str, *, filters: bool) -> AsyncIterator[str]:
        """Yield the filter's results, what comes of each task, and the end."""
        head = self._head(model)
        if self.kind == "chat.completion":
            head["object"] = "chat.completion.chunk"
        if self.include_usage:
            head["usage"] = None  # on every event but the last
        empty = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
        for result in self._prompt_filters() if filters else ():
            yield server_sent(empty | {"prompt_filter_results": [result]})
        outcomes = [Outcome() for _ in self.tasks]
        try:
            async for number, piece in pieces:
                said = self.content(number // self.best_of, piece, outcomes[number])
                outcomes[number].add(piece)
                if said:
                    choice = said | {"index": number, "finish_reason": piece.finish_reason}
                    if filters:
                        choice["content_filter_results"] = {} if piece.finish_reason else SAFE
                    yield server_sent(head | {"choices": [choice]})
        except ApiError as error:
            yield server_sent(error.body)
            return
        if self.include_usage:
            yield server_sent(head | {"choices": [], "usage": self._usage(outcomes)})
        yield "data: [DONE]\n\n"

    def _head(self, model: str) -> dict[str, Any]:
        prefix = "cmpl-" if self.kind == "text_completion" else "chatcmpl-"
        answer_id, created = prefix + secrets.token_hex(14), int(time.time())
        return {"id": answer_id, "object": self.kind, "created": created, "model": model}

    def _prompt_filters(self) -> list[dict[str, Any]]:
        numbers = range(len(self.tasks) // self.best_of)
        return [{"prompt_index": number, "content_filter_results": SAFE} for number in numbers]

    def _usage(self, outcomes: Sequence[Outcome]) -> dict[str, int]:
        """Count each prompt once, and all its texts, also the discarded ones."""
        prompt = sum(outcome.usage[0] for outcome in outcomes[:: self.best_of])
        text = sum(outcome.usage[1] for outcome in outcomes)
        return {"prompt_tokens": prompt, "completion_tokens": text, "total_tokens": prompt + text}


def read_completions(fields: Fields) -> ChoicesCall:
    n = fields.get("n", int, 1, 128) or 1
    best_of = fields.get("best_of", int, 1, 128) or n
    logprobs, echo = fields.get("logprobs", int, 0, 5), fields.flag("echo")
    if best_of < n:
        raise invalid_request("best_of must not be less than n.", "best_of")
    if fields.flag("stream") and best_of > n:
        raise invalid_request("A stream cannot choose: best_of must equal n.", "best_of")
    if fields.body.get("suffix"):
        raise invalid_request("The local model cannot insert text before a suffix.", "suffix")
    if echo and logprobs is not None:
        raise invalid_request("The local model has no logprobs of an echoed prompt.", "logprobs")
    task = read_sampling(fields) | {"max_tokens": fields.tokens("max_tokens") or 16}
    if logprobs is not None or best_of > n:
        task["logprobs"] = logprobs or 1
    prompts = _read_prompts(fields.body.get("prompt"))

    def content(prompt: int, text: Outcome | Piece, before: Outcome | None) -> dict[str, Any]:
        given = prompts[prompt]
        given = given if isinstance(given, str) else ""
        begins = before is None or not before.pieces
        said = (given if echo and begins else "") + text.text
        if before is not None and not said and text.finish_reason is None:
            return {}
        place = len(given) + (0 if before is None else len(before.text))
        return {"text": said, "logprobs": _parallel(text.logprobs, logprobs, place)}

    tasks = [task | {"prompt": prompt or NO_PROMPT} for prompt in prompts]
    tasks = [one for task in tasks for one in repeated(task, best_of, fields)]
    return ChoicesCall("prompt", "text_completion", tasks, n, best_of, fields, content)


def read_chat(fields: Fields) -> ChoicesCall:
    task = read_sampling(fields) | {"messages": read_messages(fields.body.get("messages"))}
    # The newer name is the only one that reasoning models take; both mean the same here.
    newer, older = fields.tokens("max_completion_tokens"), fields.tokens("max_tokens")
    task["max_tokens"] = newer or older or DEFAULT_MAX_TOKENS
    if fields.flag("logprobs"):
        task |= {"logprobs": True, "top_logprobs": fields.get("top_logprobs", int, 0, 20) or 0}

    def content(_: int, text: Outcome | Piece, before: Outcome | None) -> dict[str, Any]:
        logprobs = {"content": text.logprobs, "refusal": None} if text.logprobs else None
        message = {"role": "assistant", "content": text.text}
        if before is None:
            return {"logprobs": logprobs, "message": message | {"refusal": None}}
        if before.pieces:
            message = {"content": text.text} if text.text else {}
        return {"logprobs": logprobs, "delta": message} if message or text.finish_reason else {}

    n = fields.get("n", int, 1, 128) or 1
    tasks = repeated(task, n, fields)
    return ChoicesCall("messages", "chat.completion", tasks, n, n, fields, content)


def _read_prompts(prompt: Any) -> list[_Prompt]:
    """Read a string, a list of strings, a list of token ids, or a list of such lists."""

    def is_prompt(value: Any) -> bool:
        is_ids = isinstance(value, list) and all(type(item) is int for item in value)
        return isinstance(value, str) or (is_ids and value != [])

    prompts = [""] if prompt is None else [prompt] if is_prompt(prompt) else prompt
    if not isinstance(prompts, list) or not prompts or not all(map(is_prompt, prompts)):
        message = "prompt must be a string, a list of strings, or lists of token ids."
        raise invalid_request(message, "prompt")
    return prompts


def _mean_logprob(outcome: Outcome) -> float:
    """Return what `best_of` ranks by: a longer text is not less likely for its length."""
    total = sum(float(token["logprob"]) for token in outcome.logprobs)
    return total / max(1, len(outcome.logprobs))


def _parallel(
    tokens: Sequence[dict[str, Any]], rivals: int | None, offset: int
) -> dict[str, Any] | None:
    """Turn llama.cpp's one object per token into parallel lists; `offset` counts characters."""
    if rivals is None or not tokens:
        return None
    texts = [token["token"] for token in tokens]
    likeliest = [token["top_logprobs"][:rivals] for token in tokens]
    top = [{one["token"]: one["logprob"] for one in ones} for ones in likeliest]
    return {
        "tokens": texts,
        "token_logprobs": [token["logprob"] for token in tokens],
        "top_logprobs": top if rivals else None,
        "text_offset": [offset + len("".join(texts[:place])) for place in range(len(texts))],
    }


def server_sent(payload: dict[str, Any], name: str = "") -> str:
    data = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n"
