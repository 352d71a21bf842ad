"""Dolly in an LLMChain (langchain-classic). Needs DOLLY_ENDPOINT_URL and DOLLY_ENDPOINT_API_KEY."""

import os

from langchain_classic.chains import LLMChain
from langchain_core.prompts import PromptTemplate

from langchain_azure_llms import AzureMLOnlineEndpoint, DollyContentFormatter

formatter_template = "Write a {word_count} word essay about {topic}."

prompt = PromptTemplate(input_variables=["word_count", "topic"], template=formatter_template)

content_formatter = DollyContentFormatter()

llm = AzureMLOnlineEndpoint(
    endpoint_api_key=os.getenv("DOLLY_ENDPOINT_API_KEY"),
    endpoint_url=os.getenv("DOLLY_ENDPOINT_URL"),
    model_kwargs={"temperature": 0.8, "max_tokens": 300},
    content_formatter=content_formatter,
)

chain = LLMChain(llm=llm, prompt=prompt)
print(chain.invoke({"word_count": 100, "topic": "how to make friends"}))
