"""Bulk jobs: many prompts in, one record for each of them out."""
