"""Text completions: reading a request, shaping what the model produced.

Defaults and limits are those of Azure's REST reference for completions (2024-10-21): 16 tokens,
`best_of` counts its discarded candidates too, `n` choices per prompt in the prompts' order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_azure_llms.local._choices import ChoicesCall
from langchain_azure_llms.local._errors import invalid_request
from langchain_azure_llms.local._generation import NO_PROMPT, Outcome, Piece
from langchain_azure_llms.local._parameters import (
    MOST_TOKENS,
    Fields,
    candidates,
    read_sampling,
    read_seed,
)

Prompt = str | list[int]

_DEFAULT_MAX_TOKENS = 16
_MOST_CHOICES = 128


@dataclass(frozen=True, kw_only=True)
class CompletionsCall(ChoicesCall):
    """A request for completions."""

    prompt_field: ClassVar[str] = "prompt"
    id_prefix: ClassVar[str] = "cmpl-"
    answer_object: ClassVar[str] = "text_completion"
    event_object: ClassVar[str] = "text_completion"

    prompts: list[Prompt]
    n: int
    logprobs: int | None
    echo: bool

    def choices(self, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
        """Return the best `n` candidates of each prompt."""
        choices: list[dict[str, Any]] = []
        for number, prompt in enumerate(self.prompts):
            kept = outcomes[number * self.candidates :][: self.candidates]
            if self.n < self.candidates:
                kept = sorted(kept, key=_mean_logprob, reverse=True)[: self.n]
            for outcome in kept:
                place = len(_as_text(prompt))
                choices.append(
                    {
                        "text": (_as_text(prompt) if self.echo else "") + outcome.text,
                        "index": len(choices),
                        "finish_reason": outcome.finish_reason,
                        "logprobs": self._logprobs(outcome.logprobs, place),
                    }
                )
        return choices

    def event_choice(self, number: int, piece: Piece, before: Outcome) -> dict[str, Any] | None:
        """Return a piece; as streams cannot choose, a task's number is its choice's index."""
        prompt = _as_text(self.prompts[number // self.candidates])
        text = (prompt if self.echo and not before.pieces else "") + piece.text
        if not text and piece.finish_reason is None:
            return None
        return {
            "text": text,
            "index": number,
            "finish_reason": piece.finish_reason,
            "logprobs": self._logprobs(piece.logprobs, len(prompt) + len(before.text)),
        }

    def _logprobs(self, tokens: Sequence[dict[str, Any]], offset: int) -> dict[str, Any] | None:
        """Turn llama.cpp's one object per token into parallel lists; `offset` counts characters."""
        if self.logprobs is None or not tokens:
            return None
        texts = [token["token"] for token in tokens]
        likeliest = [token["top_logprobs"][: self.logprobs] for token in tokens]
        rivals = [{one["token"]: one["logprob"] for one in ones} for ones in likeliest]
        return {
            "tokens": texts,
            "token_logprobs": [token["logprob"] for token in tokens],
            "top_logprobs": rivals if self.logprobs else None,
            "text_offset": [offset + len("".join(texts[:place])) for place in range(len(texts))],
        }


def read_completions(body: Any) -> CompletionsCall:
    """Read the body of a request for completions."""
    fields = Fields(body)
    n = fields.get("n", int, 1, _MOST_CHOICES) or 1
    best_of = fields.get("best_of", int, 1, _MOST_CHOICES) or n
    logprobs = fields.get("logprobs", int, 0, 5)
    stream, echo = bool(fields.get("stream", bool)), bool(fields.get("echo", bool))
    if best_of < n:
        raise invalid_request("best_of must not be less than n.", "best_of")
    if stream and best_of > n:
        raise invalid_request("A stream cannot choose: best_of must equal n.", "best_of")
    if fields.body.get("suffix"):
        raise invalid_request("The local model cannot insert text before a suffix.", "suffix")
    if echo and logprobs is not None:
        raise invalid_request("The local model has no logprobs of an echoed prompt.", "logprobs")
    task = read_sampling(fields)
    task["max_tokens"] = fields.get("max_tokens", int, 1, MOST_TOKENS) or _DEFAULT_MAX_TOKENS
    if logprobs is not None or best_of > n:
        task["logprobs"] = logprobs or 1
    prompts, seed = _read_prompts(fields.body.get("prompt")), read_seed(fields)
    given = [{**task, "prompt": prompt or NO_PROMPT} for prompt in prompts]
    return CompletionsCall(
        tasks=[each for one in given for each in candidates(one, best_of, seed)],
        stream=stream,
        candidates=best_of,
        include_usage=bool(fields.object("stream_options").get("include_usage", bool)),
        prompts=prompts,
        n=n,
        logprobs=logprobs,
        echo=echo,
    )


def _read_prompts(prompt: Any) -> list[Prompt]:
    """Read a string, a list of strings, a list of token ids, or a list of such lists."""
    prompts = [""] if prompt is None else [prompt] if _is_prompt(prompt) else prompt
    if not isinstance(prompts, list) or not prompts or not all(map(_is_prompt, prompts)):
        raise invalid_request(
            "prompt must be a string, a list of strings, or lists of token ids.", "prompt"
        )
    return prompts


def _is_prompt(value: Any) -> bool:
    """Whether it is one prompt: a string, or a list of token ids."""
    is_ids = isinstance(value, list) and bool(value) and all(type(item) is int for item in value)
    return is_ids or isinstance(value, str)


def _as_text(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else ""


def _mean_logprob(outcome: Outcome) -> float:
    """Return what `best_of` ranks by: a longer text is not less likely for its length."""
    total = sum(float(token["logprob"]) for token in outcome.logprobs)
    return total / max(1, len(outcome.logprobs))
