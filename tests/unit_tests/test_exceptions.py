"""The error tree: its drawing, copies and pickles, its place in LangChain's tree."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.exceptions import ModelError

from langchain_azure_llms import exceptions


def _classes() -> list[type[exceptions.AzureLLMError]]:
    return [getattr(exceptions, name) for name in exceptions.__all__]


def _drawn() -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """Return, for each class of the drawing, its parent by indentation and its other bases."""
    drawing = (exceptions.__doc__ or "").split("```")[1].removeprefix("text\n")
    found: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    above: list[str] = []
    for line in filter(None, drawing.splitlines()):
        depth = (len(line) - len(line.lstrip("|+- "))) // 4
        name, _, bases = line.lstrip("|+- ").partition("(")
        above[depth:] = [name]
        others = tuple(base for base in bases.rstrip(")").split(", ") if base)
        found[name] = (above[depth - 1] if depth else None, others)
    return found


def test_the_drawing_is_the_tree() -> None:
    """Every class stands in the drawing, under its parent, with its other bases."""
    actual = {}
    for cls in _classes():
        ours = [base for base in cls.__bases__ if base.__module__ == exceptions.__name__]
        others = tuple(base.__name__ for base in cls.__bases__ if base not in ours)
        actual[cls.__name__] = (ours[0].__name__ if ours else None, others)
    assert _drawn() == actual


def _example(cls: type[exceptions.AzureLLMError]) -> exceptions.AzureLLMError:
    needed = {"status_code": 418} if issubclass(cls, exceptions.StatusError) else {}
    error = cls("what went wrong", **needed)
    error.is_retryable = True
    return error


@pytest.mark.parametrize("cls", _classes())
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_copied_and_pickled_errors_keep_everything(
    cls: type[exceptions.AzureLLMError], copied: Callable[[Any], Any]
) -> None:
    """The class, the message and every attribute."""
    error = _example(cls)
    other = copied(error)
    assert (cls, error.args, vars(error)) == (type(other), other.args, vars(other))


def test_request_failures_are_langchain_model_errors() -> None:
    """Code that catches LangChain's own classes catches ours."""
    ours = {cls.__name__ for cls in _classes() if issubclass(cls, ModelError)}
    expected = {
        "AuthenticationError",
        "BadRequestError",
        "ContentFilterError",
        "ContextLengthError",
        "CredentialError",
        "DeploymentNotFoundError",
        "EndpointConnectionError",
        "EndpointTimeoutError",
        "ModelContainerError",
        "OperationNotSupportedError",
        "PermissionDeniedError",
        "RateLimitError",
        "ServerError",
        "StreamInterruptedError",
    }
    assert expected == ours


def test_every_class_says_what_it_means() -> None:
    """No error class is without a docstring of its own."""
    assert [] == [cls for cls in _classes() if not cls.__doc__]


def test_these_classes_are_retryable_by_default() -> None:
    """An instance may differ: a 424 is retryable by the status of its container."""
    expected = {
        "EndpointConnectionError",
        "EndpointTimeoutError",
        "RateLimitError",
        "ServerError",
        "StreamInterruptedError",
    }
    needed = {"status_code": 418}
    made = [
        cls("no", **(needed if issubclass(cls, exceptions.StatusError) else {}))
        for cls in _classes()
    ]
    assert expected == {type(error).__name__ for error in made if error.is_retryable}
