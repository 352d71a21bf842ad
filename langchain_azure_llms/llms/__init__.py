"""The LLM classes, and how prompts become requests and completions."""
