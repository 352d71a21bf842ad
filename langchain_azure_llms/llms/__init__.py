"""The two LLM classes and what they share."""
