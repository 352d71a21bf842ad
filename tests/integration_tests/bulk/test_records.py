"""`records` and `arecords` against local endpoints: right records, whatever goes wrong."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter
from langchain_azure_llms.bulk import PromptRecord, engine
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.local import LocalEndpoints, Scenario
from tests.integration_tests.bulk.jobs import CHAT, COMPLETIONS, QUICK, azure
from tests.support.llms import AzureLLM

Ask = Callable[..., list[PromptRecord]]


def _sync(llm: AzureLLM, prompts: Iterable[Any], **options: Any) -> list[PromptRecord]:
    return list(llm.records(prompts, **options))


def _async(llm: AzureLLM, prompts: Iterable[Any], **options: Any) -> list[PromptRecord]:
    async def collect() -> list[PromptRecord]:
        return [record async for record in llm.arecords(prompts, **options)]

    return asyncio.run(collect())


@pytest.fixture(params=[_sync, _async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Return each way to ask, one after the other."""
    way: Ask = request.param
    return way


@pytest.mark.parametrize("deployment", [COMPLETIONS, CHAT, "local-responses"])
def test_each_prompt_has_its_record(ask: Ask, echo: LocalEndpoints, deployment: str) -> None:
    found = ask(azure(echo, deployment), (f"prompt {number}" for number in range(150)))
    assert sorted((record.id, record.text) for record in found) == [
        (number, f"echo: prompt {number}") for number in range(150)
    ]
    of_each = {(r.prompt_tokens, r.completion_tokens, r.total_tokens, r.attempts) for r in found}
    assert of_each == {(2, 3, 5, 1)}
    assert {(record.finish_reason, record.model) for record in found} == {("stop", "echo")}
    assert {record.cached_tokens for record in found} == {0 if "resp" in deployment else None}
    assert all(0 < record.seconds < 30 for record in found)


def test_an_azure_ml_endpoint_has_records_too(ask: Ask, echo: LocalEndpoints) -> None:
    llm = AzureMLOnlineEndpoint(
        endpoint_url=f"{echo.url}/v1/completions",
        endpoint_api_key=echo.api_key,
        endpoint_api_type="serverless",
        content_formatter=CustomOpenAIContentFormatter(),
    )
    found = ask(llm, ["a", {"id": "x", "prompt": "b", "max_tokens": 1}])
    assert {record.id: record.text for record in found} == {0: "echo: a", "x": "echo:"}


def test_prompts_may_have_ids_and_parameters(ask: Ask, echo: LocalEndpoints) -> None:
    prompts = [
        {"id": "a", "prompt": "one two three"},
        {"id": "b", "prompt": "one two three", "max_tokens": 2},
        {"id": "c", "prompt": "one two three", "max_tokens": 2, "stop": ["one"]},
    ]
    found = ask(azure(echo), prompts, max_tokens=3)
    expected = {
        "a": ("echo: one two", "length"),
        "b": ("echo: one", "length"),
        "c": ("echo: ", "stop"),
    }
    assert {record.id: (record.text, record.finish_reason) for record in found} == expected


def test_what_is_no_prompt_is_a_record_with_an_error(ask: Ask, echo: LocalEndpoints) -> None:
    prompts = ["a", 5, {"id": "x"}, {"prompt": "b", "max_tokns": 5}, {"prompt": "c"}]
    found = {record.id: record for record in ask(azure(echo), prompts)}
    assert [found[0].text, found[4].text] == ["echo: a", "echo: c"]
    assert {found[key].error for key in (1, "x", 3)} == {"ConfigurationError"}
    assert "Did you mean 'max_tokens'?" in (found[3].error_message or "")
    assert {found[key].attempts for key in (1, "x", 3)} == {0}


@pytest.mark.parametrize(
    ("prompts", "options", "message"),
    [
        ("a prompt", {}, "The prompts are a str, expected an iterable of texts"),
        ({"prompt": "a"}, {}, "The prompts are a dict"),
        (5, {}, "The prompts are a int"),
        (["a"], {"max_concurrency": 0}, "max_concurrency is 0"),
        (["a"], {"max_tokns": 5}, "Did you mean 'max_tokens'"),
        (["a"], {"azure_endpoint": "x"}, "is a setting of AzureOpenAI"),
    ],
)
@pytest.mark.parametrize("method", ["records", "arecords"])
def test_wrong_arguments_are_refused_before_anything_is_read(
    echo: LocalEndpoints, method: str, prompts: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        getattr(azure(echo), method)(prompts, **options)


@pytest.mark.parametrize("deployment", [COMPLETIONS, CHAT])
@pytest.mark.parametrize(
    "name", ["rate-limited", "unavailable", "container-busy", "hung-up", "reset-mid-body"]
)
def test_what_passes_costs_no_prompt(ask: Ask, deployment: str, name: str) -> None:
    scenario = Scenario(name, share=0.1, times=2, wait=0.01)
    with LocalEndpoints(engine="echo", scenario=scenario) as endpoints:
        found = ask(azure(endpoints, deployment), [f"p{number}" for number in range(100)])
    assert sorted((record.id, record.text) for record in found) == [
        (number, f"echo: p{number}") for number in range(100)
    ]


@pytest.mark.parametrize("name", ["rate-limited-seconds", "unavailable", "container-busy"])
def test_what_a_limit_refuses_is_no_attempt(ask: Ask, name: str) -> None:
    with LocalEndpoints(engine="echo", scenario=Scenario(name, times=6, wait=0.01)) as endpoints:
        policy = replace(QUICK, max_retries=0)
        llm = azure(endpoints, CHAT, api="chat_completions", retry_policy=policy)
        found = ask(llm, ["a"], max_concurrency=1)
        assert endpoints.prompts_seen["a"].requests == 7
    assert [(record.text, record.attempts) for record in found] == [("echo: a", 1)]


def test_a_limit_that_does_not_end_ends_the_prompt(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "GIVE_UP_SECONDS", 0.2)
    scenario = Scenario("rate-limited-seconds", times=10**6, wait=0.05)
    with LocalEndpoints(engine="echo", scenario=scenario) as endpoints:
        (found,) = ask(azure(endpoints), ["a"])
    assert (found.error, found.status_code, found.is_retryable) == ("RateLimitError", 429, True)


@pytest.mark.parametrize(
    ("name", "error", "status"),
    [
        ("filter", "ContentFilterError", 400),
        ("error-inside-200", "ServerError", 500),
        ("empty-object", "ResponseFormatError", None),
    ],
)
def test_a_poisoned_prompt_costs_no_other_prompt(
    ask: Ask, name: str, error: str, status: int | None
) -> None:
    prompts = [f"p{number}{' poison' if number % 40 == 7 else ''}" for number in range(200)]
    scenario = Scenario(name, times=10**6, matching="poison")
    with LocalEndpoints(engine="echo", scenario=scenario) as endpoints:
        found = {record.id: record for record in ask(azure(endpoints), prompts)}
    poisoned = {number for number in found if found[number].error}
    if name != "filter":  # these have the fate of the first prompt of their pack
        assert poisoned <= {7, 47, 87, 127, 167}
    else:
        assert poisoned == {7, 47, 87, 127, 167}
        assert {(found[n].error, found[n].status_code) for n in poisoned} == {(error, status)}
    others = [number for number in found if number not in poisoned]
    assert all(found[number].text == f"echo: {prompts[int(number)]}" for number in others)


def test_mixed_faults_leave_each_prompt_with_one_right_record(ask: Ask) -> None:
    scenario = Scenario("mixed", share=0.2, wait=0.01)
    with LocalEndpoints(engine="echo", scenario=scenario) as endpoints:
        found = ask(azure(endpoints, CHAT), [f"p{number}" for number in range(400)])
    assert sorted(int(record.id) for record in found) == list(range(400))
    assert {r.text for r in found if not r.error} == {
        f"echo: p{r.id}" for r in found if not r.error
    }
    lasting = {"AuthenticationError", "ContentFilterError", "ModelContainerError"}
    assert {r.error for r in found if r.error} <= lasting | {"ResponseFormatError"}


def test_prompts_are_read_as_they_are_needed(echo: LocalEndpoints) -> None:
    read = 0

    def prompts() -> Iterator[str]:
        nonlocal read
        for number in range(10**6):
            read += 1
            yield f"p{number}"

    llm = azure(echo, CHAT, api="chat_completions")
    records = llm.records(prompts(), max_concurrency=4)
    for _ in range(50):
        next(records)
    records.close()
    assert read < 100


def test_prompts_that_come_slowly_are_sent_as_they_come(ask: Ask, echo: LocalEndpoints) -> None:
    def prompts() -> Iterator[str]:
        for number in range(6):
            time.sleep(0.06)
            yield f"p{number}"

    llm = azure(echo, CHAT, api="chat_completions")
    found = ask(llm, prompts())
    assert sorted(int(record.id) for record in found) == list(range(6))
    assert len({record.seconds for record in found}) == 6


def test_prompts_may_each_have_other_parameters(ask: Ask, echo: LocalEndpoints) -> None:
    prompts = [{"prompt": "a b c", "max_tokens": 2, "user": f"u{n}"} for n in range(300)]
    found = ask(azure(echo), prompts)
    assert [record.text for record in found] == ["echo: a"] * 300


def test_a_service_that_is_down_for_a_while_loses_no_prompt(ask: Ask) -> None:
    scenario = Scenario("unavailable", times=4)
    with LocalEndpoints(engine="echo", scenario=scenario) as endpoints:
        llm = azure(endpoints, CHAT, api="chat_completions")
        found = ask(llm, [f"p{number}" for number in range(40)])
    assert {record.text for record in found} == {f"echo: p{number}" for number in range(40)}


def test_prompts_are_read_in_the_thread_of_a_sync_caller(echo: LocalEndpoints) -> None:
    threads = set()

    def prompts() -> Iterator[str]:
        for number in range(50):
            threads.add(threading.current_thread())
            yield f"p{number}"

    assert len(list(azure(echo).records(prompts()))) == 50
    assert threads == {threading.current_thread()}


def test_an_error_of_the_callers_prompts_is_raised(ask: Ask, echo: LocalEndpoints) -> None:
    def prompts() -> Iterator[str]:
        yield "a"
        raise LookupError("no more rows")

    with pytest.raises(LookupError, match="no more rows"):
        ask(azure(echo), prompts())


def test_a_slow_prompt_holds_no_other_one_up(ask: Ask) -> None:
    scenario = Scenario("slow", matching="slow", wait=1.0)
    prompts = ["slow"] + [f"p{number}" for number in range(100)]
    with LocalEndpoints(engine="echo", scenario=scenario) as endpoints:
        llm = azure(endpoints, CHAT, api="chat_completions")
        found = ask(llm, prompts, max_concurrency=8)
    assert [record.id for record in found].index(0) == 100


def test_no_more_requests_are_in_flight_than_allowed(ask: Ask) -> None:
    scenario = Scenario("slow", wait=0.1)
    with LocalEndpoints(engine="echo", scenario=scenario) as endpoints:
        llm = azure(endpoints, CHAT, api="chat_completions")
        began = time.monotonic()
        ask(llm, [f"p{number}" for number in range(20)], max_concurrency=4)
        assert time.monotonic() - began > 0.45


def test_no_more_requests_are_sent_than_a_minute_allows(ask: Ask, echo: LocalEndpoints) -> None:
    llm = azure(echo, CHAT, api="chat_completions")
    began = time.monotonic()
    found = ask(llm, [f"p{number}" for number in range(21)], requests_per_minute=1200)
    assert 0.95 < time.monotonic() - began < 5
    assert len(found) == 21


def test_callbacks_are_called_where_they_are_asked_for(ask: Ask, echo: LocalEndpoints) -> None:
    class Handler(BaseCallbackHandler):
        def __init__(self) -> None:
            self.texts: list[str] = []

        def on_llm_end(self, response: LLMResult, **_: Any) -> None:
            self.texts += [generations[0].text for generations in response.generations]

    handler = Handler()
    found = ask(azure(echo), [f"p{number}" for number in range(30)], callbacks=[handler])
    assert sorted(handler.texts) == sorted(record.text or "" for record in found)
    assert {record.prompt_tokens for record in found} == {1}
    assert {record.model for record in found} == {"echo"}


def test_an_interrupt_of_a_callback_is_raised(ask: Ask, echo: LocalEndpoints) -> None:
    class Handler(BaseCallbackHandler):
        raise_error = True

        def on_llm_end(self, response: LLMResult, **_: Any) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(azure(echo), ["a"], callbacks=[Handler()])


def test_a_generate_of_a_subclass_is_called(ask: Ask, echo: LocalEndpoints) -> None:
    class Louder(AzureOpenAI):
        def _generate(self, *args: Any, **kwargs: Any) -> LLMResult:
            result = super()._generate(*args, **kwargs)
            for generations in result.generations:
                generations[0].text = generations[0].text.upper()
            return result

    llm = Louder(**_settings(echo))
    assert [record.text for record in ask(llm, ["a"])] == ["ECHO: A"]


def _settings(endpoints: LocalEndpoints) -> dict[str, Any]:
    return {
        "azure_endpoint": endpoints.url,
        "api_key": endpoints.api_key,
        "api_version": "2024-10-21",
        "azure_deployment": COMPLETIONS,
        "retry_policy": QUICK,
    }


@pytest.mark.parametrize("callbacks", [None, []])
def test_a_sync_client_of_the_users_own_sends_in_threads(
    echo: LocalEndpoints, callbacks: Any
) -> None:
    threads = set()

    def note(_request: httpx2.Request) -> None:
        threads.add(threading.current_thread().name)

    with httpx2.Client(event_hooks={"request": [note]}) as client:
        llm = azure(echo, CHAT, http_client=client)
        found = list(llm.records([f"p{number}" for number in range(20)], callbacks=callbacks))
    assert sorted(int(record.id) for record in found) == list(range(20))
    assert {name.partition("_")[0] for name in threads} == {"azure-llm"}


def test_an_interrupted_iteration_cancels_what_is_in_flight() -> None:
    scenario = Scenario("slow", matching="slow", wait=20.0)
    with LocalEndpoints(engine="echo", scenario=scenario) as endpoints:
        llm = azure(endpoints, CHAT, api="chat_completions")
        records = llm.records(["quick", "slow 1", "slow 2"], max_concurrency=3)
        began = time.monotonic()
        assert next(records).id == 0
        records.close()
        assert time.monotonic() - began < 5
