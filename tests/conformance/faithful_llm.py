"""An LLM that keeps every promise, at an endpoint in memory: what broken ones are made of."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from langchain_core.runnables import Runnable
from langchain_core.utils import from_env
from pydantic import Field, SecretStr

from tests.conformance import LLMIntegrationTests, LLMUnitTests
from tests.conformance.subject import FAILING, FLAKY, LIMITED, REFUSED, SLOW, STUCK

NOBODY = "memory://nobody"
KEY = "a-secret-key"
_TOKEN = re.compile(r"\s*\S+|\s+\Z")
_SLOWLY, _MUCH_LATER = 0.2, 60.0  # nobody waits for the second: it is cancelled


class MemoryEndpoint:
    """Answers each prompt behind `echo: `, and counts."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.in_flight: Counter[str] = Counter()

    @contextmanager
    def asked(self, llm: "FaithfulLLM", prompt: str) -> Iterator[float]:
        """Count a request while it lasts, and refuse it or tell how long it takes."""
        self.requests[prompt] += 1
        self.in_flight[prompt] += 1
        try:
            self._refuse(llm, prompt)
            yield _SLOWLY if SLOW in prompt else _MUCH_LATER if STUCK in prompt else 0.0
        finally:
            self.in_flight[prompt] -= 1

    def _refuse(self, llm: "FaithfulLLM", prompt: str) -> None:
        if llm.url == NOBODY:
            raise ModelConnectionError("Nobody listens.")
        if llm.key.get_secret_value() != KEY:
            raise ModelAuthenticationError("The key is wrong.")
        if REFUSED in prompt:
            raise ModelInvalidRequestError("The prompt is refused.")
        if LIMITED in prompt:
            raise ModelRateLimitError("The limit is reached.")
        if FAILING in prompt or (FLAKY in prompt and self.requests[prompt] == 1):
            raise ModelAPIError("The service failed.")
        if STUCK in prompt and llm.patience is not None:
            raise ModelTimeoutError("No answer came.")


ENDPOINT = MemoryEndpoint()


class FaithfulLLM(BaseLLM):
    """Keeps every promise; each broken LLM replaces one thing."""

    url: str = Field(default_factory=from_env("FAITHFUL_URL", default="memory://here"))
    key: SecretStr
    words: int | None = None
    patience: float | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def _llm_type(self) -> str:
        return "faithful"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"url": self.url, "words": self.words}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        return {"key": "FAITHFUL_KEY"}

    # --- what is asked ----------------------------------------------------------------------

    def pieces(self, prompt: str, stop: list[str] | None) -> list[str]:
        """Return the pieces of an answer."""
        text = f"echo: {prompt}"
        cut = min((text.find(one) for one in stop or [] if one in text), default=None)
        return _TOKEN.findall(text[:cut])[: self.words]

    def result(self, answers: list[list[str]], prompts: list[str]) -> LLMResult:
        """Return a result that counts tokens."""
        said = sum(map(len, answers))
        asked = sum(len(_TOKEN.findall(prompt)) for prompt in prompts)
        usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
        generations = [[Generation(text="".join(pieces))] for pieces in answers]
        return LLMResult(generations=generations, llm_output={"token_usage": usage})

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        answers = []
        for prompt in prompts:
            with ENDPOINT.asked(self, prompt) as seconds:
                time.sleep(seconds)
            answers.append(self.pieces(prompt, stop))
        return self.result(answers, prompts)

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        answers = []
        for prompt in prompts:
            with ENDPOINT.asked(self, prompt) as seconds:
                await asyncio.sleep(seconds)
            answers.append(self.pieces(prompt, stop))
        return self.result(answers, prompts)

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        with ENDPOINT.asked(self, prompt):
            pass
        for piece in self.of_call(kwargs).pieces(prompt, stop):
            chunk = GenerationChunk(text=piece)
            if run_manager is not None:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        with ENDPOINT.asked(self, prompt):
            pass
        for piece in self.of_call(kwargs).pieces(prompt, stop):
            chunk = GenerationChunk(text=piece)
            if run_manager is not None:
                await run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk

    # --- what LangChain's own version would not keep ----------------------------------------

    def of_call(self, arguments: dict[str, Any]) -> "FaithfulLLM":
        """Return the LLM with the arguments of a call, which leave `arguments`."""
        own = {name: arguments.pop(name) for name in ("words",) if name in arguments}
        return self.model_copy(update=own) if own else self

    def generate(self, prompts: list[str], *rest: Any, **kwargs: Any) -> LLMResult:
        llm = self.of_call(kwargs)
        return super(FaithfulLLM, llm).generate(prompts, *rest, **kwargs)

    async def agenerate(self, prompts: list[str], *rest: Any, **kwargs: Any) -> LLMResult:
        llm = self.of_call(kwargs)
        return await super(FaithfulLLM, llm).agenerate(prompts, *rest, **kwargs)

    def batch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[str]:
        return Runnable.batch(self, inputs, config, **kwargs)

    async def abatch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[str]:
        return await Runnable.abatch(self, inputs, config, **kwargs)


class OfFaithfulLLM(LLMUnitTests, LLMIntegrationTests):
    """The suite of a faithful LLM, or of one that is broken."""

    def __init__(self, cls: type[Any] = FaithfulLLM) -> None:
        self._class = cls

    @property
    def llm_class(self) -> type[BaseLLM]:
        return self._class

    @property
    def llm_params(self) -> dict[str, Any]:
        return {"url": "memory://here", "key": KEY, "extra": {"a": 1}}

    @property
    def other_endpoint_params(self) -> dict[str, Any]:
        return {"url": "memory://there"}

    @property
    def secrets(self) -> list[str]:
        return [KEY]

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        url = "memory://environment"
        return {"FAITHFUL_URL": url}, {"key": KEY}, {"url": url}

    def load(self, path: Path) -> BaseLLM:
        text = path.read_text()
        config = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        config.pop("_type", None)
        return self._class(**config, key=KEY)  # type: ignore[no-any-return]

    def requests_for(self, prompt: str) -> int:
        return ENDPOINT.requests[prompt]

    def requests_in_flight(self, word: str) -> int:
        return sum(count for prompt, count in ENDPOINT.in_flight.copy().items() if word in prompt)

    @property
    def short_arguments(self) -> dict[str, Any]:
        return {"words": 1}

    @property
    def wrong_key_params(self) -> dict[str, Any]:
        return {"key": "wrong"}

    @property
    def unreachable_params(self) -> dict[str, Any]:
        return {"url": NOBODY}

    @property
    def impatient_params(self) -> dict[str, Any]:
        return {"patience": 0.1}
