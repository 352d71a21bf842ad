"""Local endpoints: Azure's routes on loopback, answered by a real small language model.

```python
from langchain_azure_llms.local import LocalEndpoints

with LocalEndpoints() as endpoints:
    print(endpoints.url, endpoints.api_key)
```

`python -m langchain_azure_llms.local` starts them in the foreground. The model is SmolLM2-135M,
run by llama.cpp inside the process. This package imports nothing of the rest of
`langchain_azure_llms`, and nothing imports it: client and server cannot agree by construction.
"""

from langchain_azure_llms.local._endpoints import LocalEndpoints
from langchain_azure_llms.local._errors import LocalEndpointsError
from langchain_azure_llms.local._scenario import Fault, PromptRecord, Scenario

__all__ = ["Fault", "LocalEndpoints", "LocalEndpointsError", "PromptRecord", "Scenario"]
