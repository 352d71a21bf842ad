"""What LangChain promises of answers: each prompt has its own, whichever way it is asked."""

import copy
import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models.llms import BaseLLM
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompt_values import StringPromptValue
from langchain_core.prompts import PromptTemplate

from tests.conformance.calls import Calls, calling
from tests.conformance.objects import saved
from tests.conformance.peak import Peak
from tests.conformance.subject import SLOW, EndpointTests, fresh

_MANY = 25
_LONG = " ".join(["One", "two", "three", "four"] * 5)
_HOSTILE = "She said: \"yes\"\n\\n {not} 'escaped' é 漢 \t."


class AnswerClaims(EndpointTests, standard=True):
    """Answers."""

    def test_invoke(self, calls: Calls) -> None:
        """It answers a prompt with a text."""
        self._answers(self.llm(), calls)

    def test_prompts_travel_verbatim(self, calls: Calls) -> None:
        """Prompts and completions travel as they are: quotes, lines, white space."""
        prompt = fresh(_HOSTILE)
        assert calls.invoke(self.llm(), prompt) == self.answer_to(prompt), "changed on the way"

    def test_takes_prompt_values_and_messages(self, calls: Calls) -> None:
        """It takes LangChain's prompt values, and messages as text."""
        prompt = fresh("A value")
        for given in (StringPromptValue(text=prompt), [HumanMessage(prompt)]):
            assert prompt in calls.invoke(self.llm(), given), "not asked"

    def test_generate(self, calls: Calls) -> None:
        """`generate` gives each prompt its own generations, in their order."""
        prompts = _prompts(3)
        result = calls.generate(self.llm(), prompts)
        _belong([group[0].text for group in result.generations], prompts)

    def test_batch(self, calls: Calls) -> None:
        """`batch` gives answers in the order of their prompts, however many."""
        prompts = _prompts(_MANY)
        _belong(calls.batch(self.llm(), prompts), prompts)

    def test_batch_of_nothing(self, calls: Calls) -> None:
        """A batch of no prompts is no answers."""
        assert calls.batch(self.llm(), []) == [], "something"

    def test_batch_as_completed(self, calls: Calls) -> None:
        """`batch_as_completed` gives each prompt's number with its answer."""
        prompts = _prompts(5)
        found = calls.batch_as_completed(self.llm(), prompts)
        assert sorted(number for number, _ in found) == [0, 1, 2, 3, 4], "other numbers"
        _belong([text for _, text in sorted(found)], prompts)

    def test_max_concurrency(self, calls: Calls) -> None:
        """`max_concurrency` of a batch is never exceeded."""
        llm = self.llm(**self.single_params)
        word = fresh(SLOW)
        prompts = [f"{word} {number}" for number in range(6)]
        with Peak(lambda: self.requests_in_flight(word)) as peak:
            answers = calls.batch(llm, prompts, config={"max_concurrency": 2})
        _belong(answers, prompts)
        assert peak.highest > 0, "the suite saw no request"
        assert peak.highest <= 2, "more at once"

    def test_stop(self, calls: Calls) -> None:
        """Completions end before a stop sequence."""
        if not self.supports_stop:
            pytest.skip("has no stop sequences")
        prompt = fresh("before STOP after")
        for text in (
            calls.invoke(self.llm(), prompt, stop=["STOP"]),
            "".join(calls.stream(self.llm(), prompt, stop=["STOP"])),
            calls.batch(self.llm(), [prompt], stop=["STOP"])[0],
        ):
            assert "STOP" not in text, "goes on"
            assert text.rstrip().endswith("before"), "ends elsewhere"

    def test_stream(self, calls: Calls) -> None:
        """The pieces of a stream add up to the whole answer."""
        prompt = fresh("One two three")
        pieces = calls.stream(self.llm(), prompt)
        assert all(isinstance(piece, str) for piece in pieces), "no texts"
        assert "".join(pieces) == calls.invoke(self.llm(), prompt), "another text"

    def test_stream_has_pieces(self, calls: Calls) -> None:
        """A stream comes in pieces."""
        if not self.supports_streaming:
            pytest.skip("the endpoint does not stream")
        pieces = [p for p in calls.stream(self.llm(), fresh("One two three four")) if p]
        assert len(pieces) > 1, "comes in one piece"

    def test_stream_left_early(self, calls: Calls) -> None:
        """A stream may be left early, and it answers on."""
        llm = self.llm()
        calls.first_piece(llm, fresh("One two three"))
        self._answers(llm, calls)

    def test_call_arguments_do_not_stay(self, calls: Calls) -> None:
        """Arguments of one call do not stay for the next."""
        for ask in (calls.invoke, lambda llm, p, **more: "".join(calls.stream(llm, p, **more))):
            llm, prompt = self.llm(), fresh(_LONG)
            whole = self._asked(llm, ask, prompt)
            before = copy.deepcopy(llm.asdict())
            short = self._asked(llm, ask, prompt, **self.short_arguments)
            assert len(short) < len(whole), "arguments have no effect"
            assert self._asked(llm, ask, prompt) == whole, "they stay"
            assert llm.asdict() == before, "they stay in its identity"

    def test_bound_arguments(self, calls: Calls) -> None:
        """`bind` gives every call its arguments, and leaves the LLM as it was."""
        llm, prompt = self.llm(), fresh(_LONG)
        whole = calls.invoke(llm, prompt)
        assert len(calls.invoke(llm.bind(**self.short_arguments), prompt)) < len(whole), "no effect"
        assert calls.invoke(llm, prompt) == whole, "they stay"

    def test_chain(self, calls: Calls) -> None:
        """It stands in a chain, between a prompt template and a parser."""
        words = [fresh("chain") for _ in range(3)]
        chain = PromptTemplate.from_template("Say {word}") | self.llm() | StrOutputParser()
        asked = [{"word": word} for word in words]
        assert words[0] in calls.invoke(chain, asked[0]), "another answer"
        assert words[1] in "".join(calls.stream(chain, asked[1])), "another stream"
        _belong(calls.batch(chain, asked), words)

    def test_serves_many_threads(self) -> None:
        """One object serves many threads at once."""
        llm, prompts = self.llm(), _prompts(16)
        with ThreadPoolExecutor(8) as pool:
            _belong(list(pool.map(llm.invoke, prompts)), prompts)

    def test_serves_one_loop_after_the_other(self) -> None:
        """One object serves `asyncio.run` after `asyncio.run`."""
        llm = self.llm()
        for _ in range(3):
            with calling("async") as calls:
                self._answers(llm, calls)

    def test_pickled_answers(self, calls: Calls) -> None:
        """What was pickled answers, also after use."""
        llm = self.llm()
        self._answers(llm, calls)
        self._answers(pickle.loads(pickle.dumps(llm)), calls)

    def test_deepcopied_answers(self, calls: Calls) -> None:
        """What was copied deeply answers, also after use."""
        llm = self.llm()
        self._answers(llm, calls)
        self._answers(copy.deepcopy(llm), calls)

    def test_loaded_answers(self, calls: Calls) -> None:
        """What was saved and loaded answers the same."""
        if not self.supports_save:
            pytest.skip("is not saved")
        llm, prompt = self.llm(), fresh("One two three")
        with saved(llm, "yaml") as path:
            loaded = self.load(path)
        assert calls.invoke(loaded, prompt) == calls.invoke(llm, prompt), "another answer"

    def _answers(self, llm: BaseLLM, calls: Calls) -> None:
        prompt = fresh("One two three")
        text = calls.invoke(llm, prompt)
        assert isinstance(text, str), "no text"
        assert prompt in text, "another answer"

    @staticmethod
    def _asked(llm: BaseLLM, ask: Any, prompt: str, **arguments: Any) -> str:
        text: str = ask(llm, prompt, **arguments)
        return text


class CacheClaims(EndpointTests, standard=True):
    """The cache."""

    def test_cache_hits(self, calls: Calls) -> None:
        """A cached prompt is not asked again."""
        llm, prompt = self.llm(cache=InMemoryCache()), fresh("Again")
        texts = [calls.invoke(llm, prompt), calls.invoke(llm, prompt)]
        texts += calls.batch(llm, [prompt, prompt])
        assert len(set(texts)) == 1, "another answer"
        assert self.requests_for(prompt) == 1, "asked again"

    def test_cache_misses(self, calls: Calls) -> None:
        """Another prompt, or other stop sequences, are asked anew; without a cache all is."""
        memory = InMemoryCache()
        llm, prompt = self.llm(cache=memory), fresh("Anew")
        for arguments in ({}, {"stop": ["STOP"]}):
            calls.invoke(llm, prompt, **arguments)
        other = fresh("Anew")
        assert other in calls.invoke(llm, other), "the answer of another prompt"
        assert self.requests_for(prompt) == 2, "other stop sequences: not asked"
        calls.invoke(self.llm(cache=False), prompt)
        assert self.requests_for(prompt) == 3, "no cache: not asked"

    def test_cache_fills_up(self, calls: Calls) -> None:
        """Of a batch, only the prompts that the cache does not know are asked."""
        llm, prompts = self.llm(cache=InMemoryCache()), _prompts(3)
        calls.invoke(llm, prompts[1])
        _belong(calls.batch(llm, prompts), prompts)
        assert [self.requests_for(prompt) for prompt in prompts] == [1, 1, 1], "asked again"

    def test_cache_knows_endpoints(self, calls: Calls) -> None:
        """Two endpoints never share a cached answer."""
        memory, prompt = InMemoryCache(), fresh("Where")
        calls.invoke(self.llm(cache=memory), prompt)
        calls.invoke(self.llm(cache=memory, **self.other_endpoint_params), prompt)
        assert self.requests_for(prompt) == 2, "shared"

    def test_cache_knows_arguments(self, calls: Calls) -> None:
        """A call with other arguments never gets their cached answer."""
        llm, prompt = self.llm(cache=InMemoryCache()), fresh(_LONG)
        short = calls.invoke(llm, prompt, **self.short_arguments)
        assert len(calls.invoke(llm, prompt)) > len(short), "shared"


def _prompts(count: int) -> list[str]:
    return [fresh(f"Number {number}") for number in range(count)]


def _belong(texts: Sequence[Any], prompts: Sequence[str]) -> None:
    """Hold each text to its prompt."""
    assert len(texts) == len(prompts), f"{len(texts)} answers to {len(prompts)} prompts"
    astray = [type(t).__name__ for t, p in zip(texts, prompts, strict=True) if p not in str(t)]
    assert not astray, "an answer of another prompt"
