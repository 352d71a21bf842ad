"""What a test class says about its LLM and its endpoint."""

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch
from uuid import uuid4

import pytest
from langchain_core.exceptions import ModelError, ModelInvalidRequestError
from langchain_core.language_models.llms import BaseLLM
from pydantic import SecretStr

from tests.conformance.calls import WAYS, Calls, calling

REFUSED = "please-refuse"
LIMITED = "over-the-limit"
FAILING = "never-served"
FLAKY = "served-the-second-time"
SLOW = "served-slowly"
STUCK = "served-much-later"
"""Words in a prompt: what the endpoint does with it.

It refuses it as invalid; says that a limit is reached; fails; fails the first time; takes a tenth
of a second; takes seconds.
"""


class LLMTests:
    """Describes the LLM class under test; a subclass says what is so of its class.

    Standard tests are named `test_...`, and their docstring is what they claim, in words that a
    user of the LLM understands. No subclass may replace one: `test_no_override` finds it. The one
    exception is a test marked `pytest.mark.xfail` with a reason.
    """

    _is_standard: ClassVar[bool] = True

    def __init_subclass__(cls, *, standard: bool = False, **options: Any) -> None:
        """Mark the classes whose tests are standard, and hold on to what finds the others."""
        super().__init_subclass__(**options)
        cls._is_standard = standard
        kept = {"test_no_override", "calls"} & vars(cls).keys()
        if kept:
            raise TypeError(f"{cls.__name__} replaces {', '.join(sorted(kept))}.")

    # --- what a subclass says ---------------------------------------------------------------

    @property
    def llm_class(self) -> type[BaseLLM]:
        """The class under test."""
        raise NotImplementedError

    @property
    def llm_params(self) -> dict[str, Any]:
        """Constructor arguments of an LLM that answers, a secret among them; it never retries."""
        raise NotImplementedError

    @property
    def other_endpoint_params(self) -> dict[str, Any]:
        """What to change of them to get to another endpoint, which answers too."""
        raise NotImplementedError

    @property
    def secrets(self) -> list[str]:
        """The secret values among `llm_params`."""
        raise NotImplementedError

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        """Environment variables; the arguments still needed; and what settings then hold."""
        raise NotImplementedError

    def load(self, path: Path) -> BaseLLM:
        """Return the LLM that a file describes, with the secrets that it lacks."""
        raise NotImplementedError

    @property
    def supports_save(self) -> bool:
        """Whether LLMs can be saved and loaded."""
        return True

    @property
    def supports_streaming(self) -> bool:
        """Whether completions come in pieces."""
        return True

    @property
    def supports_usage(self) -> bool:
        """Whether the endpoint counts tokens."""
        return True

    @property
    def supports_stop(self) -> bool:
        """Whether completions end at stop sequences."""
        return True

    # --- what tests use ---------------------------------------------------------------------

    @pytest.fixture(params=WAYS)
    def calls(self, request: pytest.FixtureRequest) -> Iterator[Calls]:
        """Both ways of calling: a test that asks for them runs twice."""
        with calling(request.param) as calls:
            yield calls

    def llm(self, **changes: Any) -> Any:
        """Return an LLM under test."""
        return self.llm_class(**{**self.llm_params, **changes})

    # --- what is standard -------------------------------------------------------------------

    @classmethod
    def standard_tests(cls) -> dict[str, Callable[..., None]]:
        """Return the standard tests by name, as they are written here."""
        found: dict[str, Callable[..., None]] = {}
        for base in cls.__mro__:
            if vars(base).get("_is_standard"):
                tests = {n: test for n, test in vars(base).items() if n.startswith("test_")}
                found |= tests
        return found

    def test_no_override(self) -> None:
        """No standard test is replaced."""
        replaced = [
            name
            for name, standard in self.standard_tests().items()
            if (own := inspect.getattr_static(type(self), name)) is not standard
            and not _is_excused(own)
        ]
        assert not replaced, f"replaced: {', '.join(replaced)}"


class EndpointTests(LLMTests, standard=True):
    """Describes the endpoint, too, that the LLM under test talks to.

    It answers each prompt with `answer_to` of it, of which a word is a token, but where the prompt
    holds one of the words above. And it counts its requests.
    """

    def answer_to(self, prompt: str) -> str:
        """Return the whole completion of a prompt, which holds the prompt."""
        return f"echo: {prompt}"

    def requests_for(self, prompt: str) -> int:
        """Return how many requests carried the prompt so far."""
        raise NotImplementedError

    def requests_in_flight(self, word: str) -> int:
        """Return how many requests whose prompts hold the word are not answered yet."""
        raise NotImplementedError

    @property
    def short_arguments(self) -> dict[str, Any]:
        """Arguments of a call that cut its completion after at most 16 tokens."""
        return {"max_tokens": 1}

    @property
    def refused_prompt_error(self) -> type[ModelError]:
        """What a refused prompt raises."""
        return ModelInvalidRequestError

    @property
    def single_params(self) -> dict[str, Any]:
        """What to change so that each prompt has a request of its own."""
        return {}

    @property
    def wrong_key_params(self) -> dict[str, Any]:
        """What to change so that the endpoint refuses the key."""
        raise NotImplementedError

    @property
    def unreachable_params(self) -> dict[str, Any]:
        """What to change so that no server listens where requests go."""
        raise NotImplementedError

    @property
    def impatient_params(self) -> dict[str, Any]:
        """What to change so that a stuck answer is given up after a fraction of a second."""
        raise NotImplementedError


def _is_excused(test: Any) -> bool:
    """Whether a test is marked as failing, with a reason, and must fail."""
    return any(
        mark.name == "xfail" and mark.kwargs.get("reason") and mark.kwargs.get("strict", True)
        for mark in getattr(test, "pytestmark", [])
    )


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    with patch.dict(os.environ, variables):
        yield


def plain(value: Any) -> Any:
    """Return a setting's value, of a secret one what it hides."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def fresh(words: str) -> str:
    """Return a prompt that nobody has asked before."""
    return f"{words} {uuid4().hex[:8]}"
