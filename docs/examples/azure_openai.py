"""Azure OpenAI text completion. Needs AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY."""

import os

from langchain_azure_llms import AzureOpenAI

os.environ["OPENAI_API_VERSION"] = "2023-12-01-preview"

# Create an instance of Azure OpenAI
# Replace the deployment name with your own
llm = AzureOpenAI(
    deployment_name="gpt-35-turbo-instruct-0914",
)

# Run the LLM
llm.invoke("Tell me a joke")

print(llm)
