"""Llama 2 behind /score. Needs AZUREML_ENDPOINT_URL and AZUREML_ENDPOINT_API_KEY."""
# ruff: noqa: B018 - the bare `response` is what a notebook's cell shows

import os

from langchain_azure_llms import (
    AzureMLEndpointApiType,
    AzureMLOnlineEndpoint,
    CustomOpenAIContentFormatter,
)

llm = AzureMLOnlineEndpoint(
    endpoint_url=os.environ["AZUREML_ENDPOINT_URL"],
    endpoint_api_type=AzureMLEndpointApiType.dedicated,
    endpoint_api_key=os.environ["AZUREML_ENDPOINT_API_KEY"],
    content_formatter=CustomOpenAIContentFormatter(),
    model_kwargs={"temperature": 0.8, "max_new_tokens": 400},
)
response = llm.invoke("Write me a song about sparkling water:")
response

response = llm.invoke("Write me a song about sparkling water:", temperature=0.5)
response

print(response)  # a script shows nothing by itself
