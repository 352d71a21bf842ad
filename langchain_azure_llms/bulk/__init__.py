"""Bulk jobs: many prompts in, one record for each of them out.

Names are imported when they are first used: the LLM classes need the record alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_azure_llms.bulk.azure_batch import (
        BatchStatus,
        abatch_status,
        acancel_batch,
        afetch_batch,
        asubmit_batch,
        batch_status,
        cancel_batch,
        fetch_batch,
        submit_batch,
    )
    from langchain_azure_llms.bulk.azure_batch_state import BatchPart
    from langchain_azure_llms.bulk.job import BulkJob, arun_bulk, run_bulk
    from langchain_azure_llms.bulk.progress import BulkSummary
    from langchain_azure_llms.bulk.record import PromptRecord

__all__ = [
    "BatchPart",
    "BatchStatus",
    "BulkJob",
    "BulkSummary",
    "PromptRecord",
    "abatch_status",
    "acancel_batch",
    "afetch_batch",
    "arun_bulk",
    "asubmit_batch",
    "batch_status",
    "cancel_batch",
    "fetch_batch",
    "run_bulk",
    "submit_batch",
]

_HOMES = {
    "BatchPart": "azure_batch_state",
    "BatchStatus": "azure_batch",
    "BulkJob": "job",
    "BulkSummary": "progress",
    "PromptRecord": "record",
    "abatch_status": "azure_batch",
    "acancel_batch": "azure_batch",
    "afetch_batch": "azure_batch",
    "arun_bulk": "job",
    "asubmit_batch": "azure_batch",
    "batch_status": "azure_batch",
    "cancel_batch": "azure_batch",
    "fetch_batch": "azure_batch",
    "run_bulk": "job",
    "submit_batch": "azure_batch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
