"""LLMs that break one promise each, with the claim that is to notice it and what it is to say."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from langchain_core.language_models.llms import BaseLLM
from langchain_core.load.serializable import SerializedConstructor
from langchain_core.outputs import GenerationChunk, LLMResult
from pydantic import SecretStr, model_validator

from tests.conformance.faithful_llm import KEY, FaithfulLLM


@dataclass(frozen=True)
class Broken:
    """A broken LLM.

    Attributes:
        cls: Its class.
        claim: What it breaks.
        reason: What the suite says.
    """

    cls: type[Any]
    claim: str
    reason: str


BROKEN: list[Broken] = []


def breaks(claim: str, reason: str) -> Callable[[type[Any]], type[Any]]:
    """Return a decorator that enters a class among the broken ones."""

    def enter(cls: type[Any]) -> type[Any]:
        BROKEN.append(Broken(cls, f"test_{claim}", reason))
        return cls

    return enter


# --- settings and secrets ------------------------------------------------------------------------


@breaks("init", "no BaseLLM")
class NoLLM:
    def __init__(self, **settings: Any) -> None:
        pass


@breaks("arguments_are_left_alone", "other extra")
class EatsArguments(FaithfulLLM):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        settings.get("extra", {}).clear()


@breaks("init_from_env", "other url")
class IgnoresTheEnvironment(FaithfulLLM):
    url: str = "memory://here"


@breaks("arguments_beat_the_environment", "other url")
class PrefersTheEnvironment(FaithfulLLM):
    @model_validator(mode="before")
    @classmethod
    def _prefer(cls, values: dict[str, Any]) -> dict[str, Any]:
        own = cls.model_fields["url"].get_default(call_default_factory=True)
        return {**values, "url": own}


@breaks("secrets_are_masked", "a secret shows")
class ShowsItsKey(FaithfulLLM):
    def __str__(self) -> str:
        return f"{self.url} {self.key.get_secret_value()}"


@breaks("identity_holds_no_secret", "a secret shows")
class IsItsKey(FaithfulLLM):
    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {**super()._identifying_params, "key": self.key.get_secret_value()}


@breaks("dumps", "a secret shows")
class DumpsItsKey(FaithfulLLM):
    def to_json(self) -> SerializedConstructor:
        return {"lc": 1, "type": "constructor", "id": ["it"], "kwargs": {"key": KEY}}


@breaks("dumps", "not a constructor")
class DumpsNothing(FaithfulLLM):
    def to_json(self) -> Any:
        return self.to_json_not_implemented()


@breaks("loads", "other url")
class DumpsNoUrl(FaithfulLLM):
    url: str = "memory://loaded"

    def to_json(self) -> Any:
        dumped: Any = super().to_json()
        del dumped["kwargs"]["url"]
        return dumped


@breaks("llm_type", "no name")
class Nameless(FaithfulLLM):
    @property
    def _llm_type(self) -> str:
        return ""


class Unlocated(FaithfulLLM):
    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"words": self.words}


breaks("endpoints_are_told_apart", "two endpoints have the same")(Unlocated)
breaks("cache_knows_endpoints", "shared")(Unlocated)


@breaks("tracers_get_the_provider", "not an LLM")
class Anonymous(FaithfulLLM):
    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return {}


class Unpicklable(FaithfulLLM):
    def __getstate__(self) -> dict[Any, Any]:
        raise TypeError("cannot pickle it")


breaks("pickles", "TypeError: cannot pickle it")(Unpicklable)
breaks("pickled_answers", "TypeError: cannot pickle it")(Unpicklable)


class CopiesWithoutUrl(FaithfulLLM):
    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return type(self)(key=self.key, url="memory://copied")


@breaks("copies_are_independent", "changed")
class CopiesNothing(FaithfulLLM):
    def model_copy(self, **options: Any) -> Self:
        return self


breaks("deepcopies", "other url")(CopiesWithoutUrl)


@breaks("deepcopied_answers", "ModelAuthenticationError")
class CopiesWithoutKey(FaithfulLLM):
    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return type(self)(key=SecretStr("none"), url=self.url)


@breaks("saved_files_hold_no_secret", "a secret shows")
class SavesItsKey(FaithfulLLM):
    def save(self, file_path: Path | str) -> None:
        Path(file_path).write_text(self.key.get_secret_value())


class SavesNothing(FaithfulLLM):
    url: str = "memory://unsaved"

    def save(self, file_path: Path | str) -> None:
        Path(file_path).write_text(json.dumps({"words": 1}))


breaks("saved_files_load", "other url, words")(SavesNothing)
breaks("loaded_answers", "another answer")(SavesNothing)


# --- answers -------------------------------------------------------------------------------------


class Answering(FaithfulLLM):
    """Answers something else, whichever way it is asked."""

    def pieces(self, prompt: str, stop: list[str] | None) -> list[str]:
        return ["some", "thing"]


breaks("invoke", "another answer")(Answering)
breaks("serves_many_threads", "an answer of another prompt")(Answering)
breaks("chain", "another answer")(Answering)
breaks("takes_prompt_values_and_messages", "not asked")(Answering)


@breaks("prompts_travel_verbatim", "changed on the way")
class Strips(FaithfulLLM):
    def pieces(self, prompt: str, stop: list[str] | None) -> list[str]:
        return super().pieces(json.dumps(prompt), stop)


class Reverses(FaithfulLLM):
    """Gives the answers in the wrong order."""

    def result(self, answers: list[list[str]], prompts: list[str]) -> LLMResult:
        return super().result(answers[::-1], prompts)

    def batch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[str]:
        return BaseLLM.batch(self, inputs, config, **kwargs)

    async def abatch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[str]:
        return await BaseLLM.abatch(self, inputs, config, **kwargs)


breaks("generate", "an answer of another prompt")(Reverses)
breaks("batch", "an answer of another prompt")(Reverses)
breaks("callbacks_of_a_batch", "of another answer")(Reverses)


@breaks("batch_of_nothing", "something")
class AnswersNothing(FaithfulLLM):
    def batch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[str]:
        return super().batch(inputs, config, **kwargs) or [""]


@breaks("batch_as_completed", "other numbers")
class CountsFromOne(FaithfulLLM):
    def batch_as_completed(self, *rest: Any, **kwargs: Any) -> Any:
        for number, text in super().batch_as_completed(*rest, **kwargs):
            yield number + 1, text


@breaks("max_concurrency", "more at once")
class KnowsNoLimit(FaithfulLLM):
    def batch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[str]:
        return super().batch(inputs, {**(config or {}), "max_concurrency": None}, **kwargs)


class KnowsNoStop(FaithfulLLM):
    def pieces(self, prompt: str, stop: list[str] | None) -> list[str]:
        return super().pieces(prompt, None)


breaks("stop", "goes on")(KnowsNoStop)


@breaks("stream", "another text")
class LosesAPiece(FaithfulLLM):
    def _stream(self, *rest: Any, **kwargs: Any) -> Iterator[GenerationChunk]:
        yield from list(super()._stream(*rest, **kwargs))[1:]


class StreamsInOnePiece(FaithfulLLM):
    def _stream(self, prompt: str, *rest: Any, **kwargs: Any) -> Iterator[GenerationChunk]:
        yield GenerationChunk(text="".join(self.pieces(prompt, None)))


breaks("stream_has_pieces", "comes in one piece")(StreamsInOnePiece)
breaks("tokens", "other pieces")(StreamsInOnePiece)


@breaks("stream_left_early", "RuntimeError: still streaming")
class KeepsStreaming(FaithfulLLM):
    def stream(self, *rest: Any, **kwargs: Any) -> Iterator[str]:
        self.extra["streaming"] = True
        yield from super().stream(*rest, **kwargs)
        del self.extra["streaming"]

    def invoke(self, *rest: Any, **kwargs: Any) -> str:
        if "streaming" in self.extra:
            raise RuntimeError("still streaming")
        return super().invoke(*rest, **kwargs)


class KeepsArguments(FaithfulLLM):
    def of_call(self, arguments: dict[str, Any]) -> FaithfulLLM:
        self.words = arguments.pop("words", self.words)
        return self


breaks("call_arguments_do_not_stay", "they stay")(KeepsArguments)
breaks("bound_arguments", "they stay")(KeepsArguments)


@breaks("serves_one_loop_after_the_other", "RuntimeError")
class BelongsToALoop(FaithfulLLM):
    async def _agenerate(self, *rest: Any, **kwargs: Any) -> LLMResult:
        loop = asyncio.get_running_loop()
        if self.extra.setdefault("loop", loop) is not loop:
            raise RuntimeError("another loop")
        return await super()._agenerate(*rest, **kwargs)


# --- the cache -----------------------------------------------------------------------------------


class NeverTheSame(FaithfulLLM):
    def asdict(self) -> dict[str, Any]:
        return {**super().asdict(), "call": uuid4().hex}


breaks("cache_hits", "asked again")(NeverTheSame)
breaks("cache_fills_up", "asked again")(NeverTheSame)


@breaks("cache_misses", "other stop sequences: not asked")
class ForgetsStop(FaithfulLLM):
    def generate(self, prompts: list[str], *rest: Any, **kwargs: Any) -> LLMResult:
        kwargs.pop("stop", None)
        return super().generate(prompts, **kwargs)


@breaks("cache_knows_arguments", "shared")
class SharesBetweenCalls(FaithfulLLM):
    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"url": self.url}
