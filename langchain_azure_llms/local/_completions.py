"""Text completions: reading a request, shaping what the model produced.

Defaults and limits are those of Azure's REST reference for completions (2024-10-21): 16 tokens,
`best_of` counts its discarded candidates too, `n` choices per prompt in the prompts' order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_azure_llms.local._answer import AnsweredInChoices
from langchain_azure_llms.local._fields import Fields, InvalidFieldError
from langchain_azure_llms.local._pieces import Outcome, Piece, Task
from langchain_azure_llms.local._sampling import MOST_TOKENS, candidates, read_sampling, read_seed

Prompt = str | list[int]

DEFAULT_MAX_TOKENS = 16
_MOST_CHOICES = 128
_MOST_LOGPROBS = 5
NO_PROMPT = "<|endoftext|>"
"""What the services continue when there is no prompt: the start of a document."""


@dataclass(frozen=True, kw_only=True)
class CompletionCall(AnsweredInChoices):
    """A parsed request for completions (see `Call` and `ChoicesCall`)."""

    prompt_field: ClassVar[str] = "prompt"
    id_prefix: ClassVar[str] = "cmpl-"
    answer_object: ClassVar[str] = "text_completion"
    event_object: ClassVar[str] = "text_completion"

    prompts: list[Prompt]
    n: int
    best_of: int
    logprobs: int | None
    echo: bool
    stream: bool
    include_usage: bool
    seed: int | None
    sampling: dict[str, Any]

    @property
    def prompt_count(self) -> int:
        """Prompts in the request."""
        return len(self.prompts)

    @property
    def candidates(self) -> int:
        """Texts to generate for each prompt."""
        return self.best_of

    def tasks(self) -> list[Task]:
        """Return one task for each candidate of each prompt."""
        return [
            Task("completions", body)
            for prompt in self.prompts
            for body in candidates(
                {**self.sampling, "prompt": prompt or NO_PROMPT}, self.best_of, self.seed
            )
        ]

    def choices(self, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
        """Shape the best `n` candidates of each prompt into choices."""
        kept = [
            (prompt, outcome)
            for number, prompt in enumerate(self.prompts)
            for outcome in self._best(outcomes[number * self.best_of :][: self.best_of])
        ]
        return [
            {
                "text": self._echoed(prompt) + outcome.text,
                "index": index,
                "finish_reason": outcome.finish_reason,
                "logprobs": self._logprobs(outcome.logprobs, len(_as_text(prompt))),
            }
            for index, (prompt, outcome) in enumerate(kept)
        ]

    def event_choice(self, number: int, piece: Piece, before: Outcome) -> dict[str, Any] | None:
        """Shape a piece; as streams cannot choose, a task's number is its choice's index."""
        prompt = self.prompts[number // self.best_of]
        text = ("" if before.pieces else self._echoed(prompt)) + piece.text
        if not text and piece.finish_reason is None:
            return None
        offset = len(_as_text(prompt)) + len(before.text)
        return {
            "text": text,
            "index": number,
            "finish_reason": piece.finish_reason,
            "logprobs": self._logprobs(piece.logprobs, offset),
        }

    def _best(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        if self.best_of == self.n:
            return outcomes
        return sorted(outcomes, key=lambda outcome: outcome.mean_logprob, reverse=True)[: self.n]

    def _echoed(self, prompt: Prompt) -> str:
        return _as_text(prompt) if self.echo else ""

    def _logprobs(self, tokens: Sequence[dict[str, Any]], offset: int) -> dict[str, Any] | None:
        if self.logprobs is None or not tokens:
            return None
        return parallel_logprobs(tokens, self.logprobs, offset)


def read_completion_call(body: Any) -> CompletionCall:
    """Read the body of a request for completions.

    Raises:
        InvalidFieldError: When a field has a wrong type or value, or asks for what this model
        cannot do.
    """
    fields = Fields(body)
    n = fields.integer("n", 1, _MOST_CHOICES) or 1
    best_of = fields.integer("best_of", 1, _MOST_CHOICES) or n
    logprobs = fields.integer("logprobs", 0, _MOST_LOGPROBS)
    stream, echo = fields.flag("stream"), fields.flag("echo")
    _refuse_impossible(fields, n=n, best_of=best_of, stream=stream)
    sampling = read_sampling(fields)
    sampling["max_tokens"] = fields.integer("max_tokens", 1, MOST_TOKENS) or DEFAULT_MAX_TOKENS
    if logprobs is not None or best_of > n:
        sampling["logprobs"] = logprobs or 1
    return CompletionCall(
        prompts=_read_prompts(fields.get("prompt")),
        n=n,
        best_of=best_of,
        logprobs=logprobs,
        echo=echo,
        stream=stream,
        include_usage=fields.object("stream_options").flag("include_usage"),
        seed=read_seed(fields),
        sampling=sampling,
    )


def parallel_logprobs(
    tokens: Sequence[dict[str, Any]], alternatives: int, offset: int
) -> dict[str, Any]:
    """Turn llama.cpp's one object per token into the parallel lists that completions have.

    Args:
        tokens: llama.cpp's objects.
        alternatives: Likeliest tokens to list for each place; none when 0.
        offset: Characters before the first token.
    """
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token["token"])
    top = [
        {other["token"]: other["logprob"] for other in token["top_logprobs"][:alternatives]}
        for token in tokens
    ]
    return {
        "tokens": [token["token"] for token in tokens],
        "token_logprobs": [token["logprob"] for token in tokens],
        "top_logprobs": top if alternatives else None,
        "text_offset": offsets,
    }


def _refuse_impossible(fields: Fields, *, n: int, best_of: int, stream: bool) -> None:
    if best_of < n:
        raise InvalidFieldError("best_of must not be less than n.", "best_of")
    if stream and best_of > n:
        raise InvalidFieldError("A stream cannot choose: best_of must equal n.", "best_of")
    if fields.get("suffix"):
        raise InvalidFieldError("The local model cannot insert text before a suffix.", "suffix")
    if fields.flag("echo") and fields.get("logprobs") is not None:
        raise InvalidFieldError("The local model has no logprobs of an echoed prompt.", "logprobs")


def _read_prompts(prompt: Any) -> list[Prompt]:
    """Read a string, a list of strings, a list of token ids, or a list of such lists."""
    if prompt is None:
        return [""]
    if isinstance(prompt, str) or _is_token_list(prompt):
        return [prompt]
    if not isinstance(prompt, list) or not prompt or not all(_is_prompt(item) for item in prompt):
        raise InvalidFieldError(
            "prompt must be a string, a list of strings, or lists of token ids.", "prompt"
        )
    return prompt


def _is_prompt(value: Any) -> bool:
    return isinstance(value, str) or _is_token_list(value)


def _is_token_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def _as_text(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else ""
