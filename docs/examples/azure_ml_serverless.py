"""Llama 2 behind /v1/completions. Needs SERVERLESS_ENDPOINT_URL and SERVERLESS_ENDPOINT_API_KEY."""
# ruff: noqa: B018 - the bare `response` is what a notebook's cell shows

import os

from langchain_azure_llms import (
    AzureMLEndpointApiType,
    AzureMLOnlineEndpoint,
    CustomOpenAIContentFormatter,
)

llm = AzureMLOnlineEndpoint(
    endpoint_url=os.environ["SERVERLESS_ENDPOINT_URL"],
    endpoint_api_type=AzureMLEndpointApiType.serverless,
    endpoint_api_key=os.environ["SERVERLESS_ENDPOINT_API_KEY"],
    content_formatter=CustomOpenAIContentFormatter(),
    model_kwargs={"temperature": 0.8, "max_new_tokens": 400},
)
response = llm.invoke("Write me a song about sparkling water:")
response

print(response)  # a script shows nothing by itself
