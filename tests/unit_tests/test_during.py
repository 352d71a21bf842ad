"""A context variable has a value within a block, and the one before after it."""

from contextvars import ContextVar

import pytest

from langchain_azure_llms._during import During

_variable: ContextVar[int] = ContextVar("_variable", default=0)


def test_the_value_holds_within_the_block_alone() -> None:
    """Blocks within blocks, too."""
    seen = []
    with During(_variable, 1):
        with During(_variable, 2):
            seen.append(_variable.get())
        seen.append(_variable.get())
    assert [2, 1, 0] == [*seen, _variable.get()]


def test_an_error_takes_the_value_back_and_goes_on() -> None:
    """It is neither swallowed nor does it leave anything behind."""
    with pytest.raises(ZeroDivisionError), During(_variable, 1):
        _ = 1 // 0
    assert _variable.get() == 0
