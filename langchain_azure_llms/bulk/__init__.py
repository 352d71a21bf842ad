"""Bulk jobs: many prompts in, one record for each of them out."""

from langchain_azure_llms.bulk.job import BulkJob, arun_bulk, run_bulk
from langchain_azure_llms.bulk.progress import BulkSummary
from langchain_azure_llms.bulk.record import PromptRecord

__all__ = ["BulkJob", "BulkSummary", "PromptRecord", "arun_bulk", "run_bulk"]
