"""Bulk jobs: many prompts in, one record for each of them out.

Names are imported when they are first used: the LLM classes need the record alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_azure_llms.bulk.job import BulkJob, arun_bulk, run_bulk
    from langchain_azure_llms.bulk.progress import BulkSummary
    from langchain_azure_llms.bulk.record import PromptRecord

__all__ = ["BulkJob", "BulkSummary", "PromptRecord", "arun_bulk", "run_bulk"]

_HOMES = {
    "BulkJob": "job",
    "BulkSummary": "progress",
    "PromptRecord": "record",
    "arun_bulk": "job",
    "run_bulk": "job",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
