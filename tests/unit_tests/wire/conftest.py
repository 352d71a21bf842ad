"""Fixtures of the wire tests: those of the LLM tests."""

from tests.unit_tests.llms.conftest import calls, service

__all__ = ["calls", "service"]
