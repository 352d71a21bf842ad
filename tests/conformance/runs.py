"""What LangChain promises of callbacks: which are called, and with what, for each prompt."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.runnables import RunnableConfig

from tests.conformance.callbacks import RecordingHandler
from tests.conformance.calls import Calls
from tests.conformance.subject import REFUSED, EndpointTests, fresh


class RunClaims(EndpointTests, standard=True):
    """Callbacks and events."""

    def test_callbacks(self, calls: Calls) -> None:
        """Callbacks are called at the start and at the end, with the answer."""
        handler, prompt = RecordingHandler(), fresh("Ask")
        text = calls.invoke(self.llm(), prompt, config={"callbacks": [handler]})
        assert handler.only.lifecycle == ["start", "end"], (
            f"called: {', '.join(handler.only.lifecycle)}"
        )
        assert handler.only.prompt == prompt, "of another prompt"
        assert handler.only.text == text, "of another answer"

    def test_callbacks_of_the_constructor(self, calls: Calls) -> None:
        """Callbacks, tags and metadata of the constructor hold for every call."""
        handler = RecordingHandler()
        llm = self.llm(callbacks=[handler], tags=["own"], metadata={"own": 1})
        calls.invoke(llm, fresh("Ask"))
        assert "own" in handler.only.context["tags"], "no tags"
        assert handler.only.context["metadata"].get("own") == 1, "no metadata"

    def test_callbacks_of_a_batch(self, calls: Calls) -> None:
        """Each prompt of a batch is a run of its own, which ends with its own answer."""
        handler, prompts = RecordingHandler(), [fresh("Ask") for _ in range(3)]
        calls.batch(self.llm(), prompts, config={"callbacks": [handler]})
        for prompt in prompts:
            run = handler.of(prompt)
            assert run.lifecycle == ["start", "end"], f"called: {', '.join(run.lifecycle)}"
            assert prompt in run.text, "of another answer"

    def test_configs_of_a_batch(self, calls: Calls) -> None:
        """Each prompt of a batch may have a config of its own."""
        handler, prompts = RecordingHandler(), [fresh("Ask") for _ in range(3)]
        configs: list[RunnableConfig] = [
            {"callbacks": [handler], "tags": [p], "metadata": {"p": p}, "run_name": p}
            for p in prompts
        ]
        calls.batch(self.llm(), prompts, config=configs)
        for prompt in prompts:
            assert prompt in handler.of(prompt).context["tags"], "another's tags"
            assert handler.of(prompt).context["metadata"]["p"] == prompt, "another's metadata"
            assert handler.of(prompt).context["name"] == prompt, "another's name"

    def test_config_reaches_callbacks(self, calls: Calls) -> None:
        """Tags, metadata, name and id of a run reach its callbacks."""
        for ask in (calls.invoke, calls.stream):
            handler, name = RecordingHandler(), uuid4()
            config: RunnableConfig = {"callbacks": [handler], "tags": ["t"], "metadata": {"m": 1}}
            config |= {"run_name": "n", "run_id": name}
            ask(self.llm(), fresh("Ask"), config=config)
            context = handler.only.context
            assert "t" in context["tags"], "no tags"
            assert context["metadata"]["m"] == 1, "no metadata"
            assert context["name"] == "n", "no name"
            assert [name] == list(handler.by_id), "another id"

    def test_result_names_its_runs(self, calls: Calls) -> None:
        """A result names the runs that it comes from."""
        handler, prompts = RecordingHandler(), [fresh("Ask") for _ in range(3)]
        result = calls.generate(self.llm(), prompts, callbacks=[handler])
        named = [handler.by_id[run.run_id].prompt for run in result.run or []]
        assert named == prompts, "other runs"

    def test_tokens(self, calls: Calls) -> None:
        """Callbacks are called for each piece of a stream, then with the whole."""
        if not self.supports_streaming:
            pytest.skip("the endpoint does not stream")
        handler, prompt = RecordingHandler(), fresh("One two three")
        pieces = calls.stream(self.llm(), prompt, config={"callbacks": [handler]})
        run = handler.only
        assert "".join(run.pieces) == "".join(pieces), "other pieces"
        assert run.events == ["start", *["token"] * len(run.pieces), "end"], "another order"
        assert run.text == "".join(pieces), "another whole"

    def test_callbacks_of_a_stream_left_early(self, calls: Calls) -> None:
        """A stream that is left early ends its run."""
        handler = RecordingHandler()
        config: RunnableConfig = {"callbacks": [handler]}
        calls.first_piece(self.llm(), fresh("One two three"), config=config)
        assert handler.only.lifecycle in (["start", "error"], ["start", "end"]), "the run goes on"

    def test_callbacks_of_errors(self, calls: Calls) -> None:
        """Callbacks are called with the error that is raised, once."""
        for ask in (calls.invoke, calls.stream):
            handler = RecordingHandler()
            with pytest.raises(Exception) as caught:  # noqa: PT011 - which, other claims say
                ask(self.llm(), fresh(REFUSED), config={"callbacks": [handler]})
            assert handler.only.lifecycle == ["start", "error"], (
                f"called: {', '.join(handler.only.lifecycle)}"
            )
            assert handler.only.error is caught.value, "of another error"

    def test_callbacks_of_errors_in_a_batch(self, calls: Calls) -> None:
        """In a batch, the last run of a prompt that failed ends with an error; others do not."""
        handler, good, bad = RecordingHandler(), fresh("Ask"), fresh(REFUSED)
        config: RunnableConfig = {"callbacks": [handler]}
        calls.batch(self.llm(), [good, bad], config=config, return_exceptions=True)
        assert handler.of(bad).lifecycle == ["start", "error"], "the bad one does not fail"
        assert handler.of(good).lifecycle == ["start", "end"], "the good one fails, too"

    def test_usage(self, calls: Calls) -> None:
        """A result says how many tokens it took."""
        prompts = [fresh("Count"), fresh("Count these too")]
        total = _usage(calls.generate(self.llm(), prompts).llm_output, self)
        assert total["completion_tokens"] > total["prompt_tokens"] > 0, "other numbers"
        summed = total["prompt_tokens"] + total["completion_tokens"]
        assert total["total_tokens"] == summed, "another sum"

    def test_usage_reaches_callbacks(self, calls: Calls) -> None:
        """The token counts that callbacks get add up to the same."""
        handler, prompts = RecordingHandler(), [fresh("Count"), fresh("Count these too")]
        result = calls.generate(self.llm(), prompts, callbacks=[handler])
        total = _usage(result.llm_output, self)
        for name in ("prompt_tokens", "completion_tokens"):
            outputs = [
                run.result.llm_output or {} for run in handler.runs if run.result is not None
            ]
            counts = [one.get("token_usage", {}).get(name, 0) for one in outputs]
            assert sum(counts) == total[name], "another sum"

    def test_events(self) -> None:
        """`astream_events` yields start, pieces and end."""
        prompt = fresh("One two three")
        events = self._events_of(self.llm(), prompt)
        names = [event["event"] for event in events]
        assert names[0] == "on_llm_start", "no start"
        assert names[-1] == "on_llm_end", "no end"
        assert prompt in str(events[-1]["data"]["output"]), "no answer"
        pieces = [e["data"]["chunk"] for e in events if e["event"] == "on_llm_stream"]
        text = "".join(getattr(piece, "text", piece) for piece in pieces)
        assert prompt in text or not self.supports_streaming, "no pieces"

    def _events_of(self, llm: Any, prompt: str) -> list[Any]:
        async def collected() -> list[Any]:
            return [event async for event in llm.astream_events(prompt, version="v2")]

        return asyncio.run(collected())


def _usage(llm_output: dict[str, Any] | None, suite: EndpointTests) -> dict[str, int]:
    if not suite.supports_usage:
        pytest.skip("the endpoint does not count")
    usage: dict[str, int] = (llm_output or {}).get("token_usage") or {}
    assert usage, "no count"
    return usage
