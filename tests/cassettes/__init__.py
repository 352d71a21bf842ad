"""Recorded HTTP traffic, its recorder, and the tests that replay it: README.md describes them."""
