"""What follows from settings is worked out once, and never outlives them."""

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from langchain_azure_llms import AzureMLOnlineEndpoint, AzureOpenAI, CustomOpenAIContentFormatter
from langchain_azure_llms.llms._derived import Derived

ONE, OTHER = "https://one.example", "https://other.example"


_OPENAI: dict[str, Any] = {
    "azure_endpoint": ONE,
    "azure_deployment": "d",
    "api_version": "2024-10-21",
    "api_key": "k",
}


def _openai(**settings: Any) -> AzureOpenAI:
    return AzureOpenAI(**_OPENAI, **settings)


def _azureml(**settings: Any) -> AzureMLOnlineEndpoint:
    return AzureMLOnlineEndpoint(
        **{
            "endpoint_url": f"{ONE}/score",
            "endpoint_api_key": "k",
            "content_formatter": CustomOpenAIContentFormatter(),
            **settings,
        }
    )


def _request(llm: Any) -> Any:
    plan = llm._planned(["x"], None, {}, stream=False)
    return plan.ask(plan.forms[0], range(1)).call.request


def test_it_is_worked_out_once() -> None:
    """The second look gives the very same."""
    llm = _openai()
    assert llm._route is llm._route
    assert llm._line is llm._line


@pytest.mark.parametrize(
    ("make", "name", "value", "told"),
    [
        (_openai, "azure_endpoint", OTHER, lambda request: request.url.startswith(OTHER)),
        (_openai, "openai_api_version", "2024-06-01", lambda r: r.url.endswith("2024-06-01")),
        (_openai, "openai_api_key", "other", lambda r: r.headers["api-key"] == "other"),
        (_openai, "request_timeout", 7, lambda r: r.timeout == httpx2.Timeout(7)),
        (_azureml, "endpoint_api_key", "other", lambda r: "other" in r.headers["Authorization"]),
        (_azureml, "endpoint_url", f"{OTHER}/score", lambda r: r.url.startswith(OTHER)),
        (_azureml, "timeout", 7, lambda r: r.timeout.read == 7),
    ],
)
def test_an_assigned_setting_counts_at_once(
    make: Callable[[], Any], name: str, value: Any, told: Callable[[Any], bool]
) -> None:
    """Whatever was worked out of the one before."""
    llm = make()
    assert not told(_request(llm))
    setattr(llm, name, value)
    assert told(_request(llm))


@pytest.mark.parametrize(
    "copied",
    [
        lambda llm: llm.model_copy(update={"azure_endpoint": OTHER}),
        lambda llm: llm.model_copy(update={"azure_endpoint": OTHER}, deep=True),
        lambda llm: _set(copy.copy(llm)),
        lambda llm: _set(copy.deepcopy(llm)),
        lambda llm: _set(pickle.loads(pickle.dumps(llm))),
    ],
    ids=["model_copy", "deep model_copy", "copy", "deepcopy", "pickle"],
)
def test_a_copy_works_out_its_own(copied: Callable[[AzureOpenAI], AzureOpenAI]) -> None:
    """And leaves the original's alone."""
    llm = _openai()
    assert _request(llm).url.startswith(ONE)
    assert _request(copied(llm)).url.startswith(OTHER)
    assert _request(llm).url.startswith(ONE)


def _set(llm: AzureOpenAI) -> AzureOpenAI:
    llm.azure_endpoint = OTHER
    return llm


def test_a_pickle_holds_nothing_that_was_worked_out() -> None:
    """Headers with a key of the environment are among it."""
    llm = _openai()
    before = pickle.dumps(_openai())
    _request(llm)
    assert len(before) == len(pickle.dumps(llm))


def test_an_assignment_meanwhile_is_not_lost() -> None:
    """A thread may be working out of settings that another one replaces."""
    working, go_on = threading.Event(), threading.Event()

    class Slow(AzureOpenAI):
        __module__ = AzureOpenAI.__module__  # in a user's own nothing is kept

        @Derived
        def _slow(self) -> str | None:
            found = self.azure_endpoint
            working.set()
            go_on.wait(10)
            return found

    llm = Slow(**_OPENAI)
    first = threading.Thread(target=lambda: llm._slow)
    first.start()
    assert working.wait(10)
    llm.azure_endpoint = OTHER
    go_on.set()
    first.join(10)
    assert llm._slow == OTHER


def test_parameters_that_change_within_count_at_once() -> None:
    """Only what is replaced as a whole is kept."""
    llm = _openai(model_kwargs={"user": "a"}, default_headers={"x-a": "1"})
    _request(llm)
    llm.model_kwargs["user"] = "b"
    assert b'"user": "b"' in _request(llm).body or b'"user":"b"' in _request(llm).body


def test_a_subclass_may_have_settings_that_change_by_themselves() -> None:
    """An address that fails over, say."""
    addresses = [ONE]

    class FailingOver(AzureOpenAI):
        @property
        def _address(self) -> str:
            return addresses[-1]

    llm = FailingOver(**_OPENAI)
    assert _request(llm).url.startswith(ONE)
    addresses.append(OTHER)
    assert _request(llm).url.startswith(OTHER)


@pytest.mark.parametrize(("make", "name"), [(_openai, "request_timeout"), (_azureml, "timeout")])
def test_a_timeout_that_changes_within_counts_at_once(make: Callable[..., Any], name: str) -> None:
    """It is an object of the user's."""
    given = httpx2.Timeout(5)
    llm = make(**{name: given})
    assert 5 == _request(llm).timeout.read
    given.read = 1
    assert 1 == _request(llm).timeout.read


def test_a_setting_that_was_deleted_is_gone() -> None:
    """As in any object."""
    llm = _openai()
    _request(llm)
    del llm.azure_endpoint
    with pytest.raises((AttributeError, KeyError)):
        _request(llm)


def test_a_deep_copy_with_another_setting_shares_live_objects() -> None:
    """They cannot be copied."""
    client = httpx2.Client()
    copied = _openai(http_client=client).model_copy(update={"azure_endpoint": OTHER}, deep=True)
    assert client is copied.http_client
    assert _request(copied).url.startswith(OTHER)
    client.close()
