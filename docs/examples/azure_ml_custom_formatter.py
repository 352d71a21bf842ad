"""A formatter of your own, for summaries. Needs BART_ENDPOINT_URL and BART_ENDPOINT_API_KEY."""
# ruff: noqa: UP006, UP035 - documented when `typing.Dict` was the way to say it
# mypy: disable-error-code="no-any-return, override, type-arg"

import json
import os
from typing import Dict

from langchain_azure_llms import (
    AzureMLOnlineEndpoint,
    ContentFormatterBase,
)


class CustomFormatter(ContentFormatterBase):
    content_type = "application/json"
    accepts = "application/json"

    def format_request_payload(self, prompt: str, model_kwargs: Dict) -> bytes:
        input_str = json.dumps(
            {
                "inputs": [prompt],
                "parameters": model_kwargs,
                "options": {"use_cache": False, "wait_for_model": True},
            }
        )
        return str.encode(input_str)

    def format_response_payload(self, output: bytes) -> str:
        response_json = json.loads(output)
        return response_json[0]["summary_text"]


content_formatter = CustomFormatter()

llm = AzureMLOnlineEndpoint(
    endpoint_api_type="dedicated",
    endpoint_api_key=os.getenv("BART_ENDPOINT_API_KEY"),
    endpoint_url=os.getenv("BART_ENDPOINT_URL"),
    model_kwargs={"temperature": 0.8, "max_new_tokens": 400},
    content_formatter=content_formatter,
)
large_text = """The harbour's old lighthouse was switched off last winter, after 140 years. A
smaller one, fed by the sun, stands on the new pier since then. Fishermen say that it is "too
white", and the town collects money to light the old lamp once a year, on the longest night.
"""
summarized_text = llm.invoke(large_text)
print(summarized_text)
