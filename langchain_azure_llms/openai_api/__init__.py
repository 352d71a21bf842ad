"""The three APIs that Azure OpenAI speaks, one module for each. All pure."""
